//! The time as certificates count it: seconds since 1970.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now.
pub(crate) fn now() -> i64 {
    seconds(SystemTime::now())
}

/// A moment; everything before 1970 is 1970.
pub(crate) fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
