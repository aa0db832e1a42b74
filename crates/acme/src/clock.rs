//! The one clock: everything here that depends on the time asks it, so that a year passes in a test
//! as fast as its work is done.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment, in whole seconds since 1970.
pub type Seconds = i64;

/// What time it is: the system's, or one that a test moves.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The system's.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// One that stands at `now` until it is moved.
    #[must_use]
    pub fn standing_at(now: Seconds) -> Self {
        Self(Some(Arc::new(AtomicI64::new(now))))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Seconds {
        match &self.0 {
            Some(moved) => moved.load(Ordering::Relaxed),
            None => seconds(SystemTime::now()),
        }
    }

    /// Moves a clock of a test on; the system's stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Some(moved) = &self.0 {
            moved.fetch_add(i64::try_from(by.as_secs()).unwrap_or(i64::MAX), Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Clock(a test's)" } else { "Clock(the system's)" })
    }
}

/// `moment` as the system's type.
#[must_use]
pub fn system_time(moment: Seconds) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(moment).unwrap_or(0))
}

/// The system's type as seconds.
#[must_use]
pub fn seconds(moment: SystemTime) -> Seconds {
    let elapsed = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}

/// As ACME writes moments (RFC 3339): `2030-12-31T23:59:59Z`.
#[must_use]
pub fn rfc3339(moment: Seconds) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(moment).ok();
    moment.and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_default()
}

/// Reads what [`rfc3339`] writes, with any offset.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<Seconds> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp)
}
