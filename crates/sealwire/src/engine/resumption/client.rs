//! A client's sessions: which one is offered, and what becomes of those that the server gives.
//!
//! The engine takes and leaves sessions through a store that all connections share, and that finds
//! the connection's own in its state; without one, nothing is offered and nothing is kept.

use std::sync::Arc;

use sealwire_x509::Certificate;

use super::MAX_AGE;
use super::cache::SessionCache;
use super::handle::{ClientSession, Facts};
use super::ticket::{NewTicket, TicketWatch};
#[cfg(feature = "legacy")]
use crate::engine::openssl::OldSession;
use crate::engine::rustls::{Again, SessionValue};
use crate::engine::{ClientIdentity, Examiner};
use crate::verify::Verdict;
use crate::words::{NamedGroup, ProtocolVersion, ServerName, TimeSource, now};

/// One connection's part.
pub(crate) struct ClientSessions {
    server: ServerName,
    cache: Arc<SessionCache>,
    /// Whether the context's own sessions are used and added to.
    use_cache: bool,
    identity: ClientIdentity,
    time: Arc<dyn TimeSource>,
    /// How long a session is good whose server does not say, in seconds.
    lifetime: u32,
    progress: Progress,
    /// What the engine left, oldest first.
    made: Vec<Made>,
    /// What the ticket says that the engine is being shown.
    said: Option<u32>,
    /// Whether sessions of TLS 1.3 can be resumed more than once, and how the next one can be.
    reuse: bool,
    again: Option<Again>,
    shown: Option<Vec<u8>>,
}

/// A session that the engine has left.
struct Made {
    value: SessionValue,
    /// How long the server said that it is good, in seconds.
    lifetime: Option<u32>,
    /// Its ticket, of TLS 1.3.
    ticket: Option<Vec<u8>>,
}

enum Progress {
    Handshake(Box<InHandshake>),
    /// Complete; what is the same for all sessions with this server.
    Known(Facts),
}

/// What is needed until the handshake is complete, and not after.
#[derive(Default)]
struct InHandshake {
    offered: Option<ClientSession>,
    /// What the engine may take, once.
    offer: Option<SessionValue>,
    watch: TicketWatch,
    ticket: Option<NewTicket>,
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
        identity: ClientIdentity,
        time: Arc<dyn TimeSource>,
        lifetime: u32,
    ) -> Self {
        let progress = Progress::Handshake(Box::default());
        let (made, said) = (Vec::new(), None);
        let (reuse, again, shown) = (false, None, None);
        Self {
            server,
            cache,
            use_cache,
            identity,
            time,
            lifetime,
            progress,
            made,
            said,
            reuse,
            again,
            shown,
        }
    }

    /// Chooses the session to offer: the program's, or else the context's newest. Only one whose
    /// server would be judged today as it was then, and passes where it must; otherwise a full
    /// handshake must authenticate the peer today. Gives the verdict.
    pub(crate) fn choose(
        &mut self,
        given: Option<&ClientSession>,
        speaks: &dyn Fn(ProtocolVersion) -> bool,
        examiner: &Examiner,
        must_pass: bool,
        old: bool,
    ) -> Option<Judged> {
        let given = given
            .filter(|session| *session.server_name() == self.server && !session.is_expired())
            .filter(|session| speaks(session.protocol()))
            .filter(|session| session.facts().identity.is(&self.identity));
        let from_cache = || self.cache.take(&self.server, speaks);
        // What one engine has made is of no use to the other.
        let given = given.filter(|session| session.is_old() == old).cloned();
        let session = given.or_else(|| self.use_cache.then(from_cache).flatten());
        let session = session.filter(|session| session.is_old() == old)?;
        let (chain, trusted) = (session.facts().chain.clone(), session.facts().trusted);
        let verdict = examiner.judge(&chain, now(&*self.time));
        if verdict.is_trusted() != trusted || (must_pass && !trusted) {
            // Its siblings have the same server.
            self.cache.forget(&self.server);
            return None;
        }
        if let Progress::Handshake(handshake) = &mut self.progress {
            handshake.offer = session.take();
            handshake.offered = Some(session);
        }
        Some((chain.to_vec(), verdict))
    }

    /// Lets sessions of TLS 1.3 be resumed more than once.
    pub(crate) fn reuse(&mut self, reuse: bool) {
        self.reuse = reuse;
    }

    pub(in crate::engine) fn are_reused(&self) -> bool {
        self.reuse
    }

    /// Looks at records that the engine consumed in the handshake.
    pub(crate) fn look(&mut self, records: &[u8]) {
        if let Progress::Handshake(handshake) = &mut self.progress
            && let Some(ticket) = handshake.watch.read(records)
        {
            handshake.ticket = Some(ticket);
        }
    }

    /// The handshake is complete, and this is the server. Gives the session that it has given so
    /// far; from now on there may be more.
    pub(crate) fn complete(
        &mut self,
        chain: &[Certificate],
        trusted: bool,
        resumed: bool,
    ) -> Vec<ClientSession> {
        let Progress::Handshake(handshake) = &mut self.progress else { return Vec::new() };
        let InHandshake { offered, ticket, .. } = std::mem::take(&mut **handshake);
        let offered = offered.filter(|_| resumed);
        let now = now(&*self.time);
        let proven = offered.as_ref().map_or(now, |session| session.facts().proven);
        let identity = self.identity.clone();
        self.progress = Progress::Known(Facts { chain: chain.into(), trusted, proven, identity });
        let (said, ticket) = match ticket {
            Some(new) if !new.ticket.is_empty() => (new.lifetime, Some(new.ticket)),
            _ => (0, None),
        };
        if offered.is_some_and(|session| session.protocol() < ProtocolVersion::Tls13)
            && ticket.is_none()
        {
            // It stays what it was; the engine leaves it again all the same.
            self.made.clear();
        }
        for Made { value, lifetime, .. } in &mut self.made {
            if value.protocol() < ProtocolVersion::Tls13 {
                // Zero: the server does not say (RFC 5077, 3.3).
                *lifetime = Some(if said == 0 { self.lifetime } else { said });
            }
        }
        self.take_new(ticket)
    }

    /// The sessions that the server has given since the last call.
    pub(crate) fn take_more(&mut self) -> Vec<ClientSession> {
        if self.made.is_empty() { Vec::new() } else { self.take_new(None) }
    }

    fn take_new(&mut self, mut ticket: Option<Vec<u8>>) -> Vec<ClientSession> {
        let Progress::Known(facts) = &self.progress else { return Vec::new() };
        let now = now(&*self.time);
        let mut told = Vec::with_capacity(self.made.len());
        for Made { value, lifetime, ticket: own } in self.made.drain(..) {
            let lifetime = lifetime.map_or(MAX_AGE, i64::from);
            let expires = now.saturating_add(lifetime).min(facts.proven.saturating_add(MAX_AGE));
            let ticket = own.or_else(|| ticket.take());
            let (server, time) = (self.server.clone(), self.time.clone());
            let session = ClientSession::new(server, value, facts.clone(), expires, ticket, time);
            if self.use_cache {
                self.cache.insert(session.clone());
            }
            told.push(session);
        }
        told
    }

    /// Reads of a TLS 1.3 ticket (the body of NewSessionTicket) how long it is good, before the
    /// engine is shown it: it keeps that to itself.
    pub(in crate::engine) fn note_ticket(&mut self, body: &[u8], again: Option<Again>) {
        self.again = again;
        self.shown = ticket_of(body).map(<[u8]>::to_vec);
        self.said = body.first_chunk().map(|seconds| u32::from_be_bytes(*seconds));
    }

    /// The group that the server chose last.
    pub(in crate::engine) fn group(&self) -> Option<NamedGroup> {
        self.cache.group(&self.server)
    }

    pub(in crate::engine) fn set_group(&self, group: NamedGroup) {
        self.cache.set_group(&self.server, group);
    }

    /// The session to offer, once, if it is one of this version.
    pub(in crate::engine) fn offer(&mut self, version: ProtocolVersion) -> Option<SessionValue> {
        self.handshake()?.offer.take_if(|offer| offer.protocol() == version)
    }

    /// Keeps a session that the server has given.
    pub(in crate::engine) fn keep(&mut self, mut value: SessionValue) {
        let said = self.said.take();
        value.set_again(self.again.take());
        // Zero: to be discarded at once (RFC 8446, 4.6.1).
        if said == Some(0) {
            return;
        }
        if self.made.len() == MAX_WAITING {
            self.made.remove(0);
        }
        self.made.push(Made { value, lifetime: said, ticket: self.shown.take() });
    }

    /// The session of TLS 1.2 did not work, or the server turned out to speak 1.3.
    pub(in crate::engine) fn drop_tls12(&self) {
        self.cache.forget_tls12(&self.server);
        if let Progress::Handshake(handshake) = &self.progress
            && let Some(session) = &handshake.offered
            && session.protocol() == ProtocolVersion::Tls12
        {
            session.spend();
        }
    }

    /// The session of the second engine's that is offered, once.
    #[cfg(feature = "legacy")]
    pub(in crate::engine) fn offer_old(&mut self) -> Option<OldSession> {
        match self.handshake()?.offer.take()? {
            SessionValue::Old(session) => Some(session),
            _ => None,
        }
    }

    /// Keeps a session that the second engine has made. `lifetime` is what the server said, in
    /// seconds, of TLS 1.3.
    #[cfg(feature = "legacy")]
    pub(in crate::engine) fn keep_old(
        &mut self,
        session: OldSession,
        lifetime: u32,
        ticket: Option<Vec<u8>>,
    ) {
        let said = session.version == ProtocolVersion::Tls13;
        if said && lifetime == 0 {
            return; // RFC 8446, 4.6.1: to be thrown away
        }
        if self.made.len() == MAX_WAITING {
            self.made.remove(0);
        }
        let value = SessionValue::Old(session);
        self.made.push(Made { value, lifetime: said.then_some(lifetime), ticket });
    }

    fn handshake(&mut self) -> Option<&mut InHandshake> {
        match &mut self.progress {
            Progress::Handshake(handshake) => Some(handshake),
            Progress::Known(_) => None,
        }
    }
}

/// The ticket in the body of a NewSessionTicket of TLS 1.3: behind a lifetime, a number to add to the
/// age, and a nonce.
fn ticket_of(body: &[u8]) -> Option<&[u8]> {
    let (nonce, rest) = body.get(8..)?.split_first()?;
    let (length, rest) = rest.get(usize::from(*nonce)..)?.split_first_chunk()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}
