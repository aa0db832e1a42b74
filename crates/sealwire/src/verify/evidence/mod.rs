//! The facts behind a code, in one sentence. Facts only: what to do about it is for programs.
//!
//! A code says what AWS-LC or OpenSSL came across; the sentence is written after a look at the
//! certificates that are there.

mod issuer;
mod names;
mod usage;

use sealwire_x509::{self as x509, Certificate, ChainError, Crl, Purpose, TrustSet};

use super::Code;
use crate::words::Date;

pub(super) use issuer::is_missing;
pub(super) use names::mismatch;

/// What was asked when the error was met.
pub(super) struct Situation<'a> {
    pub(super) presented: &'a [Certificate],
    pub(super) trust: &'a TrustSet,
    pub(super) crls: &'a [Crl],
    pub(super) purpose: Purpose,
    pub(super) time: i64,
    /// The chain that was built, leaf first.
    pub(super) chain: &'a [Certificate],
}

/// The sentence for a chain that ends at `certificate` for want of an issuer that is trusted.
pub(super) fn of_missing_issuer(
    code: Code,
    certificate: &Certificate,
    situation: &Situation<'_>,
) -> String {
    issuer::of(code, certificate, situation)
}

/// The sentence for an error.
pub(super) fn of(code: Code, error: &ChainError, situation: &Situation<'_>) -> String {
    if let Some(detail) = &error.detail {
        return detail.clone();
    }
    let Some(certificate) = error.certificate.as_ref() else { return of_chain(code, situation) };
    let subject = quoted(certificate);
    match code.name() {
        "DEPTH_ZERO_SELF_SIGNED_CERT"
        | "SELF_SIGNED_CERT_IN_CHAIN"
        | "UNABLE_TO_VERIFY_LEAF_SIGNATURE"
        | "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"
        | "UNABLE_TO_GET_ISSUER_CERT"
        | "CERT_SIGNATURE_FAILURE" => issuer::of(code, certificate, situation),
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
        "CRL_HAS_EXPIRED" | "CRL_NOT_YET_VALID" => {
            let dates = list_dates(certificate, situation);
            format!("the revocation list of \"{}\" is {dates}", certificate.issuer())
        }
        "CRL_SIGNATURE_FAILURE" => format!(
            "the signature on the revocation list of \"{}\" was not made by its key",
            certificate.issuer()
        ),
        "KEYUSAGE_NO_CRL_SIGN" => format!(
            "the keyUsage of \"{}\" does not let it sign revocation lists (cRLSign)",
            certificate.issuer()
        ),
        "UNHANDLED_CRITICAL_CRL_EXTENSION" => format!(
            "the revocation list of \"{}\" has an unknown critical extension",
            certificate.issuer()
        ),
        "DIFFERENT_CRL_SCOPE" => format!(
            "the revocation list of \"{}\" is not about {subject}: it is for another distribution \
             point or another kind of certificate",
            certificate.issuer()
        ),
        "INVALID_PURPOSE" | "INVALID_CA" | "KEYUSAGE_NO_CERTSIGN" => {
            usage::of(code, certificate, situation)
        }
        "PERMITTED_VIOLATION"
        | "EXCLUDED_VIOLATION"
        | "SUBTREE_MINMAX"
        | "UNSUPPORTED_CONSTRAINT_TYPE"
        | "UNSUPPORTED_CONSTRAINT_SYNTAX"
        | "UNSUPPORTED_NAME_SYNTAX" => match x509::name_violation(situation.chain, error.depth) {
            Some(violation) => format!("{subject} breaks a name constraint: {violation}"),
            None => format!("{subject}: {}", code.text()),
        },
        "UNHANDLED_CRITICAL_EXTENSION" => {
            let unknown = certificate.unknown_critical_extensions().join(", ");
            format!("{subject} has an unknown critical extension: {unknown}")
        }
        "INVALID_EXTENSION" => invalid_extension(certificate),
        "PATH_LENGTH_EXCEEDED" => {
            let limit = certificate.basic_constraints().and_then(|(_, path_len)| path_len);
            let limit = limit.map_or_else(|| "fewer".to_owned(), |limit| limit.to_string());
            format!("{subject} allows {limit} intermediates below it, and there are more")
        }
        "CERT_REJECTED" | "CERT_UNTRUSTED" => format!(
            "the trust settings of {subject} (TRUSTED CERTIFICATE) do not trust it {}",
            usage::role(situation.purpose)
        ),
        "EE_KEY_TOO_SMALL" | "CA_KEY_TOO_SMALL" => key(certificate, &subject),
        "CA_MD_TOO_WEAK" => {
            format!("{subject} is signed with {}", certificate.signature_algorithm().name)
        }
        "INVALID_POLICY_EXTENSION" => format!(
            "the certificate policies of {subject}, or its constraints on them or mappings of them, \
             contradict RFC 5280"
        ),
        "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY" | "UNSPECIFIED" => match certificate.public_key() {
            Ok(key) if key.security_bits().is_some() => format!("{subject}: {}", code.text()),
            _ => key(certificate, &subject),
        },
        _ => format!("{subject}: {}", code.text()),
    }
}

/// Of an error that is at no certificate in particular.
fn of_chain(code: Code, situation: &Situation<'_>) -> String {
    let chain = situation.chain;
    match code.name() {
        "NO_EXPLICIT_POLICY" => {}
        // AWS-LC does not say whose.
        "INVALID_EXTENSION" => {
            let invalid = chain.iter().find(|it| !it.extensions_are_valid());
            return invalid.map_or_else(|| code.text().to_owned(), invalid_extension);
        }
        _ => return code.text().to_owned(),
    }
    let policies = |certificate: &Certificate| match certificate.policies() {
        Some(policies) if !policies.is_empty() => policies.join(", "),
        _ => "none".to_owned(),
    };
    let held: Vec<_> = chain
        .iter()
        .rev()
        .skip(1)
        .map(|it| format!("{} has {}", quoted(it), policies(it)))
        .collect();
    format!(
        "no accepted certificate policy is valid for the whole chain, and one is required ({})",
        held.join("; ")
    )
}

fn key(certificate: &Certificate, subject: &str) -> String {
    match certificate.public_key() {
        Ok(key) if key.security_bits().is_none() => format!(
            "the key of {subject} has the unsupported type {}: its signatures cannot be checked",
            key.key_type
        ),
        Ok(key) => format!("the key of {subject} is {} of {} bits", key.key_type, key.bits),
        Err(error) => format!("the key of {subject} cannot be read: {error}"),
    }
}

fn invalid_extension(certificate: &Certificate) -> String {
    let subject = quoted(certificate);
    format!("{subject} has an extension that cannot be read, or has one twice")
}

/// What is wrong with the times of the issuer's lists.
fn list_dates(certificate: &Certificate, situation: &Situation<'_>) -> String {
    let issuer = certificate.issuer();
    let lists = situation.crls.iter().filter(|list| list.issuer() == issuer);
    match lists.max_by_key(|list| list.this_update()) {
        Some(list) if list.this_update() > situation.time => {
            format!("valid from {} only", Date(list.this_update()))
        }
        Some(list) => match list.next_update() {
            Some(next) => format!("out of date since {}", Date(next)),
            None => "out of date".to_owned(),
        },
        None => "out of date".to_owned(),
    }
}

fn quoted(certificate: &Certificate) -> String {
    format!("\"{}\"", certificate.subject())
}

fn trusted(situation: &Situation<'_>) -> String {
    match situation.trust.certificates().len() {
        0 => "trusted certificates (none)".to_owned(),
        1 => "trusted certificates (1)".to_owned(),
        n => format!("{n} trusted certificates"),
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
