//! Findings on the certificates of one file together: their order, and whether they match.

use super::{Findings, Lint, Severity, lint};
use crate::pki::{Certificate, ChainCheck, ExtendedKeyUsage, Moment, Name, Purpose, TrustStore};

/// Looks the certificates of one file over, each as [`lint`] does, and as what a server would send:
/// the leaf first, then its issuer, and so on. The verifier is asked about that chain, too, with
/// the last certificate trusted.
pub fn lint_file(certificates: &[Certificate], now: i64) -> Vec<Vec<Lint>> {
    let mut all: Vec<Vec<Lint>> = certificates.iter().map(|one| lint(one, now)).collect();
    let named: Vec<Named> = certificates.iter().map(Named::new).collect();
    for i in 0..certificates.len() {
        let mut found = Findings(Vec::new());
        order(i, certificates, &mut found);
        if (0..i).any(|j| named[i].has_serial_of(&named[j]) && certificates[i] != certificates[j]) {
            found.warning(
                "reused-serial",
                "another certificate of its issuer in the file has its serial number; Firefox refuses \
                 both",
            );
        }
        all[i].extend(found.0);
    }
    let is_plain: Vec<bool> =
        all.iter().map(|of| of.iter().any(|lint| lint.severity == Severity::Error)).collect();
    for leaf in 0..certificates.len() {
        let is_issuer = (0..certificates.len()).any(|i| i != leaf && named[leaf].issued(&named[i]));
        if !is_issuer {
            for (about, lint) in chain(leaf, certificates, &named) {
                // What was said of a certificate by itself is not said again.
                if !is_plain[about] {
                    all[about].push(lint);
                }
            }
        }
    }
    for found in &mut all {
        found.sort_by_key(|lint| std::cmp::Reverse(lint.severity));
    }
    all
}

fn order(i: usize, certificates: &[Certificate], found: &mut Findings) {
    let certificate = &certificates[i];
    let issuer = certificates.iter().position(|other| certificate.is_issued_by(other));
    let Some(issuer) = issuer.filter(|issuer| *issuer != i) else { return };
    if issuer < i {
        found.warning(
            "wrong-order",
            "it stands behind its issuer; the leaf goes first, each issuer behind what it signed \
             (RFC 8446, 4.4.2)",
        );
    } else if issuer > i + 1 {
        found.warning("wrong-order", "its issuer is not the next one in the file");
    }
    let (end, bound) = (certificate.not_after(), certificates[issuer].not_after());
    if end > bound {
        let bound = Moment::from_seconds(bound);
        found.warning("outlives-issuer", format!("it outlives its issuer, which ends at {bound}"));
    }
}

/// What is compared of each certificate with all others.
struct Named {
    subject: Name,
    issuer: Name,
    serial: String,
}

impl Named {
    fn new(certificate: &Certificate) -> Self {
        Self {
            subject: certificate.subject(),
            issuer: certificate.issuer(),
            serial: certificate.serial_hex(),
        }
    }

    fn issued(&self, other: &Self) -> bool {
        self.subject == other.issuer
    }

    fn has_serial_of(&self, other: &Self) -> bool {
        self.serial == other.serial && self.issuer == other.issuer
    }
}

/// What is said when the message of a handshake that shows these is longer than some peers accept.
fn size(presented: &[Certificate]) -> Option<Lint> {
    /// Java's `jdk.tls.maxHandshakeMessageSize`.
    const JAVA: usize = 32_768;
    // Header, context and length of the list; length and extensions of each (RFC 8446, 4.4.2).
    let size = presented.iter().map(|one| 3 + one.der().len() + 2).sum::<usize>() + 8;
    let text = format!(
        "with its chain it makes a message of {size} bytes in a handshake: Java refuses more than 32,768, \
         rustls and Sealwire more than 65,535, OpenSSL and Node more than about 100,000"
    );
    (size > JAVA).then_some(Lint { severity: Severity::Warning, code: "large-chain", text })
}

/// What is to be said of the chain that begins at `leaf`: its size, and what the verifier says of it at
/// a time when all of it is valid; and of which certificate.
fn chain(leaf: usize, certificates: &[Certificate], named: &[Named]) -> Vec<(usize, Lint)> {
    let (mut path, mut last) = (vec![leaf], leaf);
    while let Some(next) = issuer_of(last, certificates, named, &path) {
        path.push(next);
        last = next;
    }
    let presented: Vec<Certificate> = path.iter().map(|i| certificates[*i].clone()).collect();
    let mut told: Vec<_> = size(&presented).map(|lint| (leaf, lint)).into_iter().collect();
    let start = presented.iter().map(Certificate::not_before).max().unwrap_or_default();
    let is_never_valid = presented.iter().any(|one| one.not_after() < start);
    let trust = TrustStore::from_certificates([certificates[last].clone()]);
    let (false, true, Ok(trust)) = (is_never_valid, presented.len() > 1, trust) else {
        return told;
    };
    let verdict = ChainCheck {
        presented: &presented,
        trust: &trust.allow_partial_chain(true),
        crls: &[],
        purpose: purpose_of(&presented[0]),
        name: None,
        time: start,
        security_level: 0,
    }
    .verdict();
    told.extend(verdict.findings().iter().map(|finding| {
        let about = finding.certificate().and_then(|it| certificates.iter().position(|c| c == it));
        let text = format!("verifiers refuse this chain: {}", finding.evidence());
        let lint = Lint { severity: Severity::Error, code: finding.code().name(), text };
        (about.unwrap_or(leaf), lint)
    }));
    told
}

/// The one among the others that should have issued it: one that fits, or else one of that name.
fn issuer_of(
    i: usize,
    certificates: &[Certificate],
    named: &[Named],
    path: &[usize],
) -> Option<usize> {
    if certificates[i].is_self_issued() {
        return None;
    }
    let of_name = || (0..named.len()).filter(|j| !path.contains(j) && named[*j].issued(&named[i]));
    of_name().find(|j| certificates[i].is_issued_by(&certificates[*j])).or_else(|| of_name().next())
}

/// What a leaf is meant for.
fn purpose_of(leaf: &Certificate) -> Purpose {
    let Some(usage) = leaf.extended_key_usage().filter(|_| !leaf.is_ca()) else {
        return if leaf.is_ca() { Purpose::Any } else { Purpose::Server };
    };
    let allows = |purpose: ExtendedKeyUsage| {
        let purpose = purpose.to_string();
        usage.iter().any(|oid| {
            oid.parse::<ExtendedKeyUsage>().is_ok_and(|known| known.to_string() == purpose)
        })
    };
    if allows(ExtendedKeyUsage::SERVER_AUTH) {
        Purpose::Server
    } else if allows(ExtendedKeyUsage::CLIENT_AUTH) {
        Purpose::Client
    } else {
        Purpose::Any
    }
}
