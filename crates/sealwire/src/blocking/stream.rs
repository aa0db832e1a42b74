//! A TLS connection over a blocking stream.

use std::io::{self, IoSlice, Read, Write};
use std::time::Instant;

use super::Transport;
use crate::error::Error;
use crate::session::{Event, Peer, Session};
use crate::wire::{Driver, FAREWELL, FAREWELL_BYTES, Next, Parts, Received, has_hung_up};

/// A TLS connection over `IO`.
///
/// A read returns 0 bytes only after the peer's `close_notify`. When the transport ends without it,
/// the read fails with [`io::ErrorKind::UnexpectedEof`]: what was received may be cut short.
/// [`shutdown`](Self::shutdown) sends ours; dropping the stream does not, which the peer sees as
/// that error. A client that only writes ends with [`finish`](Self::finish). I/O errors hold an [`Error`] of ours, which `Error::from` takes out.
///
/// A transport that would block, or whose time is up, loses nothing: call again.
#[derive(Debug)]
pub struct Stream<IO> {
    io: IO,
    driver: Driver,
}

impl<IO> Stream<IO> {
    /// The other side of the connection.
    pub fn peer(&self) -> &Peer {
        self.session().peer().expect("a stream is handed out after the handshake")
    }

    /// The transport.
    pub fn get_ref(&self) -> &IO {
        &self.io
    }

    /// The session: Finished values, exported keying material, bytes counted.
    pub fn session(&self) -> &Session {
        self.driver.session()
    }

    /// [`Session::set_max_fragment_size`].
    ///
    /// # Errors
    /// [`Error::Misused`] for a size that is out of bounds.
    pub fn set_max_fragment_size(&mut self, bytes: usize) -> Result<(), Error> {
        self.driver.set_max_fragment_size(bytes)
    }

    /// The events since the handshake, in order; of new sessions the last eight are kept.
    pub fn next_event(&mut self) -> Option<Event> {
        self.driver.poll_event()
    }

    /// Takes the stream apart. To continue without TLS (the reverse of STARTTLS), read to the end
    /// and shut down first: then [`received`](Parts::received) is the beginning of what follows.
    pub fn into_inner(self) -> Parts<IO> {
        self.driver.into_parts(self.io)
    }

    pub(super) fn new(io: IO, session: Session) -> Self {
        Self { io, driver: Driver::new(session) }
    }
}

impl<IO: Read + Write> Stream<IO> {
    /// Sends close_notify after the remaining data. Reading continues. The transport stays open in
    /// both directions.
    ///
    /// # Errors
    /// Those of the transport; the next call continues.
    pub fn shutdown(&mut self) -> io::Result<()> {
        self.driver.close();
        self.flush()
    }

    /// Says that no more data will be sent, ends the transport's side, and reads until the server has
    /// ended its own, or has not for [`FAREWELL`], throwing away what comes: for clients that only
    /// write. In TLS 1.3 a server sends tickets, and a socket that is closed over something unread is
    /// reset, by which what was written and is still on its way is lost.
    ///
    /// # Errors
    /// Those of the transport while there is something to send.
    pub fn finish(mut self) -> io::Result<()>
    where
        IO: Transport,
    {
        self.shutdown()?;
        self.farewell();
        Ok(())
    }

    pub(super) fn handshake(
        &mut self,
        mut on_event: impl FnMut(Event, &mut Driver),
    ) -> Result<(), Error> {
        loop {
            match self.driver.next() {
                Next::Event(event) => {
                    let complete = matches!(event, Event::HandshakeComplete);
                    on_event(event, &mut self.driver);
                    if let Some(question) = self.driver.question() {
                        question.close();
                    }
                    if complete {
                        return self.flush().map_err(Error::from);
                    }
                }
                Next::Transport => {
                    self.flush()?;
                    if self.fill()? == 0 {
                        self.driver.receive_eof()?;
                    }
                }
                Next::Failed(error) => {
                    // The alert goes out before its error is told; the loss of it changes nothing.
                    let _ = self.flush();
                    return Err(error);
                }
            }
        }
    }

    /// Ends the transport of a handshake that failed, when the peer has had the time to read why.
    pub(super) fn farewell(&mut self)
    where
        IO: Transport,
    {
        if self.io.end_sending(FAREWELL).is_err() {
            return;
        }
        let (start, mut left, mut room) = (Instant::now(), FAREWELL_BYTES, vec![0; 8 * 1024]);
        // However that ends, it is over: by the peer's end, by the time, or by a peer that says more.
        while left > 0 && start.elapsed() < FAREWELL {
            match self.io.read(&mut room) {
                Ok(count @ 1..) => left = left.saturating_sub(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return,
            }
        }
    }

    /// Writes what there is to send to the transport.
    fn send(&mut self) -> io::Result<()> {
        loop {
            let outgoing = self.driver.outgoing();
            if outgoing.is_empty() {
                return Ok(());
            }
            match self.io.write(outgoing) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.driver.sent(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_for_later(&error) => return Err(error),
                Err(error) => return Err(self.last_word(error)),
            }
        }
    }

    /// The transport takes nothing any longer. What the peer said before it closed the connection says why: an
    /// alert, say, that is still unread.
    fn last_word(&mut self, error: io::Error) -> io::Error {
        if !has_hung_up(&error) {
            return error;
        }
        while let Ok(1..) = self.fill() {
            // Data stay where they are, for a reader.
            match self.driver.look_ahead() {
                Ok(()) => {}
                Err(said) => return said.into(),
            }
        }
        error
    }

    /// Reads more from the transport.
    fn fill(&mut self) -> io::Result<usize> {
        loop {
            match self.io.read(self.driver.room()) {
                Ok(count) => {
                    self.driver.filled(count);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn write_by(
        &mut self,
        write: impl FnOnce(&mut Driver) -> Result<usize, Error>,
    ) -> io::Result<usize> {
        // What was taken before goes first, or nothing more is taken.
        self.send()?;
        let count = write(&mut self.driver)?;
        match self.send() {
            // It is taken, and goes out with the next call.
            Err(error) if is_for_later(&error) => Ok(count),
            other => other.map(|()| count),
        }
    }
}

impl<IO: Read + Write> Read for Stream<IO> {
    fn read(&mut self, mut buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        loop {
            let received = self.driver.read(&mut buf);
            if self.driver.is_sending() {
                // What the session itself has to say: an alert, say. Its loss shows in a write.
                let _ = self.send();
            }
            match received? {
                Received::Data(count) => return Ok(count),
                Received::End => return Ok(0),
                Received::Blocked => {
                    if self.fill()? == 0 {
                        self.driver.receive_eof()?;
                    }
                }
            }
        }
    }
}

impl<IO: Read + Write> Write for Stream<IO> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_by(|driver| driver.write(buf))
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        // Small pieces become one record: a header and a body in one system call.
        self.write_by(|driver| driver.write_vectored(bufs))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()?;
        self.io.flush()
    }
}

/// Whether the transport takes the rest another time.
fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
