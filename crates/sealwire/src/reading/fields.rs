//! The fields of a message, taken off its front one by one.

/// Takes fields off the front of bytes; `None` when there are not enough.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of one byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// A number of two bytes.
    pub fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// A number of three bytes.
    pub fn u24(&mut self) -> Option<usize> {
        let bytes = self.take(3)?;
        Some(usize::from(bytes[0]) << 16 | usize::from(bytes[1]) << 8 | usize::from(bytes[2]))
    }

    /// A number of four bytes.
    pub fn u32(&mut self) -> Option<u32> {
        self.take(4)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// A vector whose length is in one byte before it
    /// ([RFC 8446, section 3.4](https://www.rfc-editor.org/rfc/rfc8446#section-3.4)).
    pub fn vector8(&mut self) -> Option<&'a [u8]> {
        let length = self.u8()?;
        self.take(length.into())
    }

    /// The same, with two bytes of length.
    pub fn vector16(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(length.into())
    }

    /// The same, with three bytes of length.
    pub fn vector24(&mut self) -> Option<&'a [u8]> {
        let length = self.u24()?;
        self.take(length)
    }

    /// Everything as numbers of two bytes; `None` when a byte is left over.
    pub fn u16s(self) -> Option<Vec<u16>> {
        let numbers = self.0.chunks_exact(2);
        let whole = numbers.remainder().is_empty();
        whole.then(|| numbers.map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect())
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The extensions of a message, in their order: type and content. What is cut ends them;
/// [`Extensions::are_whole`] tells before.
#[derive(Debug, Clone, Copy)]
pub struct Extensions<'a>(Fields<'a>);

impl<'a> Extensions<'a> {
    /// Those of this list, without the length before it.
    pub fn of(list: &'a [u8]) -> Self {
        Self(Fields(list))
    }

    /// Whether the list is made of extensions to its last byte.
    pub fn are_whole(mut self) -> bool {
        while self.next().is_some() {}
        self.0.is_empty()
    }

    /// Whether no type comes twice
    /// ([RFC 8446, section 4.2](https://www.rfc-editor.org/rfc/rfc8446#section-4.2)).
    pub fn are_distinct(self) -> bool {
        let mut kinds: Vec<u16> = self.map(|(kind, _)| kind).collect();
        kinds.sort_unstable();
        kinds.is_sorted_by(|a, b| a < b)
    }

    /// The content of the first one of this type.
    pub fn get(mut self, wanted: u16) -> Option<&'a [u8]> {
        self.find(|(kind, _)| *kind == wanted).map(|(_, body)| body)
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let mut ahead = self.0;
        let extension = (ahead.u16()?, ahead.vector16()?);
        self.0 = ahead;
        Some(extension)
    }
}

#[cfg(test)]
mod tests {
    use super::Extensions;

    #[test]
    fn a_list_is_whole_or_not() {
        let list = [0, 43, 0, 1, 3, 0, 10, 0, 0];
        assert!(Extensions::of(&list).are_whole() && Extensions::of(&list).are_distinct());
        assert_eq!(Extensions::of(&list).get(10), Some(&[][..]));
        assert!(!Extensions::of(&list[..8]).are_whole());
        assert_eq!(Extensions::of(&list[..8]).count(), 1);
        assert!(!Extensions::of(&[list, list].concat()).are_distinct());
        assert!(Extensions::of(&[]).are_whole());
    }
}
