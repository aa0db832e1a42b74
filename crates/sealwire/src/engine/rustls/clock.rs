//! A context's clock, as rustls wants it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::time_provider::TimeProvider;
use rustls_pki_types::UnixTime;

use crate::words::{TimeSource, now};

/// The clock that judges validity and the age of sessions.
pub(super) struct EngineClock(pub(super) Arc<dyn TimeSource>);

impl TimeProvider for EngineClock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(now(&*self.0)).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

impl fmt::Debug for EngineClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EngineClock")
    }
}
