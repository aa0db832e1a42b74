//! What a stream keeps between calls: bytes received, data not read yet, bytes to send.

use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::io::poll_read_buf;

use crate::error::Error;
use crate::session::{Session, Sink};

/// How much is read from the transport at once: the more, the more there was the last time. Large
/// reads save system calls on bulk data, small ones memory when connections are many.
const MIN_READ: usize = 8 * 1024;
const MAX_READ: usize = 64 * 1024;

/// How much plaintext one write takes: four full records.
pub(super) const WRITE_SIZE: usize = 64 * 1024;

/// Bytes from the transport that the session has not consumed.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) bytes: Vec<u8>,
    pub(super) start: usize,
    /// How much the next read asks for.
    pub(super) ask: usize,
    /// The last read gave less than was asked for: there is probably no more for now.
    pub(super) drained: bool,
}

impl Default for Received {
    fn default() -> Self {
        Self { bytes: Vec::new(), start: 0, ask: MIN_READ, drained: false }
    }
}

impl Received {
    /// Shows the bytes to the session and drops what it is done with.
    pub(super) fn process(
        &mut self,
        session: &mut Session,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let consumed = session.receive(&mut self.bytes[self.start..], sink)?;
        self.start += consumed;
        if self.start == self.bytes.len() {
            self.start = 0;
            // A connection that may be going to wait keeps no buffer.
            match self.drained {
                true => self.bytes = Vec::new(),
                false => self.bytes.clear(),
            }
        }
        Ok(())
    }

    /// Reads more.
    pub(super) fn poll_fill<IO: AsyncRead + Unpin>(
        &mut self,
        io: &mut IO,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.reserve_exact(self.ask);
        let room = self.bytes.capacity() - self.bytes.len();
        let read = poll_read_buf(Pin::new(io), cx, &mut self.bytes);
        match &read {
            Poll::Ready(Ok(count)) => {
                self.drained = *count < room;
                if !self.drained {
                    self.ask = (self.ask * 2).min(MAX_READ);
                } else if *count < self.ask / 4 {
                    self.ask = (self.ask / 2).max(MIN_READ);
                }
            }
            // What is waited for may never come: no more is kept than has come.
            Poll::Pending => self.bytes.shrink_to_fit(),
            _ => {}
        }
        read
    }
}

/// Decrypted data that wait for a reader.
#[derive(Debug, Default)]
pub(super) struct Unread {
    pub(super) bytes: Vec<u8>,
    pub(super) start: usize,
}

impl Unread {
    pub(super) fn move_to(&mut self, buf: &mut ReadBuf<'_>) {
        if self.bytes.is_empty() {
            return;
        }
        let rest = &self.bytes[self.start..];
        let count = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..count]);
        self.start += count;
        if self.start == self.bytes.len() {
            *self = Self::default();
        }
    }
}

impl Sink for Unread {
    fn take(&mut self, plaintext: &[u8]) {
        self.bytes.extend_from_slice(plaintext);
    }
}

/// The reader's own buffer, and where the rest of a record goes that does not fit.
pub(super) struct Reader<'a, 'b, 'c> {
    pub(super) buf: &'a mut ReadBuf<'b>,
    pub(super) overflow: &'c mut Unread,
}

impl Sink for Reader<'_, '_, '_> {
    fn take(&mut self, plaintext: &[u8]) {
        let count = plaintext.len().min(self.buf.remaining());
        self.buf.put_slice(&plaintext[..count]);
        self.overflow.take(&plaintext[count..]);
    }

    fn is_full(&self) -> bool {
        self.buf.remaining() == 0
    }
}

/// Bytes for the transport.
#[derive(Debug, Default)]
pub(super) struct ToSend {
    pub(super) bytes: Vec<u8>,
    pub(super) start: usize,
}

impl ToSend {
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Gives the buffer back when nothing is in it.
    pub(super) fn give_back(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = Vec::new();
        }
    }

    pub(super) fn advance(&mut self, written: usize) {
        self.start += written;
        if self.start == self.bytes.len() {
            // Large buffers are given back; a small one is kept for the next message.
            const KEEP: usize = 4 * 1024;
            self.start = 0;
            match self.bytes.capacity() > KEEP {
                true => drop(mem::take(&mut self.bytes)),
                false => self.bytes.clear(),
            }
        } else if self.start >= WRITE_SIZE {
            // There may always be more behind it: what is sent must go all the same.
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ToSend, WRITE_SIZE};

    #[test]
    fn what_was_sent_is_dropped_though_there_is_always_more() {
        let mut to_send = ToSend::default();
        let (mut written, mut sent) = (0_u64, 0_u64);
        // A transport that is never quite done, and a writer that never stops: 64 MiB of it.
        while sent < 64 * 1024 * 1024 {
            to_send.bytes.extend((0..1000).map(|i| (written + i) as u8));
            written += 1000;
            let part = to_send.rest().len() - 1;
            let expected: Vec<u8> = (0..part as u64).map(|i| (sent + i) as u8).collect();
            assert_eq!(to_send.rest()[..part], expected);
            to_send.advance(part);
            sent += part as u64;
            assert!(to_send.bytes.len() <= 2 * WRITE_SIZE, "{} bytes kept", to_send.bytes.len());
        }
    }
}
