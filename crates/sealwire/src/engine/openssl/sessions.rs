//! Session resumption, with the sessions that OpenSSL makes.
//!
//! OpenSSL keeps the peer's leaf in a session and not its chain, which is judged again before a session
//! is offered or accepted. So a client has the chain beside the session; a server puts it, with the
//! rest of what it is bound to ([`Terms`]), into the ticket or behind the session that is stored.

use aws_lc_rs::hkdf;
use sealwire_openssl::{NewSession, TICKET_KEYS, TakesTicket};
use zeroize::Zeroizing;

use crate::engine::HandshakeState;
use crate::engine::resumption::{ClientSessions, Granting, Terms, TicketKeys};
use crate::words::{ProtocolVersion, Storing};

/// A client's session.
#[derive(Clone)]
pub(crate) struct OldSession {
    pub(in crate::engine) version: ProtocolVersion,
    /// Whether it resumes more than one connection.
    pub(in crate::engine) reusable: bool,
    pub(super) der: Zeroizing<Vec<u8>>,
}

/// How a server gives sessions.
pub(super) struct Giving {
    pub(super) terms: Terms,
    /// Whether clients keep them, in tickets.
    pub(super) by_ticket: bool,
}

impl Giving {
    pub(super) fn of(granting: Granting) -> Self {
        let Granting { terms, tickets, stateless, .. } = granting;
        Self { by_ticket: stateless && tickets > 0 && terms.lifetime > 0, terms }
    }

    /// Leaves a session for the program's store, if that wants it.
    pub(super) fn store(&self, handshake: &mut HandshakeState, session: &NewSession) {
        let wanted = match handshake.server.storing {
            Storing::None => false,
            Storing::All => true,
            Storing::Ticketless => !self.by_ticket,
        };
        if wanted && self.terms.lifetime > 0 {
            let engine = with_chain(&session.der, handshake);
            self.terms.store(handshake, session.id.clone(), &engine);
        }
    }

    /// The session that the program had stored under this id, if it may be resumed.
    pub(super) fn find(
        &self,
        handshake: &mut HandshakeState,
        id: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let engine = Zeroizing::new(self.terms.find(handshake, id)?);
        let (length, rest) = engine.split_first_chunk()?;
        let session = rest.get(..u32::from_be_bytes(*length) as usize)?;
        Some(Zeroizing::new(session.to_vec()))
    }

    /// What goes along in a ticket.
    pub(super) fn put(&self, handshake: &HandshakeState) -> Option<Zeroizing<Vec<u8>>> {
        self.terms.put(handshake, &with_chain(&[], handshake))
    }

    /// Whether a session with that in its ticket is resumed.
    pub(super) fn takes(&self, handshake: &mut HandshakeState, found: &[u8]) -> TakesTicket {
        match (self.terms.takes(handshake, found), self.terms.renew) {
            (false, _) => TakesTicket::No,
            (true, true) => TakesTicket::Renewed,
            (true, false) => TakesTicket::Yes,
        }
    }
}

/// A session behind its length, and the chain of its peer.
fn with_chain(session: &[u8], handshake: &HandshakeState) -> Zeroizing<Vec<u8>> {
    let chain = handshake.chain();
    let length: usize = chain.iter().map(|certificate| certificate.der().len()).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(4 + session.len() + length));
    out.extend(u32::try_from(session.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(session);
    for certificate in chain {
        out.extend_from_slice(certificate.der());
    }
    out
}

/// Keeps a session that a client was given.
pub(super) fn keep(sessions: &mut ClientSessions, new: NewSession) {
    let NewSession { der, version, ticket, lifetime, .. } = new;
    let version = match version {
        0x0301 => ProtocolVersion::Tls10,
        0x0302 => ProtocolVersion::Tls11,
        0x0303 => ProtocolVersion::Tls12,
        0x0304 => ProtocolVersion::Tls13,
        _ => return,
    };
    let reusable = version < ProtocolVersion::Tls13 || sessions.are_reused();
    sessions.keep_old(OldSession { version, reusable, der }, lifetime, ticket);
}

/// OpenSSL's keys for tickets are longer than ours, so they are derived.
pub(super) fn ticket_keys(keys: &TicketKeys) -> Zeroizing<[u8; TICKET_KEYS]> {
    struct Length;
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            TICKET_KEYS
        }
    }
    let mut derived = Zeroizing::new([0; TICKET_KEYS]);
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"sealwire: OpenSSL's tickets")
        .extract(&*keys.to_bytes());
    prk.expand(&[b"name, HMAC, AES"], Length)
        .and_then(|okm| okm.fill(&mut *derived))
        .expect("80 bytes are fewer than 255 blocks");
    derived
}
