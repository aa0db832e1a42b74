//! A TLS connection over a blocking stream.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Read, Write};

use crate::error::Error;
use crate::parts::Parts;
use crate::session::{Event, Peer, Session, Sink};

/// A TLS connection over `IO`.
///
/// A read gives 0 bytes only after the peer's `close_notify`. When the transport ends without it,
/// the read fails with [`io::ErrorKind::UnexpectedEof`]: what was received may be cut short.
/// [`shutdown`](Self::shutdown) sends ours; dropping the stream does not, and says so to the peer by
/// that error. I/O errors hold an [`Error`] of ours, which `Error::from` takes out.
///
/// A transport that would block, or whose time is up, loses nothing: call again.
#[derive(Debug)]
pub struct Stream<IO> {
    io: IO,
    session: Session,
    received: Received,
    /// Decrypted data that did not fit into the reader's buffer.
    unread: Unread,
    /// Bytes for the transport, of which so many are sent.
    to_send: Vec<u8>,
    sent: usize,
    events: VecDeque<Event>,
}

/// How much is read from the transport at once: the more, the more there was the last time.
const MIN_READ: usize = 8 * 1024;
const MAX_READ: usize = 64 * 1024;

/// How much plaintext one write takes: four full records.
const WRITE_SIZE: usize = 64 * 1024;

/// How many events wait for somebody to ask; the oldest go first. A server that sends tickets
/// without end must not fill our memory.
const EVENTS: usize = 16;

impl<IO> Stream<IO> {
    /// What is known of the other side.
    pub fn peer(&self) -> &Peer {
        self.session.peer().expect("a stream is handed out after the handshake")
    }

    /// The transport.
    pub fn get_ref(&self) -> &IO {
        &self.io
    }

    /// The session: Finished values, exported keying material, bytes counted.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// [`Session::set_max_fragment_size`].
    ///
    /// # Errors
    /// [`Error::Misused`] for a size that is out of bounds.
    pub fn set_max_fragment_size(&mut self, bytes: usize) -> Result<(), Error> {
        self.session.set_max_fragment_size(bytes)
    }

    /// What happened since the handshake, in order; the last 16 events are kept.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Takes the stream apart. To go on without TLS (the reverse of STARTTLS), read to the end and
    /// shut down first: then [`received`](Parts::received) is the beginning of what follows.
    pub fn into_inner(mut self) -> Parts<IO> {
        // Whatever is complete is decrypted; an error shows again to who goes on.
        let _ = self.received.process(&mut self.session, &mut self.unread);
        self.session.take_output(&mut self.to_send);
        Parts {
            io: self.io,
            unread: self.unread.bytes.split_off(self.unread.start),
            received: self.received.rest().to_vec(),
            unsent: self.to_send.split_off(self.sent),
            session: self.session,
        }
    }

    pub(super) fn new(io: IO, session: Session) -> Self {
        Self {
            io,
            session,
            received: Received::default(),
            unread: Unread::default(),
            to_send: Vec::new(),
            sent: 0,
            events: VecDeque::new(),
        }
    }

    fn note_events(&mut self) {
        while let Some(event) = self.session.poll_event() {
            if self.events.len() == EVENTS {
                self.events.pop_front();
            }
            self.events.push_back(event);
        }
    }
}

impl<IO: Read + Write> Stream<IO> {
    /// Says that no more data will be sent, and sends what is left. Reading goes on. The transport
    /// stays open in both directions.
    ///
    /// # Errors
    /// Those of the transport; the next call goes on.
    pub fn shutdown(&mut self) -> io::Result<()> {
        self.session.send_close_notify();
        self.flush()
    }

    pub(super) fn handshake(
        &mut self,
        mut on_event: impl FnMut(Event, &mut Session),
    ) -> Result<(), Error> {
        loop {
            let outcome = self.received.process(&mut self.session, &mut self.unread);
            let (mut complete, mut asked) = (false, false);
            while let Some(event) = self.session.poll_event() {
                complete |= matches!(event, Event::HandshakeComplete);
                asked |= matches!(event, Event::Question);
                on_event(event, &mut self.session);
            }
            if let Some(question) = self.session.question() {
                question.close();
            }
            // An alert goes out before its error is told; the loss of it changes nothing.
            let sent = self.flush();
            outcome?;
            if complete {
                return sent.map_err(Error::from);
            }
            if asked {
                continue;
            }
            sent?;
            if self.received.fill(&mut self.io)? == 0 {
                self.session.receive_eof()?;
            }
        }
    }

    /// Writes what there is to send to the transport.
    fn drain(&mut self) -> io::Result<()> {
        while self.sent < self.to_send.len() {
            match self.io.write(&self.to_send[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.to_send.clear();
        self.sent = 0;
        Ok(())
    }

    fn write_pieces(&mut self, pieces: &[IoSlice<'_>], count: usize) -> io::Result<usize> {
        // What was taken before goes first, or nothing more is taken.
        self.drain()?;
        self.session.encrypt_vectored(pieces, &mut self.to_send)?;
        match self.drain() {
            // It is taken, and goes out with the next call.
            Err(error) if is_for_later(&error) => Ok(count),
            other => other.map(|()| count),
        }
    }
}

impl<IO: Read + Write> Read for Stream<IO> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        loop {
            let mut reader =
                Reader { filled: self.unread.move_to(buf), buf, rest: &mut self.unread };
            let outcome = self.received.process(&mut self.session, &mut reader);
            let filled = reader.filled;
            self.note_events();
            if self.session.has_output() {
                // What the session itself has to say: an alert, say. Its loss shows in a write.
                self.session.take_output(&mut self.to_send);
                let _ = self.drain();
            }
            // Data that came before an error are the reader's; the error comes next time.
            if filled > 0 {
                return Ok(filled);
            }
            outcome?;
            if self.session.peer_has_closed() {
                return Ok(0);
            }
            if self.received.fill(&mut self.io)? == 0 {
                self.session.receive_eof()?;
            }
        }
    }
}

impl<IO: Read + Write> Write for Stream<IO> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let part = &buf[..buf.len().min(WRITE_SIZE)];
        self.write_pieces(&[IoSlice::new(part)], part.len())
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        // Small pieces become one record: a header and a body in one system call.
        let mut count = 0;
        let whole = bufs.iter().take_while(|buf| {
            let fits = buf.len() <= WRITE_SIZE - count;
            count += if fits { buf.len() } else { 0 };
            fits
        });
        let part = &bufs[..whole.count()];
        match count {
            // The first that is not empty is too long for one write.
            0 => self.write(bufs.iter().find(|buf| !buf.is_empty()).map_or(&[], |buf| &**buf)),
            _ => self.write_pieces(part, count),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.session.take_output(&mut self.to_send);
        self.drain()?;
        self.io.flush()
    }
}

/// Whether the transport takes the rest another time.
fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Bytes from the transport: those between `start` and `end` are not consumed.
#[derive(Debug)]
struct Received {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// How much the next read asks for.
    ask: usize,
    /// The last read gave less than was asked for: there is probably no more for now.
    drained: bool,
}

impl Default for Received {
    fn default() -> Self {
        Self { bytes: Vec::new(), start: 0, end: 0, ask: MIN_READ, drained: false }
    }
}

impl Received {
    fn rest(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Shows the bytes to the session and drops what it is done with.
    fn process(&mut self, session: &mut Session, sink: &mut dyn Sink) -> Result<(), Error> {
        let consumed = session.receive(&mut self.bytes[self.start..self.end], sink)?;
        self.start += consumed;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.drained {
                self.bytes = Vec::new();
            }
        }
        Ok(())
    }

    /// Reads more.
    fn fill(&mut self, io: &mut impl Read) -> io::Result<usize> {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let room = self.end + self.ask;
        if self.bytes.len() < room {
            self.bytes.resize(room, 0);
        }
        let room = &mut self.bytes[self.end..];
        let asked = room.len();
        let count = loop {
            match io.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.end += count;
        self.drained = count < asked;
        if !self.drained {
            self.ask = (self.ask * 2).min(MAX_READ);
        } else if count < self.ask / 4 {
            self.ask = (self.ask / 2).max(MIN_READ);
        }
        Ok(count)
    }
}

/// Decrypted data that wait for a reader.
#[derive(Debug, Default)]
struct Unread {
    bytes: Vec<u8>,
    start: usize,
}

impl Unread {
    /// Gives how much went into `buf`.
    fn move_to(&mut self, buf: &mut [u8]) -> usize {
        let rest = &self.bytes[self.start..];
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        self.start += count;
        if self.start == self.bytes.len() {
            *self = Self::default();
        }
        count
    }
}

impl Sink for Unread {
    fn take(&mut self, plaintext: &[u8]) {
        self.bytes.extend_from_slice(plaintext);
    }
}

/// The reader's own buffer, and where the rest of a record goes that does not fit.
struct Reader<'a> {
    buf: &'a mut [u8],
    filled: usize,
    rest: &'a mut Unread,
}

impl Sink for Reader<'_> {
    fn take(&mut self, plaintext: &[u8]) {
        let room = &mut self.buf[self.filled..];
        let count = plaintext.len().min(room.len());
        room[..count].copy_from_slice(&plaintext[..count]);
        self.filled += count;
        self.rest.take(&plaintext[count..]);
    }

    fn is_full(&self) -> bool {
        self.filled == self.buf.len()
    }
}
