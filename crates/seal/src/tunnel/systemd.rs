//! Notifies the service manager (sd_notify). Does nothing without one.

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::warn;

/// We listen and serve.
pub(crate) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Files are being read again; [`ready`] says when it is done.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(e) => warn!(reason = %e, "no monotonic clock"),
    }
}

/// No more is accepted; open connections may end.
pub(crate) fn stopping(status: &str) {
    tell(&[NotifyState::Stopping, NotifyState::Status(status)]);
}

/// We are alive.
pub(crate) fn watchdog() {
    tell(&[NotifyState::Watchdog]);
}

/// How often to say so: twice in the time that the unit's `WatchdogSec=` allows.
pub(crate) fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|allowed| allowed / 2)
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(e) = sd_notify::notify(state) {
        warn!(reason = %e, "cannot notify the service manager");
    }
}
