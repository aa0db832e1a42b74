//! What ties an open connection to what may close it.

use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::engine;
use crate::error::Error;
use crate::verify::Refusal;
use crate::words::Alert;

/// Why an open connection is closed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Why {
    /// The peer's certificate does not hold any longer: revoked, expired, its CA is trusted no longer.
    Refused(Refusal),
    /// A rule of the program's does not let it in any longer.
    Rule(String),
    /// It has been open as long as connections may be.
    Lifetime,
}

/// One open connection that is [judged again](super::Live). Dropped, the connection is forgotten.
pub struct Tether {
    signal: Arc<Signal>,
    id: u64,
    registry: Arc<dyn Leave>,
    /// The tasks that are woken already, so that a wait costs no lock.
    reader: Option<Waker>,
    #[cfg_attr(not(feature = "tokio"), allow(dead_code, reason = "the adapter has two tasks"))]
    writer: Option<Waker>,
}

/// Forgets a connection that has ended.
pub(super) trait Leave: Send + Sync {
    fn leave(&self, id: u64);
}

#[derive(Default)]
pub(super) struct Signal {
    is_cut: AtomicBool,
    why: OnceLock<Why>,
    wakers: Mutex<Vec<Waker>>,
}

impl Why {
    /// A word for it: `refused`, `rule`, `lifetime`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Rule(_) => "rule",
            Self::Lifetime => "lifetime",
        }
    }

    /// The alert for the peer.
    pub fn alert(&self) -> Alert {
        match self {
            Self::Refused(refusal) => engine::alert_for(refusal),
            Self::Rule(_) => Alert::ACCESS_DENIED,
            Self::Lifetime => Alert::INTERNAL_ERROR,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Rule(rule) => f.write_str(rule),
            Self::Lifetime => f.write_str("it reached its maximum lifetime"),
        }
    }
}

impl From<&Why> for Error {
    fn from(why: &Why) -> Self {
        match why {
            Why::Refused(refusal) => Self::PeerRefused(refusal.clone()),
            Why::Rule(_) => Self::RefusedByProgram,
            Why::Lifetime => Self::LifetimeOver,
        }
    }
}

impl Tether {
    pub(super) fn new(signal: Arc<Signal>, id: u64, registry: Arc<dyn Leave>) -> Self {
        Self { signal, id, registry, reader: None, writer: None }
    }

    /// Whether the connection must be closed. One atomic load.
    pub fn is_cut(&self) -> bool {
        self.signal.is_cut.load(Ordering::Acquire)
    }

    /// Why the connection must be closed, if it must.
    pub fn cut(&self) -> Option<&Why> {
        if self.is_cut() { self.signal.why.get() } else { None }
    }

    /// Waits until the connection must be closed.
    pub async fn cut_off(&mut self) -> Why {
        poll_fn(|cx| self.poll_cut(cx)).await
    }

    /// Ready when the connection must be closed; else the task is woken then.
    pub fn poll_cut(&mut self, cx: &Context<'_>) -> Poll<Why> {
        if !self.is_cut() {
            Self::wake_later(&self.signal, &mut self.reader, cx);
        }
        self.cut().map_or(Poll::Pending, |why| Poll::Ready(why.clone()))
    }

    /// Has the task woken that reads. True: it is cut off already.
    #[cfg(feature = "tokio")]
    pub(crate) fn reader_waits(&mut self, cx: &Context<'_>) -> bool {
        Self::wake_later(&self.signal, &mut self.reader, cx);
        self.is_cut()
    }

    /// The same for the task that writes.
    #[cfg(feature = "tokio")]
    pub(crate) fn writer_waits(&mut self, cx: &Context<'_>) -> bool {
        Self::wake_later(&self.signal, &mut self.writer, cx);
        self.is_cut()
    }

    fn wake_later(signal: &Signal, known: &mut Option<Waker>, cx: &Context<'_>) {
        if known.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            return;
        }
        let mut wakers = signal.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.take() {
            wakers.retain(|waker| !waker.will_wake(&known));
        }
        wakers.push(cx.waker().clone());
        *known = Some(cx.waker().clone());
    }
}

impl Signal {
    pub(super) fn cut(&self, why: Why) {
        if self.why.set(why).is_err() {
            return;
        }
        self.is_cut.store(true, Ordering::Release);
        let wakers = self.wakers.lock().map(|mut all| std::mem::take(&mut *all));
        for waker in wakers.unwrap_or_default() {
            waker.wake();
        }
    }
}

impl Drop for Tether {
    fn drop(&mut self) {
        self.registry.leave(self.id);
    }
}

impl fmt::Debug for Tether {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tether").field("cut", &self.cut()).finish_non_exhaustive()
    }
}
