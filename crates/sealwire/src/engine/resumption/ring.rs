//! The ticket keys that a context uses now: swapped whole, read without a lock.

use std::sync::Arc;

use arc_swap::ArcSwap;
use zeroize::Zeroizing;

use super::keys::{Sealer, TicketKeys};

/// How long random keys make tickets before new ones do. Short, since they read the TLS 1.2
/// connections of that time; not shorter than a ticket lives, so that one older set is enough.
const MIN_PERIOD: u64 = 6 * 60 * 60;

/// Seals and opens tickets.
pub(crate) struct TicketRing {
    current: ArcSwap<Current>,
    /// How long random keys are used, in seconds.
    period: u64,
}

struct Current {
    keys: TicketKeys,
    sealers: Vec<Sealer>,
    /// When they give way to others, in seconds since 1970; `None` for keys of the program's.
    until: Option<i64>,
}

impl TicketRing {
    /// With the program's keys, or random ones that change by themselves. `lifetime` is how long
    /// tickets are good, in seconds.
    pub(crate) fn new(
        given: Option<TicketKeys>,
        lifetime: u64,
        now: i64,
    ) -> Result<Self, crate::words::ConfigError> {
        let period = lifetime.max(MIN_PERIOD);
        let current = match given {
            Some(keys) => Current::new(keys, None),
            None => Current::new(TicketKeys::generate()?, Some(add(now, period))),
        };
        Ok(Self { current: ArcSwap::from_pointee(current), period })
    }

    pub(crate) fn keys(&self) -> TicketKeys {
        self.current.load().keys.clone()
    }

    /// Those that tickets are made with at this time.
    #[cfg(feature = "legacy")]
    pub(in crate::engine) fn keys_at(&self, now: i64) -> TicketKeys {
        self.rotate(now);
        self.keys()
    }

    pub(crate) fn set(&self, keys: TicketKeys) {
        self.current.store(Arc::new(Current::new(keys, None)));
    }

    pub(super) fn seal(&self, state: Zeroizing<Vec<u8>>, now: i64) -> Option<Vec<u8>> {
        self.rotate(now);
        self.current.load().sealers.first()?.seal(state)
    }

    pub(super) fn open(&self, ticket: &[u8], now: i64) -> Option<Zeroizing<Vec<u8>>> {
        self.rotate(now);
        self.current.load().sealers.iter().find_map(|sealer| sealer.open(ticket))
    }

    /// Replaces random keys that have served their time. Without random bytes the old ones stay.
    fn rotate(&self, now: i64) {
        let current = self.current.load();
        let Some(until) = current.until else { return };
        // A clock that has gone back since says nothing of how long the keys have been used.
        if now < until && until <= add(now, self.period) {
            return;
        }
        let Ok(fresh) = TicketKeys::generate() else { return };
        let keys = fresh.accepting([current.keys.newest()]);
        let next = Arc::new(Current::new(keys, Some(add(now, self.period))));
        // A second thread finds it done.
        self.current.compare_and_swap(&current, next);
    }
}

impl Current {
    fn new(keys: TicketKeys, until: Option<i64>) -> Self {
        let sealers = keys.all().map(Sealer::new).collect();
        Self { keys, sealers, until }
    }
}

fn add(time: i64, seconds: u64) -> i64 {
    time.saturating_add_unsigned(seconds)
}

#[cfg(test)]
mod tests {
    use super::{MIN_PERIOD, TicketRing};
    use crate::TicketKeys;
    use zeroize::Zeroizing;

    const PERIOD: i64 = MIN_PERIOD as i64;

    fn seal(ring: &TicketRing, now: i64) -> Vec<u8> {
        ring.seal(Zeroizing::new(b"state".to_vec()), now).unwrap()
    }

    #[test]
    fn random_keys_change_and_their_tickets_outlive_them_once() {
        let ring = TicketRing::new(None, 300, 0).unwrap();
        let first = ring.keys().to_bytes();
        let ticket = seal(&ring, PERIOD - 1);
        assert_eq!(*ring.keys().to_bytes(), *first);
        assert!(ring.open(&ticket, PERIOD).is_some());
        assert_ne!(*ring.keys().to_bytes(), *first);
        assert!(ring.open(&ticket, 2 * PERIOD - 1).is_some());
        assert!(ring.open(&ticket, 2 * PERIOD).is_none());
    }

    #[test]
    fn keys_go_on_changing_after_the_clock_was_ahead_for_a_while() {
        let years = 20 * 365 * 24 * 60 * 60;
        let ring = TicketRing::new(None, 300, 0).unwrap();
        let ticket = seal(&ring, years);
        let ahead = ring.keys().to_bytes();
        assert!(ring.open(&ticket, 0).is_some(), "the set before is still accepted");
        let back = ring.keys().to_bytes();
        assert_ne!(*back, *ahead);
        seal(&ring, PERIOD - 1);
        assert_eq!(*ring.keys().to_bytes(), *back);
        seal(&ring, PERIOD);
        assert_ne!(*ring.keys().to_bytes(), *back);
    }

    #[test]
    fn keys_of_the_program_stay_until_it_sets_others() {
        let (old, new) = (TicketKeys::from_bytes(&[1; 48]), TicketKeys::from_bytes(&[2; 48]));
        let ring = TicketRing::new(Some(old.clone()), 300, 0).unwrap();
        let ticket = seal(&ring, 0);
        assert!(ring.open(&ticket, i64::MAX).is_some());
        ring.set(new.clone());
        assert!(ring.open(&ticket, 0).is_none());
        ring.set(new.accepting([old.clone()]));
        assert!(ring.open(&ticket, 0).is_some());
        assert_eq!(seal(&ring, 0)[..16], [2; 16]);
        ring.set(old);
        assert!(ring.open(&ticket, 0).is_some(), "putting the old keys back revives them");
    }
}
