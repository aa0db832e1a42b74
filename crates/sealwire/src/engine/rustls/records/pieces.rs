//! Data to be sent, in one piece or several.

use std::io::IoSlice;

/// Reads through pieces as if they were one.
pub(super) struct Pieces<'a> {
    pieces: &'a [IoSlice<'a>],
    /// How much of the first piece is gone.
    start: usize,
    left: usize,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(pieces: &'a [IoSlice<'a>]) -> Self {
        Self { pieces, start: 0, left: pieces.iter().map(|piece| piece.len()).sum() }
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Appends the next `count` bytes to `out`, or all that is left.
    pub(super) fn move_to(&mut self, out: &mut Vec<u8>, count: usize) {
        let mut wanted = count.min(self.left);
        self.left -= wanted;
        while wanted > 0
            && let [first, rest @ ..] = self.pieces
        {
            let piece = &first[self.start..];
            let part = &piece[..wanted.min(piece.len())];
            out.extend_from_slice(part);
            wanted -= part.len();
            self.start += part.len();
            if part.len() == piece.len() {
                (self.pieces, self.start) = (rest, 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{IoSlice, Pieces};

    #[test]
    fn pieces_read_as_one() {
        let parts = [&b""[..], b"a", b"bcd", b"", b"efghij", b""].map(IoSlice::new);
        for size in 1..12 {
            let (mut pieces, mut read) = (Pieces::new(&parts), Vec::new());
            while pieces.left() > 0 {
                let (left, before) = (pieces.left(), read.len());
                pieces.move_to(&mut read, size);
                assert_eq!(read.len() - before, size.min(left));
                assert_eq!(pieces.left(), left - size.min(left));
            }
            assert_eq!(read, b"abcdefghij", "{size}");
        }
        let (mut none, mut out) = (Pieces::new(&[]), Vec::new());
        none.move_to(&mut out, 5);
        assert!(out.is_empty() && none.left() == 0);
    }
}
