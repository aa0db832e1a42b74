//! A store for sessions that many machines share: Redis.
//!
//! What is stored is encrypted and authenticated under a key of the fleet's secret, with the session's
//! id and the service bound to it: a reader of the store learns nothing, and a writer
//! cannot cause resumption of a session that the fleet did not make. When the store is away, handshakes
//! are full ones, and none waits for it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use sealwire::session::SessionData;
use tokio::sync::OnceCell;
use tracing::{info, warn};
use zeroize::Zeroizing;

use super::metrics::ServiceMetrics;
use super::tickets::FleetSecret;

/// The store of one service.
pub(crate) struct SessionStore {
    client: redis::Client,
    connection: OnceCell<ConnectionManager>,
    key: RandomizedNonceKey,
    service: String,
    lifetime: Duration,
    health: Health,
}

/// Whether the store answers.
struct Health {
    started: Instant,
    /// Until when it is not asked, in milliseconds after `started`.
    away_until: AtomicU64,
    away: AtomicBool,
}

/// How long a handshake may wait for the store.
const PATIENCE: Duration = Duration::from_millis(250);

/// The largest session that is read. One holds the client's certificates; the library gives out none
/// that is larger.
const LARGEST: usize = 64 * 1024;

/// How long a store that did not answer is left alone.
const PAUSE: Duration = Duration::from_secs(1);

impl SessionStore {
    /// A store at this address; nothing is connected yet.
    ///
    /// # Errors
    /// When it is not an address of a store that can be used.
    pub(crate) fn new(
        url: &str,
        secret: &FleetSecret,
        service: &str,
        lifetime: Duration,
    ) -> Result<Self, String> {
        if url.starts_with("rediss://") {
            return Err(
                "rediss:// is not supported: use a `seal tunnel client` in front of it".to_owned()
            );
        }
        if !url.starts_with("redis://") && !url.starts_with("redis+unix://") {
            return Err(format!("{:?} is not redis://HOST:PORT/DB", without_password(url)));
        }
        // Its own words may hold the password.
        let client = redis::Client::open(url)
            .map_err(|_| format!("{:?} is not redis://HOST:PORT/DB", without_password(url)))?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, &*secret.store_key(service))
            .map_err(|_| "the key of the store cannot be used".to_owned())?;
        let health = Health {
            started: Instant::now(),
            away_until: AtomicU64::new(0),
            away: AtomicBool::new(false),
        };
        let service = service.to_owned();
        Ok(Self { client, connection: OnceCell::new(), key, service, lifetime, health })
    }

    /// Stores a session. A store that is away loses it, and the client does a full handshake.
    pub(crate) async fn store(&self, id: &[u8], session: &SessionData, metrics: &ServiceMetrics) {
        let Some(sealed) = self.seal(id, session.as_ref()) else { return };
        let seconds = self.lifetime.as_secs().max(1);
        let mut command = redis::cmd("SET");
        command.arg(self.name(id)).arg(sealed).arg("EX").arg(seconds);
        match self.ask::<()>(&command).await {
            Asked::Answered(()) => metrics.sessions_stored.inc(),
            Asked::Failed => metrics.store_failures.inc(),
            Asked::Away => return,
        };
    }

    /// Looks a session up.
    pub(crate) async fn load(&self, id: &[u8], metrics: &ServiceMetrics) -> Option<SessionData> {
        // Another program may have written a large value there; a part of one does not decrypt.
        let mut command = redis::cmd("GETRANGE");
        command.arg(self.name(id)).arg(0).arg(LARGEST - 1);
        let found = match self.ask::<Vec<u8>>(&command).await {
            Asked::Answered(sealed) => self.open(id, sealed),
            Asked::Failed => {
                metrics.store_failures.inc();
                return None;
            }
            Asked::Away => return None,
        };
        match &found {
            Some(_) => metrics.sessions_found.inc(),
            None => metrics.sessions_missed.inc(),
        };
        found
    }

    async fn ask<T: redis::FromRedisValue>(&self, command: &redis::Cmd) -> Asked<T> {
        if self.health.is_away() {
            return Asked::Away;
        }
        let asked = async {
            let connection = self.connection.get_or_try_init(|| async {
                let config = ConnectionManagerConfig::new()
                    .set_number_of_retries(0)
                    .set_connection_timeout(Some(PATIENCE))
                    .set_response_timeout(Some(PATIENCE));
                ConnectionManager::new_lazy_with_config(self.client.clone(), config)
            });
            command.query_async(&mut connection.await?.clone()).await
        };
        let reason = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(answer)) => {
                self.health.answered(&self.service);
                return Asked::Answered(answer);
            }
            Ok(Err(e)) => e.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        self.health.failed(&self.service, &reason);
        Asked::Failed
    }

    /// The name under which a session is stored.
    fn name(&self, id: &[u8]) -> String {
        let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("seal:session:{}:{hex}", self.service)
    }

    fn seal(&self, id: &[u8], session: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = session.to_vec();
        let aad = Aad::from([self.service.as_bytes(), b"\0", id].concat());
        let nonce = self.key.seal_in_place_append_tag(aad, &mut sealed).ok()?;
        Some([nonce.as_ref().as_slice(), &sealed].concat())
    }

    fn open(&self, id: &[u8], sealed: Vec<u8>) -> Option<SessionData> {
        let mut sealed = Zeroizing::new(sealed);
        let (nonce, rest) = sealed.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let aad = Aad::from([self.service.as_bytes(), b"\0", id].concat());
        let session = self.key.open_in_place(nonce, aad, rest).ok()?;
        Some(SessionData::from(Zeroizing::new(session.to_vec())))
    }
}

enum Asked<T> {
    Answered(T),
    Failed,
    /// It was not asked: it did not answer just now.
    Away,
}

impl Health {
    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn is_away(&self) -> bool {
        self.now() < self.away_until.load(Ordering::Relaxed)
    }

    fn answered(&self, service: &str) {
        if self.away.load(Ordering::Relaxed) && self.away.swap(false, Ordering::Relaxed) {
            info!(service, "session store reachable again");
        }
    }

    fn failed(&self, service: &str, reason: &str) {
        let pause = u64::try_from(PAUSE.as_millis()).unwrap_or(1000);
        self.away_until.store(self.now() + pause, Ordering::Relaxed);
        if !self.away.swap(true, Ordering::Relaxed) {
            warn!(service, reason, "session store unreachable; continuing without it");
        }
    }
}

/// The port of a store's address.
pub(crate) fn port(url: &str) -> Option<u16> {
    let rest = url.strip_prefix("redis://")?;
    let authority = rest.split(['/', '?']).next()?;
    let host = authority.rsplit('@').next()?;
    match host.rsplit_once(':') {
        Some((_, port)) if !host.ends_with(']') => port.parse().ok(),
        _ => Some(6379),
    }
}

/// An address that may be shown.
fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://...@{host}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(url: &str, secret: u8, service: &str) -> Result<SessionStore, String> {
        let secret = FleetSecret::of(&[secret; 32]);
        SessionStore::new(url, &secret, service, Duration::from_secs(300))
    }

    #[test]
    fn only_the_fleet_reads_and_writes_sessions() {
        let ours = store("redis://127.0.0.1", 1, "web").unwrap();
        let sealed = ours.seal(b"id", b"the session").unwrap();
        assert_eq!(ours.open(b"id", sealed.clone()).unwrap().as_ref(), b"the session");
        assert_ne!(sealed, ours.seal(b"id", b"the session").unwrap(), "the nonce is new");
        let same = store("redis://127.0.0.1", 1, "web").unwrap();
        assert!(same.open(b"id", sealed.clone()).is_some(), "another machine");
        assert!(ours.open(b"other", sealed.clone()).is_none(), "another session's");
        for (secret, service) in [(2, "web"), (1, "db")] {
            let other = store("redis://127.0.0.1", secret, service).unwrap();
            assert!(other.open(b"id", sealed.clone()).is_none());
        }
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(ours.open(b"id", changed).is_none(), "byte {at}");
            assert!(ours.open(b"id", sealed[..at].to_vec()).is_none(), "{at} bytes");
        }
    }

    #[test]
    fn addresses_are_checked_and_passwords_not_shown() {
        assert_eq!(port("redis://127.0.0.1"), Some(6379));
        assert_eq!(port("redis://:pw@[::1]:7000/2"), Some(7000));
        assert_eq!(port("redis://[::1]/2"), Some(6379));
        for url in ["rediss://x", "http://x", "redis:x", "postgres://u:secret@x"] {
            let error = store(url, 1, "web").map(drop).unwrap_err();
            assert!(error.contains("redis") && !error.contains("secret"), "{error}");
        }
    }
}
