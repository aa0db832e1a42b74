//! The encoding of protocol buffers (<https://protobuf.dev/programming-guides/encoding/>): numbered fields, of
//! which each says how long it is.

/// What a field carries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wire<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    /// The fields between its two marks.
    Group(&'a [u8]),
    Fixed32([u8; 4]),
}

/// It is no message, or is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// The fields of a message, in their order, each with its number.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

/// Groups in groups.
const DEEPEST: u32 = 32;
const END_OF_GROUP: u64 = 4;

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Wire<'a>), Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let read = self.field(DEEPEST);
        if read.is_none() {
            self.0 = &[];
        }
        Some(read.ok_or(Broken))
    }
}

impl<'a> Fields<'a> {
    pub(super) fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.varint()?;
        self.take(usize::try_from(length).ok()?)
    }

    pub(super) fn fixed<const COUNT: usize>(&mut self) -> Option<[u8; COUNT]> {
        self.take(COUNT)?.try_into().ok()
    }

    fn field(&mut self, depth: u32) -> Option<(u32, Wire<'a>)> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).ok().filter(|number| (1..1 << 29).contains(number))?;
        let wire = match key & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(self.fixed()?),
            2 => Wire::Bytes(self.bytes()?),
            3 => Wire::Group(self.group(number, depth.checked_sub(1)?)?),
            5 => Wire::Fixed32(self.fixed()?),
            _ => return None,
        };
        Some((number, wire))
    }

    fn group(&mut self, number: u32, depth: u32) -> Option<&'a [u8]> {
        let begin = self.0;
        loop {
            let mut ahead = *self;
            if ahead.varint()? == u64::from(number) << 3 | END_OF_GROUP {
                let length = begin.len() - self.0.len();
                self.0 = ahead.0;
                return begin.get(..length);
            }
            self.field(depth)?;
        }
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
}
