//! Where the time comes from.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::time_provider::TimeProvider;
use rustls_pki_types::UnixTime;

/// Where a context has the time from: the system's clock, or a fixed one in tests.
pub trait TimeSource: Send + Sync {
    /// The time now.
    fn now(&self) -> SystemTime;
}

#[derive(Debug)]
pub(crate) struct SystemClock;

impl TimeSource for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// The same clock, as the engine wants it.
pub(crate) struct EngineClock(pub(crate) Arc<dyn TimeSource>);

impl TimeProvider for EngineClock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(seconds(self.0.now())).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
    }
}

impl fmt::Debug for EngineClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EngineClock")
    }
}

/// Now, in seconds since 1970.
pub(crate) fn now(time: &dyn TimeSource) -> i64 {
    seconds(time.now())
}

fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |s| -s),
    }
}
