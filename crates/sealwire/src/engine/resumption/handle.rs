//! A client's session, as the program has it.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sealwire_x509::Certificate;

use super::session_table;
use crate::engine::ClientIdentity;
use crate::engine::rustls::SessionValue;
use crate::words::{ProtocolVersion, ServerName, TimeSource, now};

/// A session with a server, which a later connection may resume.
///
/// Told by [`Event::NewSession`](crate::session::Event::NewSession) and given back with
/// [`ClientOptions::resume_session`](crate::ClientOptions::resume_session). A context resumes its
/// own sessions by itself; this is for programs that choose. One of TLS 1.2 can be resumed any
/// number of times; one of TLS 1.3 only once (RFC 8446, C.4): a later connection
/// does a full handshake, unless [`ClientOptions::reuse_sessions`](crate::ClientOptions::reuse_sessions)
/// said otherwise where it was made. Cheap to clone; clones are the same session.
///
/// A session can be resumed by any context that shows the same identity. Its server is judged by
/// that context's trust before it is offered.
#[derive(Clone)]
pub struct ClientSession(Arc<Inner>);

struct Inner {
    server_name: ServerName,
    protocol: ProtocolVersion,
    /// Whether the second engine made it.
    old: bool,
    facts: Facts,
    /// When it is too old, in seconds since 1970.
    expires: i64,
    ticket: Option<Vec<u8>>,
    time: Arc<dyn TimeSource>,
    value: Mutex<Option<SessionValue>>,
    handle: OnceLock<session_table::Handle>,
}

/// What is the same for all sessions of one connection.
#[derive(Clone)]
pub(super) struct Facts {
    /// The server's chain, leaf first.
    pub(super) chain: Arc<[Certificate]>,
    /// Whether it passed.
    pub(super) trusted: bool,
    /// When the server last proved that it has its key, in seconds since 1970.
    pub(super) proven: i64,
    /// Our identity at the time: the session is resumed only under the same one.
    pub(super) identity: ClientIdentity,
}

impl ClientSession {
    pub(super) fn new(
        server_name: ServerName,
        value: SessionValue,
        facts: Facts,
        expires: i64,
        ticket: Option<Vec<u8>>,
        time: Arc<dyn TimeSource>,
    ) -> Self {
        let (protocol, old) = (value.protocol(), value.is_old());
        let value = Mutex::new(Some(value));
        let handle = OnceLock::new();
        Self(Arc::new(Inner {
            server_name,
            protocol,
            old,
            facts,
            expires,
            ticket,
            time,
            value,
            handle,
        }))
    }

    /// The server that it is a session with; it is resumed with no other.
    pub fn server_name(&self) -> &ServerName {
        &self.0.server_name
    }

    /// The version that it was made in and resumes in.
    pub fn protocol(&self) -> ProtocolVersion {
        self.0.protocol
    }

    /// Whether it is of no use any longer: too old, or of TLS 1.3 and used. The server may have
    /// forgotten it earlier; then a full handshake follows.
    pub fn is_expired(&self) -> bool {
        now(&*self.0.time) > self.0.expires || self.value().is_none()
    }

    /// The session ticket (RFC 5077; RFC 8446, 4.6.1), where the session has one.
    pub fn ticket(&self) -> Option<&[u8]> {
        self.0.ticket.as_deref()
    }

    /// A handle of this session, for programs that keep sessions as bytes.
    ///
    /// It is good **in this process only**: the engine's sessions cannot leave it. There is room for
    /// 2048 sessions; when more are kept, the oldest handles become invalid.
    pub fn to_bytes(&self) -> Vec<u8> {
        let handle = self.0.handle.get_or_init(session_table::Handle::random);
        session_table::keep(*handle, self);
        handle.to_bytes()
    }

    /// The session of a handle; `None` when it is not one of this process, or its session is
    /// gone: expired, used, or superseded by newer ones.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        session_table::find(session_table::Handle::from_bytes(bytes)?)
    }

    /// Whether the second engine made it.
    pub(super) fn is_old(&self) -> bool {
        self.0.old
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.0.facts
    }

    /// The engine's part, for one connection.
    pub(super) fn take(&self) -> Option<SessionValue> {
        let mut value = self.value();
        value.as_ref().and_then(SessionValue::again).or_else(|| value.take())
    }

    /// Wipes it: it will not be resumed again.
    pub(super) fn spend(&self) {
        *self.value() = None;
    }

    fn value(&self) -> std::sync::MutexGuard<'_, Option<SessionValue>> {
        self.0.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartialEq for ClientSession {
    /// Whether it is the same session.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ClientSession {}

impl fmt::Debug for ClientSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSession")
            .field("server_name", &self.0.server_name.as_str())
            .field("protocol", &self.0.protocol)
            .field("expired", &self.is_expired())
            .finish_non_exhaustive()
    }
}
