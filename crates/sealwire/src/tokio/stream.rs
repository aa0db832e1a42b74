//! A TLS connection over an async stream.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

use super::asked::OnRequest;
use crate::context::SecureContext;
use crate::error::Error;
use crate::key_log::KeyLogFile;
use crate::live::{Admission, Tether};
use crate::session::{ClientSession, Event, Peer, Question, Session};
use crate::wire::{Driver, FAREWELL, FAREWELL_BYTES, Next, Parts, Received, Room, has_hung_up};
use crate::words::{ProtocolVersion, Psk};

/// A TLS connection over `IO`.
///
/// A read returns 0 bytes only after the peer's `close_notify`. When the transport ends without
/// it, the read fails with [`io::ErrorKind::UnexpectedEof`]: what was received may be cut short.
/// Shutting the stream down sends `close_notify` and ends our side of the transport; reading goes
/// on. A client that only writes and then shuts down loses nothing to tickets that it has not read: they
/// are taken off the transport then. I/O errors hold an [`Error`] of ours, which `Error::from` takes out.
#[derive(Debug)]
pub struct TlsStream<IO> {
    io: IO,
    driver: Driver,
    /// The task that waits for the transport to take what it wrote.
    writer: Option<Waker>,
    /// The task that waits for data.
    reader: Option<Waker>,
    key_log: Option<KeyLogFile>,
    on_request: Option<OnRequest>,
    keep_session: bool,
    new_session: Option<ClientSession>,
    /// The list that may revoke the peer's admission.
    tether: Option<Box<Tether>>,
    /// A server's tickets, which no peer waits for: they go out with its first data, or before it waits.
    tickets_wait: bool,
    /// How often a client that ends has looked for tickets. Not at all when it has read since its handshake.
    looks: u8,
    /// Our side of the transport was ended.
    ended: bool,
    /// How often the peer's last word was looked for, when the transport took nothing any longer.
    last_looks: u8,
    /// How it said so first: once it was told, a socket only says EPIPE.
    hung_up_by: Option<io::Error>,
}

impl<IO> TlsStream<IO> {
    /// The other side of the connection.
    pub fn peer(&self) -> &Peer {
        self.session().peer().expect("a stream is handed out after the handshake")
    }

    /// The stream over `io` of a connection whose handshake was driven by hand, with a
    /// [`Driver`]: to observe its bytes, say, or to leave TLS after the
    /// ClientHello. What the driver has to send is sent with the first write, flush or read.
    ///
    /// # Errors
    /// [`Error::Misused`] when the handshake is not complete.
    pub fn from_driver(io: IO, driver: Driver) -> Result<Self, Error> {
        match driver.session().peer() {
            Some(_) => Ok(Self::of(io, driver)),
            None => Err(Error::Misused("a stream before the handshake is complete")),
        }
    }

    /// The transport.
    pub fn get_ref(&self) -> &IO {
        &self.io
    }

    /// A client's newest session that was not taken yet, to be given to
    /// [`Connector::resume_session`](crate::Connector::resume_session); none unless the connector
    /// [keeps](crate::Connector::keep_session) them. In TLS 1.3 sessions come
    /// with the first data that are read, or later. The context resumes its sessions itself;
    /// this is for programs that choose.
    pub fn take_session(&mut self) -> Option<ClientSession> {
        self.new_session.take()
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

    /// Takes the stream apart. To continue without TLS (the reverse of STARTTLS), read to the end
    /// and shut down first: then [`received`](Parts::received) is the beginning of what follows.
    pub fn into_inner(self) -> Parts<IO> {
        self.driver.into_parts(self.io)
    }

    pub(super) fn new(io: IO, session: Session) -> Self {
        Self::of(io, Driver::new(session))
    }

    fn of(io: IO, driver: Driver) -> Self {
        Self {
            io,
            driver,
            writer: None,
            reader: None,
            key_log: None,
            on_request: None,
            keep_session: false,
            new_session: None,
            tether: None,
            tickets_wait: false,
            looks: 0,
            ended: false,
            last_looks: 0,
            hung_up_by: None,
        }
    }

    /// Has the peer judged again while the connection is open.
    pub(super) fn join(&mut self, admission: Option<Admission>, context: &SecureContext) {
        let Some(admission) = admission else { return };
        let session = self.driver.session();
        let tether = match session.is_judged_elsewhere() {
            true => admission.join_for_a_time(session, context, ()),
            false => admission.join(session, context, ()),
        };
        self.tether = tether.map(Box::new);
    }

    /// Has the newest session kept, or not.
    pub(super) fn keep_session(&mut self, keep: bool) {
        self.keep_session = keep;
    }

    /// Has the lines of the key log written to `file`.
    pub(super) fn log_keys_to(&mut self, file: Option<KeyLogFile>) {
        self.key_log = file;
    }

    /// Has a server's requests for a certificate told.
    pub(super) fn tell_requests_to(&mut self, told: Option<OnRequest>) {
        self.on_request = told;
    }

    /// Why the connection must end, if it must. The alert is sent once.
    fn cut_off(&mut self) -> Option<Error> {
        let why = self.tether.as_ref()?.cut()?;
        if self.driver.session().error().is_none() {
            self.driver.abort(why.alert());
        }
        Some(why.into())
    }

    /// Deals with what the stream takes care of by itself; gives back everything else.
    fn attend(&mut self, event: Event) -> Option<Event> {
        match event {
            Event::KeyLog(line) => {
                if let Some(file) = &self.key_log {
                    file.write(&line);
                }
            }
            Event::CertificateRequested(request) => {
                if let Some(told) = &self.on_request {
                    told.call(&request);
                }
            }
            Event::NewSession(session) => {
                self.new_session = self.keep_session.then_some(session);
            }
            event => return Some(event),
        }
        None
    }

    pub(super) fn question(&mut self) -> Option<Question<'_>> {
        self.driver.question()
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> TlsStream<IO> {
    /// Drives a client's handshake, in which nothing is asked but for the pre-shared key.
    pub(super) async fn handshake(&mut self, psk: Option<&Psk>) -> Result<(), Error> {
        loop {
            match self.next_event().await? {
                Event::HandshakeComplete => return self.flush_handshake().await,
                Event::Question => {
                    if let Some(Question::Psk(asked)) = self.question() {
                        asked.answer(psk.cloned())?;
                    }
                }
                _ => {}
            }
        }
    }

    /// Sends what the last step of the handshake left: the peer waits for it. But it does not wait for the
    /// tickets of TLS 1.3, which are all that is left of a server's.
    pub(super) async fn flush_handshake(&mut self) -> Result<(), Error> {
        let peer = self.peer();
        if !peer.is_server && peer.protocol() == ProtocolVersion::Tls13 {
            self.tickets_wait = self.driver.is_sending();
            return Ok(());
        }
        poll_fn(|cx| self.poll_send(cx)).await.map_err(Error::from)
    }

    /// Exchanges bytes until something happens.
    pub(super) async fn next_event(&mut self) -> Result<Event, Error> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event, Error>> {
        loop {
            match self.driver.next() {
                Next::Event(event) => {
                    if let Some(event) = self.attend(event) {
                        return Poll::Ready(Ok(event));
                    }
                }
                Next::Transport => {
                    if let Poll::Ready(sent) = self.poll_send(cx) {
                        sent?;
                    }
                    if ready!(self.poll_fill(cx))? == 0 {
                        self.driver.receive_eof()?;
                    }
                }
                Next::Failed(error) => {
                    // The alert goes out before the error is told; its loss changes nothing.
                    let _ = ready!(self.poll_send(cx));
                    return Poll::Ready(Err(error));
                }
            }
        }
    }

    /// Ends the transport of a handshake that failed, when the peer has had the time to read why.
    pub(super) async fn farewell(&mut self) {
        let read_to_the_end = async {
            poll_fn(|cx| Pin::new(&mut self.io).poll_shutdown(cx)).await?;
            let (mut left, mut room) = (FAREWELL_BYTES, vec![0; 8 * 1024]);
            while left > 0 {
                let mut buf = ReadBuf::new(&mut room);
                poll_fn(|cx| Pin::new(&mut self.io).poll_read(cx, &mut buf)).await?;
                match buf.filled().len() {
                    0 => break,
                    count => left = left.saturating_sub(count),
                }
            }
            io::Result::Ok(())
        };
        // However that ends, it is over.
        let _ = tokio::time::timeout(FAREWELL, read_to_the_end).await;
    }

    /// Reads more from the transport.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let spare = self.driver.spare();
        let room = spare.capacity() - spare.len();
        let read = poll_read_buf(Pin::new(&mut self.io), cx, spare);
        match &read {
            Poll::Ready(Ok(count)) => self.driver.appended(*count, room),
            Poll::Pending => self.driver.shrink(),
            Poll::Ready(Err(_)) => {}
        }
        read
    }

    /// Writes what there is to send to the transport, and flushes it.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tickets_wait = false;
        loop {
            let outgoing = self.driver.outgoing();
            if outgoing.is_empty() {
                return Poll::Ready(Ok(()));
            }
            match ready!(Pin::new(&mut self.io).poll_write(cx, outgoing)) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(written) => self.driver.sent(written),
                Err(error) => return self.poll_last_word(cx, error).map(Err),
            }
        }
    }

    /// The transport takes nothing any longer. What the peer said before it closed the connection says why: an
    /// alert, say, that is still unread.
    fn poll_last_word(&mut self, cx: &mut Context<'_>, error: io::Error) -> Poll<io::Error> {
        if !has_hung_up(&error) {
            return Poll::Ready(error);
        }
        let error = self.hung_up_by.take().unwrap_or(error);
        loop {
            match self.poll_fill(cx) {
                // Data stay where they are, for a reader.
                Poll::Ready(Ok(1..)) => match self.driver.look_ahead() {
                    Ok(()) => {}
                    Err(said) => return Poll::Ready(said.into()),
                },
                Poll::Pending if self.last_looks < LOOKS => {
                    self.last_looks += 1;
                    self.hung_up_by = Some(error);
                    return poll_soon(cx);
                }
                _ => return Poll::Ready(error),
            }
        }
    }

    fn poll_read_plaintext(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        if let Some(error) = self.cut_off() {
            self.send_eagerly(cx);
            return Poll::Ready(Err(error.into()));
        }
        loop {
            let received = self.driver.read(&mut Buffer(buf));
            while let Some(event) = self.driver.poll_event() {
                self.attend(event);
            }
            // Behind data there may be an answer, with which tickets go out.
            if !self.tickets_wait || !matches!(received, Ok(Received::Data(_) | Received::Blocked))
            {
                self.send_eagerly(cx);
            }
            match received? {
                Received::Data(_) | Received::End => return Poll::Ready(Ok(())),
                Received::Blocked => {}
            }
            let Poll::Ready(filled) = self.poll_fill(cx) else {
                if self.tickets_wait {
                    self.send_eagerly(cx);
                    self.driver.shrink();
                }
                if !self.reader.as_ref().is_some_and(|reader| reader.will_wake(cx.waker())) {
                    self.reader = Some(cx.waker().clone());
                }
                // It may have been cut off since it was looked at: then it is looked at again.
                if self.tether.as_mut().is_some_and(|tether| tether.reader_waits(cx)) {
                    cx.waker().wake_by_ref();
                }
                return Poll::Pending;
            };
            // With data, or before them, came the tickets.
            self.looks = LOOKS;
            if filled? == 0 {
                self.driver.receive_eof()?;
            }
        }
    }

    /// Sends what the session itself had to say while reading (an alert, a key update). When the
    /// transport takes it only later, or never, the next write will tell.
    fn send_eagerly(&mut self, cx: &mut Context<'_>) {
        if !self.driver.is_sending() {
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

    /// Reads the unread bytes of a server from the transport: a socket that is closed over
    /// it is reset, and what was written and is still on its way is lost. Data among it stay here, for
    /// a reader.
    fn poll_tickets(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let sends_tickets =
            |peer: &Peer| peer.is_server && peer.protocol() == ProtocolVersion::Tls13;
        if !self.session().peer().is_some_and(sends_tickets) {
            return Poll::Ready(());
        }
        // A transport wakes the last task only that wanted to read.
        let writer = cx.waker().clone();
        let reader = self.reader.clone().unwrap_or_else(|| writer.clone());
        let both = Waker::from(Arc::new(Both { reader, writer }));
        while self.driver.unconsumed().len() < TICKETS {
            match self.poll_fill(&mut Context::from_waker(&both)) {
                Poll::Ready(Ok(1..)) => self.looks = LOOKS,
                Poll::Pending if self.looks < LOOKS => {
                    self.looks += 1;
                    return poll_soon(cx);
                }
                // The end, or an error, shows to a reader.
                _ => break,
            }
        }
        Poll::Ready(())
    }

    /// Notes whether the task that writes has to be woken.
    fn note_writer<T>(&mut self, cx: &Context<'_>, outcome: Poll<T>) -> Poll<T> {
        self.writer = outcome.is_pending().then(|| cx.waker().clone());
        let waits = |tether: &mut Box<Tether>| outcome.is_pending() && tether.writer_waits(cx);
        if self.tether.as_mut().is_some_and(waits) {
            cx.waker().wake_by_ref();
        }
        outcome
    }

    fn poll_write_by(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(&mut Driver) -> Result<usize, Error>,
    ) -> Poll<io::Result<usize>> {
        if let Some(error) = self.cut_off() {
            self.send_eagerly(cx);
            return Poll::Ready(Err(error.into()));
        }
        // While the transport is busy, writes gather here and go out together; but only so much,
        // or memory would grow with a slow peer.
        let before = if self.tickets_wait { Poll::Ready(Ok(())) } else { self.poll_drain(cx) };
        let taken = match before {
            Poll::Pending if self.driver.is_congested() => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => {
                let taken = write(&mut self.driver)?;
                match self.poll_drain(cx) {
                    Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                    _ => Poll::Ready(Ok(taken)),
                }
            }
        };
        self.note_writer(cx, taken)
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
        self.get_mut().poll_write_by(cx, |driver| driver.write(buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // Small pieces become one record: a header and a body in one system call.
        self.get_mut().poll_write_by(cx, |driver| driver.write_vectored(bufs))
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
        this.driver.close();
        let sent = this.poll_send(cx);
        ready!(this.note_writer(cx, sent))?;
        if !this.ended {
            match ready!(Pin::new(&mut this.io).poll_shutdown(cx)) {
                Ok(()) => this.ended = true,
                // The peer has closed the connection already: there is nothing left to end.
                Err(e) if e.kind() == io::ErrorKind::NotConnected => return Poll::Ready(Ok(())),
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
        this.poll_tickets(cx).map(Ok)
    }
}

/// How often a transport is looked at for what should have come before it is the last time.
const LOOKS: u8 = 16;

/// Has the task polled again. A writer without pauses is ahead of tokio's poll for input: that is between now and
/// then, or on another thread, which may have to wait for a processor.
fn poll_soon<T>(cx: &mut Context<'_>) -> Poll<T> {
    std::thread::yield_now();
    // It wakes this task by itself.
    let _ = pin!(tokio::task::yield_now()).poll(cx);
    Poll::Pending
}

/// More than the tickets of any server.
const TICKETS: usize = 64 * 1024;

/// A reader's buffer.
struct Buffer<'a, 'b>(&'a mut ReadBuf<'b>);

impl Room for Buffer<'_, '_> {
    fn left(&self) -> usize {
        self.0.remaining()
    }

    fn put(&mut self, data: &[u8]) {
        self.0.put_slice(data);
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
