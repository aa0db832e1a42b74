//! What a server that refuses us may mean by it: the facts about our own certificate.

use sealwire::pki::{Certificate, ChainCheck, Crl, Moment, Purpose};
use sealwire::session::CertificateRequest;
use sealwire::{Alert, TrustStore};

use crate::words::clock;

/// What is known of us when a server refuses us.
#[derive(Default, Clone, Copy)]
pub(crate) struct Ourselves<'a> {
    /// Our certificates, leaf first; none where we have none.
    pub(crate) chain: &'a [Certificate],
    /// The server's request, where it was seen.
    pub(crate) request: Option<&'a CertificateRequest>,
    /// Revocation lists at hand, and who may have signed them.
    pub(crate) crls: &'a [Crl],
    pub(crate) trust: Option<&'a TrustStore>,
}

const CERTIFICATE_EXPIRED: u8 = 45;
const CERTIFICATE_REQUIRED: u8 = 116;

/// Whether an alert is about the certificate of the one who is told (RFC 8446, 6.2).
fn is_about_us(alert: Alert) -> bool {
    matches!(alert.number(), 42..=48 | CERTIFICATE_REQUIRED)
}

impl Ourselves<'_> {
    /// Why the server refuses us with this alert, as far as our own certificate tells; `None` where the
    /// alert is about something else.
    pub(crate) fn explain(&self, alert: Alert) -> Option<String> {
        let leaf = match self.chain.first() {
            Some(leaf) if is_about_us(alert) => leaf,
            // Up to TLS 1.2 there is no alert of its own for a certificate that is missing.
            None if is_about_us(alert) || self.request.is_some() => {
                return Some(self.without_certificate());
            }
            _ => return None,
        };
        if alert.number() == CERTIFICATE_REQUIRED && self.shows_nothing() {
            return Some(
                "our certificate was not sent: its key supports none of the server's signature schemes"
                    .to_owned(),
            );
        }
        let faults = self.faults();
        if !faults.is_empty() {
            return Some(format!("it is our certificate: {}", faults.join("; ")));
        }
        let until = Moment::from_seconds(leaf.not_after());
        if alert.number() == CERTIFICATE_EXPIRED {
            return Some(format!(
                "by our clock our certificate is good until {until}: most likely the server's own \
                 revocation list is out of date, of which servers with OpenSSL say the same, or its \
                 clock is wrong"
            ));
        }
        let named = match self.request {
            Some(request) if !request.authorities().is_empty() => {
                ", and names a CA with that name: its CRLs or rules may exclude our certificate"
            }
            _ => "",
        };
        Some(format!(
            "no fault found in our certificate (by {}, good until {until}): \
             the server may not trust our certificate's issuer{named}",
            leaf.issuer()
        ))
    }

    /// What is wrong with our certificate, whoever judges it; and that the server said whose it takes,
    /// and ours is another's.
    fn faults(&self) -> Vec<String> {
        let mut faults: Vec<String> = self.of_another_ca().into_iter().collect();
        let verdict = ChainCheck {
            presented: self.chain,
            trust: &self.known(),
            crls: self.crls,
            purpose: Purpose::Client,
            name: None,
            time: clock::now(),
            security_level: 2,
        }
        .verdict();
        let ours = verdict.findings().iter().filter(|one| is_of_ours(one.code().name()));
        faults.extend(ours.map(ToString::to_string));
        faults
    }

    /// That the server names CAs, and our certificate is of none of them: known before it is sent.
    pub(crate) fn of_another_ca(&self) -> Option<String> {
        let request = self.request.filter(|request| !request.is_met())?;
        let leaf = request.shown().first()?;
        Some(format!(
            "the server takes certificates of {}, and ours is by {}",
            listed(request),
            leaf.issuer()
        ))
    }

    fn without_certificate(&self) -> String {
        let of = match self.request.filter(|request| !request.authorities().is_empty()) {
            Some(request) => format!(" issued by {}", listed(request)),
            None => String::new(),
        };
        format!("give a client certificate{of} with --cert and --key, or --pfx")
    }

    fn shows_nothing(&self) -> bool {
        self.request.is_some_and(|request| request.shown().is_empty())
    }

    /// Whoever may stand above us: that nobody leads to a trusted root is for the server to say.
    fn known(&self) -> TrustStore {
        let above = self.chain.iter().skip(1).cloned();
        let above = TrustStore::from_certificates(above);
        let known = match (above, self.trust) {
            (Ok(above), Some(trust)) => above.and(trust),
            (Ok(above), None) => above,
            (Err(_), trust) => trust.cloned().unwrap_or_else(TrustStore::empty),
        };
        known.allow_partial_chain(true)
    }
}

/// Whether it is for our certificates and for nothing that a server may know better.
fn is_of_ours(code: &str) -> bool {
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

/// The CAs that a server names, the first of many.
fn listed(request: &CertificateRequest) -> String {
    const SHOWN: usize = 4;
    let names = request.authorities();
    let mut text =
        names.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    if names.len() > SHOWN {
        text += &format!(" or {} others", names.len() - SHOWN);
    }
    text
}
