//! One end of a tunnelled connection: a socket, with or without TLS on it.

use std::io;
use std::task::{Context, Poll, ready};

use sealwire::session::{Event, Question, Sink};
use sealwire::wire::{Driver, FAREWELL, FAREWELL_BYTES, Next};
use sealwire::{Alert, Error, Peer, ProtocolVersion, Session};
use tokio::io::ReadBuf;

use super::scratch::{self, Scratch};
use super::socket::Socket;

/// A socket, and what waits to be sent on it.
#[derive(Debug)]
pub(crate) struct End {
    socket: Socket,
    line: Line,
    finished: Finish,
    /// Bytes of the other side's data that went out here.
    pub(crate) delivered: u64,
}

/// What is spoken on the socket.
#[derive(Debug)]
enum Line {
    Plain {
        /// What the socket did not take yet, and how much of that it took since.
        pending: Vec<u8>,
        sent: usize,
    },
    Tls {
        driver: Box<Driver>,
        /// Whether what came with the last message of the handshake is still to be looked at.
        fresh: bool,
        /// How the socket failed behind data that were to be given out first.
        broken: Option<io::Error>,
    },
}

/// Whether an end was said to be finished, and with what on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finish {
    No,
    WithData,
    Alone,
}

/// What a read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    /// Something, perhaps no data.
    Some,
    /// The peer has no more to send.
    End,
}

/// So much data of small records make one write, or so many records.
const GATHERED: usize = 16 * 1024;
const RECORDS: usize = 256;

/// Data, and of how many records they are.
struct Batch<'a> {
    plain: &'a mut Vec<u8>,
    records: usize,
}

impl Batch<'_> {
    /// Whether it is worth to ask for more. The sender of several small records keeps writing while
    /// they are decrypted; a sender of one waits for the answer.
    fn grows(&self) -> bool {
        (2..RECORDS).contains(&self.records) && self.plain.len() < GATHERED
    }
}

impl Sink for Batch<'_> {
    fn take(&mut self, plaintext: &[u8]) {
        self.records += 1;
        self.plain.extend_from_slice(plaintext);
    }
}

impl End {
    /// A socket as it is.
    pub(crate) fn plain(socket: Socket) -> Self {
        Self::of(socket, Line::Plain { pending: Vec::new(), sent: 0 })
    }

    /// A socket with a TLS session that has yet to be established; `received` came before.
    pub(crate) fn tls(socket: Socket, session: Session, received: Vec<u8>) -> Self {
        let driver = Box::new(Driver::with_received(session, received));
        Self::of(socket, Line::Tls { driver, fresh: true, broken: None })
    }

    fn of(socket: Socket, line: Line) -> Self {
        Self { socket, line, finished: Finish::No, delivered: 0 }
    }

    /// The socket of an end without TLS, and with TLS that never began: what came on it stays
    /// unconsumed until the session continues.
    pub(crate) fn into_raw(self) -> (Socket, Vec<u8>) {
        match self.line {
            Line::Plain { .. } => (self.socket, Vec::new()),
            Line::Tls { mut driver, .. } => (self.socket, driver.take_unconsumed()),
        }
    }

    /// What is known of the peer of a TLS session that is established.
    pub(crate) fn peer(&self) -> Option<&Peer> {
        self.session()?.peer()
    }

    /// The TLS session, if there is one.
    pub(crate) fn session(&self) -> Option<&Session> {
        match &self.line {
            Line::Plain { .. } => None,
            Line::Tls { driver, .. } => Some(driver.session()),
        }
    }

    /// Exchanges bytes until the session tells something.
    pub(crate) async fn next_event(&mut self) -> Result<Event, Error> {
        std::future::poll_fn(|cx| scratch::with(|scratch| self.poll_event(cx, scratch))).await
    }

    /// The session's question, if one is open.
    pub(crate) fn question(&mut self) -> Option<Question<'_>> {
        match &mut self.line {
            Line::Plain { .. } => None,
            Line::Tls { driver, .. } => driver.question(),
        }
    }

    /// Sends what the last step of a client's handshake left, if it waits for that. It does not wait for
    /// the tickets of TLS 1.3, which go out with the first data or by the relay.
    pub(crate) async fn flush_handshake(&mut self) -> io::Result<()> {
        match self.peer() {
            Some(peer) if peer.protocol() == ProtocolVersion::Tls13 => Ok(()),
            _ => self.flush().await,
        }
    }

    /// Sends everything that waits.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Ends a connection that broke, so that its peer cannot take what it got for the whole. A
    /// peer of TLS is told by an alert, and has the time to read it: a socket that is closed while
    /// something of the peer's is unread is reset, and the alert may be lost with it.
    pub(crate) async fn break_off(&mut self, alert: Alert) {
        if let Line::Tls { driver, .. } = &mut self.line {
            driver.abort(alert);
            self.farewell().await;
        }
        self.socket.reset_on_close();
    }

    /// Sends what there is still to say (an alert), ends our side, and reads on until the peer has
    /// closed or had the time to read it.
    pub(crate) async fn farewell(&mut self) {
        let mut left = FAREWELL_BYTES;
        let mut ended = false;
        let last_words = std::future::poll_fn(|cx| {
            ready!(self.poll_flush(cx))?;
            if !std::mem::replace(&mut ended, true) {
                self.socket.shutdown()?;
            }
            scratch::with(|Scratch { wire, .. }| {
                loop {
                    let mut buf = ReadBuf::new(wire);
                    ready!(self.socket.poll_read(cx, &mut buf))?;
                    left = left.saturating_sub(buf.filled().len());
                    if buf.filled().is_empty() || left == 0 {
                        return Poll::Ready(io::Result::Ok(()));
                    }
                }
            })
        });
        // However that ends, it is over.
        let _ = tokio::time::timeout(FAREWELL, last_words).await;
    }

    /// Sends `bytes` as they are, before anything else.
    pub(crate) async fn send_raw(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        match &mut self.line {
            Line::Plain { pending, .. } => pending.extend(bytes),
            Line::Tls { driver, .. } => driver.put_back(&bytes),
        }
        self.flush().await
    }

    /// Takes data that came before the ends were joined; they are sent by the relay.
    pub(crate) fn send_first(&mut self, data: &[u8]) -> Result<(), Error> {
        self.delivered += data.len() as u64;
        match &mut self.line {
            Line::Plain { pending, .. } => pending.extend_from_slice(data),
            Line::Tls { driver, .. } => {
                let mut sealed = Vec::new();
                driver.write_in(data, &mut sealed)?;
                driver.put_back(&sealed);
            }
        }
        Ok(())
    }

    /// The next data of the peer; empty when there are no more.
    pub(crate) async fn receive(&mut self) -> Result<Vec<u8>, Error> {
        loop {
            let received = std::future::poll_fn(|cx| {
                scratch::with(|scratch| {
                    scratch.plain.clear();
                    let received = ready!(self.poll_receive(cx, scratch))?;
                    Poll::Ready(Ok::<_, Error>((received, scratch.plain.clone())))
                })
            });
            match received.await? {
                (Received::End, _) => return Ok(Vec::new()),
                (Received::Some, data) if !data.is_empty() => return Ok(data),
                (Received::Some, _) => self.flush().await?,
            }
        }
    }

    /// Whether the peer of a TLS session went away without a byte.
    pub(crate) fn heard_nothing(&self) -> bool {
        matches!(&self.line, Line::Tls { driver, .. } if !driver.has_heard())
    }

    fn poll_event(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
    ) -> Poll<Result<Event, Error>> {
        loop {
            let Line::Tls { driver, .. } = &mut self.line else {
                return Poll::Ready(Err(Error::Misused("no TLS on this end")));
            };
            match driver.next() {
                Next::Event(event) => return Poll::Ready(Ok(event)),
                Next::Failed(error) => {
                    // The alert goes out before the error is told; its loss changes nothing.
                    let _ = ready!(self.poll_flush(cx));
                    return Poll::Ready(Err(error));
                }
                Next::Transport => {}
            }
            if let Poll::Ready(sent) = self.poll_flush(cx) {
                sent?;
            }
            let mut buf = ReadBuf::new(&mut scratch.wire);
            ready!(self.socket.poll_read(cx, &mut buf))?;
            let Line::Tls { driver, .. } = &mut self.line else { continue };
            match buf.filled() {
                [] => driver.receive_eof()?,
                read => driver.push(read),
            }
        }
    }

    /// Reads data of the peer into `scratch.plain`.
    ///
    /// # Errors
    /// Once everything that came before the error was given out.
    pub(crate) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
    ) -> Poll<Result<Received, Error>> {
        let Scratch { wire, plain, .. } = scratch;
        let Line::Tls { driver, fresh, broken } = &mut self.line else {
            let mut buf = ReadBuf::new(wire);
            ready!(self.socket.poll_read(cx, &mut buf))?;
            plain.extend_from_slice(buf.filled());
            return Poll::Ready(Ok(if buf.filled().is_empty() {
                Received::End
            } else {
                Received::Some
            }));
        };
        if let Some(error) = driver.session().error() {
            return Poll::Ready(Err(error.clone()));
        }
        if driver.session().peer_has_closed() {
            return Poll::Ready(Ok(Received::End));
        }
        if let Some(error) = broken.take() {
            return Poll::Ready(Err(error.into()));
        }
        // What is left over is a part of a record, or came with the end of the handshake.
        let held = driver.unconsumed();
        let mut length = held.len();
        wire[..length].copy_from_slice(held);
        if !std::mem::take(fresh) {
            let mut buf = ReadBuf::new(&mut wire[length..]);
            ready!(self.socket.poll_read(cx, &mut buf))?;
            if buf.filled().is_empty() {
                return Poll::Ready(driver.receive_eof().map(|()| Received::End));
            }
            length += buf.filled().len();
        }
        let mut batch = Batch { plain, records: 0 };
        loop {
            let received = driver.read_in(&mut wire[..length], &mut batch);
            while driver.poll_event().is_some() {}
            match received {
                Ok(consumed) => {
                    wire.copy_within(consumed..length, 0);
                    length -= consumed;
                }
                Err(error) if batch.plain.is_empty() => return Poll::Ready(Err(error)),
                // It is told again when the data are delivered.
                Err(_) => break,
            }
            if !batch.grows() || driver.session().peer_has_closed() {
                driver.keep(&wire[..length]);
                break;
            }
            match self.socket.read_now(&mut wire[length..]) {
                // The end shows again.
                Ok(None | Some(0)) => {
                    driver.keep(&wire[..length]);
                    break;
                }
                Ok(Some(count)) => length += count,
                Err(error) => {
                    *broken = Some(error);
                    break;
                }
            }
        }
        Poll::Ready(Ok(Received::Some))
    }

    /// Sends `data`; what the socket does not take now waits. To be called only when nothing
    /// waits, so that no more than one read's data ever does.
    pub(crate) fn send(
        &mut self,
        cx: &mut Context<'_>,
        data: &[u8],
        sealed: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.delivered += data.len() as u64;
        let bytes = match &mut self.line {
            // With what the session had to say: an alert, a key update.
            Line::Tls { driver, .. } => {
                sealed.clear();
                driver.write_in(data, sealed)?;
                sealed.as_slice()
            }
            Line::Plain { .. } => data,
        };
        let mut taken = 0;
        let waits = matches!(&self.line, Line::Plain { pending, .. } if !pending.is_empty());
        while !waits && taken < bytes.len() {
            match self.socket.poll_write(cx, &bytes[taken..]) {
                Poll::Ready(Ok(0)) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Poll::Ready(Ok(written)) => taken += written,
                Poll::Ready(Err(e)) => return Err(self.last_word(cx, e).into()),
                Poll::Pending => break,
            }
        }
        if taken < bytes.len() {
            match &mut self.line {
                Line::Tls { driver, .. } => driver.put_back(&bytes[taken..]),
                Line::Plain { pending, .. } => pending.extend_from_slice(&bytes[taken..]),
            }
        }
        Ok(())
    }

    /// Sends what waits.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let rest = match &mut self.line {
                Line::Tls { driver, .. } => driver.outgoing(),
                Line::Plain { pending, sent } => &pending[*sent..],
            };
            if rest.is_empty() {
                break;
            }
            match (ready!(self.socket.poll_write(cx, rest)), &mut self.line) {
                (Ok(0), _) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                (Ok(written), Line::Tls { driver, .. }) => driver.sent(written),
                (Ok(written), Line::Plain { sent, .. }) => *sent += written,
                (Err(e), _) => return Poll::Ready(Err(self.last_word(cx, e))),
            }
        }
        // A waiting connection keeps no buffer.
        match &mut self.line {
            Line::Tls { driver, .. } => driver.shrink(),
            Line::Plain { pending, sent } => (*pending, *sent) = (Vec::new(), 0),
        }
        Poll::Ready(Ok(()))
    }

    /// The socket takes nothing any longer. What a peer of TLS said before it closed the connection says why: an
    /// alert, say, that was not read yet.
    fn last_word(&mut self, cx: &mut Context<'_>, error: io::Error) -> io::Error {
        let Line::Tls { driver, .. } = &mut self.line else { return error };
        loop {
            let mut buf = ReadBuf::new(driver.room());
            let read = self.socket.poll_read(cx, &mut buf);
            let count = buf.filled().len();
            if count == 0 || !matches!(read, Poll::Ready(Ok(()))) {
                return error;
            }
            driver.filled(count);
            if let Err(said) = driver.look_ahead() {
                return said.into();
            }
        }
    }

    /// Whether something waits to be sent.
    pub(crate) fn is_sending(&self) -> bool {
        match &self.line {
            Line::Tls { driver, .. } => driver.is_sending(),
            Line::Plain { pending, .. } => !pending.is_empty(),
        }
    }

    /// Whether the socket has not taken what was sent before.
    pub(crate) fn is_blocked(&self) -> bool {
        match &self.line {
            Line::Tls { driver, .. } => driver.is_blocked(),
            Line::Plain { pending, .. } => !pending.is_empty(),
        }
    }

    /// Says that nothing more is sent: `close_notify`, then the end of the stream. A peer that is
    /// gone before that has lost nothing, so it is an error only if data were still on their way.
    pub(crate) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.finished == Finish::No {
            self.finished = if self.is_sending() { Finish::WithData } else { Finish::Alone };
            if let Line::Tls { driver, .. } = &mut self.line {
                driver.close();
            }
        }
        let ended = match ready!(self.poll_flush(cx)) {
            Ok(()) => self.socket.shutdown(),
            Err(e) => Err(e),
        };
        Poll::Ready(if self.finished == Finish::Alone { Ok(()) } else { ended })
    }

    /// Gives back memory that only the handshake needed.
    pub(crate) fn settle(&mut self) {
        if let Line::Tls { driver, .. } = &mut self.line {
            driver.shrink();
        }
    }
}
