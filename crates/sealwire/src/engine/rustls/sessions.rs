//! Session resumption in rustls: the stores and the ticketer that it calls.
//! They are shared between connections; what is one connection's is in its state, and without a state
//! nothing is offered, accepted or kept.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::NamedGroup;
use rustls::client::{
    ClientConnectionData, ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::kernel::KernelConnection;
use rustls::server::{ProducesTickets, StoresServerSessions};
use rustls_pki_types::ServerName;
use zeroize::Zeroizing;

use super::{names, slot};
#[cfg(feature = "legacy")]
use crate::engine::openssl::OldSession;
use crate::engine::resumption::{Granting, Terms, TicketRing};
use crate::words::ProtocolVersion;

/// An engine's part of a client's session: its secrets.
pub(in crate::engine) enum SessionValue {
    Tls12(Tls12ClientSessionValue),
    Tls13(Tls13ClientSessionValue, Option<Again>),
    /// The second engine's.
    #[cfg(feature = "legacy")]
    Old(OldSession),
}

/// Where a session of TLS 1.3 comes from. rustls takes such a session once and makes it from the
/// ticket any number of times.
pub(in crate::engine) struct Again {
    kernel: ClientKernel,
    /// The body of NewSessionTicket.
    ticket: Box<[u8]>,
}

/// What is left of a client of TLS 1.3 when its handshake is complete; its sessions may outlive it.
pub(super) type ClientKernel = Arc<Mutex<KernelConnection<ClientConnectionData>>>;

impl Again {
    pub(super) fn new(kernel: &ClientKernel, ticket: &[u8]) -> Self {
        Self { kernel: kernel.clone(), ticket: ticket.into() }
    }

    fn session(&self) -> Option<SessionValue> {
        let mut kernel = self.kernel.lock().unwrap_or_else(PoisonError::into_inner);
        slot::copied(|| {
            // It was read once without an error; without a session there is a full handshake.
            let _ = kernel.handle_new_session_ticket(&self.ticket);
        })
    }
}

impl SessionValue {
    pub(in crate::engine) fn protocol(&self) -> ProtocolVersion {
        match self {
            Self::Tls12(_) => ProtocolVersion::Tls12,
            Self::Tls13(..) => ProtocolVersion::Tls13,
            #[cfg(feature = "legacy")]
            Self::Old(session) => session.version,
        }
    }

    /// Whether it is the second engine's, and of no use to the first.
    pub(in crate::engine) fn is_old(&self) -> bool {
        !matches!(self, Self::Tls12(_) | Self::Tls13(..))
    }

    /// The same for another connection; `None` for what is good for one only.
    pub(in crate::engine) fn again(&self) -> Option<Self> {
        match self {
            Self::Tls12(reusable) => Some(Self::Tls12(reusable.clone())),
            Self::Tls13(_, again) => again.as_ref()?.session(),
            #[cfg(feature = "legacy")]
            Self::Old(session) => session.reusable.then(|| Self::Old(session.clone())),
        }
    }

    /// Lets it be made again, where that is its kind.
    pub(in crate::engine) fn set_again(&mut self, from: Option<Again>) {
        if let Self::Tls13(_, again) = self {
            *again = from;
        }
    }
}

/// The store of every client context. The name that rustls gives is the connection's, so it is not
/// looked at.
#[derive(Debug)]
pub(super) struct ConnectionStore;

impl ClientSessionStore for ConnectionStore {
    fn set_kx_hint(&self, _server: ServerName<'static>, group: NamedGroup) {
        if let Some(group) = names::group(group) {
            slot::sessions(|sessions| sessions.set_group(group));
        }
    }

    fn kx_hint(&self, _server: &ServerName<'_>) -> Option<NamedGroup> {
        let group = slot::sessions(|sessions| sessions.group())??;
        Some(group.number().into())
    }

    fn set_tls12_session(&self, _server: ServerName<'static>, value: Tls12ClientSessionValue) {
        slot::keep(SessionValue::Tls12(value));
    }

    fn tls12_session(&self, _server: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        match slot::sessions(|sessions| sessions.offer(ProtocolVersion::Tls12))?? {
            SessionValue::Tls12(value) => Some(value),
            _ => None,
        }
    }

    /// Called when a session of TLS 1.2 did not work, and when the server turns out to speak 1.3.
    fn remove_tls12_session(&self, _server: &ServerName<'static>) {
        slot::sessions(|sessions| sessions.drop_tls12());
    }

    fn insert_tls13_ticket(&self, _server: ServerName<'static>, value: Tls13ClientSessionValue) {
        slot::keep(SessionValue::Tls13(value, None));
    }

    fn take_tls13_ticket(&self, _server: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        match slot::sessions(|sessions| sessions.offer(ProtocolVersion::Tls13))?? {
            SessionValue::Tls13(value, _) => Some(value),
            _ => None,
        }
    }
}

/// Puts into `config` how its servers give sessions and take them back.
pub(super) fn grant(granting: Granting, config: &mut rustls::ServerConfig) {
    let Granting { terms, ring, tickets, stateless } = granting;
    config.session_storage = Arc::new(StoredSessions(terms.clone()));
    config.ticketer = if stateless && tickets > 0 {
        Arc::new(Tickets { terms, ring })
    } else {
        Arc::new(NoTickets)
    };
    config.send_tls13_tickets = tickets;
}

/// Tickets: the client keeps the state, sealed.
struct Tickets {
    terms: Terms,
    ring: Arc<TicketRing>,
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        self.terms.lifetime > 0
    }

    fn lifetime(&self) -> u32 {
        self.terms.lifetime
    }

    fn encrypt(&self, state: &[u8]) -> Option<Vec<u8>> {
        slot::handshake(|handshake| self.terms.seal(handshake, &self.ring, state))?
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        slot::handshake(|handshake| self.terms.open(handshake, &self.ring, ticket))?
    }
}

/// No tickets: states go to the program's store.
#[derive(Debug)]
struct NoTickets;

impl ProducesTickets for NoTickets {
    fn enabled(&self) -> bool {
        false
    }

    fn lifetime(&self) -> u32 {
        0
    }

    fn encrypt(&self, _state: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn decrypt(&self, _ticket: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

/// Stored sessions: the program keeps the state, and looked for it when the ClientHello came.
struct StoredSessions(Terms);

impl StoresServerSessions for StoredSessions {
    fn put(&self, id: Vec<u8>, state: Vec<u8>) -> bool {
        let state = Zeroizing::new(state);
        slot::handshake(|handshake| {
            handshake.server.stores() && self.0.store(handshake, id, &state)
        })
        .unwrap_or(false)
    }

    fn get(&self, id: &[u8]) -> Option<Vec<u8>> {
        slot::handshake(|handshake| self.0.find(handshake, id))?
    }

    fn take(&self, id: &[u8]) -> Option<Vec<u8>> {
        self.get(id)
    }

    fn can_cache(&self) -> bool {
        self.0.lifetime > 0
            && slot::handshake(|handshake| handshake.server.stores()).unwrap_or(false)
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").field("lifetime", &self.terms.lifetime).finish_non_exhaustive()
    }
}

impl fmt::Debug for StoredSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lifetime = &self.0.lifetime;
        f.debug_struct("StoredSessions").field("lifetime", lifetime).finish_non_exhaustive()
    }
}
