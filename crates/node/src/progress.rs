//! The events and answers between a session and JavaScript, as plain objects.

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use sealwire::ServerName;
use sealwire::session::ClientHello;

use crate::failure::Failure;

/// What a turn of the handshake brought.
#[napi(object, object_from_js = false)]
pub struct Progress {
    /// Whether there are bytes to send, for [`Session::send_output`](crate::session::Session::send_output) or
    /// [`Session::take_output`](crate::session::Session::take_output).
    pub has_output: bool,
    /// Whether they ask a client for another hello.
    pub asks_again: bool,
    /// What the client said first, when that is a question. The handshake waits for the answer.
    pub client_hello: Option<Hello>,
    /// A session to be stored. The handshake waits for [`Session::stored`](crate::session::Session::stored).
    pub store_session: Option<Stored>,
    /// A pre-shared key that is needed. The handshake waits for
    /// [`Session::answer_psk`](crate::session::Session::answer_psk).
    pub psk: Option<PskAsked>,
    /// What was agreed: the handshake is complete.
    pub complete: Option<Agreed>,
    /// Data that came along with the end of the handshake.
    pub data: Option<Buffer>,
    /// Bytes received and not used yet, for [`Session::receive`](crate::session::Session::receive).
    pub rest: Option<Buffer>,
    /// Whether the peer has said that it sends no more data.
    pub peer_closed: bool,
    /// Other events.
    pub events: Option<SessionEvents>,
    /// Why the connection failed.
    pub failure: Option<Failure>,
    /// The client's SNI, when it came in this turn without a question.
    pub server_name: Option<String>,
}

/// What every socket tells of a handshake that is complete. The rest is in
/// [`Session::peer_facts`](crate::session::Session::peer_facts).
#[napi(object, object_from_js = false)]
pub struct Agreed {
    /// The application protocol.
    pub alpn: Option<Buffer>,
    /// The name sent in SNI.
    pub server_name: Option<String>,
}

/// Which pre-shared key.
#[napi(object, object_from_js = false)]
pub struct PskAsked {
    /// Of the client that calls itself so, as a server.
    pub identity: Option<Buffer>,
    /// For the server that says this, as a client.
    pub hint: Option<Buffer>,
}

/// A server's session, for the program's store.
#[napi(object, object_from_js = false)]
pub struct Stored {
    /// Under which it will be asked for.
    pub id: Buffer,
    /// The session. Secret.
    pub data: Buffer,
}

/// The events of a session besides data, by kind.
#[derive(Default)]
#[napi(object, object_from_js = false)]
pub struct SessionEvents {
    /// How many lines the key log has, for [`Session::take_key_log`](crate::session::Session::take_key_log).
    pub key_log: u32,
    /// Whether the server's staple, or its absence, was reported.
    pub has_ocsp: bool,
    /// The OCSP response that the server has stapled.
    pub ocsp_response: Option<Buffer>,
    /// How many sessions the server has given, for [`Session::next_session`](crate::session::Session::next_session).
    pub sessions: u32,
    /// How often the connection has begun to be negotiated again.
    pub renegotiating: u32,
    /// How often that was done.
    pub renegotiated: u32,
}

/// A ClientHello.
#[napi(object, object_from_js = false)]
pub struct Hello {
    /// The name of SNI.
    pub server_name: Option<String>,
    /// The protocols offered, as they are on the wire.
    pub alpn: Vec<Buffer>,
    /// The session id.
    pub session_id: Buffer,
    /// The ids under which a session with this client may have been stored.
    pub stored_ids: Vec<Buffer>,
    /// Whether TLS 1.3 is offered.
    pub offers_tls13: bool,
    /// Whether a ticket is offered.
    pub offers_ticket: bool,
    /// Whether an OCSP staple is asked for.
    pub requests_ocsp: bool,
    /// Whether the name of SNI is that of a host.
    pub names_host: bool,
    /// What is offered as tickets, up to the encrypted part: the name of their keys and the IV.
    pub ticket_heads: Vec<Buffer>,
}

/// The answer to a ClientHello.
#[napi(object, object_to_js = false)]
pub struct HelloAnswer {
    /// The protocols to choose from.
    pub alpn: Option<Vec<Buffer>>,
    /// The OCSP response to staple.
    pub ocsp_staple: Option<Buffer>,
    /// The stored session to resume.
    pub session: Option<Buffer>,
    /// End the connection with this alert instead.
    pub alert: Option<u8>,
}

impl SessionEvents {
    pub(crate) fn is_empty(&self) -> bool {
        self.key_log == 0
            && !self.has_ocsp
            && self.sessions == 0
            && self.renegotiating == 0
            && self.renegotiated == 0
    }
}

impl From<&sealwire::Peer> for Agreed {
    fn from(peer: &sealwire::Peer) -> Self {
        Self {
            alpn: peer.alpn().map(Buffer::from),
            server_name: peer.server_name().map(str::to_owned),
        }
    }
}

/// Of tickets in OpenSSL's frame.
fn heads(hello: &ClientHello) -> Vec<Buffer> {
    const HEAD: usize = 32;
    /// `session_ticket` (RFC 5077).
    const SESSION_TICKET: u16 = 35;
    let names = hello.session_ids().filter(|id| *id != hello.session_id());
    let tickets = hello.extensions().get(SESSION_TICKET).into_iter().chain(names);
    tickets.filter_map(|ticket| ticket.get(..HEAD)).map(Buffer::from).collect()
}

impl From<&ClientHello> for Hello {
    fn from(hello: &ClientHello) -> Self {
        Self {
            server_name: hello.server_name().map(str::to_owned),
            alpn: hello.alpn().iter().map(|name| name.as_slice().into()).collect(),
            session_id: hello.session_id().into(),
            stored_ids: hello.session_ids().map(Buffer::from).collect(),
            offers_tls13: hello.supported_versions().contains(&0x0304),
            offers_ticket: hello.offers_ticket(),
            requests_ocsp: hello.requests_ocsp(),
            names_host: hello.server_name().is_none_or(|name| name.parse::<ServerName>().is_ok()),
            ticket_heads: heads(hello),
        }
    }
}
