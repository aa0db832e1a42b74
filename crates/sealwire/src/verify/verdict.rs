//! The one function that accepts or refuses a chain, and its verdict.

use std::fmt;
use std::sync::Arc;

use sealwire_x509::{self as x509, Certificate, CertificatePolicies, Crl, Purpose, TrustSet};

use super::evidence::{self, Situation};
use super::identity::{Found, find_name};
use super::memory::Memory;
use super::{Code, NameCheck, Public, common_name, level};
use crate::words::{Pin, ServerName};

/// What a [`SecureContext`](crate::SecureContext) believes: the part of it that judges.
#[derive(Clone)]
pub(crate) struct Policy {
    pub(crate) trust: TrustSet,
    pub(crate) crls: Arc<[Crl]>,
    pub(crate) partial_chain: bool,
    pub(crate) policies: CertificatePolicies,
    pub(crate) security_level: u8,
    pub(crate) public: Public,
    pub(crate) memory: Arc<Memory>,
}

/// The answer about a peer's certificates: trusted, or every error that was met, in order.
#[derive(Debug, Clone)]
pub struct Verdict {
    findings: Vec<Finding>,
    chain: Vec<Certificate>,
    lacks_issuer: bool,
}

/// One error met while a chain was judged.
#[derive(Debug, Clone)]
pub struct Finding {
    code: Code,
    depth: usize,
    certificate: Option<Certificate>,
    evidence: String,
}

/// Why a peer is not authorized: the error that counts, and all the others.
///
/// Cheap to clone; it travels inside errors.
#[derive(Debug, Clone)]
pub struct Refusal(Arc<Verdict>);

/// Judges the chain that a peer sent (leaf first) for `purpose` at `time` (seconds since 1970),
/// and the server's name by the rules given with it, if one was asked for.
///
/// The yes is always `X509_verify_cert`'s: what is added here only refuses.
pub(crate) fn judge(
    policy: &Policy,
    presented: &[Certificate],
    purpose: Purpose,
    name: Option<&(ServerName, NameCheck)>,
    time: i64,
) -> Verdict {
    let verdict = judge_chain(policy, presented, purpose, time);
    if !policy.public.is_asked() {
        policy.memory.keep(policy, presented, purpose, &verdict, time);
    }
    verdict.with_name(presented, name)
}

/// As [`judge`], of the chain alone, and without keeping the answer: for many chains at once.
pub(crate) fn judge_anew(
    policy: &Policy,
    presented: &[Certificate],
    purpose: Purpose,
    time: i64,
) -> Verdict {
    judge_chain(policy, presented, purpose, time)
}

/// What [`judge`] would say of a chain (DER, leaf first) that it has found good before, and the
/// certificates in it. `None`: it has to be judged.
pub(crate) fn recall(
    policy: &Policy,
    presented: &[&[u8]],
    purpose: Purpose,
    name: Option<&(ServerName, NameCheck)>,
    time: i64,
) -> Option<(Vec<Certificate>, Verdict)> {
    Some(policy.memory.recall(presented, purpose, time)?.judged(name))
}

fn judge_chain(policy: &Policy, presented: &[Certificate], purpose: Purpose, time: i64) -> Verdict {
    let Some((leaf, intermediates)) = presented.split_first() else {
        return Verdict::no_certificate();
    };
    let request = x509::Request {
        leaf,
        intermediates,
        trust: &policy.trust,
        crls: &policy.crls,
        purpose,
        time,
        partial_chain: policy.partial_chain,
        policies: &policy.policies,
    };
    // The level has its say while paths are tried, so that a weak one does not hide a strong one.
    let veto = |chain: &[Certificate]| level::findings(chain, policy.security_level);
    let outcome = match x509::verify_with(&request, &veto) {
        Ok(outcome) => outcome,
        Err(error) => {
            let finding = Finding::new(Code::UNSPECIFIED, 0, Some(leaf.clone()), error.to_string());
            return Verdict::of(finding, presented.to_vec());
        }
    };
    let situation = Situation {
        presented,
        trust: &policy.trust,
        crls: &policy.crls,
        purpose,
        time,
        chain: &outcome.chain,
    };
    let mut findings: Vec<Finding> = outcome
        .errors
        .iter()
        .map(|error| {
            let code = Code::from_openssl(error.code);
            let evidence = evidence::of(code, error, &situation);
            Finding::new(code, error.depth, error.certificate.clone(), evidence)
        })
        .collect();
    if findings.is_empty() && !outcome.trusted() {
        let evidence = Code::UNSPECIFIED.text().to_owned();
        findings.push(Finding::new(Code::UNSPECIFIED, 0, Some(leaf.clone()), evidence));
    }
    let top = outcome.chain.last();
    let lacks_issuer = !outcome.trusted()
        && top.is_some_and(|top| !top.is_self_issued() && evidence::is_missing(top, &situation));
    policy.public.judged(Verdict { findings, chain: outcome.chain, lacks_issuer })
}

impl Verdict {
    /// Whether nothing was found against the peer.
    pub fn is_trusted(&self) -> bool {
        self.findings.is_empty()
    }

    /// Every error met, in the order of OpenSSL's checks.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The chain that was built, leaf first, as far as it could be.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// Whether the chain is incomplete: no certificate was given with the name of the issuer of its
    /// last. (One that is there and does not fit is named in the evidence.)
    pub fn lacks_issuer(&self) -> bool {
        self.lacks_issuer
    }

    /// The same, with one more thing against the peer.
    #[cfg(feature = "upki")]
    pub(super) fn with_finding(mut self, finding: Finding) -> Self {
        self.findings.push(finding);
        self
    }

    fn of(finding: Finding, chain: Vec<Certificate>) -> Self {
        Self { findings: vec![finding], chain, lacks_issuer: false }
    }

    /// The chain that is trusted, or the refusal.
    pub(crate) fn into_path(self) -> Result<Vec<Certificate>, Refusal> {
        if self.is_trusted() { Ok(self.chain) } else { Err(Refusal(Arc::new(self))) }
    }

    /// The refusal, unless the peer is trusted.
    pub fn refusal(self) -> Option<Refusal> {
        (!self.is_trusted()).then(|| Refusal(Arc::new(self)))
    }

    /// Adds the answer of the server name check. The code that counts stays the chain's, as in Node,
    /// where a name is only looked at when the chain is good: otherwise a wrong name comes first.
    pub(super) fn with_name(
        mut self,
        presented: &[Certificate],
        name: Option<&(ServerName, NameCheck)>,
    ) -> Self {
        let (Some((name, rules)), Some(leaf)) = (name, presented.first()) else { return self };
        let good = self.is_trusted();
        if !good && rules.is_of_the_caller() {
            return self;
        }
        let finding = match find_name(name, leaf, rules) {
            Ok(Found::CommonName) if good => common_name::finding(&self.chain, rules.name(name)),
            Ok(_) => None,
            Err(mismatch) => {
                let mut evidence = mismatch.reason().to_owned();
                if let Some(why) = evidence::mismatch(rules.name(name), presented) {
                    evidence = format!("{evidence} ({why})");
                }
                let code = Code::ERR_TLS_CERT_ALTNAME_INVALID;
                Some(Finding::new(code, 0, Some(leaf.clone()), evidence))
            }
        };
        if let Some(finding) = finding {
            self.findings.insert(0, finding);
        }
        self
    }

    /// Adds what pins say of a chain that is good: one of its keys has to be among them.
    pub(crate) fn with_pins(mut self, pins: &[Pin]) -> Self {
        if self.is_trusted() && !any_matches(pins, &self.chain) {
            let leaf = self.chain.first().cloned();
            let own = leaf.as_ref().map_or_else(String::new, |leaf| Pin::of(leaf).to_string());
            let (keys, pins) = (self.chain.len(), pins.len());
            let evidence = format!(
                "none of the {keys} keys of the chain is among {pins} pins; the leaf's is {own}"
            );
            self.findings.push(Finding::new(Code::PINNED_KEY_MISMATCH, 0, leaf, evidence));
        }
        self
    }

    /// The verdict on a peer that sent nothing; the code is the one that Node gives.
    pub(crate) fn no_certificate() -> Self {
        let evidence = "the peer sent no certificate".to_owned();
        let finding = Finding::new(Code::UNABLE_TO_GET_ISSUER_CERT, 0, None, evidence);
        Self::of(finding, Vec::new())
    }

    /// The verdict on a leaf whose RSA key the engine cannot verify handshakes with; `None` when
    /// the key is not of that kind.
    pub(crate) fn unusable_key(leaf: &Certificate) -> Option<Self> {
        let key = leaf.public_key().ok()?;
        if key.key_type != x509::KeyType::Rsa || (2048..=8192).contains(&key.bits) {
            return None;
        }
        let small = key.bits < 2048;
        let code = if small { Code::EE_KEY_TOO_SMALL } else { Code::UNSPECIFIED };
        let evidence = format!(
            "the certificate's RSA key has {} bits; the engine verifies handshakes with 2048 to \
             8192 bits, whatever the security level",
            key.bits
        );
        let finding = Finding::new(code, 0, Some(leaf.clone()), evidence);
        Some(Self::of(finding, vec![leaf.clone()]))
    }

    /// The verdict on a chain with a certificate that cannot be read.
    pub(crate) fn unreadable(depth: usize, error: &x509::Error) -> Self {
        let evidence = format!("certificate {depth} of the chain cannot be read: {error}");
        Self::of(Finding::new(Code::UNSPECIFIED, depth, None, evidence), Vec::new())
    }
}

impl Finding {
    pub(super) fn new(
        code: Code,
        depth: usize,
        certificate: Option<Certificate>,
        evidence: String,
    ) -> Self {
        Self { code, depth, certificate, evidence }
    }

    /// The name of the error.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Where in the chain: 0 is the leaf.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The certificate at fault, when there is one.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// The facts behind the code, in a sentence: which certificate, which issuer, which date.
    pub fn evidence(&self) -> &str {
        &self.evidence
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.evidence)
    }
}

impl Refusal {
    /// Whether nothing was found but that the chain does not reach a certificate that is trusted: what
    /// does not depend on the leaf, but for the issuer that it names.
    pub(crate) fn wants_an_issuer(&self) -> bool {
        let wants = |finding: &Finding| {
            matches!(
                finding.code.name(),
                "SELF_SIGNED_CERT_IN_CHAIN"
                    | "UNABLE_TO_GET_ISSUER_CERT"
                    | "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"
                    | "UNABLE_TO_VERIFY_LEAF_SIGNATURE"
            )
        };
        self.findings().iter().all(wants)
    }

    /// The same of another leaf of that issuer, shown with the same certificates.
    pub(crate) fn of_sibling(
        &self,
        policy: &Policy,
        presented: &[Certificate],
        purpose: Purpose,
        time: i64,
    ) -> Option<Self> {
        let mut chain = self.chain().to_vec();
        *chain.first_mut()? = presented.first()?.clone();
        let (trust, crls) = (&policy.trust, &*policy.crls);
        let situation = Situation { presented, trust, crls, purpose, time, chain: &chain };
        let again = |finding: &Finding| {
            let certificate = chain.get(finding.depth)?.clone();
            let evidence = evidence::of_missing_issuer(finding.code, &certificate, &situation);
            Some(Finding::new(finding.code, finding.depth, Some(certificate), evidence))
        };
        let findings = self.findings().iter().map(again).collect::<Option<Vec<_>>>()?;
        let lacks_issuer = self.0.lacks_issuer;
        Some(Self(Arc::new(Verdict { findings, chain, lacks_issuer })))
    }

    /// The code that counts: the last error, as in Node's `authorizationError`.
    pub fn code(&self) -> Code {
        self.last().code
    }

    /// The facts behind [`code`](Self::code).
    pub fn evidence(&self) -> &str {
        &self.last().evidence
    }

    /// Every error met, in order; the last one is [`code`](Self::code)'s.
    pub fn findings(&self) -> &[Finding] {
        self.0.findings()
    }

    /// The chain that was built, leaf first.
    pub fn chain(&self) -> &[Certificate] {
        self.0.chain()
    }

    fn last(&self) -> &Finding {
        self.0.findings.last().expect("a refusal is only made from a verdict with findings")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.last().fmt(f)
    }
}

impl std::error::Error for Refusal {}

/// Whether a key of `chain` is among `pins`, in a time that does not tell how nearly.
fn any_matches(pins: &[Pin], chain: &[Certificate]) -> bool {
    chain.iter().any(|certificate| pins.contains(&Pin::of(certificate)))
}
