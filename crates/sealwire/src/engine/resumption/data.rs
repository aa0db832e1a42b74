//! A server's session as the program's store sees it.

use std::fmt;

use zeroize::Zeroizing;

/// The bytes of a server's session, for the program's store.
///
/// They are opaque, good in every process with the same version of this library, and **secret**:
/// they hold the keys of the session. Wiped when dropped; not in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionData(Zeroizing<Vec<u8>>);

impl SessionData {
    /// The bytes, no longer wiped.
    pub fn into_vec(mut self) -> Vec<u8> {
        std::mem::take(&mut *self.0)
    }
}

impl From<Vec<u8>> for SessionData {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl From<Zeroizing<Vec<u8>>> for SessionData {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for SessionData {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SessionData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionData({} bytes)", self.0.len())
    }
}
