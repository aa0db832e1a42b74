//! The current context, for what outlives contexts.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
#[cfg(feature = "tokio")]
use arc_swap::Guard;

use crate::context::SecureContext;

/// A context that may be swapped for another while others use it. Cheap to clone; clones share it.
///
/// `Acceptor::new` and `Connector::new` take whatever becomes one: a [`SecureContext`], or a
/// `Watched`, which keeps reading its files as long as it is referenced. Connections keep the
/// context that they began with.
#[derive(Clone)]
pub struct Current {
    slot: Arc<ArcSwap<SecureContext>>,
    /// The thread that keeps it current.
    _keeper: Option<Arc<dyn Any + Send + Sync>>,
}

impl Current {
    /// The context of now.
    pub fn context(&self) -> SecureContext {
        SecureContext::clone(&self.slot.load())
    }

    /// Uses `context` for new connections. Where it follows files, later changes
    /// have the last word.
    pub fn set(&self, context: SecureContext) {
        self.slot.store(Arc::new(context));
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn load(&self) -> Guard<Arc<SecureContext>> {
        self.slot.load()
    }

    #[cfg(feature = "watch")]
    pub(super) fn kept_by(
        slot: Arc<ArcSwap<SecureContext>>,
        keeper: Arc<dyn Any + Send + Sync>,
    ) -> Self {
        Self { slot, _keeper: Some(keeper) }
    }
}

impl From<SecureContext> for Current {
    fn from(context: SecureContext) -> Self {
        Self { slot: Arc::new(ArcSwap::from_pointee(context)), _keeper: None }
    }
}

impl From<&Self> for Current {
    fn from(current: &Self) -> Self {
        current.clone()
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.slot.load().fmt(f)
    }
}
