//! A session, and what is on its way to it and from it.

use std::io::IoSlice;

use super::WRITE_SIZE;
use super::inbox::Inbox;
use super::outbox::Outbox;
use super::parts::Parts;
use super::unread::{Closed, Reader, Room, Unread};
use crate::error::Error;
use crate::session::{Event, Question, Session, Sink};
use crate::words::{Alert, ClientAuth};

/// A session with the buffers around it: see the [module](super).
#[derive(Debug)]
pub struct Driver {
    session: Session,
    inbox: Inbox,
    /// Decrypted data that did not fit into a reader's room.
    unread: Unread,
    outbox: Outbox,
}

/// The result of [`Driver::next`].
#[derive(Debug)]
pub enum Next {
    /// Something happened. An open [`question`](Driver::question) is reported each time, until it
    /// is answered.
    Event(Event),
    /// Nothing: send what is [`outgoing`](Driver::outgoing), and read more.
    Transport,
    /// The connection has failed. The outgoing bytes may hold an alert for the peer: send them
    /// before returning the error.
    Failed(Error),
}

/// The result of [`Driver::read`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// So many bytes of data were given.
    Data(usize),
    /// No data, before more comes from the transport. What is [`outgoing`](Driver::outgoing) is to
    /// be sent first.
    Blocked,
    /// The peer has sent close_notify: no more data will come.
    End,
}

impl Driver {
    /// Drives `session` from its beginning.
    pub fn new(session: Session) -> Self {
        Self::with_received(session, Vec::new())
    }

    /// The same, where `received` has come from the transport already: with STARTTLS, say.
    pub fn with_received(session: Session, received: Vec<u8>) -> Self {
        let inbox = Inbox::of(received);
        Self { session, inbox, unread: Unread::default(), outbox: Outbox::default() }
    }

    /// The session: peer, keying material, bytes counted.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// [`Session::question`].
    pub fn question(&mut self) -> Option<Question<'_>> {
        self.session.question()
    }

    /// [`Session::renegotiate`]. What is to be sent then is [`outgoing`](Self::outgoing).
    ///
    /// # Errors
    /// [`Error::Misused`] where that is not possible.
    pub fn renegotiate(&mut self, client_auth: Option<ClientAuth>) -> Result<(), Error> {
        self.session.renegotiate(client_auth)
    }

    /// [`Session::trace`], if that was not asked for yet, and [`Session::take_trace`].
    pub fn trace(&mut self) -> Option<Vec<u8>> {
        self.session.trace();
        self.session.take_trace()
    }

    /// [`Session::set_max_fragment_size`].
    ///
    /// # Errors
    /// [`Error::Misused`] for a size that is out of bounds.
    pub fn set_max_fragment_size(&mut self, bytes: usize) -> Result<(), Error> {
        self.session.set_max_fragment_size(bytes)
    }

    /// Proceeds as far as the received bytes allow. For the handshake; of an open connection,
    /// it leaves data where they are.
    #[allow(clippy::should_implement_trait, reason = "it never ends")]
    pub fn next(&mut self) -> Next {
        if let Some(event) = self.session.poll_event() {
            return Next::Event(event);
        }
        if self.session.is_asking() {
            return Next::Event(Event::Question);
        }
        let received = self.session.receive(self.inbox.waiting_mut(), &mut Closed);
        if let Ok(consumed) = received {
            self.inbox.consume(consumed);
        }
        match (self.session.poll_event(), received) {
            // The keys of a handshake that failed are told, too.
            (Some(event), _) => Next::Event(event),
            (None, Ok(_)) => Next::Transport,
            (None, Err(error)) => Next::Failed(error),
        }
    }

    /// The next thing that happened, also while data flow: [`Session::poll_event`].
    pub fn poll_event(&mut self) -> Option<Event> {
        self.session.poll_event()
    }

    /// Gives data that have come, as many as `room` takes.
    ///
    /// # Errors
    /// Why the connection failed, once all data that came before are given.
    pub fn read<R: Room + ?Sized>(&mut self, room: &mut R) -> Result<Received, Error> {
        let filled = self.unread.move_to(room);
        let mut reader = Reader { room, filled, rest: &mut self.unread };
        let received = self.session.receive(self.inbox.waiting_mut(), &mut reader);
        let filled = reader.filled;
        if let Ok(consumed) = received {
            self.inbox.consume(consumed);
        }
        if filled > 0 {
            return Ok(Received::Data(filled));
        }
        received?;
        Ok(if self.session.peer_has_closed() { Received::End } else { Received::Blocked })
    }

    /// Decrypts what is in `wire`, in place: all that came and was not consumed, oldest byte first.
    /// Gives how many bytes at its front are done with; the rest is the caller's to show again, or
    /// to [`keep`](Self::keep) here.
    ///
    /// # Errors
    /// Why the connection failed. Data that came before are in the sink.
    pub fn read_in(&mut self, wire: &mut [u8], sink: &mut dyn Sink) -> Result<usize, Error> {
        self.session.receive(wire, sink)
    }

    /// Encrypts data, at most [`WRITE_SIZE`] bytes, and gives how many.
    ///
    /// # Errors
    /// Those of [`Session::encrypt`].
    pub fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        let part = &data[..data.len().min(WRITE_SIZE)];
        self.session.encrypt(part, self.outbox.end())?;
        Ok(part.len())
    }

    /// The same, of data in several pieces: as many of the pieces as fit into one write. They
    /// become as few records as they would in one piece.
    ///
    /// # Errors
    /// Those of [`Session::encrypt`].
    pub fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> Result<usize, Error> {
        let mut count = 0;
        let whole = pieces.iter().take_while(|piece| {
            let fits = piece.len() <= WRITE_SIZE - count;
            count += if fits { piece.len() } else { 0 };
            fits
        });
        let part = &pieces[..whole.count()];
        if count == 0 {
            // The first that is not empty is too long for one write.
            let long = pieces.iter().find(|piece| !piece.is_empty());
            return self.write(long.map_or(&[], |piece| &**piece));
        }
        self.session.encrypt_vectored(part, self.outbox.end())?;
        Ok(count)
    }

    /// Encrypts all of `data` to the end of `room`, behind what else there is to send, all of which
    /// goes over to it. The caller must [`put back`](Self::put_back) what the transport does not take.
    ///
    /// # Errors
    /// Those of [`Session::encrypt`].
    pub fn write_in(&mut self, data: &[u8], room: &mut Vec<u8>) -> Result<(), Error> {
        if !self.outbox.is_empty() {
            self.outbox.move_to(room);
        }
        self.session.encrypt(data, room)
    }

    /// The bytes to send. [`sent`](Self::sent) reports how many were.
    pub fn outgoing(&mut self) -> &[u8] {
        if self.session.has_output() {
            self.session.take_output(self.outbox.end());
        }
        self.outbox.rest()
    }

    /// Whether something is [`outgoing`](Self::outgoing).
    pub fn is_sending(&self) -> bool {
        self.session.has_output() || !self.outbox.is_empty()
    }

    /// Whether the transport has not taken all that was [`outgoing`](Self::outgoing) when that was asked for
    /// last. Later messages of the session can go out with the next data.
    pub fn is_blocked(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// The transport has taken so many bytes of what is [`outgoing`](Self::outgoing).
    pub fn sent(&mut self, count: usize) {
        self.outbox.sent(count);
    }

    /// Moves all that is [`outgoing`](Self::outgoing) to the end of `room`.
    pub fn take_outgoing(&mut self, room: &mut Vec<u8>) {
        if !self.outbox.is_empty() {
            self.outbox.move_to(room);
        }
        self.session.take_output(room);
    }

    /// Puts `bytes` before what is [`outgoing`](Self::outgoing): the transport did not take them.
    pub fn put_back(&mut self, bytes: &[u8]) {
        self.outbox.put_back(bytes);
    }

    /// Whether so much is [`outgoing`](Self::outgoing) that no more should be written now.
    pub fn is_congested(&self) -> bool {
        self.outbox.rest().len() >= WRITE_SIZE
    }

    /// Room for more bytes from the transport, of an adequate size;
    /// [`filled`](Self::filled) reports how much of it was used.
    pub fn room(&mut self) -> &mut [u8] {
        self.inbox.room()
    }

    /// So many bytes have come, at the front of the [`room`](Self::room).
    pub fn filled(&mut self, count: usize) {
        self.inbox.filled(count);
    }

    /// Takes bytes that have come and are somewhere else.
    pub fn push(&mut self, received: &[u8]) {
        self.inbox.push(received);
    }

    /// The received bytes that are not consumed. Until a [`HelloQuestion`](crate::session::HelloQuestion)
    /// is answered, that is everything, as it came.
    pub fn unconsumed(&self) -> &[u8] {
        self.inbox.waiting()
    }

    /// Keeps `rest` in place of what is [`unconsumed`](Self::unconsumed), after
    /// [`read_in`](Self::read_in).
    pub fn keep(&mut self, rest: &[u8]) {
        self.inbox = Inbox::of(rest.to_vec());
    }

    /// Takes what is [`unconsumed`](Self::unconsumed) away.
    pub fn take_unconsumed(&mut self) -> Vec<u8> {
        self.inbox.take()
    }

    /// Whether the peer has sent anything at all.
    pub fn has_heard(&self) -> bool {
        !self.inbox.waiting().is_empty() || self.session.bytes_received().tls > 0
    }

    /// The transport has ended: no more bytes will come.
    ///
    /// # Errors
    /// Those of [`Session::receive_eof`].
    pub fn receive_eof(&mut self) -> Result<(), Error> {
        self.session.receive_eof()
    }

    /// Decrypts all that has come, before it is read: when the transport takes no more, to
    /// learn what the peer sent before it closed.
    ///
    /// # Errors
    /// Why the connection failed. Data that came before are there to [`read`](Self::read).
    pub fn look_ahead(&mut self) -> Result<(), Error> {
        let consumed = self.session.receive(self.inbox.waiting_mut(), &mut self.unread)?;
        self.inbox.consume(consumed);
        Ok(())
    }

    /// [`Session::abort`].
    pub fn abort(&mut self, alert: Alert) {
        self.session.abort(alert);
    }

    /// Sends close_notify: no more data will be sent. Reading stays possible. Further calls do nothing.
    pub fn close(&mut self) {
        self.session.send_close_notify();
    }

    /// Gives back what memory is not in use: the connection is going to wait.
    pub fn shrink(&mut self) {
        self.inbox.shrink();
        self.outbox.shrink();
    }

    /// Takes the driver apart, with its transport: whatever is complete is decrypted, and nothing is
    /// lost.
    pub fn into_parts<IO>(mut self, io: IO) -> Parts<IO> {
        // An error is returned again by the next call.
        if let Ok(consumed) = self.session.receive(self.inbox.waiting_mut(), &mut self.unread) {
            self.inbox.consume(consumed);
        }
        self.session.take_output(self.outbox.end());
        Parts {
            io,
            unread: self.unread.take(),
            received: self.inbox.take(),
            unsent: self.outbox.take(),
            session: self.session,
        }
    }
}

/// For a transport that appends to a vector.
#[cfg(feature = "tokio")]
impl Driver {
    pub(crate) fn spare(&mut self) -> &mut Vec<u8> {
        self.inbox.spare()
    }

    pub(crate) fn appended(&mut self, count: usize, room: usize) {
        self.inbox.appended(count, room);
    }
}
