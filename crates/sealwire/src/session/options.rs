//! The options of one connection. Secrets and trust are in the
//! [`SecureContext`](crate::SecureContext); this is the rest.

use std::sync::Arc;

use crate::engine::{self, resumption::ClientSession};
use crate::reading::EchConfigList;
use crate::verify::NameCheck;
use crate::words::{ClientAuth, ConfigError, PeerVerification, Pin, ServerName, Storing};

/// The options of one client connection.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    pub(crate) server_name: ServerName,
    pub(crate) settings: ClientSettings,
}

/// A client's use of Encrypted Client Hello ([RFC 9849](https://www.rfc-editor.org/rfc/rfc9849)).
#[derive(Debug, Clone)]
pub struct EchOffer(pub(super) Option<Arc<EchConfigList>>);

impl EchOffer {
    /// Something that looks as if a name were hidden (section 6.2). Servers with ECH answer it with their
    /// configurations, which a [`Tracer`](crate::trace::Tracer) sees.
    pub fn grease() -> Self {
        Self(None)
    }

    /// The name, and all else in the hello, hidden by the first of these configurations that can be used.
    ///
    /// # Errors
    /// When none can: of other versions, KEMs or suites, with unknown extensions that are mandatory, or a
    /// invalid public name.
    pub fn hide(configs: EchConfigList) -> Result<Self, ConfigError> {
        engine::check_ech(&configs)?;
        Ok(Self(Some(Arc::new(configs))))
    }
}

/// What is the same for all connections of a client. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ClientSettings {
    pub(crate) send_sni: bool,
    pub(crate) verification: PeerVerification,
    pub(crate) name_check: NameCheck,
    pub(crate) pins: Option<Arc<[Pin]>>,
    pub(crate) alpn: Arc<[Vec<u8>]>,
    pub(crate) resume: bool,
    pub(crate) session: Option<ClientSession>,
    pub(crate) ask_about_peer: bool,
    pub(crate) request_ocsp: bool,
    pub(crate) reuse_sessions: bool,
    pub(crate) key_log: bool,
    pub(crate) tell_certificate_request: bool,
    pub(crate) trace: bool,
    pub(crate) ech: Option<EchOffer>,
    /// What SNI says in place of the name.
    pub(crate) sni_text: Option<Box<str>>,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            send_sni: true,
            verification: PeerVerification::Required,
            name_check: NameCheck::Rfc9525,
            pins: None,
            alpn: Arc::from([]),
            resume: true,
            session: None,
            ask_about_peer: false,
            request_ocsp: false,
            reuse_sessions: false,
            key_log: false,
            tell_certificate_request: false,
            trace: false,
            ech: None,
            sni_text: None,
        }
    }
}

impl ClientOptions {
    /// A connection to `server_name`, which is sent as SNI and must be in the certificate.
    pub fn new(server_name: ServerName) -> Self {
        Self { server_name, settings: ClientSettings::default() }
    }

    /// Whether the name is sent in SNI
    /// ([RFC 6066](https://www.rfc-editor.org/rfc/rfc6066)); on by default. An address never is.
    #[must_use]
    pub fn send_sni(mut self, send: bool) -> Self {
        self.settings.send_sni = send;
        self
    }

    /// What to do when the server does not verify.
    #[must_use]
    pub fn verification(mut self, verification: PeerVerification) -> Self {
        self.settings.verification = verification;
        self
    }

    /// By which rules the server's certificate is compared with the name.
    #[must_use]
    pub fn name_check(mut self, check: NameCheck) -> Self {
        self.settings.name_check = check;
        self
    }

    /// Lets only servers pass that have one of these keys in their verified chain: as leaf, or as
    /// any CA above it ([RFC 7469, 2.6](https://www.rfc-editor.org/rfc/rfc7469#section-2.6)).
    /// Anything else is refused with `PINNED_KEY_MISMATCH`,
    /// regardless of its issuer. An empty list refuses every peer.
    #[must_use]
    pub fn pins(mut self, pins: impl IntoIterator<Item = Pin>) -> Self {
        self.settings.pins = Some(pins.into_iter().collect());
        self
    }

    /// The application protocols to offer
    /// ([RFC 7301](https://www.rfc-editor.org/rfc/rfc7301)), in order of preference.
    #[must_use]
    pub fn alpn<P: Into<Vec<u8>>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.settings.alpn = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// Whether a session that this context has with the server is resumed; on by default. The
    /// server is judged again by today's trust and time, as on every connection.
    #[must_use]
    pub fn resume(mut self, resume: bool) -> Self {
        self.settings.resume = resume;
        self
    }

    /// Resumes this session, rather than one of the context's. One with another server, or that is
    /// expired, is passed over without a word; so is one whose server would be judged otherwise
    /// today. Then a full handshake follows.
    #[must_use]
    pub fn resume_session(mut self, session: ClientSession) -> Self {
        self.settings.session = Some(session);
        self
    }

    /// Whether sessions of TLS 1.3 that this connection is given can be resumed any number of
    /// times, as OpenSSL's can, and not once. An observer of the network can then link the connections
    /// of one client ([RFC 8446, C.4](https://www.rfc-editor.org/rfc/rfc8446#appendix-C.4));
    /// for programs that must resume where OpenSSL does.
    #[must_use]
    pub fn reuse_sessions(mut self, reuse: bool) -> Self {
        self.settings.reuse_sessions = reuse;
        self
    }

    /// Whether [`Question::VerifyPeer`](crate::session::Question::VerifyPeer) is asked.
    #[must_use]
    pub fn ask_about_peer(mut self, ask: bool) -> Self {
        self.settings.ask_about_peer = ask;
        self
    }

    /// Whether the OCSP response that the server staples to its certificate
    /// ([RFC 6066, section 8](https://www.rfc-editor.org/rfc/rfc6066#section-8))
    /// is told, by [`Event::OcspResponse`](crate::session::Event::OcspResponse) and
    /// [`Peer::ocsp_response`](crate::Peer::ocsp_response). It is not judged: that is the
    /// program's. The server is asked for it in any case.
    #[must_use]
    pub fn request_ocsp(mut self, request: bool) -> Self {
        self.settings.request_ocsp = request;
        self
    }

    /// Whether the secrets of the connection are reported, for a debugger, by
    /// [`Event::KeyLog`](crate::session::Event::KeyLog).
    #[must_use]
    pub fn key_log(mut self, log: bool) -> Self {
        self.settings.key_log = log;
        self
    }

    /// Whether the server's certificate request, with its CAs, is reported before ours is sent:
    /// [`Event::CertificateRequested`](crate::session::Event::CertificateRequested).
    #[must_use]
    pub fn tell_certificate_request(mut self, tell: bool) -> Self {
        self.settings.tell_certificate_request = tell;
        self
    }

    /// Hides the hello ([RFC 9849](https://www.rfc-editor.org/rfc/rfc9849)),
    /// or sends GREASE. Only TLS 1.3 is offered then, and no session is resumed. A
    /// server that does not take it proves to be the configuration's public name, and the connection ends
    /// with [`Error::EchRejected`](crate::Error::EchRejected) and without our certificate.
    #[must_use]
    pub fn ech(mut self, offer: EchOffer) -> Self {
        self.settings.ech = Some(offer);
        self
    }

    /// Sends this as SNI in place of the server's name: a text that is not a host name (`sni.0`, whose
    /// last label is a number). Only the second engine can send it
    /// ([`SecureContextBuilder::legacy`](crate::SecureContextBuilder::legacy)), so the connection is
    /// its own; in other contexts it fails.
    #[must_use]
    pub fn sni_text(mut self, text: impl Into<String>) -> Self {
        self.settings.sni_text = Some(text.into().into());
        self
    }

    /// Whether the connection is traced in the format of OpenSSL, where OpenSSL carries it (see
    /// [`SecureContextBuilder::legacy`](crate::SecureContextBuilder::legacy)):
    /// [`Session::take_trace`](crate::Session::take_trace).
    #[must_use]
    pub fn trace(mut self, trace: bool) -> Self {
        self.settings.trace = trace;
        self
    }
}

/// The options of one server connection.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    pub(crate) client_auth: ClientAuth,
    pub(crate) verification: PeerVerification,
    pub(crate) alpn: Arc<[Vec<u8>]>,
    pub(crate) ask_client_hello: bool,
    pub(crate) storing: Storing,
    pub(crate) ask_about_peer: bool,
    pub(crate) key_log: bool,
    pub(crate) trace: bool,
}

impl ServerOptions {
    /// No client certificate, no application protocol, no questions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the client is asked for a certificate.
    #[must_use]
    pub fn client_auth(mut self, client_auth: ClientAuth) -> Self {
        self.client_auth = client_auth;
        self
    }

    /// What to do when a client's certificate does not verify, when
    /// [`client_auth`](Self::client_auth) is [`Require`](ClientAuth::Require). A client without
    /// one is refused all the same.
    #[must_use]
    pub fn verification(mut self, verification: PeerVerification) -> Self {
        self.verification = verification;
        self
    }

    /// The application protocols
    /// ([RFC 7301](https://www.rfc-editor.org/rfc/rfc7301)), in order of preference. A client
    /// that offers some and none of these is refused with `no_application_protocol`.
    #[must_use]
    pub fn alpn<P: Into<Vec<u8>>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.alpn = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// Whether [`Question::ClientHello`](crate::session::Question::ClientHello) is asked.
    #[must_use]
    pub fn ask_client_hello(mut self, ask: bool) -> Self {
        self.ask_client_hello = ask;
        self
    }

    /// Whether [`Question::StoreSession`](crate::session::Question::StoreSession) is asked. In
    /// TLS 1.3 it is asked for tickets, too, as in Node; in TLS 1.2 only for sessions of clients
    /// that take no ticket.
    #[must_use]
    pub fn ask_store_session(mut self, ask: bool) -> Self {
        self.storing = if ask { Storing::All } else { Storing::None };
        self
    }

    /// As [`ask_store_session`](Self::ask_store_session), for sessions only that no ticket holds:
    /// those of TLS 1.2 clients without ticket support, or of a context without tickets.
    #[must_use]
    pub fn ask_store_ticketless(mut self, ask: bool) -> Self {
        self.storing = if ask { Storing::Ticketless } else { Storing::None };
        self
    }

    /// Whether [`Question::VerifyPeer`](crate::session::Question::VerifyPeer) is asked.
    #[must_use]
    pub fn ask_about_peer(mut self, ask: bool) -> Self {
        self.ask_about_peer = ask;
        self
    }

    /// Whether the secrets of the connection are reported, for a debugger, by
    /// [`Event::KeyLog`](crate::session::Event::KeyLog).
    #[must_use]
    pub fn key_log(mut self, log: bool) -> Self {
        self.key_log = log;
        self
    }

    /// Whether the connection is traced in the format of OpenSSL, where OpenSSL carries it (see
    /// [`SecureContextBuilder::legacy`](crate::SecureContextBuilder::legacy)):
    /// [`Session::take_trace`](crate::Session::take_trace).
    #[must_use]
    pub fn trace(mut self, trace: bool) -> Self {
        self.trace = trace;
        self
    }
}
