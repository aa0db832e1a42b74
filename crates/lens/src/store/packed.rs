//! Numbers, and places of a block, as bytes: what the index of words and the fields of heads are made of.

use super::found::Found;

/// So many places are kept as a bit for each place of the block, fewer as their distances.
const DENSE: usize = Found::BYTES / 2;

/// Bytes that are read from the front. What is none of ours reads as `None`.
#[derive(Clone, Copy)]
pub(super) struct Packed<'a>(pub(super) &'a [u8]);

impl<'a> Packed<'a> {
    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn number(&mut self) -> Option<u32> {
        let mut number = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            number |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// Notes places in `to`.
    pub(super) fn places(&mut self, to: &mut Found) -> Option<()> {
        let count = self.number()? as usize;
        if count >= DENSE {
            to.join_bytes(self.bytes(Found::BYTES)?);
            return Some(());
        }
        let mut place = 0_u32;
        for _ in 0..count {
            place = self.number()?.checked_add(place)?;
            to.note_at(place as usize)?;
        }
        Some(())
    }

    pub(super) fn skip_places(&mut self) -> Option<()> {
        let count = self.number()? as usize;
        if count >= DENSE {
            self.bytes(Found::BYTES)?;
            return Some(());
        }
        for _ in 0..count {
            self.number()?;
        }
        Some(())
    }
}

/// Seven bits in each byte, the lowest first.
pub(super) fn number(to: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

/// Places in order, each once.
pub(super) fn places(to: &mut Vec<u8>, places: &[u16]) {
    number(to, places.len() as u32);
    if places.len() >= DENSE {
        let mut found = Found::new();
        places.iter().for_each(|place| found.note(usize::from(*place), true));
        to.extend(found.bytes());
        return;
    }
    let mut before = 0;
    for place in places {
        number(to, u32::from(place - before));
        before = *place;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let few: Vec<u16> = vec![0, 1, 127, 128, 4_095];
        let many: Vec<u16> = (0..4_096).step_by(3).collect();
        for all in [&few, &many, &Vec::new()] {
            let mut out = Vec::new();
            places(&mut out, all);
            number(&mut out, u32::MAX);
            let (mut packed, mut found) = (Packed(&out), Found::new());
            let mut skipped = packed;
            packed.places(&mut found).expect("places");
            assert_eq!(found.ids(0), all.iter().map(|n| i64::from(*n)).collect::<Vec<_>>());
            assert_eq!(packed.number(), Some(u32::MAX));
            skipped.skip_places().expect("places");
            assert_eq!(skipped.number(), Some(u32::MAX));
            assert_eq!(skipped.byte(), None);
        }
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for bytes in [&[1, 0x80, 0x20][..], &[2, 1], &[0xff; 6], &[0xff, 0x1f, 1], &[]] {
            assert_eq!(Packed(bytes).places(&mut Found::new()), None, "{bytes:?}");
        }
    }
}
