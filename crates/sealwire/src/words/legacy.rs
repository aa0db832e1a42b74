//! Options for old peers.

use std::sync::Arc;

/// How a context speaks with peers that only an older TLS can reach: TLS 1.0 and 1.1, suites with
/// CBC, RSA key exchange or DHE, pre-shared keys, renegotiation.
///
/// **It enables weaker cryptography than a context without it**, and is meant for devices and
/// programs that cannot be replaced. OpenSSL, found at run time, runs these connections; whether a
/// peer is believed is decided as always. A connection that TLS 1.2 or 1.3 can make as without it is
/// made as without it. Never enabled: SSL 3, and suites without encryption or authentication.
#[derive(Debug, Clone)]
pub struct Legacy {
    pub(crate) source: OpensslSource,
    pub(crate) renegotiation: bool,
    pub(crate) dh: Dh,
    pub(crate) psk: bool,
    pub(crate) psk_hint: Option<Arc<str>>,
    pub(crate) level: ProtocolLevel,
    pub(crate) every_connection: bool,
    pub(crate) every_client: bool,
}

/// A server's parameters for DHE.
#[derive(Debug, Clone)]
pub(crate) enum Dh {
    None,
    Auto,
    Pem(Arc<[u8]>),
}

/// How much security OpenSSL asks of what is not a certificate.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ProtocolLevel {
    /// As much as the versions can give.
    Possible,
    /// As the context of certificates.
    OfContext,
    Given(u8),
}

/// Where OpenSSL is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpensslSource {
    /// The system's shared library, of major version 3 or 4.
    System,
    /// The running program's own, which it exports: Node's.
    Host,
    /// One that was built with this library (cargo feature `legacy-vendored`).
    Vendored,
}

impl Default for OpensslSource {
    /// What was built with this library, where something was; else the system's.
    fn default() -> Self {
        if cfg!(feature = "legacy-vendored") { Self::Vendored } else { Self::System }
    }
}

impl Legacy {
    /// OpenSSL of the system, or what was [built in](OpensslSource::default), without renegotiation and
    /// without pre-shared keys.
    pub fn new() -> Self {
        Self {
            source: OpensslSource::default(),
            renegotiation: false,
            dh: Dh::Auto,
            psk: false,
            psk_hint: None,
            level: ProtocolLevel::Possible,
            every_connection: false,
            every_client: false,
        }
    }

    /// Where OpenSSL is found.
    #[must_use]
    pub fn source(mut self, source: OpensslSource) -> Self {
        self.source = source;
        self
    }

    /// Whether a connection up to TLS 1.2 may be negotiated again, by either side. Off by default:
    /// it lets a client make a server work.
    #[must_use]
    pub fn renegotiation(mut self, allow: bool) -> Self {
        self.renegotiation = allow;
        self
    }

    /// A server's parameters for DHE (PEM). Without any, a group of
    /// [RFC 7919](https://www.rfc-editor.org/rfc/rfc7919) or 3526 that goes with
    /// the certificate is taken.
    #[must_use]
    pub fn dh_parameters(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.dh = Dh::Pem(pem.into().into());
        self
    }

    /// A server without parameters, and so without DHE.
    #[must_use]
    pub fn no_dh(mut self) -> Self {
        self.dh = Dh::None;
        self
    }

    /// Whether all connections are the second engine's, whatever they could be without it: then
    /// clients offer servers all that is in their list, and any connection up to TLS 1.2 can be
    /// negotiated again.
    #[must_use]
    pub fn every_connection(mut self, every: bool) -> Self {
        self.every_connection = every;
        self
    }

    /// The same for clients only, which send their offer before they know the server; a server sees
    /// what its client offers.
    #[must_use]
    pub fn every_client(mut self, every: bool) -> Self {
        self.every_client = every;
        self
    }

    /// Whether pre-shared keys are taken, in all versions:
    /// [`Question::Psk`](crate::session::Question::Psk) is asked. All connections of such a client
    /// are old ones.
    #[must_use]
    pub fn psk(mut self, take: bool) -> Self {
        self.psk = take;
        self
    }

    /// The identity hint that a server sends its clients (up to TLS 1.2), 128 bytes at
    /// most.
    #[must_use]
    pub fn psk_hint(mut self, hint: impl Into<String>) -> Self {
        self.psk_hint = Some(hint.into().into());
        self
    }

    /// How much security OpenSSL asks of versions, suites and parameters
    /// (`SSL_CTX_set_security_level`); certificates are always held to the context's own level.
    /// Without a number it is that level, or 0 where TLS 1.0 or 1.1 is enabled, which need that.
    #[must_use]
    pub fn protocol_level(mut self, level: u8) -> Self {
        self.level = ProtocolLevel::Given(level);
        self
    }

    /// Asks of them what the context asks of certificates, as OpenSSL does: TLS 1.0 and 1.1 are
    /// disabled then, unless that is 0.
    #[must_use]
    pub fn protocol_level_of_context(mut self) -> Self {
        self.level = ProtocolLevel::OfContext;
        self
    }
}

impl Default for Legacy {
    fn default() -> Self {
        Self::new()
    }
}
