//! Where the time comes from.

use std::time::SystemTime;

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
