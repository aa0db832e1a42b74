//! Which flows of a block match, a bit for each.

use super::facts::BLOCK;

/// By their place in the block.
#[derive(Clone)]
pub(super) struct Found {
    bits: [u64; (BLOCK / 64) as usize],
}

impl Found {
    /// How many [`Found::bytes`] are.
    pub(super) const BYTES: usize = BLOCK as usize / 8;

    pub(super) fn new() -> Self {
        Self { bits: [0; (BLOCK / 64) as usize] }
    }

    /// Of flows of the block that begins with the number `first`.
    pub(super) fn of(ids: &[i64], first: i64) -> Self {
        let mut found = Self::new();
        for id in ids {
            found.note((id - first) as usize, true);
        }
        found
    }

    pub(super) fn note(&mut self, at: usize, matches: bool) {
        self.bits[at / 64] |= u64::from(matches) << (at % 64);
    }

    /// Notes a place, if it is one.
    pub(super) fn note_at(&mut self, at: usize) -> Option<()> {
        *self.bits.get_mut(at / 64)? |= 1 << (at % 64);
        Some(())
    }

    pub(super) fn has(&self, at: usize) -> bool {
        self.bits[at / 64] & (1 << (at % 64)) != 0
    }

    /// The bits, the lowest of each byte first.
    pub(super) fn bytes(&self) -> impl Iterator<Item = u8> {
        self.bits.iter().flat_map(|bits| bits.to_le_bytes())
    }

    /// Takes those into it that [`Found::bytes`] gave.
    pub(super) fn join_bytes(&mut self, bytes: &[u8]) {
        let (words, _) = bytes.as_chunks::<8>();
        for (bits, more) in self.bits.iter_mut().zip(words) {
            *bits |= u64::from_le_bytes(*more);
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.bits.iter().map(|bits| u64::from(bits.count_ones())).sum()
    }

    /// Takes others into it, and says how many of them are new.
    pub(super) fn join(&mut self, other: &Self) -> u64 {
        let before = self.count();
        for (bits, more) in self.bits.iter_mut().zip(&other.bits) {
            *bits |= more;
        }
        self.count() - before
    }

    /// Only those that others have, too, stay.
    pub(super) fn meet(&mut self, other: &Self) {
        for (bits, more) in self.bits.iter_mut().zip(&other.bits) {
            *bits &= more;
        }
    }

    /// Only those from one place to another stay.
    pub(super) fn keep(&mut self, first: i64, last: i64) {
        for at in (0..BLOCK).filter(|at| !(first..=last).contains(at)) {
            self.bits[at as usize / 64] &= !(1 << (at % 64));
        }
    }

    /// Their numbers, in the block that begins with `first`.
    pub(super) fn ids(&self, first: i64) -> Vec<i64> {
        let mut ids = Vec::new();
        for (bits, first) in self.bits.iter().zip((first..).step_by(64)) {
            let mut bits = *bits;
            while bits != 0 {
                ids.push(first + i64::from(bits.trailing_zeros()));
                bits &= bits - 1;
            }
        }
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::Found;

    #[test]
    fn what_is_joined_is_counted_once_and_what_is_outside_goes() {
        let mut found = Found::of(&[4_096, 4_100, 8_191], 4_096);
        assert_eq!(found.join(&Found::of(&[4_100, 4_200], 4_096)), 1);
        assert_eq!(found.ids(4_096), [4_096, 4_100, 4_200, 8_191]);
        found.keep(4, 104);
        assert_eq!(found.ids(0), [4, 104]);
        assert_eq!(found.count(), 2);
        found.meet(&Found::of(&[0, 104], 0));
        assert_eq!(found.ids(0), [104]);
    }
}
