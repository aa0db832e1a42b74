//! A few secret bytes.

use zeroize::{Zeroize, ZeroizeOnDrop};

/// At most `MAX` secret bytes (255 at most), in place, wiped when they are dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Short<const MAX: usize> {
    bytes: [u8; MAX],
    len: u8,
}

impl<const MAX: usize> Short<MAX> {
    /// `None`: they are too many.
    pub(crate) fn of(from: &[u8]) -> Option<Self> {
        let mut short = Self::default();
        short.bytes.get_mut(..from.len())?.copy_from_slice(from);
        short.len = u8::try_from(from.len()).ok()?;
        Some(short)
    }

    /// `None`: it is empty.
    pub(crate) fn get(&self) -> Option<&[u8]> {
        self.bytes.get(..usize::from(self.len)).filter(|bytes| !bytes.is_empty())
    }
}

impl<const MAX: usize> Default for Short<MAX> {
    fn default() -> Self {
        Self { bytes: [0; MAX], len: 0 }
    }
}
