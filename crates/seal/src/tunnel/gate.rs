//! How many at once: of a service, of its handshakes, of one source.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tracing::warn;

/// Lets in so many at once; others wait. Without a lock as long as there is room.
#[derive(Debug)]
pub(crate) struct Gate {
    inside: AtomicUsize,
    limit: AtomicUsize,
    left: Notify,
}

/// An admitted connection, until dropped.
#[derive(Debug)]
pub(crate) struct Pass(Arc<Gate>);

impl Gate {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            inside: AtomicUsize::new(0),
            limit: AtomicUsize::new(limit),
            left: Notify::new(),
        })
    }

    /// Waits until there is room.
    pub(crate) async fn enter(self: &Arc<Self>) -> Pass {
        loop {
            if let Some(pass) = self.try_enter() {
                return pass;
            }
            let left = self.left.notified();
            tokio::pin!(left);
            left.as_mut().enable();
            // A client may have left since.
            if let Some(pass) = self.try_enter() {
                return pass;
            }
            left.await;
        }
    }

    /// Another limit, for those to come.
    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
        self.left.notify_waiters();
    }

    fn try_enter(self: &Arc<Self>) -> Option<Pass> {
        let limit = self.limit.load(Ordering::Relaxed);
        self.inside
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |inside| {
                (inside < limit).then_some(inside + 1)
            })
            .is_ok()
            .then(|| Pass(self.clone()))
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::AcqRel);
        self.0.left.notify_one();
    }
}

/// How often there was no file descriptor to be had. All threads meet it at once, again and again: it
/// is said once, and then how often it came, not more than once in ten seconds.
#[derive(Debug, Default)]
pub(crate) struct Descriptors(Mutex<Missed>);

#[derive(Debug, Default)]
struct Missed {
    count: u64,
    told: Option<Instant>,
}

impl Descriptors {
    const PAUSE: Duration = Duration::from_secs(10);

    /// One more time, for this service.
    pub(crate) fn missed(&self, service: &str) {
        if let Some(times) = self.to_tell(Instant::now()) {
            warn!(
                service,
                times, "no file descriptor is left: connections wait; raise LimitNOFILE"
            );
        }
    }

    /// How often it came since it was last told, if it is to be told now.
    fn to_tell(&self, now: Instant) -> Option<u64> {
        let mut missed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        missed.count += 1;
        if missed.told.is_some_and(|told| now.saturating_duration_since(told) < Self::PAUSE) {
            return None;
        }
        missed.told = Some(now);
        Some(std::mem::take(&mut missed.count))
    }
}

/// Counts connections by where they come from. Used only where a limit is set.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    counts: [Mutex<HashMap<IpAddr, usize>>; 16],
}

/// One connection of a source, until dropped.
#[derive(Debug)]
pub(crate) struct FromSource {
    sources: Arc<Sources>,
    source: IpAddr,
}

impl Sources {
    /// Counts a connection, unless its source has `limit` already.
    pub(crate) fn enter(self: &Arc<Self>, source: IpAddr, limit: usize) -> Option<FromSource> {
        let source = network(source);
        let mut counts = self.shard(source).lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(source).or_insert(0);
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(FromSource { sources: self.clone(), source })
    }

    fn shard(&self, source: IpAddr) -> &Mutex<HashMap<IpAddr, usize>> {
        let last = match source {
            IpAddr::V4(ip) => ip.octets()[3],
            IpAddr::V6(ip) => ip.octets()[7],
        };
        &self.counts[usize::from(last) % self.counts.len()]
    }
}

impl Drop for FromSource {
    fn drop(&mut self) {
        let shard = self.sources.shard(self.source);
        let mut counts = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.source);
            }
        }
    }
}

/// One customer usually has a whole /64 of IPv6.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::{Descriptors, Gate, Sources};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    #[tokio::test]
    async fn who_waits_enters_when_another_leaves() {
        let gate = Gate::new(1);
        let first = gate.enter().await;
        assert!(gate.try_enter().is_none());
        let waiting = tokio::spawn({
            let gate = gate.clone();
            async move { drop(gate.enter().await) }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        waiting.await.unwrap();
        assert!(gate.try_enter().is_some());
    }

    #[tokio::test]
    async fn a_raised_limit_lets_in_who_waits() {
        let gate = Gate::new(1);
        let _first = gate.enter().await;
        let waiting = tokio::spawn({
            let gate = gate.clone();
            async move { drop(gate.enter().await) }
        });
        tokio::task::yield_now().await;
        gate.set_limit(2);
        waiting.await.unwrap();
    }

    #[test]
    fn what_comes_again_and_again_is_told_with_a_count() {
        let descriptors = Descriptors::default();
        let start = Instant::now();
        assert_eq!(descriptors.to_tell(start), Some(1));
        for i in 1..380 {
            assert_eq!(descriptors.to_tell(start + Duration::from_millis(i)), None);
        }
        assert_eq!(descriptors.to_tell(start + Descriptors::PAUSE), Some(380));
    }

    #[test]
    fn sources_are_counted_apart_and_forgotten() {
        let sources = Arc::new(Sources::default());
        let [a, mapped, b, six, same] =
            ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::ffff"]
                .map(|ip| ip.parse().unwrap());
        let first = sources.enter(a, 1).unwrap();
        assert!(sources.enter(mapped, 1).is_none(), "the same, written otherwise");
        let _b = sources.enter(b, 1).unwrap();
        let _six = sources.enter(six, 1).unwrap();
        assert!(sources.enter(same, 1).is_none(), "the same network");
        drop(first);
        assert!(sources.enter(a, 1).is_some());
        assert!(sources.counts.iter().all(|c| !c.lock().unwrap().contains_key(&a)));
    }
}
