//! What one connection is asked to do, as JavaScript says it.

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use sealwire::verify::NameCheck;
use sealwire::{
    ClientAuth, ClientOptions, ClientSession, PeerVerification, ServerName, ServerOptions,
};

use crate::failure::Thrown;

/// A client connection.
#[napi(object, object_to_js = false)]
pub struct ClientConnection {
    /// The name for SNI; none is sent without.
    pub server_name: Option<String>,
    /// The protocols to offer.
    pub alpn: Vec<Buffer>,
    /// The session to resume, as [`current_session`](crate::session::Session::current_session)
    /// gave it.
    pub session: Option<Buffer>,
    /// Whether to tell the OCSP staple.
    pub request_ocsp: bool,
    /// Whether to tell the lines of the key log.
    pub key_log: bool,
}

/// A server connection.
#[napi(object, object_to_js = false)]
pub struct ServerConnection {
    /// Whether the client is asked for a certificate.
    pub request_certificate: bool,
    /// Whether it must have one.
    pub require_certificate: bool,
    /// The protocols to choose from.
    pub alpn: Vec<Buffer>,
    /// Whether to stop and tell at the ClientHello.
    pub ask_client_hello: bool,
    /// Whether to stop and tell at each session made.
    pub ask_store_session: bool,
    /// Whether to tell the lines of the key log.
    pub key_log: bool,
}

impl ClientConnection {
    /// The verdict is recorded and JavaScript judges it, name and all, before any data moves.
    pub(crate) fn options(self, session: Option<ClientSession>) -> Result<ClientOptions, Thrown> {
        // Without SNI the name is used for nothing: sessions are offered only when JavaScript says
        // so.
        let send_sni = self.server_name.is_some();
        let name = self.server_name.as_deref().unwrap_or("localhost");
        let name = ServerName::spelled(name)
            .map_err(|error| Thrown::new("ERR_INVALID_ARG_VALUE".to_owned(), error.to_string()))?;
        let mut options = ClientOptions::new(name);
        if let Some(session) = session {
            options = options.resume_session(session);
        }
        Ok(options
            .send_sni(send_sni)
            .verification(PeerVerification::Recorded)
            .name_check(NameCheck::DangerousNone)
            .resume(false)
            .reuse_sessions(true)
            .request_ocsp(self.request_ocsp)
            .key_log(self.key_log)
            .alpn(self.alpn.iter().map(|name| name.to_vec())))
    }
}

impl ServerConnection {
    pub(crate) fn options(self) -> ServerOptions {
        let client_auth = match (self.request_certificate, self.require_certificate) {
            (false, _) => ClientAuth::None,
            (true, false) => ClientAuth::Request,
            (true, true) => ClientAuth::Require,
        };
        ServerOptions::new()
            .client_auth(client_auth)
            .verification(PeerVerification::Recorded)
            .alpn(self.alpn.iter().map(|name| name.to_vec()))
            // In any case: whom the client wants is told also of a handshake that fails.
            .ask_client_hello(true)
            .ask_store_session(self.ask_store_session)
            .key_log(self.key_log)
    }
}
