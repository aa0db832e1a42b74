//! One end of a tunnelled connection: a socket, with or without TLS on it.

use std::io;
use std::mem;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use sealwire::session::{Event, Question};
use sealwire::{Error, Peer, Session};
use tokio::io::ReadBuf;

use super::scratch::{self, Scratch};
use super::socket::Socket;

/// A socket, and what waits to be sent on it.
#[derive(Debug)]
pub(crate) struct End {
    socket: Socket,
    tls: Option<Box<Tls>>,
    /// What the socket did not take yet.
    pending: Vec<u8>,
    sent: usize,
    finished: Finish,
    /// Bytes of the other side's data that went out here.
    pub(crate) delivered: u64,
}

#[derive(Debug)]
struct Tls {
    session: Session,
    /// What came and is not decrypted yet: a part of a record.
    inbox: Vec<u8>,
    /// Data that came with the last message of the handshake.
    early: Vec<u8>,
    /// Whether the inbox, or what the session holds, was not looked at since the handshake.
    fresh: bool,
    failed: Option<Error>,
    /// Whether anything came at all.
    heard: bool,
}

/// How long a peer that is turned away has to read why, and how much it may still send meanwhile.
const FAREWELL: Duration = Duration::from_secs(1);
const FAREWELL_BYTES: usize = 1024 * 1024;

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

impl End {
    /// A socket as it is.
    pub(crate) fn plain(socket: Socket) -> Self {
        Self { socket, tls: None, pending: Vec::new(), sent: 0, finished: Finish::No, delivered: 0 }
    }

    /// A socket with a TLS session that has yet to be established; `received` came before.
    pub(crate) fn tls(socket: Socket, session: Session, received: Vec<u8>) -> Self {
        let heard = !received.is_empty();
        let (early, failed) = (Vec::new(), None);
        let tls = Tls { session, inbox: received, early, fresh: true, failed, heard };
        Self { tls: Some(Box::new(tls)), ..Self::plain(socket) }
    }

    /// The socket of an end without TLS, and with TLS that never began: what came on it stays in
    /// the inbox until the session consumes it.
    pub(crate) fn into_raw(self) -> (Socket, Vec<u8>) {
        (self.socket, self.tls.map_or_else(Vec::new, |tls| tls.inbox))
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// What is known of the peer of a TLS session that is established.
    pub(crate) fn peer(&self) -> Option<&Peer> {
        self.tls.as_ref().and_then(|tls| tls.session.peer())
    }

    /// Exchanges bytes until the session tells something.
    pub(crate) async fn next_event(&mut self) -> Result<Event, Error> {
        std::future::poll_fn(|cx| scratch::with(|scratch| self.poll_event(cx, scratch))).await
    }

    /// The session's question, if one is open.
    pub(crate) fn question(&mut self) -> Option<Question<'_>> {
        self.tls.as_mut()?.session.question()
    }

    /// Sends everything that waits.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Ends a connection that came to nothing. What there is to say (an alert) is sent, and the
    /// socket is closed when the peer has closed, or has had the time to read: closed while
    /// something of the peer's is unread, it would be reset, and the alert lost with it.
    pub(crate) async fn farewell(&mut self) {
        let mut unread = FAREWELL_BYTES;
        let last_words = std::future::poll_fn(|cx| {
            ready!(self.poll_flush(cx))?;
            self.socket.shutdown()?;
            scratch::with(|Scratch { wire, .. }| {
                loop {
                    let mut buf = ReadBuf::new(wire);
                    ready!(self.socket.poll_read(cx, &mut buf))?;
                    unread = unread.saturating_sub(buf.filled().len());
                    if buf.filled().is_empty() || unread == 0 {
                        return Poll::Ready(io::Result::Ok(()));
                    }
                }
            })
        });
        // Whatever went wrong, it is over.
        let _ = tokio::time::timeout(FAREWELL, last_words).await;
    }

    /// Sends `bytes` as they are, before anything else.
    pub(crate) async fn send_raw(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        self.pending.extend(bytes);
        self.flush().await
    }

    /// Takes data that came before the ends were joined; they are sent by the relay.
    pub(crate) fn send_first(&mut self, data: &[u8]) -> Result<(), Error> {
        self.delivered += data.len() as u64;
        match &mut self.tls {
            Some(tls) => tls.session.encrypt(data, &mut self.pending),
            None => {
                self.pending.extend_from_slice(data);
                Ok(())
            }
        }
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

    /// Whether the peer went away without a byte.
    pub(crate) fn heard_nothing(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| !tls.heard)
    }

    fn poll_event(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
    ) -> Poll<Result<Event, Error>> {
        loop {
            let Some(tls) = &mut self.tls else {
                return Poll::Ready(Err(Error::Misused("no TLS on this end")));
            };
            if let Some(event) = tls.session.poll_event() {
                return Poll::Ready(Ok(event));
            }
            let outcome = tls.session.receive(&mut tls.inbox, &mut Early(&mut tls.early));
            tls.session.take_output(&mut self.pending);
            match outcome {
                Err(error) => {
                    // The alert goes out before the error is told; its loss changes nothing.
                    let _ = ready!(self.poll_flush(cx));
                    return Poll::Ready(Err(error));
                }
                Ok(consumed) => drop(tls.inbox.drain(..consumed)),
            }
            if let Some(event) = tls.session.poll_event() {
                return Poll::Ready(Ok(event));
            }
            if let Poll::Ready(sent) = self.poll_flush(cx) {
                sent?;
            }
            let Some(tls) = &mut self.tls else { continue };
            let mut buf = ReadBuf::new(&mut scratch.wire);
            ready!(self.socket.poll_read(cx, &mut buf))?;
            match buf.filled() {
                [] => tls.session.receive_eof()?,
                read => {
                    tls.heard = true;
                    tls.inbox.extend_from_slice(read);
                }
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
        let Some(tls) = &mut self.tls else {
            let mut buf = ReadBuf::new(wire);
            ready!(self.socket.poll_read(cx, &mut buf))?;
            plain.extend_from_slice(buf.filled());
            return Poll::Ready(Ok(if buf.filled().is_empty() {
                Received::End
            } else {
                Received::Some
            }));
        };
        if let Some(error) = tls.failed.take() {
            return Poll::Ready(Err(error));
        }
        if !tls.early.is_empty() {
            plain.append(&mut mem::take(&mut tls.early));
            return Poll::Ready(Ok(Received::Some));
        }
        if tls.session.peer_has_closed() {
            return Poll::Ready(Ok(Received::End));
        }
        let held = mem::take(&mut tls.inbox);
        let mut length = held.len();
        wire[..length].copy_from_slice(&held);
        if !mem::take(&mut tls.fresh) {
            let mut buf = ReadBuf::new(&mut wire[length..]);
            match self.socket.poll_read(cx, &mut buf) {
                Poll::Ready(read) => read?,
                Poll::Pending => {
                    tls.inbox = held;
                    return Poll::Pending;
                }
            }
            if buf.filled().is_empty() {
                return Poll::Ready(tls.session.receive_eof().map(|()| Received::End));
            }
            length += buf.filled().len();
        }
        let outcome = tls.session.receive(&mut wire[..length], plain);
        if tls.session.has_output() {
            tls.session.take_output(&mut self.pending);
        }
        while tls.session.poll_event().is_some() {}
        match outcome {
            Ok(consumed) if consumed < length => tls.inbox = wire[consumed..length].to_vec(),
            Ok(_) => {}
            Err(error) if plain.is_empty() => return Poll::Ready(Err(error)),
            Err(error) => tls.failed = Some(error),
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
        let bytes = match &mut self.tls {
            Some(tls) => {
                sealed.clear();
                tls.session.encrypt(data, sealed)?;
                sealed.as_slice()
            }
            None => data,
        };
        let mut taken = 0;
        // What the session had to say (an alert, a key update) may wait from before.
        while self.pending.is_empty() && taken < bytes.len() {
            match self.socket.poll_write(cx, &bytes[taken..]) {
                Poll::Ready(Ok(0)) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Poll::Ready(Ok(written)) => taken += written,
                Poll::Ready(Err(e)) => return Err(e.into()),
                Poll::Pending => break,
            }
        }
        self.pending.extend_from_slice(&bytes[taken..]);
        Ok(())
    }

    /// Sends what waits.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.pending.len() {
            let written = ready!(self.socket.poll_write(cx, &self.pending[self.sent..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written;
        }
        self.sent = 0;
        // Who waits keeps no buffer.
        if self.pending.capacity() > 0 {
            self.pending = Vec::new();
        }
        Poll::Ready(Ok(()))
    }

    /// Whether something waits to be sent.
    pub(crate) fn is_sending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Says that nothing more is sent: `close_notify`, then the end of the stream. A peer that is
    /// gone before that has lost nothing, so it is an error only if data were still on their way.
    pub(crate) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.finished == Finish::No {
            self.finished = if self.is_sending() { Finish::WithData } else { Finish::Alone };
            if let Some(tls) = &mut self.tls {
                tls.session.send_close_notify();
                tls.session.take_output(&mut self.pending);
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
        if let Some(tls) = &mut self.tls {
            tls.inbox.shrink_to_fit();
        }
    }
}

/// Takes what the session held until the handshake was complete, and has it decrypt no more: that
/// is for the relay.
struct Early<'a>(&'a mut Vec<u8>);

impl sealwire::session::Sink for Early<'_> {
    fn take(&mut self, plaintext: &[u8]) {
        self.0.extend_from_slice(plaintext);
    }

    fn is_full(&self) -> bool {
        true
    }
}
