//! The targets of a route: which are up, and which is next.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tracing::{info, warn};

use super::config::{Balance, Health};
use super::endpoint::Target;
use super::metrics::{Metrics, TargetMetrics};
use super::socket::Socket;

/// Targets that do the same work.
#[derive(Debug)]
pub(crate) struct Pool {
    backends: Vec<Arc<Backend>>,
    balance: Balance,
    turn: AtomicUsize,
}

/// One target, and what is known of it.
#[derive(Debug)]
pub(crate) struct Backend {
    service: String,
    pub(crate) target: Target,
    /// Its addresses as last resolved; a Unix socket has none.
    addresses: ArcSwap<Vec<SocketAddr>>,
    up: AtomicBool,
    /// Failures, or good checks, in a row.
    streak: AtomicU32,
    open: AtomicUsize,
    last_error: Mutex<Option<String>>,
    health: Health,
    /// Whether a check is running already.
    checked: AtomicBool,
    pub(crate) metrics: TargetMetrics,
}

/// A connection that counts for its backend until dropped.
#[derive(Debug)]
pub(crate) struct InUse(Arc<Backend>);

impl Pool {
    pub(crate) fn new(
        service: &str,
        targets: &[Target],
        balance: Balance,
        health: Health,
        metrics: &Metrics,
    ) -> Self {
        let backend = |target: &Target| {
            let metrics = metrics.target(service, &target.to_string());
            metrics.up.set(1);
            Arc::new(Backend {
                service: service.to_owned(),
                target: target.clone(),
                addresses: ArcSwap::from_pointee(literal(target)),
                up: AtomicBool::new(true),
                streak: AtomicU32::new(0),
                open: AtomicUsize::new(0),
                last_error: Mutex::new(None),
                health,
                checked: AtomicBool::new(false),
                metrics,
            })
        };
        Self { backends: targets.iter().map(backend).collect(), balance, turn: AtomicUsize::new(0) }
    }

    pub(crate) fn backends(&self) -> &[Arc<Backend>] {
        &self.backends
    }

    /// Whether at least one target works, as far as is known.
    pub(crate) fn is_up(&self) -> bool {
        self.backends.iter().any(|backend| backend.is_up())
    }

    /// The targets in the order in which they are to be tried: those that are up first. Those that
    /// are down come last: they may be back, and there is nothing to lose.
    pub(crate) fn order(&self) -> Vec<Arc<Backend>> {
        let count = self.backends.len();
        let first = match self.balance {
            Balance::RoundRobin if count > 1 => self.turn.fetch_add(1, Ordering::Relaxed) % count,
            _ => 0,
        };
        let mut order: Vec<_> =
            (0..count).map(|i| self.backends[(first + i) % count].clone()).collect();
        if count > 1 {
            if self.balance == Balance::LeastConnections {
                order.sort_by_key(|backend| backend.open.load(Ordering::Relaxed));
            }
            order.sort_by_key(|backend| !backend.is_up());
        }
        order
    }
}

impl Backend {
    pub(crate) fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    /// Connections to it now.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Why it is not up.
    pub(crate) fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Connects, trying each of its addresses, within `timeout` for all of them.
    pub(crate) async fn connect(&self, timeout: Duration) -> io::Result<Socket> {
        tokio::time::timeout(timeout, self.connect_any())
            .await
            .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")))
    }

    /// Counts a connection.
    pub(crate) fn in_use(self: &Arc<Self>) -> InUse {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.metrics.connections.inc();
        InUse(self.clone())
    }

    /// Notes that it works: by a connection, or by a check. A target that was taken out comes
    /// back by checks, when there are any.
    pub(crate) fn succeeded(&self, by_check: bool) {
        if self.is_up() {
            if self.streak.load(Ordering::Relaxed) != 0 {
                self.streak.store(0, Ordering::Relaxed);
            }
            return;
        }
        if !by_check && self.health.interval.is_some() {
            return;
        }
        let good = self.streak.fetch_add(1, Ordering::Relaxed) + 1;
        if good >= self.health.rise || !by_check {
            self.streak.store(0, Ordering::Relaxed);
            self.up.store(true, Ordering::Relaxed);
            self.metrics.up.set(1);
            *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = None;
            info!(service = self.service, target = %self.target, "target is up");
        }
    }

    /// Notes that it failed.
    pub(crate) fn failed(&self, reason: &str) {
        self.metrics.failures.inc();
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        if !self.is_up() {
            self.streak.store(0, Ordering::Relaxed);
            return;
        }
        let bad = self.streak.fetch_add(1, Ordering::Relaxed) + 1;
        if bad >= self.health.fall {
            self.streak.store(0, Ordering::Relaxed);
            self.up.store(false, Ordering::Relaxed);
            self.metrics.up.set(0);
            warn!(service = self.service, target = %self.target, reason, "target is down");
        }
    }

    /// True for the first caller, which checks it from now on.
    pub(crate) fn begin_checks(&self) -> bool {
        !self.checked.swap(true, Ordering::Relaxed)
    }

    /// Checks it once.
    pub(crate) async fn check(&self) {
        if let Err(e) = self.resolve().await {
            return self.failed(&format!("cannot be resolved: {e}"));
        }
        match self.connect(self.health.timeout).await {
            Ok(_) => self.succeeded(true),
            Err(e) => self.failed(&e.to_string()),
        }
    }

    /// Resolves its name again.
    pub(crate) async fn resolve(&self) -> io::Result<()> {
        let Target::Tcp { host, port } = &self.target else { return Ok(()) };
        if host.parse::<std::net::IpAddr>().is_ok() {
            return Ok(());
        }
        let found: Vec<_> = tokio::net::lookup_host((host.as_str(), *port)).await?.collect();
        if found.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        if **self.addresses.load() != found {
            self.addresses.store(Arc::new(found));
        }
        Ok(())
    }

    async fn connect_any(&self) -> io::Result<Socket> {
        if let Target::Unix(path) = &self.target {
            return Socket::unix(path).await;
        }
        if self.addresses.load().is_empty() {
            self.resolve().await?;
        }
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in self.addresses.load_full().iter() {
            match Socket::tcp(*address).await {
                Ok(socket) => return Ok(socket),
                Err(e) => last = e,
            }
        }
        // It may have moved: the next one asks again.
        if !matches!(&self.target, Target::Tcp { host, .. } if host.parse::<std::net::IpAddr>().is_ok())
        {
            self.addresses.store(Arc::new(Vec::new()));
        }
        Err(last)
    }
}

impl InUse {
    /// Notes that it does not work after all.
    pub(crate) fn failed(&self, reason: &str) {
        self.0.failed(reason);
    }

    pub(crate) fn target(&self) -> &Target {
        &self.0.target
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The address of a target that is one.
fn literal(target: &Target) -> Vec<SocketAddr> {
    match target {
        Target::Tcp { host, port } => {
            host.parse().map(|ip| SocketAddr::new(ip, *port)).into_iter().collect()
        }
        Target::Unix(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(balance: Balance) -> Pool {
        let targets = ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"].map(|t| t.parse().unwrap());
        let health = Health {
            interval: Some(Duration::from_secs(1)),
            timeout: Duration::from_secs(1),
            fall: 2,
            rise: 2,
        };
        Pool::new("s", &targets, balance, health, &Metrics::new())
    }

    fn ports(pool: &Pool) -> String {
        pool.order().iter().map(|b| b.target.to_string()[10..].to_owned()).collect()
    }

    #[test]
    fn the_order_follows_the_balance_and_who_is_up() {
        let spare = pool(Balance::Failover);
        assert_eq!((ports(&spare), ports(&spare)), ("123".to_owned(), "123".to_owned()));
        let turns = pool(Balance::RoundRobin);
        assert_eq!([ports(&turns), ports(&turns), ports(&turns)], ["123", "231", "312"]);
        let least = pool(Balance::LeastConnections);
        let _busy =
            (least.backends[0].in_use(), least.backends[0].in_use(), least.backends[1].in_use());
        assert_eq!(ports(&least), "321");
        for pool in [spare, turns] {
            pool.backends[0].failed("x");
            assert!(pool.backends[0].is_up(), "one failure is not enough");
            pool.backends[0].failed("x");
            assert_eq!(ports(&pool), "231", "who is down comes last, but comes");
        }
    }

    #[test]
    fn checks_bring_a_target_back() {
        let pool = pool(Balance::Failover);
        let backend = &pool.backends[0];
        backend.failed("x");
        backend.failed("x");
        backend.succeeded(false);
        assert!(!backend.is_up(), "a lucky connection is no check");
        backend.succeeded(true);
        backend.failed("x");
        backend.succeeded(true);
        assert!(!backend.is_up(), "they must be in a row");
        backend.succeeded(true);
        assert!(backend.is_up() && backend.last_error().is_none());
    }
}
