//! The state of one connection that its engine reads and writes.
//!
//! Engines share much between connections (verifiers, the choice of the identity, ticket keys), but
//! what to check, what to offer and what was found belongs to one. That is the
//! connection's state, which the session passes to its engine with each call.

use std::sync::Arc;

use sealwire_x509::{Certificate, Purpose};

use super::resumption::{ClientSessions, ServerSessions};
use super::rustls::{Derived, EarlyData, Protected, SessionValue};
use super::secrets::Secrets;
use crate::key_log::KeyLogLine;
use crate::verify::{CertificateRequest, NameCheck, Policy, Refusal, Verdict, judge, recall};
use crate::words::{Alert, Pin, ProtocolVersion, Psk, ServerName};

/// The state of one connection. It is mostly empty once the connection is open: only a client of TLS 1.3 has
/// sessions to come.
#[derive(Default)]
pub(crate) struct EngineState {
    /// What there is until the connection is open.
    pub(crate) handshake: Option<Box<HandshakeState>>,
    /// A client's part in resumption.
    pub(crate) sessions: Option<Box<ClientSessions>>,
    /// Where a session goes that is made once more.
    pub(super) copy: Option<Box<Option<SessionValue>>>,
}

impl EngineState {
    pub(crate) fn new(
        handshake: Box<HandshakeState>,
        sessions: Option<Box<ClientSessions>>,
    ) -> Self {
        Self { handshake: Some(handshake), sessions, copy: None }
    }
}

/// What one handshake needs to know, what it found, and what others noted.
pub(crate) struct HandshakeState {
    pub(crate) examiner: Examiner,
    /// A peer that fails ends the handshake (the mode "require").
    pub(crate) refuse_at_once: bool,
    /// The version that it will be at most, where a client's hello says so before one is agreed.
    pub(crate) at_most: Option<ProtocolVersion>,
    /// The leaf, for the signature check that follows.
    pub(crate) leaf: Option<Certificate>,
    /// The chain and the verdict, once the peer has shown it.
    pub(crate) examined: Option<(Vec<Certificate>, Verdict)>,
    /// The same of the session that is to be resumed, judged before it was offered or accepted.
    pub(crate) resumed: Option<(Vec<Certificate>, Verdict)>,
    /// What a server's tickets and stored sessions need to know, and leave.
    pub(crate) server: ServerSessions,
    /// The OCSP response that a server stapled.
    pub(crate) ocsp_response: Option<Vec<u8>>,
    /// The chain that we chose to show.
    pub(crate) shown: Option<Arc<[Certificate]>>,
    /// A server had no identity that goes with the client's offers.
    pub(crate) no_identity: bool,
    /// The signature schemes by which a server wants a client to sign, by number.
    pub(crate) requested_schemes: Vec<u16>,
    /// The public name of ECH, sent in plaintext: the server authenticates as this name when it
    /// rejects the inner hello.
    pub(crate) public_name: Option<ServerName>,
    /// The names of CAs (DER) in a server's request for a certificate, and whether it is still to be told.
    pub(crate) requested: Option<Vec<Vec<u8>>>,
    pub(crate) tell_request: bool,
    pub(crate) secrets: Secrets,
    /// What the engine derives twice.
    pub(super) derived: Derived,
    /// Under which keys the engine sends.
    pub(super) protected: Protected,
    /// What becomes of a client's early data, where its hello offers them.
    pub(crate) early_data: Option<EarlyData>,
    /// The lines for the program, if it wants them.
    pub(crate) key_log: Option<Vec<KeyLogLine>>,
    pub(crate) psk: PskState,
}

/// What is known of pre-shared keys in one handshake.
#[derive(Default)]
pub(crate) struct PskState {
    /// What the program is asked.
    pub(crate) asked: Option<PskAsked>,
    answers: Vec<(PskAsked, Option<Psk>)>,
    /// By whose key both have proved themselves.
    pub(crate) used: Option<Vec<u8>>,
}

/// What is asked about a pre-shared key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "legacy"),
    expect(dead_code, reason = "asked by the engine for old peers")
)]
pub(crate) enum PskAsked {
    /// A server: the key of the client that calls itself so.
    Identity(Vec<u8>),
    /// A client: its identity for the server that sends this hint.
    Hint(Option<Vec<u8>>),
}

impl PskState {
    /// Keeps what the program says to what it was asked.
    pub(crate) fn answered(&mut self, answer: Option<Psk>) {
        self.answers.extend(self.asked.take().map(|asked| (asked, answer)));
    }
}

#[cfg(feature = "legacy")]
impl PskState {
    /// Leaves a question for the program, unless it was answered before.
    pub(super) fn ask(&mut self, what: &PskAsked) -> bool {
        let known = self.answers.iter().any(|(asked, _)| asked == what);
        if !known {
            self.asked = Some(what.clone());
        }
        !known
    }

    /// What the program said.
    pub(super) fn answer(&self, what: &PskAsked) -> Option<&Psk> {
        self.answers.iter().find(|(asked, _)| asked == what)?.1.as_ref()
    }

    /// Whether the program gave any key.
    pub(super) fn has_key(&self) -> bool {
        self.answers.iter().any(|(_, answer)| answer.is_some())
    }
}

/// Why a chain ends the handshake at once.
pub(super) enum Objection {
    /// The leaf cannot be read, so its key could not be checked: an error in every mode.
    Unreadable,
    /// It does not pass, and must. This alert is sent to the peer; the reason is in the handshake's state.
    Refused(Alert),
}

impl HandshakeState {
    pub(crate) fn new(examiner: Examiner, refuse_at_once: bool, key_log: bool) -> Self {
        Self {
            examiner,
            refuse_at_once,
            at_most: None,
            leaf: None,
            examined: None,
            resumed: None,
            server: ServerSessions::default(),
            ocsp_response: None,
            shown: None,
            no_identity: false,
            requested_schemes: Vec::new(),
            public_name: None,
            requested: None,
            tell_request: false,
            secrets: Secrets::default(),
            derived: Derived::default(),
            protected: Protected::default(),
            early_data: None,
            key_log: key_log.then(Vec::new),
            psk: PskState::default(),
        }
    }

    /// The engine asks for a server of this name. It is another than ours where the server did not take
    /// what the hello hides (RFC 9849, 6.1.7): then it has to be the public name's.
    pub(super) fn asked_for(&mut self, name: &str) {
        if let Some(public) = self.public_name.as_ref().filter(|public| public.for_sni() == name)
            && let Some((ours, _)) = &self.examiner.name
            && ours.for_sni() != name
        {
            self.examiner.name = Some((public.clone(), NameCheck::Rfc9525));
        }
    }

    /// A server's request for a certificate, and what we show it.
    pub(crate) fn request(&self) -> Option<CertificateRequest> {
        let named = self.requested.as_ref()?;
        Some(CertificateRequest::new(named, self.shown.clone()))
    }

    /// The same, no longer needed by others.
    pub(crate) fn take_request(&mut self) -> Option<CertificateRequest> {
        let request = self.request();
        self.requested = None;
        request
    }

    /// Judges the chain that the peer shows (DER), and keeps leaf and verdict.
    pub(super) fn examine<'a>(
        &mut self,
        leaf: &'a [u8],
        intermediates: impl Iterator<Item = &'a [u8]>,
        time: i64,
    ) -> Result<(), Objection> {
        let read = self.examiner.read_leaf(leaf).map_err(|_| Objection::Unreadable)?;
        let chain = std::iter::once(leaf).chain(intermediates);
        let (certificates, verdict) = self.examiner.examine(Some(&read), chain, time);
        self.leaf = Some(read);
        let refusal = verdict.clone().refusal().filter(|_| self.refuse_at_once);
        self.examined = Some((certificates, verdict));
        refusal.map_or(Ok(()), |refusal| Err(Objection::Refused(alert_for(&refusal))))
    }

    /// The engine did not accept the signature of the handshake. Where that is because it has no
    /// use for such a key, which a low security level lets pass, it is the key that is refused.
    pub(super) fn refuse_unusable_key(&mut self) -> Option<Objection> {
        let verdict = Verdict::unusable_key(self.leaf.as_ref()?)?;
        let certificates = self.examined.take().map(|(certificates, _)| certificates);
        self.examined = Some((certificates.unwrap_or_default(), verdict.clone()));
        Some(Objection::Refused(alert_for(&verdict.refusal()?)))
    }

    /// The refusal that ended the handshake.
    pub(super) fn refusal(&mut self) -> Option<Refusal> {
        let (_, verdict) = self.examined.take().filter(|_| self.refuse_at_once)?;
        verdict.refusal()
    }
}

/// The alert that OpenSSL sends (`ssl_x509err2alert`).
pub(crate) fn alert_for(refusal: &Refusal) -> Alert {
    const BAD_CERTIFICATE: u8 = 42;
    const UNSUPPORTED_CERTIFICATE: u8 = 43;
    const CERTIFICATE_REVOKED: u8 = 44;
    const CERTIFICATE_EXPIRED: u8 = 45;
    const CERTIFICATE_UNKNOWN: u8 = 46;
    const UNKNOWN_CA: u8 = 48;
    const DECRYPT_ERROR: u8 = 51;
    Alert::from_number(match refusal.code().name() {
        "CERT_CHAIN_TOO_LONG"
        | "DEPTH_ZERO_SELF_SIGNED_CERT"
        | "INVALID_CA"
        | "PATH_LENGTH_EXCEEDED"
        | "SELF_SIGNED_CERT_IN_CHAIN"
        | "UNABLE_TO_GET_CRL"
        | "UNABLE_TO_GET_CRL_ISSUER"
        | "UNABLE_TO_GET_ISSUER_CERT"
        | "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"
        | "UNABLE_TO_VERIFY_LEAF_SIGNATURE" => UNKNOWN_CA,
        "CERT_HAS_EXPIRED" | "CRL_HAS_EXPIRED" => CERTIFICATE_EXPIRED,
        "CERT_REVOKED" => CERTIFICATE_REVOKED,
        "CERT_SIGNATURE_FAILURE" | "CRL_SIGNATURE_FAILURE" => DECRYPT_ERROR,
        "INVALID_PURPOSE" => UNSUPPORTED_CERTIFICATE,
        "CA_KEY_TOO_SMALL"
        | "CA_MD_TOO_WEAK"
        | "CERT_NOT_YET_VALID"
        | "CERT_REJECTED"
        | "CERT_UNTRUSTED"
        | "CRL_NOT_YET_VALID"
        | "EE_KEY_TOO_SMALL"
        | "ERROR_IN_CERT_NOT_AFTER_FIELD"
        | "ERROR_IN_CERT_NOT_BEFORE_FIELD"
        | "ERROR_IN_CRL_LAST_UPDATE_FIELD"
        | "ERROR_IN_CRL_NEXT_UPDATE_FIELD"
        | "ERR_TLS_CERT_ALTNAME_INVALID"
        | "HOSTNAME_MISMATCH"
        | "SUBTREE_MINMAX"
        | "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY"
        | "UNABLE_TO_DECRYPT_CERT_SIGNATURE"
        | "UNABLE_TO_DECRYPT_CRL_SIGNATURE" => BAD_CERTIFICATE,
        _ => CERTIFICATE_UNKNOWN,
    })
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
