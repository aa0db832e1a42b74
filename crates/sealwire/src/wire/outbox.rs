//! Bytes for the transport.

use std::mem;

use super::WRITE_SIZE;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    /// How many at the front are sent.
    sent: usize,
}

impl Outbox {
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sent == self.bytes.len()
    }

    /// Where more is appended.
    pub(super) fn end(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The transport has taken so many.
    pub(super) fn sent(&mut self, count: usize) {
        self.sent += count;
        if self.sent >= self.bytes.len() {
            // Large buffers are given back; a small one is kept for the next message.
            const KEEP: usize = 4 * 1024;
            self.sent = 0;
            if self.bytes.capacity() > KEEP {
                self.bytes = Vec::new();
            } else {
                self.bytes.clear();
            }
        } else if self.sent >= WRITE_SIZE {
            // There may always be more behind it: what is sent must go all the same.
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Moves everything to the end of `room`.
    pub(super) fn move_to(&mut self, room: &mut Vec<u8>) {
        room.extend_from_slice(self.rest());
        self.sent = 0;
        self.bytes = Vec::new();
    }

    /// Puts `bytes` before all the others.
    pub(super) fn put_back(&mut self, bytes: &[u8]) {
        self.bytes.splice(..self.sent, bytes.iter().copied());
        self.sent = 0;
    }

    /// Gives the buffer back when nothing is in it.
    pub(super) fn shrink(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        let mut bytes = mem::take(&mut self.bytes);
        bytes.drain(..mem::take(&mut self.sent));
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::{Outbox, WRITE_SIZE};

    #[test]
    fn what_was_sent_is_dropped_though_there_is_always_more() {
        let mut outbox = Outbox::default();
        let (mut written, mut sent) = (0_u64, 0_u64);
        // A transport that is never quite done, and a writer that never stops: 64 MiB of it.
        while sent < 64 * 1024 * 1024 {
            outbox.end().extend((0..1000).map(|i| (written + i) as u8));
            written += 1000;
            let part = outbox.rest().len() - 1;
            let expected: Vec<u8> = (0..part as u64).map(|i| (sent + i) as u8).collect();
            assert_eq!(outbox.rest()[..part], expected);
            outbox.sent(part);
            sent += part as u64;
            assert!(outbox.bytes.len() <= 2 * WRITE_SIZE, "{} bytes kept", outbox.bytes.len());
        }
    }

    #[test]
    fn what_the_transport_did_not_take_comes_first() {
        let mut outbox = Outbox::default();
        outbox.end().extend_from_slice(b"abc");
        outbox.sent(1);
        let mut room = Vec::new();
        outbox.move_to(&mut room);
        assert!(outbox.is_empty());
        outbox.end().extend_from_slice(b"d");
        outbox.put_back(&room[1..]);
        assert_eq!((outbox.rest(), &room[..]), (&b"cd"[..], &b"bc"[..]));
        outbox.sent(1);
        assert_eq!(outbox.take(), b"d");
    }
}
