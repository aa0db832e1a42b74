//! The facts behind a code, in one sentence. Facts only: what to do about it is for programs.

use sealwire_x509::{Certificate, Purpose, TrustSet};

use super::Code;
use crate::words::Date;

/// What was asked when the error was met.
pub(super) struct Situation<'a> {
    pub(super) presented: &'a [Certificate],
    pub(super) trust: &'a TrustSet,
    pub(super) purpose: Purpose,
    pub(super) time: i64,
}

/// The sentence for `code`, met at `certificate`.
pub(super) fn of(
    code: Code,
    certificate: Option<&Certificate>,
    situation: &Situation<'_>,
) -> String {
    let Some(certificate) = certificate else { return code.text().to_owned() };
    let subject = quoted(certificate);
    match code.name() {
        "DEPTH_ZERO_SELF_SIGNED_CERT" => {
            format!("{subject} is self-signed and is not itself among the {}", trusted(situation))
        }
        "SELF_SIGNED_CERT_IN_CHAIN" => {
            format!(
                "the chain ends in the root {subject}, which is not among the {}",
                trusted(situation)
            )
        }
        "UNABLE_TO_VERIFY_LEAF_SIGNATURE" | "UNABLE_TO_GET_ISSUER_CERT_LOCALLY" => format!(
            "the issuer of {subject}, \"{}\", was not sent and is not among the {}",
            certificate.issuer(),
            trusted(situation)
        ),
        "UNABLE_TO_GET_ISSUER_CERT" => format!(
            "{subject} is trusted but is not a root, and its issuer \"{}\" is not trusted",
            certificate.issuer()
        ),
        "CERT_HAS_EXPIRED" => format!(
            "{subject} expired on {} ({} ago)",
            Date(certificate.not_after()),
            span(situation.time - certificate.not_after())
        ),
        "CERT_NOT_YET_VALID" => format!(
            "{subject} is valid from {} (in {})",
            Date(certificate.not_before()),
            span(certificate.not_before() - situation.time)
        ),
        "CERT_SIGNATURE_FAILURE" => format!(
            "the signature on {subject} was not made by the key of its issuer \"{}\"",
            certificate.issuer()
        ),
        "CERT_REVOKED" => format!(
            "{subject} (serial {}) is on the revocation list of \"{}\"",
            certificate.serial_hex(),
            certificate.issuer()
        ),
        "UNABLE_TO_GET_CRL" => {
            format!(
                "no revocation list of \"{}\" was given, the issuer of {subject}",
                certificate.issuer()
            )
        }
        "CRL_HAS_EXPIRED" => {
            format!("the revocation list of \"{}\" is out of date", certificate.issuer())
        }
        "INVALID_PURPOSE" => {
            format!("{subject} is not meant {}", purpose(certificate, situation))
        }
        "INVALID_CA" => format!("{subject} issued a certificate but is not a CA"),
        "PATH_LENGTH_EXCEEDED" => {
            format!("{subject} allows fewer intermediates below it than there are")
        }
        "EE_KEY_TOO_SMALL" | "CA_KEY_TOO_SMALL" => match certificate.public_key() {
            Ok(key) => format!("the key of {subject} has {} bits", key.bits),
            Err(_) => format!("the key of {subject} is of a kind that is not accepted"),
        },
        "CA_MD_TOO_WEAK" => {
            format!("{subject} is signed with {}", certificate.signature_algorithm().name)
        }
        _ => format!("{subject}: {}", code.text()),
    }
}

fn quoted(certificate: &Certificate) -> String {
    format!("\"{}\"", certificate.subject())
}

fn trusted(situation: &Situation<'_>) -> String {
    match situation.trust.certificates().len() {
        0 => "trusted certificates (there are none)".to_owned(),
        1 => "trusted certificates (there is 1)".to_owned(),
        n => format!("{n} trusted certificates"),
    }
}

fn purpose(certificate: &Certificate, situation: &Situation<'_>) -> String {
    let is_leaf = situation.presented.first() == Some(certificate);
    let role = match situation.purpose {
        Purpose::Server => "server",
        Purpose::Client => "client",
        Purpose::Any => "peer",
    };
    if is_leaf {
        format!("for a TLS {role} (its key usage says so)")
    } else {
        format!("to issue certificates for a TLS {role} (its key usage says so)")
    }
}

/// A length of time in its largest unit, for people.
fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}
