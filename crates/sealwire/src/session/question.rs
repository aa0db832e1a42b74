//! The questions of a session, each with its own type of answers.
//!
//! A question borrows its session, so that it cannot be answered to another; an answer takes it, so
//! that there is no second one.

use std::fmt;

use super::asked::{AskedHello, AskedPeer, AskedPsk, AskedStore};
use super::reply::HelloReply;
use super::{Core, Peer, Session, Stage};
use crate::engine::PskAsked;
use crate::engine::resumption::SessionData;
use crate::error::Error;
use crate::reading::ClientHello;
use crate::words::{Alert, Psk};

/// A question that a session needs answered before it continues: see
/// [`Session::question`](super::Session::question). Dropped without an answer, it stays open.
#[derive(Debug)]
#[non_exhaustive]
pub enum Question<'a> {
    /// A server has read the client's first message: how shall it be answered?
    /// Asked when [`ServerOptions::ask_client_hello`](crate::ServerOptions::ask_client_hello).
    ClientHello(HelloQuestion<'a>),
    /// The handshake is complete and the peer is verified: accept the connection? Asked when the
    /// options set `ask_about_peer`.
    VerifyPeer(PeerQuestion<'a>),
    /// A server has made a session, which is to be stored. Asked before
    /// [`Event::HandshakeComplete`](super::Event::HandshakeComplete), once for each session, when
    /// [`ServerOptions::ask_store_session`](crate::ServerOptions::ask_store_session) is set.
    StoreSession(StoreQuestion<'a>),
    /// A pre-shared key is needed, by a context with `Legacy::psk`: a server's client has sent its
    /// identity, or a client needs one.
    Psk(PskQuestion<'a>),
}

/// [`Question::ClientHello`].
pub struct HelloQuestion<'a>(Open<'a, AskedHello>);

/// [`Question::VerifyPeer`].
pub struct PeerQuestion<'a>(Open<'a, AskedPeer>);

/// [`Question::StoreSession`].
pub struct StoreQuestion<'a>(Open<'a, AskedStore>);

/// [`Question::Psk`].
pub struct PskQuestion<'a>(Open<'a, AskedPsk>);

/// The answer to a [`HelloQuestion`].
#[derive(Debug)]
#[non_exhaustive]
pub enum HelloAnswer {
    /// Continue with what the reply says; [`HelloReply::new`] changes nothing.
    Serve(HelloReply),
    /// End the connection with this alert: `unrecognized_name`, say.
    Refuse(Alert),
    /// End the connection without a word.
    Close,
}

/// The answer to a [`PeerQuestion`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerAnswer {
    /// Continue.
    Accept,
    /// End the connection with this alert: `access_denied`, say.
    ///
    /// Where TLS 1.2 leaves our Finished to be sent, the alert comes in its place, and the peer's
    /// handshake fails. Otherwise the peer's handshake is complete by then, and its first read
    /// fails. A client that is refused after a full handshake gets no session ticket.
    Refuse(Alert),
    /// End the connection without a word.
    Close,
}

impl Question<'_> {
    /// Ends the connection without a word.
    pub fn close(self) {
        let closed = || Stage::Failed(Error::RefusedByProgram);
        // That the session has ended is not an error here.
        let _ = match self {
            Self::ClientHello(HelloQuestion(open)) => open.answer(|_, _| closed()),
            Self::VerifyPeer(PeerQuestion(open)) => open.answer(|_, _| closed()),
            Self::StoreSession(StoreQuestion(open)) => open.answer(|_, _| closed()),
            Self::Psk(PskQuestion(open)) => open.answer(|_, _| closed()),
        };
    }
}

impl HelloQuestion<'_> {
    /// The ClientHello.
    pub fn hello(&self) -> &ClientHello {
        &self.0.state().hello
    }

    /// Answers it. Afterwards, give the bytes that were left to
    /// [`receive`](super::Session::receive) again.
    ///
    /// # Errors
    /// Why the session has ended by the answer: [`Error::RefusedByProgram`], or why this client
    /// cannot be served with the context that was chosen.
    pub fn answer(self, answer: impl Into<HelloAnswer>) -> Result<(), Error> {
        self.0.answer(|asked, core| match answer.into() {
            HelloAnswer::Serve(reply) => asked.serve(reply, core),
            HelloAnswer::Refuse(alert) => core.refuse(Error::RefusedByProgram, alert),
            HelloAnswer::Close => Stage::Failed(Error::RefusedByProgram),
        })
    }
}

impl PeerQuestion<'_> {
    /// The peer, and the verdict.
    pub fn peer(&self) -> &Peer {
        &self.0.state().peer
    }

    /// Answers it. Afterwards, give the bytes that were left to
    /// [`receive`](super::Session::receive) again.
    ///
    /// # Errors
    /// Why the session has ended by the answer: [`Error::RefusedByProgram`].
    pub fn answer(self, answer: impl Into<PeerAnswer>) -> Result<(), Error> {
        self.0.answer(|asked, core| match answer.into() {
            PeerAnswer::Accept => asked.accept(core),
            PeerAnswer::Refuse(alert) => asked.refuse(alert, core),
            PeerAnswer::Close => Stage::Failed(Error::RefusedByProgram),
        })
    }
}

impl StoreQuestion<'_> {
    /// The id to store it under, of 32 bytes: one that the
    /// [`session_ids`](ClientHello::session_ids) of a client may ask for.
    pub fn id(&self) -> &[u8] {
        &self.0.state().id
    }

    /// The session, for [`HelloReply::resume`]. **Secret.**
    pub fn data(&self) -> &SessionData {
        &self.0.state().data
    }

    /// It is stored, or cannot be: continue. Afterwards, give the bytes that were left to
    /// [`receive`](super::Session::receive) again.
    ///
    /// # Errors
    /// As those of [`receive`](super::Session::receive).
    pub fn stored(self) -> Result<(), Error> {
        self.0.answer(AskedStore::stored)
    }
}

impl PskQuestion<'_> {
    /// For a server: the identity that the client sent.
    pub fn identity(&self) -> Option<&[u8]> {
        match self.asked()? {
            PskAsked::Identity(identity) => Some(identity),
            PskAsked::Hint(_) => None,
        }
    }

    /// For a client: the server's identity hint. TLS 1.3 has no hints, and
    /// a client that offers it is asked before anything is sent; it may be asked again.
    pub fn hint(&self) -> Option<&[u8]> {
        match self.asked()? {
            PskAsked::Identity(_) => None,
            PskAsked::Hint(hint) => hint.as_deref(),
        }
    }

    /// The key; a server's answer is for the name that it was asked about. `None`: there is no such
    /// key, and the handshake continues or fails without it. Afterwards, give the bytes that were
    /// left to [`receive`](super::Session::receive) again.
    ///
    /// # Errors
    /// As those of [`receive`](super::Session::receive).
    pub fn answer(self, key: Option<Psk>) -> Result<(), Error> {
        self.0.answer(|asked, core| asked.answered(key, core))
    }

    fn asked(&self) -> Option<&PskAsked> {
        self.0.core.conn.handshake.as_ref()?.psk.asked.as_ref()
    }
}

impl From<HelloReply> for HelloAnswer {
    fn from(reply: HelloReply) -> Self {
        Self::Serve(reply)
    }
}

impl From<Option<HelloReply>> for HelloAnswer {
    fn from(reply: Option<HelloReply>) -> Self {
        reply.map_or(Self::Close, Self::Serve)
    }
}

impl From<Result<HelloReply, Alert>> for HelloAnswer {
    fn from(reply: Result<HelloReply, Alert>) -> Self {
        reply.map_or_else(Self::Refuse, Self::Serve)
    }
}

impl From<Result<(), Alert>> for PeerAnswer {
    fn from(answer: Result<(), Alert>) -> Self {
        answer.map_or_else(Self::Refuse, |()| Self::Accept)
    }
}

impl Session {
    /// The open question, if there is one; [`Event::Question`](super::Event::Question) reports it.
    /// The session stands still until it is answered.
    pub fn question(&mut self) -> Option<Question<'_>> {
        let Self { stage, core } = self;
        Some(match stage.take() {
            Stage::HelloAsked(state) => {
                Question::ClientHello(HelloQuestion(Open { state: Some(state), stage, core }))
            }
            Stage::PeerAsked(state) => {
                Question::VerifyPeer(PeerQuestion(Open { state: Some(state), stage, core }))
            }
            Stage::StoreAsked(state) => {
                Question::StoreSession(StoreQuestion(Open { state: Some(state), stage, core }))
            }
            Stage::PskAsked(state) => {
                Question::Psk(PskQuestion(Open { state: Some(state), stage, core }))
            }
            other => {
                *stage = other;
                return None;
            }
        })
    }
}

/// A stage that stands still, out of its session until it is answered or put back.
struct Open<'a, S: Into<Stage>> {
    state: Option<S>,
    stage: &'a mut Stage,
    core: &'a mut Core,
}

impl<S: Into<Stage>> Open<'_, S> {
    fn state(&self) -> &S {
        self.state.as_ref().expect("only an answer takes it, and the question with it")
    }

    fn answer(mut self, lead: impl FnOnce(S, &mut Core) -> Stage) -> Result<(), Error> {
        if let Some(state) = self.state.take() {
            *self.stage = lead(state, self.core);
        }
        match &*self.stage {
            Stage::Failed(error) => Err(error.clone()),
            _ => Ok(()),
        }
    }
}

impl<S: Into<Stage>> Drop for Open<'_, S> {
    fn drop(&mut self) {
        if let Some(state) = self.state.take() {
            *self.stage = state.into();
        }
    }
}

impl From<AskedHello> for Stage {
    fn from(asked: AskedHello) -> Self {
        Self::HelloAsked(asked)
    }
}

impl From<AskedPeer> for Stage {
    fn from(asked: AskedPeer) -> Self {
        Self::PeerAsked(asked)
    }
}

impl From<AskedStore> for Stage {
    fn from(asked: AskedStore) -> Self {
        Self::StoreAsked(asked)
    }
}

impl From<AskedPsk> for Stage {
    fn from(asked: AskedPsk) -> Self {
        Self::PskAsked(asked)
    }
}

impl fmt::Debug for PskQuestion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PskQuestion").field(&self.asked()).finish()
    }
}

impl fmt::Debug for HelloQuestion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HelloQuestion").field(self.hello()).finish()
    }
}

impl fmt::Debug for PeerQuestion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PeerQuestion").field(self.peer()).finish()
    }
}

impl fmt::Debug for StoreQuestion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreQuestion").finish_non_exhaustive()
    }
}
