//! Why an engine gave up.

use crate::error::Error;
use crate::words::Alert;

/// A failure of an engine, in our words, whichever engine it is.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// The party at fault, and OpenSSL's name for the failure.
    pub(crate) error: Error,
    /// The alert that OpenSSL sends for it; `None` where the engine's is right.
    pub(crate) alert: Option<Alert>,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}
