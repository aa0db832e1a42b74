//! A TLS connection over an async stream.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::buffers::{Reader, Received, ToSend, Unread, WRITE_SIZE};
use crate::error::Error;
use crate::key_log::KeyLogFile;
use crate::parts::Parts;
use crate::session::{ClientSession, Event, Peer, Question, Session};

/// A TLS connection over `IO`.
///
/// A read gives 0 bytes only after the peer's `close_notify`. When the transport ends without
/// it, the read fails with [`io::ErrorKind::UnexpectedEof`]: what was received may be cut short.
/// Shutting the stream down sends `close_notify` and ends our side of the transport; reading goes
/// on. I/O errors hold an [`Error`] of ours, which `Error::from` takes out.
#[derive(Debug)]
pub struct TlsStream<IO> {
    io: IO,
    session: Session,
    received: Received,
    /// Decrypted data that did not fit into the reader's buffer.
    unread: Unread,
    to_send: ToSend,
    /// The task that waits for the transport to take what it wrote.
    writer: Option<Waker>,
    at_end: bool,
    key_log: Option<KeyLogFile>,
    keep_session: bool,
    new_session: Option<ClientSession>,
}

impl<IO> TlsStream<IO> {
    /// What is known of the other side.
    pub fn peer(&self) -> &Peer {
        self.session.peer().expect("a stream is handed out after the handshake")
    }

    /// The transport.
    pub fn get_ref(&self) -> &IO {
        &self.io
    }

    /// A client's newest session that was not taken yet, to be given to
    /// [`Connector::resume_session`](crate::Connector::resume_session); none unless the connector
    /// [keeps](crate::Connector::keep_session) them. In TLS 1.3 sessions come
    /// with the first data that are read, or later. The context resumes its sessions by itself;
    /// this is for programs that choose.
    pub fn take_session(&mut self) -> Option<ClientSession> {
        self.new_session.take()
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

    /// Takes the stream apart. To go on without TLS (the reverse of STARTTLS), read to the end and
    /// shut down first: then [`received`](Parts::received) is the beginning of what follows.
    pub fn into_inner(mut self) -> Parts<IO> {
        // Whatever is complete is decrypted; an error shows again to who goes on.
        let _ = self.received.process(&mut self.session, &mut self.unread);
        self.session.take_output(&mut self.to_send.bytes);
        Parts {
            io: self.io,
            unread: self.unread.bytes.split_off(self.unread.start),
            received: self.received.bytes.split_off(self.received.start),
            unsent: self.to_send.bytes.split_off(self.to_send.start),
            session: self.session,
        }
    }

    pub(super) fn new(io: IO, session: Session) -> Self {
        Self {
            io,
            session,
            received: Received::default(),
            unread: Unread::default(),
            to_send: ToSend::default(),
            writer: None,
            at_end: false,
            key_log: None,
            keep_session: false,
            new_session: None,
        }
    }

    /// Has the newest session kept, or not.
    pub(super) fn keep_session(&mut self, keep: bool) {
        self.keep_session = keep;
    }

    /// Has the lines of the key log written to `file`.
    pub(super) fn log_keys_to(&mut self, file: Option<KeyLogFile>) {
        self.key_log = file;
    }

    /// The next thing that happened, except what is dealt with here.
    fn take_event(&mut self) -> Option<Event> {
        loop {
            match self.session.poll_event()? {
                Event::KeyLog(line) => {
                    if let Some(file) = &self.key_log {
                        file.write(&line);
                    }
                }
                Event::NewSession(session) => {
                    self.new_session = self.keep_session.then_some(session);
                }
                event => return Some(event),
            }
        }
    }

    pub(super) fn question(&mut self) -> Option<Question<'_>> {
        self.session.question()
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> TlsStream<IO> {
    /// Drives a handshake in which nobody asks questions.
    pub(super) async fn handshake(&mut self) -> Result<(), Error> {
        while !matches!(self.next_event().await?, Event::HandshakeComplete) {}
        self.flush_handshake().await
    }

    /// Sends what the last step of the handshake left: the peer waits for it.
    pub(super) async fn flush_handshake(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_send(cx)).await.map_err(Error::from)
    }

    /// Exchanges bytes until something happens.
    pub(super) async fn next_event(&mut self) -> Result<Event, Error> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event, Error>> {
        loop {
            if let Some(event) = self.take_event() {
                return Poll::Ready(Ok(event));
            }
            let outcome = self.received.process(&mut self.session, &mut self.unread);
            self.session.take_output(&mut self.to_send.bytes);
            if let Err(error) = outcome {
                while self.take_event().is_some() {} // keys of a handshake that failed
                // The alert goes out before the error is told; its loss changes nothing.
                let _ = ready!(self.poll_send(cx));
                return Poll::Ready(Err(error));
            }
            if let Some(event) = self.take_event() {
                return Poll::Ready(Ok(event));
            }
            if let Poll::Ready(sent) = self.poll_send(cx) {
                sent?;
            }
            if ready!(self.received.poll_fill(&mut self.io, cx))? == 0 {
                self.session.receive_eof()?;
            }
        }
    }

    /// Writes what there is to send to the transport, and flushes it.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.to_send.rest().is_empty() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, self.to_send.rest()))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.to_send.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read_plaintext(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        self.unread.move_to(buf);
        loop {
            let mut reader = Reader { buf, overflow: &mut self.unread };
            let outcome = self.received.process(&mut self.session, &mut reader);
            if self.session.has_output() {
                self.session.take_output(&mut self.to_send.bytes);
            }
            while let Some(event) = self.take_event() {
                self.at_end |= matches!(event, Event::PeerClosed);
            }
            // Data that came before an error are the reader's; the error comes next time.
            if buf.filled().len() > before {
                self.send_eagerly(cx);
                return Poll::Ready(Ok(()));
            }
            if let Err(error) = outcome {
                self.send_eagerly(cx);
                return Poll::Ready(Err(error.into()));
            }
            if self.at_end {
                return Poll::Ready(Ok(()));
            }
            self.send_eagerly(cx);
            let Poll::Ready(read) = self.received.poll_fill(&mut self.io, cx) else {
                self.to_send.give_back();
                return Poll::Pending;
            };
            if read? == 0 {
                self.session.receive_eof()?;
                self.at_end = true;
            }
        }
    }

    /// Sends what the session itself had to say while reading (an alert, a key update). When the
    /// transport takes it only later, or never, the next write will tell.
    fn send_eagerly(&mut self, cx: &mut Context<'_>) {
        if self.to_send.rest().is_empty() {
            return;
        }
        // A transport wakes the last task only that wanted to write. The two halves of a stream
        // are often in two tasks: the writer must not be forgotten for the reader.
        let _ = match &self.writer {
            Some(writer) if !writer.will_wake(cx.waker()) => {
                let (reader, writer) = (cx.waker().clone(), writer.clone());
                let both = Waker::from(Arc::new(Both { reader, writer }));
                self.poll_send(&mut Context::from_waker(&both))
            }
            _ => self.poll_send(cx),
        };
    }

    /// Notes whether the task that writes has to be woken.
    fn note_writer<T>(&mut self, cx: &Context<'_>, outcome: Poll<T>) -> Poll<T> {
        self.writer = outcome.is_pending().then(|| cx.waker().clone());
        outcome
    }

    fn poll_write_plaintext(
        &mut self,
        cx: &mut Context<'_>,
        encrypt: impl FnOnce(&mut Session, &mut Vec<u8>) -> Result<usize, Error>,
    ) -> Poll<io::Result<usize>> {
        // While the transport is busy, writes gather here and go out together; but only so much,
        // or memory would grow with a slow peer.
        match self.poll_drain(cx) {
            Poll::Pending if self.to_send.rest().len() >= WRITE_SIZE => return Poll::Pending,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            _ => {}
        }
        let taken = encrypt(&mut self.session, &mut self.to_send.bytes).map_err(io::Error::from)?;
        match self.poll_drain(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(taken)),
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_mut().poll_read_plaintext(cx, buf)
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<IO> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let (this, part) = (self.get_mut(), &buf[..buf.len().min(WRITE_SIZE)]);
        let outcome = this.poll_write_plaintext(cx, |session, out| {
            session.encrypt(part, out)?;
            Ok(part.len())
        });
        this.note_writer(cx, outcome)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // Small pieces become one record: a header and a body in one system call.
        let mut count = 0;
        let whole = bufs.iter().take_while(|buf| {
            let fits = buf.len() <= WRITE_SIZE - count;
            count += if fits { buf.len() } else { 0 };
            fits
        });
        let part = &bufs[..whole.count()];
        if count == 0 {
            // The first that is not empty is too long for one write.
            let long = bufs.iter().find(|buf| !buf.is_empty());
            return self.poll_write(cx, long.map_or(&[], |buf| &**buf));
        }
        let this = self.get_mut();
        let outcome = this.poll_write_plaintext(cx, |session, out| {
            session.encrypt_vectored(part, out)?;
            Ok(count)
        });
        this.note_writer(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = this.poll_send(cx);
        this.note_writer(cx, outcome)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.session.send_close_notify();
        this.session.take_output(&mut this.to_send.bytes);
        let sent = this.poll_send(cx);
        ready!(this.note_writer(cx, sent))?;
        match Pin::new(&mut this.io).poll_shutdown(cx) {
            // The peer has hung up already: there is nothing left to end.
            Poll::Ready(Err(e)) if e.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            other => other,
        }
    }
}

/// Wakes the two tasks that use a stream.
struct Both {
    reader: Waker,
    writer: Waker,
}

impl Wake for Both {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.reader.wake_by_ref();
        self.writer.wake_by_ref();
    }
}

/// Waits for `handshake`, at most `timeout`.
pub(super) async fn within(
    timeout: Duration,
    handshake: impl Future<Output = Result<(), Error>>,
) -> Result<(), Error> {
    tokio::time::timeout(timeout, handshake).await.unwrap_or(Err(Error::HandshakeTimedOut))
}
