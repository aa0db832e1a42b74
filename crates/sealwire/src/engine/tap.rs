//! The handshake tap: how what the engine shares between connections (the verifier, the choice of
//! the identity, the key log, the provider's key derivation) reaches the one connection that is
//! being driven.
//!
//! Everything happens in one call on one thread: the session puts its desk into a thread-local
//! slot, calls the engine, and takes the desk back. The engine's verifier finds there what to
//! check against and leaves there what it found; with nobody at the desk it refuses. The others
//! only leave notes.

use std::cell::RefCell;
use std::sync::Arc;
use std::thread::LocalKey;

use rustls::SignatureScheme;
use sealwire_x509::{Certificate, Purpose};

use super::resumption::ServerSessions;
use super::secrets::Secrets;
use crate::key_log::KeyLogLine;
use crate::verify::{NameCheck, Policy, Verdict, judge, recall};
use crate::words::{Pin, ServerName};

/// What the verifier of one handshake needs to know, what it found, and what others noted.
pub(crate) struct Desk {
    pub(crate) examiner: Examiner,
    /// A peer that fails ends the handshake (the mode "require").
    pub(crate) refuse_at_once: bool,
    /// The leaf, for the signature check that follows.
    pub(crate) leaf: Option<Certificate>,
    /// The chain and the verdict, once the verifier was called.
    pub(crate) examined: Option<(Vec<Certificate>, Verdict)>,
    /// The same of the session that is to be resumed, judged before it was offered or accepted.
    pub(crate) resumed: Option<(Vec<Certificate>, Verdict)>,
    /// What a server's tickets and stored sessions need to know, and leave.
    pub(crate) server: ServerSessions,
    /// The OCSP response that a server stapled.
    pub(crate) ocsp_response: Option<Vec<u8>>,
    /// The chain that we chose to show.
    pub(crate) shown: Option<Arc<[Certificate]>>,
    /// The signature schemes by which a server wants a client to sign, by number.
    pub(crate) requested_schemes: Vec<u16>,
    pub(crate) secrets: Secrets,
    /// The lines for the program, if it wants them.
    pub(crate) key_log: Option<Vec<KeyLogLine>>,
}

impl Desk {
    pub(crate) fn new(examiner: Examiner, refuse_at_once: bool, key_log: bool) -> Self {
        Self {
            examiner,
            refuse_at_once,
            leaf: None,
            examined: None,
            resumed: None,
            server: ServerSessions::default(),
            ocsp_response: None,
            shown: None,
            requested_schemes: Vec::new(),
            secrets: Secrets::default(),
            key_log: key_log.then(Vec::new),
        }
    }
}

/// Everything that a verdict depends on: the one way in which chains are judged, inside the
/// handshake, after it and on resumption.
pub(crate) struct Examiner {
    pub(crate) policy: Arc<Policy>,
    /// The server's name and the rules to compare by; `None` for a client's certificate.
    pub(crate) name: Option<(ServerName, NameCheck)>,
    /// Keys of which the chain must have one, if there are any to ask for.
    pub(crate) pins: Option<Arc<[Pin]>>,
    pub(crate) purpose: Purpose,
}

impl Examiner {
    /// Reads a leaf, unless it is known.
    pub(crate) fn read_leaf(&self, der: &[u8]) -> Result<Certificate, sealwire_x509::Error> {
        self.policy.memory.leaf(der).map_or_else(|| Certificate::from_der(der), Ok)
    }

    /// Judges `chain`, given as DER, leaf first, at `time`. `leaf` is its first certificate, when
    /// that has been read already.
    pub(crate) fn examine<'a>(
        &self,
        leaf: Option<&Certificate>,
        chain: impl IntoIterator<Item = &'a [u8]>,
        time: i64,
    ) -> (Vec<Certificate>, Verdict) {
        let (certificates, verdict) = self.examine_chain(leaf, chain.into_iter().collect(), time);
        (certificates, self.with_pins(verdict))
    }

    fn examine_chain(
        &self,
        leaf: Option<&Certificate>,
        chain: Vec<&[u8]>,
        time: i64,
    ) -> (Vec<Certificate>, Verdict) {
        let name = self.name.as_ref();
        if let Some(known) = recall(&self.policy, &chain, self.purpose, name, time) {
            return known;
        }
        let mut certificates: Vec<Certificate> = leaf.cloned().into_iter().collect();
        for (depth, der) in chain.into_iter().enumerate().skip(certificates.len()) {
            match Certificate::from_der(der) {
                Ok(certificate) => certificates.push(certificate),
                Err(error) => return (certificates, Verdict::unreadable(depth, &error)),
            }
        }
        let verdict = judge(&self.policy, &certificates, self.purpose, name, time);
        (certificates, verdict)
    }

    /// As [`examine`](Self::examine), of certificates that have been read.
    pub(crate) fn judge(&self, chain: &[Certificate], time: i64) -> Verdict {
        let ders: Vec<&[u8]> = chain.iter().map(Certificate::der).collect();
        let (policy, purpose, name) = (&self.policy, self.purpose, self.name.as_ref());
        let verdict = recall(policy, &ders, purpose, name, time)
            .map_or_else(|| judge(policy, chain, purpose, name, time), |(_, verdict)| verdict);
        self.with_pins(verdict)
    }

    fn with_pins(&self, verdict: Verdict) -> Verdict {
        match &self.pins {
            Some(pins) => verdict.with_pins(pins),
            None => verdict,
        }
    }
}

thread_local! {
    static DESK: RefCell<Option<Desk>> = const { RefCell::new(None) };
}

/// Calls `engine` with `desk` in the slot and gives the desk back.
pub(crate) fn with<T>(desk: &mut Option<Desk>, engine: impl FnOnce() -> T) -> T {
    lend(&DESK, desk, engine)
}

/// Calls `engine` with `value` in `slot` and gives the value back.
pub(crate) fn lend<V, T>(
    slot: &'static LocalKey<RefCell<Option<V>>>,
    value: &mut Option<V>,
    engine: impl FnOnce() -> T,
) -> T {
    slot.set(value.take());
    let result = engine();
    *value = slot.take();
    result
}

/// Notes which identity is shown.
pub(crate) fn note_shown(chain: &Arc<[Certificate]>) {
    at(|desk| desk.shown = Some(chain.clone()));
}

/// Notes the signature schemes in a certificate request.
pub(crate) fn note_requested(schemes: &[SignatureScheme]) {
    at(|desk| desk.requested_schemes = schemes.iter().map(|&scheme| scheme.into()).collect());
}

/// What the verifier does at the desk; `None` when nobody is driving a session on this thread.
pub(crate) fn at<T>(work: impl FnOnce(&mut Desk) -> T) -> Option<T> {
    DESK.with(|slot| slot.borrow_mut().as_mut().map(work))
}
