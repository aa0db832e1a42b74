//! Bytes from the transport that the session has not consumed.

/// How much is read at once: the more, the more there was the last time. Large reads save system
/// calls on bulk data, small ones memory when connections are many.
const MIN_READ: usize = 8 * 1024;
const MAX_READ: usize = 64 * 1024;

/// The bytes between `start` and `end` wait; those behind are room that was written before.
#[derive(Debug)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// How much the next read asks for.
    ask: usize,
    /// The last read gave less than was asked for: there is probably no more for now.
    drained: bool,
}

impl Default for Inbox {
    fn default() -> Self {
        Self::of(Vec::new())
    }
}

impl Inbox {
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        let end = bytes.len();
        Self { bytes, start: 0, end, ask: MIN_READ, drained: false }
    }

    pub(super) fn waiting(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(super) fn waiting_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    /// The session is done with so many at the front.
    pub(super) fn consume(&mut self, count: usize) {
        self.start += count;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            // A connection that may be going to wait keeps no buffer.
            if self.drained {
                self.bytes = Vec::new();
            }
        }
    }

    /// Room behind what waits, for a transport that reads into bytes that have a value.
    pub(super) fn room(&mut self) -> &mut [u8] {
        self.make_way();
        let end = self.end + self.ask;
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        &mut self.bytes[self.end..]
    }

    /// The same, for a transport that appends to a vector. [`appended`](Self::appended) follows.
    #[cfg(any(feature = "tokio", test))]
    pub(super) fn spare(&mut self) -> &mut Vec<u8> {
        self.make_way();
        self.bytes.truncate(self.end);
        self.bytes.reserve_exact(self.ask);
        &mut self.bytes
    }

    /// So many bytes were read into the [`room`](Self::room).
    pub(super) fn filled(&mut self, count: usize) {
        let room = self.bytes.len() - self.end;
        self.note(count, room);
    }

    /// So many bytes were appended where there was `room` for so many.
    #[cfg(any(feature = "tokio", test))]
    pub(super) fn appended(&mut self, count: usize, room: usize) {
        self.note(count, room);
    }

    /// Takes bytes that are somewhere else.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.make_way();
        self.bytes.truncate(self.end);
        self.bytes.extend_from_slice(bytes);
        self.end = self.bytes.len();
        self.drained = true;
    }

    /// Keeps no more than what waits: what is waited for may never come.
    pub(super) fn shrink(&mut self) {
        self.make_way();
        self.bytes.truncate(self.end);
        self.bytes.shrink_to_fit();
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        self.make_way();
        self.bytes.truncate(self.end);
        (self.start, self.end) = (0, 0);
        std::mem::take(&mut self.bytes)
    }

    fn make_way(&mut self) {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
    }

    fn note(&mut self, count: usize, room: usize) {
        self.end += count;
        self.drained = count < room;
        if !self.drained {
            self.ask = (self.ask * 2).min(MAX_READ);
        } else if count < self.ask / 4 {
            self.ask = (self.ask / 2).max(MIN_READ);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Inbox, MAX_READ, MIN_READ};

    #[test]
    fn what_waits_stays_whole_however_it_is_filled() {
        let mut inbox = Inbox::of(b"abc".to_vec());
        inbox.consume(1);
        let room = inbox.room();
        assert!(room.len() >= MIN_READ);
        room[..2].copy_from_slice(b"de");
        inbox.filled(2);
        assert_eq!(inbox.waiting(), b"bcde");
        inbox.consume(1);
        let spare = inbox.spare();
        assert_eq!(spare, b"cde");
        let room = spare.capacity() - spare.len();
        spare.extend_from_slice(b"fg");
        inbox.appended(2, room);
        inbox.push(b"h");
        assert_eq!(inbox.waiting(), b"cdefgh");
        assert_eq!(inbox.take(), b"cdefgh");
        assert!(inbox.waiting().is_empty());
    }

    #[test]
    fn reads_grow_with_what_comes_and_an_idle_one_keeps_nothing() {
        let mut inbox = Inbox::default();
        for _ in 0..8 {
            let room = inbox.room().len();
            inbox.filled(room);
            inbox.consume(room);
        }
        assert_eq!(inbox.room().len(), MAX_READ);
        inbox.filled(1);
        inbox.consume(1);
        assert_eq!(inbox.bytes.capacity(), 0);
        for _ in 0..8 {
            inbox.room();
            inbox.filled(1);
            inbox.consume(1);
        }
        assert_eq!(inbox.room().len(), MIN_READ);
    }
}
