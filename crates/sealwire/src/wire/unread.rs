//! Decrypted data on their way to a reader.

use crate::session::Sink;

/// Where a reader wants its data, and how much of it.
pub trait Room {
    /// How many bytes more it takes.
    fn left(&self) -> usize;

    /// Takes `data`, of which there are never more than are [left](Self::left).
    fn put(&mut self, data: &[u8]);
}

/// Takes any amount.
impl Room for Vec<u8> {
    fn left(&self) -> usize {
        usize::MAX
    }

    fn put(&mut self, data: &[u8]) {
        self.extend_from_slice(data);
    }
}

/// Is filled from its front, and becomes what is left of it.
impl Room for &mut [u8] {
    fn left(&self) -> usize {
        self.len()
    }

    fn put(&mut self, data: &[u8]) {
        let (filled, rest) = std::mem::take(self).split_at_mut(data.len());
        filled.copy_from_slice(data);
        *self = rest;
    }
}

/// Data that did not fit into the room of a reader.
#[derive(Debug, Default)]
pub(super) struct Unread {
    bytes: Vec<u8>,
    start: usize,
}

impl Unread {
    /// Gives as many as there are, or as the room takes.
    pub(super) fn move_to<R: Room + ?Sized>(&mut self, room: &mut R) -> usize {
        if self.bytes.is_empty() {
            return 0;
        }
        let rest = &self.bytes[self.start..];
        let count = rest.len().min(room.left());
        room.put(&rest[..count]);
        self.start += count;
        if self.start == self.bytes.len() {
            *self = Self::default();
        }
        count
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        let bytes = self.bytes.split_off(self.start);
        *self = Self::default();
        bytes
    }
}

impl Sink for Unread {
    fn take(&mut self, plaintext: &[u8]) {
        self.bytes.extend_from_slice(plaintext);
    }
}

/// A reader's room, and where the rest of a record goes that does not fit.
pub(super) struct Reader<'a, R: Room + ?Sized> {
    pub(super) room: &'a mut R,
    pub(super) filled: usize,
    pub(super) rest: &'a mut Unread,
}

impl<R: Room + ?Sized> Sink for Reader<'_, R> {
    fn take(&mut self, plaintext: &[u8]) {
        let (now, later) = plaintext.split_at(plaintext.len().min(self.room.left()));
        self.room.put(now);
        self.filled += now.len();
        if !later.is_empty() {
            Sink::take(self.rest, later);
        }
    }

    fn is_full(&self) -> bool {
        self.room.left() == 0
    }
}

/// Takes nothing: data stay encrypted until they are read.
pub(super) struct Closed;

impl Sink for Closed {
    fn take(&mut self, _plaintext: &[u8]) {
        debug_assert!(false, "the sink is full");
    }

    fn is_full(&self) -> bool {
        true
    }
}
