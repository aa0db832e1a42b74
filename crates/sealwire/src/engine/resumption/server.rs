//! A server's sessions: how tickets and stored sessions are made and taken back.
//!
//! The terms are the same for all connections. What concerns one (its client's chain, what the
//! program found in its store) is in its handshake's state.

use std::sync::Arc;

use aws_lc_rs::rand;
#[cfg(feature = "legacy")]
use sealwire_x509::Certificate;
use zeroize::Zeroizing;

use super::ring::TicketRing;
use super::state::{Binding, State};
use super::{MAX_AGE, SessionData};
use crate::engine::HandshakeState;
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
    /// Whether a connection that resumes a session is given a ticket, too.
    pub(crate) renew: bool,
    pub(crate) time: Arc<dyn TimeSource>,
}

/// How the servers of a context give sessions and take them back.
pub(crate) struct Granting {
    pub(crate) terms: Terms,
    pub(crate) ring: Arc<TicketRing>,
    /// How many tickets are given in a handshake of TLS 1.3; 0 disables them.
    pub(crate) tickets: usize,
    /// Whether clients keep the sessions, in tickets; otherwise the program does.
    pub(crate) stateless: bool,
}

/// One connection's part, in its handshake's state.
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
    /// Whether the program stores the sessions of this connection.
    pub(in crate::engine) fn stores(&self) -> bool {
        self.storing != Storing::None
    }

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

    /// The ticket for the session of the handshake at hand, whose state is the engine's. Leaves it
    /// for the program's store as well, where the program wants all.
    pub(in crate::engine) fn seal(
        &self,
        handshake: &mut HandshakeState,
        ring: &TicketRing,
        engine: &[u8],
    ) -> Option<Vec<u8>> {
        // One takes the place of the one that was used, as in OpenSSL.
        if handshake.server.proven.is_some() && (!self.renew || handshake.server.has_ticket) {
            return None;
        }
        let ticket = ring.seal(self.write(handshake, engine, &[])?, self.now())?;
        handshake.server.has_ticket = true;
        if handshake.server.storing == Storing::All {
            // As Node has it; the id is for the program only.
            let mut id = vec![0; 32];
            rand::fill(&mut id).ok()?;
            self.store(handshake, id, engine);
        }
        Some(ticket)
    }

    /// The engine's state in a ticket, if its session may be resumed in the handshake at hand.
    pub(in crate::engine) fn open(
        &self,
        handshake: &mut HandshakeState,
        ring: &TicketRing,
        ticket: &[u8],
    ) -> Option<Vec<u8>> {
        let written = ring.open(ticket, self.now())?;
        self.admit(handshake, &written, &[])
    }

    /// The same of the session that the program had stored under this id.
    pub(in crate::engine) fn find(
        &self,
        handshake: &mut HandshakeState,
        id: &[u8],
    ) -> Option<Vec<u8>> {
        let found = handshake.server.found.clone()?;
        self.admit(handshake, found.as_ref(), id)
    }

    /// Leaves a session for the program's store. False: it cannot be written.
    pub(in crate::engine) fn store(
        &self,
        handshake: &mut HandshakeState,
        id: Vec<u8>,
        engine: &[u8],
    ) -> bool {
        let Some(written) = self.write(handshake, engine, &id) else { return false };
        handshake.server.made.push((id, SessionData::from(written)));
        true
    }

    /// What goes along in a ticket whose frame is the engine's, which has the chain of the handshake
    /// at hand in `engine`.
    #[cfg(feature = "legacy")]
    pub(in crate::engine) fn put(
        &self,
        handshake: &HandshakeState,
        engine: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        self.write(handshake, engine, &[])
    }

    /// Whether a session in whose ticket that was found may be resumed in the handshake at hand.
    #[cfg(feature = "legacy")]
    pub(in crate::engine) fn takes(&self, handshake: &mut HandshakeState, found: &[u8]) -> bool {
        self.admit(handshake, found, &[]).is_some()
    }

    fn admit(&self, handshake: &mut HandshakeState, written: &[u8], id: &[u8]) -> Option<Vec<u8>> {
        let state = State::decode(written)?;
        let now = self.now();
        let age = now.saturating_sub(state.issued);
        let good = state.binding == self.binding()
            && state.id == id
            && (-CLOCK_SKEW..=i64::from(self.lifetime)).contains(&age)
            && now.saturating_sub(state.proven) <= MAX_AGE;
        (good && handshake.admit(&state, now)).then(|| state.engine.to_vec())
    }

    /// Writes the session of the handshake at hand, with the id under which it will be stored.
    fn write(
        &self,
        handshake: &HandshakeState,
        engine: &[u8],
        id: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let now = self.now();
        let judged = handshake.examined.as_ref().or(handshake.resumed.as_ref());
        let proven =
            handshake.server.proven.filter(|_| handshake.examined.is_none()).unwrap_or(now);
        let (chain, trusted) = judged
            .map_or((&[][..], false), |(chain, verdict)| (chain.as_slice(), verdict.is_trusted()));
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
    }

    fn binding(&self) -> Binding<'_> {
        Binding { client_auth: self.client_auth, id_context: &self.id_context }
    }
}

impl HandshakeState {
    /// The peer's chain: what it has shown, or that of the session that is resumed.
    #[cfg(feature = "legacy")]
    pub(in crate::engine) fn chain(&self) -> &[Certificate] {
        let judged = self.examined.as_ref().or(self.resumed.as_ref());
        judged.map_or(&[], |(chain, _)| chain)
    }

    /// Whether the client of `state` would be judged today as it was then, and passes where it
    /// must. Otherwise a full handshake must authenticate the peer today.
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
