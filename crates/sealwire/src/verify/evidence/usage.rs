//! What a certificate may be used for, and what it was used for.

use sealwire_x509::{Certificate, KeyUsage, Purpose};

use super::{Situation, quoted};
use crate::verify::Code;

/// The sentence for a certificate that may not do what it is used for.
pub(super) fn of(code: Code, certificate: &Certificate, situation: &Situation<'_>) -> String {
    let subject = quoted(certificate);
    let is_leaf = situation.presented.first() == Some(certificate);
    if code.name() == "INVALID_PURPOSE" {
        let what = if is_leaf { "" } else { "to issue certificates " };
        let role = role(situation.purpose);
        let why = unsuitable(certificate, situation.purpose, is_leaf);
        return format!("{subject} is not meant {what}{role} ({why})");
    }
    let issued = situation.chain.iter().find(|it| it.issuer() == certificate.subject());
    let what = issued.map_or_else(|| "a certificate".to_owned(), quoted);
    format!("{subject} is named as the issuer of {what} but is not a CA ({})", no_ca(certificate))
}

/// The role: `for a TLS server`.
pub(super) fn role(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Server => "for a TLS server",
        Purpose::Client => "for a TLS client",
        Purpose::Any => "for a peer",
    }
}

fn unsuitable(certificate: &Certificate, purpose: Purpose, is_leaf: bool) -> String {
    let wanted = match purpose {
        Purpose::Server => "1.3.6.1.5.5.7.3.1",
        Purpose::Client => "1.3.6.1.5.5.7.3.2",
        Purpose::Any => "",
    };
    match certificate.extended_key_usage() {
        Some(uses) if !uses.iter().any(|it| it == wanted) => {
            let uses: Vec<_> = uses.iter().map(|it| extended(it)).collect();
            return format!("its extendedKeyUsage has {} only", uses.join(", "));
        }
        _ => {}
    }
    if !is_leaf {
        return no_ca(certificate);
    }
    match certificate.key_usage() {
        Some(uses) if !uses.contains(KeyUsage::DigitalSignature) => {
            format!("its keyUsage is {}, without digitalSignature", listed(uses.iter()))
        }
        _ => "its nsCertType says so".to_owned(),
    }
}

fn no_ca(certificate: &Certificate) -> String {
    match certificate.key_usage() {
        Some(uses) if !uses.contains(KeyUsage::KeyCertSign) => {
            return format!("its keyUsage is {}, without keyCertSign", listed(uses.iter()));
        }
        _ => {}
    }
    match certificate.basic_constraints() {
        Some((false, _)) => "its basicConstraints say CA:FALSE",
        Some((true, _)) => "its extensions cannot be read",
        None if certificate.version() == 3 => "it has no basicConstraints",
        None => "it is of X.509 version 1 and not self-signed",
    }
    .to_owned()
}

fn listed(uses: impl Iterator<Item = KeyUsage>) -> String {
    let names: Vec<_> = uses.map(|usage| usage.to_string()).collect();
    if names.is_empty() { "empty".to_owned() } else { names.join(", ") }
}

/// [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280)'s name of an extended key usage, or its dotted object identifier.
fn extended(oid: &str) -> &str {
    match oid {
        "1.3.6.1.5.5.7.3.1" => "serverAuth",
        "1.3.6.1.5.5.7.3.2" => "clientAuth",
        "1.3.6.1.5.5.7.3.3" => "codeSigning",
        "1.3.6.1.5.5.7.3.4" => "emailProtection",
        "1.3.6.1.5.5.7.3.8" => "timeStamping",
        "1.3.6.1.5.5.7.3.9" => "OCSPSigning",
        "2.5.29.37.0" => "anyExtendedKeyUsage",
        other => other,
    }
}
