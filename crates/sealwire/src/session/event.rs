//! What a session tells, what it asks, and what it may be answered.

use crate::context::SecureContext;
use crate::session::ClientHello;

/// Something happened. Events are taken with [`Session::poll_event`](super::Session::poll_event);
/// none is told from inside a call of the program's.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The session stands still until [`Session::reply`](super::Session::reply).
    Question(Question),
    /// The handshake is complete and the peer is judged: data may flow.
    HandshakeComplete,
    /// The peer sent `close_notify`: no more data will come from it. We may still send.
    PeerClosed,
}

/// What a session wants to know before it goes on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Question {
    /// A server has read the client's first message: with what context shall it be answered?
    /// Asked when [`ServerOptions::ask_client_hello`](crate::ServerOptions::ask_client_hello).
    ClientHello(Box<ClientHello>),
    /// The handshake is complete and the verdict is in [`Session::peer`](super::Session::peer):
    /// shall the connection go on? Asked when the options say `ask_about_peer`.
    VerifyPeer,
}

/// The answer to a [`Question`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Reply {
    /// Go on as configured.
    Proceed,
    /// To [`Question::ClientHello`]: go on with another context and other protocols.
    ClientHello(HelloReply),
    /// End the connection.
    Refuse,
}

/// How a server answers a ClientHello. What is not given stays as the session has it.
#[derive(Debug, Default)]
pub struct HelloReply {
    pub(crate) context: Option<SecureContext>,
    pub(crate) alpn: Option<Vec<Vec<u8>>>,
}

impl HelloReply {
    /// The session's own context and protocols.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answer with this context: its certificates, and its trust for the client's.
    #[must_use]
    pub fn context(mut self, context: SecureContext) -> Self {
        self.context = Some(context);
        self
    }

    /// Answer with these application protocols, in order of preference.
    #[must_use]
    pub fn alpn<P: Into<Vec<u8>>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.alpn = Some(protocols.into_iter().map(Into::into).collect());
        self
    }
}
