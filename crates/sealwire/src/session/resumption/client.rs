//! A client's sessions: which one is offered, and what becomes of those that the server gives.
//!
//! The engine takes and leaves sessions through a store that all connections share. As with the
//! verifiers, the session puts what is the connection's own into a thread-local slot around each
//! call of the engine; without it nothing is offered and nothing is kept.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::sync::Arc;

use rustls::NamedGroup;
use rustls::client::{
    ClientSessionStore, ResolvesClientCert, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls_pki_types as pki_types;
use sealwire_x509::Certificate;

use super::MAX_AGE;
use super::cache::SessionCache;
use super::handle::{ClientSession, Facts, Value};
use super::ticket::{NewTicket, TicketWatch};
use crate::context::{TimeSource, now};
use crate::names::ProtocolVersion;
use crate::server_name::ServerName;
use crate::session::tap::{self, Examiner};
use crate::verify::Verdict;

/// One connection's part.
pub(crate) struct ClientSessions {
    server: ServerName,
    cache: Arc<SessionCache>,
    /// Whether the context's own sessions are used and added to.
    use_cache: bool,
    identity: Arc<dyn ResolvesClientCert>,
    time: Arc<dyn TimeSource>,
    /// How long a session is good whose server does not say, in seconds.
    lifetime: u32,
    offered: Option<ClientSession>,
    /// What the engine may take, once.
    offer: Option<Value>,
    /// What it left, oldest first.
    made: Vec<Value>,
    watch: TicketWatch,
    ticket: Option<NewTicket>,
    facts: Option<Facts>,
}

/// The offered session's chain and today's verdict on it.
pub(crate) type Judged = (Vec<Certificate>, Verdict);

/// How many sessions wait for the program at most: a server may send tickets without end.
const MAX_WAITING: usize = 8;

impl ClientSessions {
    pub(crate) fn new(
        server: ServerName,
        cache: Arc<SessionCache>,
        use_cache: bool,
        identity: Arc<dyn ResolvesClientCert>,
        time: Arc<dyn TimeSource>,
        lifetime: u32,
    ) -> Self {
        Self {
            server,
            cache,
            use_cache,
            identity,
            time,
            lifetime,
            offered: None,
            offer: None,
            made: Vec::new(),
            watch: TicketWatch::default(),
            ticket: None,
            facts: None,
        }
    }

    /// Chooses the session to offer: the program's, or else the context's newest. Only one whose
    /// server would be judged today as it was then, and passes where it must; otherwise a full
    /// handshake has to show who it is today. Gives the verdict.
    pub(in crate::session) fn choose(
        &mut self,
        given: Option<&ClientSession>,
        versions: &RangeInclusive<ProtocolVersion>,
        examiner: &Examiner,
        must_pass: bool,
    ) -> Option<Judged> {
        let given = given
            .filter(|session| *session.server_name() == self.server && !session.is_expired())
            .filter(|session| versions.contains(&session.protocol()))
            .filter(|session| Arc::ptr_eq(&session.facts().identity, &self.identity));
        let from_cache = || self.cache.take(&self.server, versions);
        let session = given.cloned().or_else(|| self.use_cache.then(from_cache).flatten())?;
        let (chain, trusted) = (&session.facts().chain, session.facts().trusted);
        let verdict = examiner.judge(chain, now(&*self.time));
        if verdict.is_trusted() != trusted || (must_pass && !trusted) {
            // Its siblings have the same server.
            self.cache.forget(&self.server);
            return None;
        }
        let chain = chain.to_vec();
        self.offer = session.take();
        self.offered = Some(session);
        Some((chain, verdict))
    }

    /// Looks at records that the engine consumed in the handshake.
    pub(in crate::session) fn look(&mut self, records: &[u8]) {
        if !self.watch.is_over() {
            self.ticket = self.watch.read(records).or_else(|| self.ticket.take());
        }
    }

    /// The handshake is complete, and this is the server. From now on sessions are told.
    pub(in crate::session) fn complete(
        &mut self,
        chain: &[Certificate],
        trusted: bool,
        resumed: bool,
    ) {
        let now = now(&*self.time);
        let offered = self.offered.take().filter(|_| resumed);
        let proven = offered.as_ref().map_or(now, |session| session.facts().proven);
        let ticket = self.ticket.as_ref();
        let lifetime = match ticket.map_or(0, |ticket| ticket.lifetime) {
            0 => self.lifetime,
            said => said,
        };
        if let Some(session) = offered
            && session.protocol() == ProtocolVersion::Tls12
            && ticket.is_none_or(|ticket| ticket.ticket.is_empty())
        {
            // It stays what it was; the engine leaves it again all the same.
            self.made.clear();
        }
        let most = proven.saturating_add(MAX_AGE);
        let expires = now.saturating_add(i64::from(lifetime)).min(most);
        self.offer = None;
        self.watch = TicketWatch::default();
        let identity = self.identity.clone();
        self.facts = Some(Facts { chain: chain.into(), trusted, proven, expires, identity });
    }

    /// The sessions that the server gave since the last call.
    pub(in crate::session) fn take_new(&mut self) -> Vec<ClientSession> {
        let (Some(facts), false) = (&self.facts, self.made.is_empty()) else { return Vec::new() };
        let mut told = Vec::with_capacity(self.made.len());
        for value in self.made.drain(..) {
            let (facts, ticket) = match &value {
                Value::Tls12(_) => (facts.clone(), self.ticket.take()),
                // How long it is good is in the engine's part, which sees to it.
                Value::Tls13(_) => {
                    let expires = facts.proven.saturating_add(MAX_AGE);
                    (Facts { expires, ..facts.clone() }, None)
                }
            };
            let ticket = ticket.map(|new| new.ticket).filter(|ticket| !ticket.is_empty());
            let (server, time) = (self.server.clone(), self.time.clone());
            let session = ClientSession::new(server, value, facts, ticket, time);
            if self.use_cache {
                self.cache.insert(session.clone());
            }
            told.push(session);
        }
        told
    }
}

thread_local! {
    static SLOT: RefCell<Option<Box<ClientSessions>>> = const { RefCell::new(None) };
}

/// Calls the engine with `sessions` in the slot.
pub(in crate::session) fn with<T>(
    sessions: &mut Option<Box<ClientSessions>>,
    engine: impl FnOnce() -> T,
) -> T {
    match sessions {
        Some(_) => tap::lend(&SLOT, sessions, engine),
        None => engine(),
    }
}

fn at<T>(work: impl FnOnce(&mut ClientSessions) -> T) -> Option<T> {
    SLOT.with(|slot| slot.borrow_mut().as_mut().map(|sessions| work(sessions)))
}

/// The engine's store of every client context. The name that the engine gives is the
/// connection's, so it is not looked at.
#[derive(Debug)]
pub(crate) struct DeskStore;

impl ClientSessionStore for DeskStore {
    fn set_kx_hint(&self, _server: pki_types::ServerName<'static>, group: NamedGroup) {
        at(|sessions| sessions.cache.set_group(&sessions.server, group));
    }

    fn kx_hint(&self, _server: &pki_types::ServerName<'_>) -> Option<NamedGroup> {
        at(|sessions| sessions.cache.group(&sessions.server))?
    }

    fn set_tls12_session(
        &self,
        _server: pki_types::ServerName<'static>,
        value: Tls12ClientSessionValue,
    ) {
        keep(Value::Tls12(value));
    }

    fn tls12_session(
        &self,
        _server: &pki_types::ServerName<'_>,
    ) -> Option<Tls12ClientSessionValue> {
        match at(|sessions| sessions.offer.take())?? {
            Value::Tls12(value) => Some(value),
            Value::Tls13(_) => None,
        }
    }

    /// Called when a session of TLS 1.2 did not work, and when the server turns out to speak 1.3.
    fn remove_tls12_session(&self, _server: &pki_types::ServerName<'static>) {
        at(|sessions| {
            sessions.cache.forget_tls12(&sessions.server);
            if let Some(session) = &sessions.offered
                && session.protocol() == ProtocolVersion::Tls12
            {
                session.spend();
            }
        });
    }

    fn insert_tls13_ticket(
        &self,
        _server: pki_types::ServerName<'static>,
        value: Tls13ClientSessionValue,
    ) {
        keep(Value::Tls13(value));
    }

    fn take_tls13_ticket(
        &self,
        _server: &pki_types::ServerName<'static>,
    ) -> Option<Tls13ClientSessionValue> {
        at(|sessions| match sessions.offer.take()? {
            Value::Tls13(value) => Some(value),
            other => {
                sessions.offer = Some(other);
                None
            }
        })?
    }
}

fn keep(value: Value) {
    at(|sessions| {
        if sessions.made.len() == MAX_WAITING {
            sessions.made.remove(0);
        }
        sessions.made.push(value);
    });
}
