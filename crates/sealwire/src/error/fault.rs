//! What there is to say about a failure.

use std::error;
use std::fmt;
use std::sync::Arc;

use crate::words::openssl_reason::Reason;

/// A failure: a sentence, and OpenSSL's name for it.
#[derive(Debug, Clone)]
pub struct Fault {
    what: What,
    reason: &'static Reason,
}

#[derive(Debug, Clone)]
enum What {
    Engine(Arc<dyn error::Error + Send + Sync>),
    Session(&'static str),
}

impl Fault {
    /// A fault that an engine found, in its words.
    pub(crate) fn of_engine(
        error: Arc<dyn error::Error + Send + Sync>,
        reason: &'static Reason,
    ) -> Self {
        Self { what: What::Engine(error), reason }
    }

    /// A fault that the session found by itself.
    pub(crate) fn found(what: &'static str, reason: &'static Reason) -> Self {
        Self { what: What::Session(what), reason }
    }

    pub(crate) fn reason(&self) -> &'static Reason {
        self.reason
    }

    /// The same fault, under the name that OpenSSL has for it when more is known.
    pub(crate) fn rename(&mut self, reason: &'static Reason) {
        self.reason = reason;
    }

    pub(super) fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.what {
            What::Engine(error) => Some(error.as_ref()),
            What::Session(_) => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Engine(error) => error.fmt(f),
            What::Session(what) => f.write_str(what),
        }
    }
}
