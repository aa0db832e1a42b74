//! How a server may answer a ClientHello.

use crate::context::{Identity, SecureContext};
use crate::engine::resumption::SessionData;
use crate::words::ClientAuth;

/// How a server answers a ClientHello. Absent parts stay as the session has them.
#[derive(Debug, Default)]
pub struct HelloReply {
    pub(crate) context: Option<SecureContext>,
    pub(crate) credentials: Option<SecureContext>,
    pub(crate) alpn: Option<Vec<Vec<u8>>>,
    pub(crate) identity: Option<Identity>,
    pub(crate) ocsp_staple: Option<Vec<u8>>,
    pub(crate) resume: Option<SessionData>,
    pub(crate) client_auth: Option<ClientAuth>,
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

    /// Staple this OCSP response (DER;
    /// [RFC 6066, section 8](https://www.rfc-editor.org/rfc/rfc6066#section-8))
    /// to our certificate. It is sent only
    /// to a client that [asks](crate::reading::ClientHello::requests_ocsp) for one.
    #[must_use]
    pub fn ocsp_staple(mut self, response: impl Into<Vec<u8>>) -> Self {
        self.ocsp_staple = Some(response.into());
        self
    }

    /// Resume this session, which a [`StoreQuestion`](super::StoreQuestion) gave. It is checked: one that is too
    /// old, was made under another id or setting, or whose client would be judged otherwise today
    /// is passed over, and a full handshake follows.
    #[must_use]
    pub fn resume(mut self, session: impl Into<SessionData>) -> Self {
        self.resume = Some(session.into());
        self
    }

    /// Ask this client for a certificate in this way, whatever the others are asked: an ACME CA that
    /// validates a name ([RFC 8737](https://www.rfc-editor.org/rfc/rfc8737))
    /// has no certificate. Close such a connection after the handshake.
    #[must_use]
    pub fn client_auth(mut self, client_auth: ClientAuth) -> Self {
        self.client_auth = Some(client_auth);
        self
    }

    /// Answer with these application protocols, in order of preference.
    #[must_use]
    pub fn alpn<P: Into<Vec<u8>>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.alpn = Some(protocols.into_iter().map(Into::into).collect());
        self
    }
}
