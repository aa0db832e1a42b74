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
    /// Whether the context can say names that are not host names.
    pub any_server_name: bool,
    /// The protocols to offer.
    pub alpn: Vec<Buffer>,
    /// The session to resume, as [`current_session`](crate::session::Session::current_session)
    /// gave it.
    pub session: Option<Buffer>,
    /// Whether to tell the OCSP staple.
    pub request_ocsp: bool,
    /// Whether to tell the lines of the key log.
    pub key_log: bool,
    /// Whether to tell what goes over the connection: [`trace`](crate::session::Session::trace).
    pub trace: bool,
}

/// What a server wants of its connections, made once for many of them.
#[napi]
pub struct ServerSettings {
    pub(crate) options: ServerOptions,
    pub(crate) asks_hello: bool,
}

#[napi]
impl ServerSettings {
    /// From how JavaScript says it.
    #[napi(constructor)]
    pub fn new(connection: ServerConnection) -> Self {
        Self { asks_hello: connection.ask_client_hello, options: connection.options() }
    }
}

/// The connections of a server.
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
        let text = self.server_name.as_deref().unwrap_or("localhost");
        let mut options = match ServerName::spelled(text) {
            Ok(name) => ClientOptions::new(name),
            // Nothing here is looked up by the name: JavaScript compares it.
            Err(_) if self.any_server_name => {
                ClientOptions::new(ServerName::spelled("localhost").expect("a host name"))
                    .sni_text(text)
            }
            Err(error) => {
                return Err(Thrown::new("ERR_INVALID_ARG_VALUE".to_owned(), error.to_string()));
            }
        };
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
            .trace(self.trace)
            .alpn(self.alpn.iter().map(|name| name.to_vec())))
    }
}

impl ServerConnection {
    fn options(self) -> ServerOptions {
        let client_auth = match (self.request_certificate, self.require_certificate) {
            (false, _) => ClientAuth::None,
            (true, false) => ClientAuth::Request,
            (true, true) => ClientAuth::Require,
        };
        ServerOptions::new()
            .client_auth(client_auth)
            .verification(PeerVerification::Recorded)
            .alpn(self.alpn.iter().map(|name| name.to_vec()))
            // In any case: the client's SNI is reported for failed handshakes too.
            .ask_client_hello(true)
            .ask_store_session(self.ask_store_session)
            .key_log(self.key_log)
    }
}
