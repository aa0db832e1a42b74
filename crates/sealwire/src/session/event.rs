//! What a session tells, what it asks, and what it may be answered.

use crate::context::Identity;
use crate::context::SecureContext;
use crate::engine::resumption::{ClientSession, SessionData};
use crate::key_log::KeyLogLine;
use crate::reading::ClientHello;
use crate::words::Alert;

/// Something happened. Events are taken with [`Session::poll_event`](super::Session::poll_event);
/// none is told from inside a call of the program's.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The session stands still until [`Session::reply`](super::Session::reply).
    Question(Question),
    /// The OCSP response that the server stapled (DER), or that it stapled none; before
    /// [`HandshakeComplete`](Self::HandshakeComplete). Told when
    /// [`ClientOptions::request_ocsp`](crate::ClientOptions::request_ocsp) says so, except on a
    /// connection resumed in TLS 1.2, where OpenSSL and Node are silent too.
    OcspResponse(Option<Vec<u8>>),
    /// A line of the key log, when the options say `key_log`. Those of a handshake that failed
    /// come too.
    KeyLog(KeyLogLine),
    /// The handshake is complete and the peer is judged: data may flow.
    HandshakeComplete,
    /// The server gave a session, which a later connection may resume. Once per session, after
    /// [`HandshakeComplete`](Self::HandshakeComplete): in TLS 1.2 at once, in TLS 1.3 as tickets
    /// come. Of many that nobody takes, the newest eight wait.
    NewSession(ClientSession),
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
    /// A server has made a session: store `data` under `id`, then reply. Look it up when a
    /// [`ClientHello`] asks for one of its [`session_ids`](ClientHello::session_ids), and answer
    /// with [`HelloReply::resume`]. Asked before [`Event::HandshakeComplete`], once for each
    /// session, when [`ServerOptions::ask_store_session`](crate::ServerOptions::ask_store_session).
    StoreSession {
        /// 32 bytes.
        id: Vec<u8>,
        /// The session. **Secret.**
        data: SessionData,
    },
}

/// The answer to a [`Question`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Reply {
    /// Go on as configured.
    Proceed,
    /// To [`Question::ClientHello`]: go on with another context and other protocols.
    ClientHello(HelloReply),
    /// End the connection without a word.
    Refuse,
    /// To [`Question::ClientHello`]: end the connection and tell the client by this alert, say
    /// `no_application_protocol` or `unrecognized_name`. To another question, as
    /// [`Refuse`](Self::Refuse).
    RefuseWith(Alert),
}

impl From<HelloReply> for Reply {
    fn from(reply: HelloReply) -> Self {
        Self::ClientHello(reply)
    }
}

impl From<Option<HelloReply>> for Reply {
    fn from(reply: Option<HelloReply>) -> Self {
        reply.map_or(Self::Refuse, Self::ClientHello)
    }
}

impl From<Result<HelloReply, Alert>> for Reply {
    fn from(reply: Result<HelloReply, Alert>) -> Self {
        reply.map_or_else(Self::RefuseWith, Self::ClientHello)
    }
}

/// How a server answers a ClientHello. What is not given stays as the session has it.
#[derive(Debug, Default)]
pub struct HelloReply {
    pub(crate) context: Option<SecureContext>,
    pub(crate) credentials: Option<SecureContext>,
    pub(crate) alpn: Option<Vec<Vec<u8>>>,
    pub(crate) identity: Option<Identity>,
    pub(crate) ocsp_staple: Option<Vec<u8>>,
    pub(crate) resume: Option<SessionData>,
}

impl HelloReply {
    /// The session's own context and protocols.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answer with this context in place of the session's: everything of it.
    #[must_use]
    pub fn context(mut self, context: SecureContext) -> Self {
        self.context = Some(context);
        self
    }

    /// Answer with the identities of this context, and with its trust and revocation lists for
    /// the client's certificate; versions, cipher suites, groups, tickets and clock stay. This is
    /// what Node's `SNICallback` and `addContext` do. A context without an identity leaves the
    /// session's.
    #[must_use]
    pub fn credentials(mut self, context: SecureContext) -> Self {
        self.credentials = Some(context);
        self
    }

    /// Show this identity, whatever the context has and the client offers: Node's `setKeyCert`.
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Staple this OCSP response (DER; RFC 6066, section 8) to our certificate. It is sent only
    /// to a client that [asks](ClientHello::requests_ocsp) for one.
    #[must_use]
    pub fn ocsp_staple(mut self, response: impl Into<Vec<u8>>) -> Self {
        self.ocsp_staple = Some(response.into());
        self
    }

    /// Resume this session, which [`Question::StoreSession`] gave. It is checked: one that is too
    /// old, was made under another id or setting, or whose client would be judged otherwise today
    /// is passed over, and a full handshake follows.
    #[must_use]
    pub fn resume(mut self, session: impl Into<SessionData>) -> Self {
        self.resume = Some(session.into());
        self
    }

    /// Answer with these application protocols, in order of preference.
    #[must_use]
    pub fn alpn<P: Into<Vec<u8>>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.alpn = Some(protocols.into_iter().map(Into::into).collect());
        self
    }
}
