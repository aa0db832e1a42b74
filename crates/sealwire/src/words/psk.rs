//! Keys that two peers knew before they met.

use std::fmt;

use zeroize::Zeroizing;

/// A pre-shared key, and the name by which a server knows whose it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Psk {
    pub(crate) identity: Vec<u8>,
    pub(crate) key: Zeroizing<Vec<u8>>,
}

impl Psk {
    /// The key of the client that calls itself `identity`.
    pub fn new(identity: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self { identity: identity.into(), key: Zeroizing::new(key.into()) }
    }

    /// The name.
    pub fn identity(&self) -> &[u8] {
        &self.identity
    }
}

impl fmt::Debug for Psk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Psk").finish_non_exhaustive()
    }
}
