//! How long connections may live, and the callback for their end.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::tether::Why;
use crate::session::Peer;

/// What [`Live`](super::Live) does with connections that are no longer admitted. The default closes
/// them at once, and sets no other end.
pub struct LiveOptions<T = ()> {
    pub(super) drain: Duration,
    pub(super) max_lifetime: Option<Duration>,
    pub(super) at_expiry: bool,
    pub(super) on_close: Arc<OnClose<T>>,
}

type OnClose<T> = dyn Fn(&Closed<'_, T>) + Send + Sync;

/// A connection that is closed, or will be after the time that it has to end by itself.
#[derive(Debug)]
#[non_exhaustive]
pub struct Closed<'a, T> {
    /// Whose connection it is.
    pub peer: &'a Peer,
    /// The program's value from when it was [admitted](super::Admission::join).
    pub about: &'a T,
    /// Why.
    pub why: &'a Why,
    /// How long it may stay open from now on.
    pub drain: Duration,
}

impl<T> LiveOptions<T> {
    /// The default.
    pub fn new() -> Self {
        Self {
            drain: Duration::ZERO,
            max_lifetime: None,
            at_expiry: true,
            on_close: Arc::new(|_| {}),
        }
    }

    /// How long a connection may continue whose peer is no longer acceptable, so that what is under
    /// way can end. None by default: data of a peer that is not believed are not waited for.
    #[must_use]
    pub fn drain(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }

    /// How long any connection may be open. The time of each is shorter by up to a tenth, so that
    /// those which began together do not come back together.
    #[must_use]
    pub fn max_lifetime(mut self, lifetime: Option<Duration>) -> Self {
        self.max_lifetime = lifetime;
        self
    }

    /// Whether connections are closed when a certificate of the peer's path expires, as by default.
    #[must_use]
    pub fn close_at_expiry(mut self, close: bool) -> Self {
        self.at_expiry = close;
        self
    }

    /// Told of each connection that is closed, and why.
    #[must_use]
    pub fn on_close(mut self, callback: impl Fn(&Closed<'_, T>) + Send + Sync + 'static) -> Self {
        self.on_close = Arc::new(callback);
        self
    }
}

impl<T> Default for LiveOptions<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for LiveOptions<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveOptions")
            .field("drain", &self.drain)
            .field("max_lifetime", &self.max_lifetime)
            .field("at_expiry", &self.at_expiry)
            .finish_non_exhaustive()
    }
}
