//! What was read of a connection and not taken.

use bytes::{Buf, Bytes};
use tokio::io::ReadBuf;

#[derive(Default)]
pub(super) struct Ahead(Bytes);

impl Ahead {
    pub(super) fn get(&self) -> &Bytes {
        &self.0
    }

    pub(super) fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.0)
    }

    /// Puts bytes before these.
    pub(super) fn put_before(&mut self, bytes: Bytes) {
        self.0 = joined(bytes, std::mem::take(&mut self.0));
    }

    /// Puts bytes behind these.
    pub(super) fn put_behind(&mut self, bytes: Bytes) {
        self.0 = joined(std::mem::take(&mut self.0), bytes);
    }

    /// Reads of it. Whether there was anything.
    pub(super) fn read(&mut self, room: &mut ReadBuf<'_>) -> bool {
        let count = self.0.len().min(room.remaining());
        room.put_slice(&self.0[..count]);
        let was_any = !self.0.is_empty();
        self.0.advance(count);
        was_any
    }
}

fn joined(first: Bytes, second: Bytes) -> Bytes {
    match (first.is_empty(), second.is_empty()) {
        (true, _) => second,
        (_, true) => first,
        _ => [&first[..], &second[..]].concat().into(),
    }
}
