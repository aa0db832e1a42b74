//! What our own certificate has to do with it that a server refuses us.

use std::fmt;

use sealwire_x509::{Certificate, Crl, Purpose};

use crate::pki::{ChainCheck, TrustStore};
use crate::verify::{CertificateRequest, Finding};
use crate::words::{Alert, Moment};

/// What a client's certificate has to do with an alert by which the server refuses it, as far as our
/// side knows. Displayed as a sentence.
#[derive(Debug, Clone)]
pub struct OwnCertificate {
    alert: Alert,
    leaf: Option<Certificate>,
    request: Option<CertificateRequest>,
    findings: Vec<Finding>,
}

/// By what a client's certificate is judged.
pub(crate) struct Known<'a> {
    /// Our certificates, leaf first; none where we have none.
    pub(crate) chain: &'a [Certificate],
    /// The server's request, where it was seen.
    pub(crate) request: Option<CertificateRequest>,
    /// Revocation lists at hand, and the CAs that may have signed them.
    pub(crate) crls: &'a [Crl],
    pub(crate) trust: &'a TrustStore,
    /// In seconds since 1970.
    pub(crate) now: i64,
}

const HANDSHAKE_FAILURE: u8 = 40;
const CERTIFICATE_EXPIRED: u8 = 45;
const CERTIFICATE_REQUIRED: u8 = 116;

/// Whether an alert is about the certificate of the side that receives it (RFC 8446, 6.2).
fn is_about_ours(alert: Alert) -> bool {
    matches!(alert.number(), 42..=46 | 48 | CERTIFICATE_REQUIRED)
}

impl OwnCertificate {
    /// `None` where the alert is about something else.
    pub(crate) fn behind(alert: Alert, known: Known<'_>) -> Option<Self> {
        let Some(leaf) = known.chain.first() else {
            // Up to TLS 1.2 no alert says that a certificate is missing.
            let asked = known.request.is_some()
                && (is_about_ours(alert) || alert.number() == HANDSHAKE_FAILURE);
            let missing = asked || alert.number() == CERTIFICATE_REQUIRED;
            let request = known.request;
            return missing.then(|| Self { alert, leaf: None, request, findings: Vec::new() });
        };
        is_about_ours(alert).then(|| Self {
            alert,
            leaf: Some(leaf.clone()),
            findings: known.findings(),
            request: known.request,
        })
    }

    /// Our certificate; `None` when there was none to show.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.leaf.as_ref()
    }

    /// The server's request for one, where it was seen.
    pub fn request(&self) -> Option<&CertificateRequest> {
        self.request.as_ref()
    }

    /// What is wrong with our certificate, by the function that judges peers, whichever server judges it: its
    /// validity, purpose, key, signature, and its revocation in the lists at hand. That a server may
    /// not trust its issuer is for the server to say.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether the server asked, and was shown none of ours though there is one.
    fn was_not_sent(&self) -> bool {
        let shown_nothing = |request: &CertificateRequest| request.shown().is_empty();
        self.alert.number() == CERTIFICATE_REQUIRED
            && self.request.as_ref().is_some_and(shown_nothing)
    }

    /// The request, where the server named CAs in it.
    fn naming(&self) -> Option<&CertificateRequest> {
        self.request.as_ref().filter(|request| !request.authorities().is_empty())
    }
}

impl Known<'_> {
    fn findings(&self) -> Vec<Finding> {
        let trust = &self.issuers();
        let verdict = ChainCheck {
            presented: self.chain,
            trust,
            crls: self.crls,
            purpose: Purpose::Client,
            name: None,
            time: self.now,
            security_level: 2,
        }
        .verdict();
        let of_ours = |one: &&Finding| is_for_every_judge(one.code().name());
        verdict.findings().iter().filter(of_ours).cloned().collect()
    }

    /// All that may be above us, the end of our own chain for a root: a missing issuer is not a fault of the leaf.
    fn issuers(&self) -> TrustStore {
        let above = TrustStore::from_certificates(self.chain.iter().skip(1).cloned());
        let known = above.map_or_else(|_| self.trust.clone(), |above| above.and(self.trust));
        known.allow_partial_chain(true)
    }
}

/// Whether this speaks against a certificate whatever the judge trusts.
fn is_for_every_judge(code: &str) -> bool {
    matches!(
        code,
        "CERT_HAS_EXPIRED"
            | "CERT_NOT_YET_VALID"
            | "CERT_REVOKED"
            | "INVALID_PURPOSE"
            | "EE_KEY_TOO_SMALL"
            | "CA_KEY_TOO_SMALL"
            | "CA_MD_TOO_WEAK"
            | "CERT_SIGNATURE_FAILURE"
    )
}

impl fmt::Display for OwnCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(leaf) = &self.leaf else {
            let by = self.naming().map(|asked| format!(" issued by {}", asked.authorities_text()));
            let by = by.unwrap_or_default();
            return write!(
                f,
                "the server requests a client certificate{by}, and none is configured"
            );
        };
        if self.was_not_sent() {
            return f.write_str(
                "our certificate was not sent: its key supports none of the server's signature schemes",
            );
        }
        let mismatch = self.request.as_ref().and_then(CertificateRequest::mismatch);
        let findings = self.findings.iter().map(ToString::to_string);
        let faults: Vec<String> = mismatch.into_iter().chain(findings).collect();
        if !faults.is_empty() {
            return write!(f, "our certificate is at fault: {}", faults.join("; "));
        }
        let until = Moment::from_seconds(leaf.not_after());
        if self.alert.number() == CERTIFICATE_EXPIRED {
            return write!(
                f,
                "by our clock our certificate is valid until {until}: probably the server's own \
                 revocation list is out of date (OpenSSL sends the same alert for that), or its \
                 clock is wrong"
            );
        }
        let named = match self.naming() {
            Some(_) => {
                ", and names a CA with that name: its CRLs or rules may exclude our certificate"
            }
            None => "",
        };
        write!(
            f,
            "no fault found in our certificate (issued by {}, valid until {until}): the server may not trust our \
             certificate's issuer{named}",
            leaf.issuer()
        )
    }
}
