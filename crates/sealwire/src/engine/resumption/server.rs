//! A server's sessions: what the engine calls to make and to take back tickets and stored
//! sessions.
//!
//! The engine shares these between connections. What concerns one connection (its client's chain,
//! what the program found in its store) is at its papers.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand;
use rustls::server::{ProducesTickets, StoresServerSessions};
use zeroize::Zeroizing;

use super::ring::TicketRing;
use super::state::{Binding, State};
use super::{MAX_AGE, SessionData};
use crate::engine::Papers;
use crate::engine::rustls::slot;
use crate::words::{ClientAuth, Storing, TimeSource, now};

/// How far the clocks of two servers that share their keys may be apart, in seconds.
const CLOCK_SKEW: i64 = 60;

/// How many sessions of one client are judged. Only a client with valid tickets that fit nothing
/// else gets further than one, and then judging is all that it wants.
const MAX_JUDGED: u8 = 4;

/// What the sessions of a server are bound to, and how long they are good.
#[derive(Clone)]
pub(crate) struct Terms {
    pub(crate) client_auth: ClientAuth,
    pub(crate) id_context: Arc<[u8]>,
    /// In seconds; 0: nothing is ever resumed.
    pub(crate) lifetime: u32,
    pub(crate) time: Arc<dyn TimeSource>,
}

/// Tickets: the client keeps the state, sealed.
pub(crate) struct Tickets {
    pub(crate) terms: Terms,
    pub(crate) ring: Arc<TicketRing>,
}

/// No tickets: states go to the program's store.
#[derive(Debug)]
pub(crate) struct NoTickets;

/// Stored sessions: the program keeps the state, and looked for it when the ClientHello came.
pub(crate) struct StoredSessions {
    pub(crate) terms: Terms,
}

/// One connection's part, at its papers.
#[derive(Default)]
pub(crate) struct ServerSessions {
    /// Which of the sessions that are made the program wants to store.
    pub(crate) storing: Storing,
    /// What it had stored for this client.
    pub(crate) found: Option<SessionData>,
    made: Vec<(Vec<u8>, SessionData)>,
    /// The client got a ticket.
    has_ticket: bool,
    /// When the peer of the session that is resumed last proved that it has its key.
    proven: Option<i64>,
    judged: u8,
}

impl ServerSessions {
    /// The sessions made in the handshake that is complete now. As in OpenSSL, a TLS 1.2 client
    /// with a ticket needs no other.
    pub(crate) fn made(self, tls13: bool) -> Vec<(Vec<u8>, SessionData)> {
        if self.has_ticket && !tls13 { Vec::new() } else { self.made }
    }
}

impl Terms {
    fn now(&self) -> i64 {
        now(&*self.time)
    }

    /// The engine's state in `written`, if the session may be resumed in the handshake at hand.
    fn admit(&self, written: &[u8], id: &[u8]) -> Option<Vec<u8>> {
        let state = State::decode(written)?;
        let now = self.now();
        let age = now.saturating_sub(state.issued);
        let good = state.binding == self.binding()
            && state.id == id
            && (-CLOCK_SKEW..=i64::from(self.lifetime)).contains(&age)
            && now.saturating_sub(state.proven) <= MAX_AGE;
        (good && slot::papers(|papers| papers.admit(&state, now))?).then(|| state.engine.to_vec())
    }

    /// Writes the session of the handshake at hand, with the id under which it will be stored.
    fn write(&self, engine: &[u8], id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let now = self.now();
        slot::papers(|papers| {
            let judged = papers.examined.as_ref().or(papers.resumed.as_ref());
            let proven = papers.server.proven.filter(|_| papers.examined.is_none()).unwrap_or(now);
            let (chain, trusted) = judged.map_or((&[][..], false), |(chain, verdict)| {
                (chain.as_slice(), verdict.is_trusted())
            });
            let state = State {
                binding: self.binding(),
                issued: now,
                proven,
                trusted,
                id,
                chain: chain.iter().map(|certificate| certificate.der()).collect(),
                engine,
            };
            state.encode()
        })?
    }

    fn binding(&self) -> Binding<'_> {
        Binding { client_auth: self.client_auth, id_context: &self.id_context }
    }

    /// Leaves a session for the program's store at the papers. False: it cannot be written.
    fn keep(&self, id: Vec<u8>, engine: &[u8]) -> bool {
        let Some(written) = self.write(engine, &id) else { return false };
        slot::papers(|papers| papers.server.made.push((id, SessionData::from(written)))).is_some()
    }
}

impl Papers {
    /// Whether the client of `state` would be judged today as it was then, and passes where it
    /// must. Otherwise a full handshake has to show who it is today.
    fn admit(&mut self, state: &State<'_>, now: i64) -> bool {
        self.resumed = None;
        self.server.proven = None;
        let trusted = if state.chain.is_empty() {
            false
        } else {
            if self.server.judged == MAX_JUDGED {
                return false;
            }
            self.server.judged += 1;
            let judged = self.examiner.examine(None, state.chain.iter().copied(), now);
            let trusted = judged.1.is_trusted();
            self.resumed = Some(judged);
            trusted
        };
        if trusted != state.trusted || (self.refuse_at_once && !trusted) {
            self.resumed = None;
            return false;
        }
        self.server.proven = Some(state.proven);
        true
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        self.terms.lifetime > 0
    }

    fn lifetime(&self) -> u32 {
        self.terms.lifetime
    }

    fn encrypt(&self, engine: &[u8]) -> Option<Vec<u8>> {
        let ticket = self.ring.seal(self.terms.write(engine, &[])?, self.terms.now())?;
        let storing = slot::papers(|papers| {
            papers.server.has_ticket = true;
            papers.server.storing
        })?;
        if storing == Storing::All {
            // As Node has it; the id is for the program only.
            let mut id = vec![0; 32];
            rand::fill(&mut id).ok()?;
            self.terms.keep(id, engine);
        }
        Some(ticket)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let written = self.ring.open(ticket, self.terms.now())?;
        self.terms.admit(&written, &[])
    }
}

impl ProducesTickets for NoTickets {
    fn enabled(&self) -> bool {
        false
    }

    fn lifetime(&self) -> u32 {
        0
    }

    fn encrypt(&self, _engine: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn decrypt(&self, _ticket: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

impl StoresServerSessions for StoredSessions {
    fn put(&self, id: Vec<u8>, engine: Vec<u8>) -> bool {
        stores() && self.terms.keep(id, &Zeroizing::new(engine))
    }

    fn get(&self, id: &[u8]) -> Option<Vec<u8>> {
        let found = slot::papers(|papers| papers.server.found.clone())??;
        self.terms.admit(found.as_ref(), id)
    }

    fn take(&self, id: &[u8]) -> Option<Vec<u8>> {
        self.get(id)
    }

    fn can_cache(&self) -> bool {
        self.terms.lifetime > 0 && stores()
    }
}

/// Whether the program stores the sessions of the connection at hand.
fn stores() -> bool {
    slot::papers(|papers| papers.server.storing != Storing::None).unwrap_or(false)
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").field("lifetime", &self.terms.lifetime).finish_non_exhaustive()
    }
}

impl fmt::Debug for StoredSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lifetime = &self.terms.lifetime;
        f.debug_struct("StoredSessions").field("lifetime", lifetime).finish_non_exhaustive()
    }
}
