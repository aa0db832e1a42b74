//! What OpenSSL asks from inside of its handshake, answered from the connection's state.

use std::sync::Arc;

use sealwire_openssl::{Handler, NewSession, PskAnswer, TakesTicket};
use zeroize::Zeroizing;

use super::sessions::{self, Giving};

use crate::engine::HandshakeState;
use crate::engine::resumption::ClientSessions;
use crate::engine::state::{Objection, PskAsked};
use crate::key_log::KeyLogLine;
use crate::words::{Alert, TimeSource, now};

/// The answers to one call.
pub(super) struct Answers<'a> {
    pub(super) handshake: Option<&'a mut HandshakeState>,
    /// A server's protocols, best first.
    pub(super) alpn: &'a [Vec<u8>],
    pub(super) time: &'a Arc<dyn TimeSource>,
    /// A client's sessions, where it keeps any.
    pub(super) sessions: Option<&'a mut ClientSessions>,
    /// How a server gives sessions.
    pub(super) giving: Option<&'a Giving>,
    /// What a server staples.
    pub(super) staple: Option<&'a [u8]>,
    /// The chain that the peer shows (DER).
    pub(super) chain: &'a mut Vec<Vec<u8>>,
}

impl Handler for Answers<'_> {
    fn verify(&mut self, chain: &[Vec<u8>]) -> Result<(), i32> {
        *self.chain = chain.to_vec();
        let handshake =
            self.handshake.as_deref_mut().ok_or_else(|| code_for(Alert::INTERNAL_ERROR))?;
        let (leaf, rest) = chain.split_first().ok_or_else(|| code_for(Alert::INTERNAL_ERROR))?;
        handshake.examine(leaf, rest.iter().map(Vec::as_slice), now(&**self.time)).map_err(
            |objection| match objection {
                Objection::Unreadable => code_for(Alert::from_number(42)),
                Objection::Refused(alert) => code_for(alert),
            },
        )
    }

    fn alpn(&mut self, offered: &[&[u8]]) -> Option<usize> {
        self.alpn
            .iter()
            .find_map(|ours| offered.iter().position(|theirs| *theirs == ours.as_slice()))
    }

    fn key_log(&mut self, line: &str) {
        let lines = self.handshake.as_deref_mut().and_then(|handshake| handshake.key_log.as_mut());
        if let Some(lines) = lines {
            lines.push(KeyLogLine::written(line));
        }
    }

    fn psk_of(&mut self, identity: &[u8]) -> Option<Vec<u8>> {
        let psk = &mut self.handshake.as_deref_mut()?.psk;
        let key = psk.answer(&PskAsked::Identity(identity.to_vec()))?.key.to_vec();
        psk.used = Some(identity.to_vec());
        Some(key)
    }

    fn psk(&mut self, hint: Option<&[u8]>) -> Option<PskAnswer> {
        let psk = &mut self.handshake.as_deref_mut()?.psk;
        let given = psk.answer(&PskAsked::Hint(hint.map(<[u8]>::to_vec)))?;
        let answer = PskAnswer { identity: given.identity.clone(), key: given.key.to_vec() };
        psk.used = Some(answer.identity.clone());
        Some(answer)
    }

    fn new_session(&mut self, session: NewSession) {
        match (&mut self.sessions, self.giving, &mut self.handshake) {
            (Some(sessions), ..) => sessions::keep(sessions, session),
            (None, Some(giving), Some(handshake)) => giving.store(handshake, &session),
            _ => {}
        }
    }

    fn stored_session(&mut self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.giving?.find(self.handshake.as_deref_mut()?, id)
    }

    fn ticket(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        self.giving?.put(self.handshake.as_deref()?)
    }

    fn takes_ticket(&mut self, found: &[u8]) -> TakesTicket {
        match (self.giving, self.handshake.as_deref_mut()) {
            (Some(giving), Some(handshake)) => giving.takes(handshake, found),
            _ => TakesTicket::No,
        }
    }

    fn staple(&mut self) -> Option<Vec<u8>> {
        self.staple.map(<[u8]>::to_vec)
    }
}

/// OpenSSL chooses the alert by the error of the verification (`ssl_x509err2alert`), so the error is
/// chosen by the alert.
fn code_for(alert: Alert) -> i32 {
    match alert.number() {
        42 => 28, // X509_V_ERR_CERT_REJECTED
        43 => 26, // X509_V_ERR_INVALID_PURPOSE
        44 => 23, // X509_V_ERR_CERT_REVOKED
        45 => 10, // X509_V_ERR_CERT_HAS_EXPIRED
        48 => 18, // X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
        51 => 7,  // X509_V_ERR_CERT_SIGNATURE_FAILURE
        80 => 1,  // X509_V_ERR_UNSPECIFIED
        _ => 30,  // X509_V_ERR_AKID_SKID_MISMATCH: certificate_unknown
    }
}
