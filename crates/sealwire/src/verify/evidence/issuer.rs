//! Why a chain does not reach a trusted certificate.

use sealwire_x509::{Certificate, IssuerFit};

use super::{Situation, quoted, trusted};
use crate::verify::Code;

/// The sentence for a chain that ends at `certificate`, or whose signature does not hold there.
pub(super) fn of(code: Code, certificate: &Certificate, situation: &Situation<'_>) -> String {
    let (subject, issuer) = (quoted(certificate), certificate.issuer());
    let fact = match code.name() {
        "DEPTH_ZERO_SELF_SIGNED_CERT" if !certificate.is_self_signed() => format!(
            "{subject} names itself as its issuer, though another key signed it, and is not itself \
             among the {}",
            trusted(situation)
        ),
        "DEPTH_ZERO_SELF_SIGNED_CERT" => {
            format!("{subject} is self-signed and is not itself among the {}", trusted(situation))
        }
        "SELF_SIGNED_CERT_IN_CHAIN" => format!(
            "the chain ends in the root {subject}, which is not among the {}",
            trusted(situation)
        ),
        "UNABLE_TO_GET_ISSUER_CERT" if namesake(certificate, situation).is_none() => format!(
            "{subject} is trusted but is not a root, and its issuer \"{issuer}\" is not trusted"
        ),
        "CERT_SIGNATURE_FAILURE" if !certificate.has_known_signature() => format!(
            "{subject} is signed with {}, which is not supported: its signature cannot be checked",
            certificate.signature_algorithm().name
        ),
        "CERT_SIGNATURE_FAILURE" => {
            format!("the signature on {subject} was not made by the key of its issuer \"{issuer}\"")
        }
        _ => match namesake(certificate, situation) {
            Some((namesake, found)) => unfit(certificate, namesake, found),
            None => missing(certificate, situation),
        },
    };
    let namesake = match code.name() {
        "DEPTH_ZERO_SELF_SIGNED_CERT" | "SELF_SIGNED_CERT_IN_CHAIN" => {
            another_key(certificate, situation)
        }
        _ => None,
    };
    [Some(fact), namesake, wrong_order(situation)]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("; ")
}

/// Whether no certificate with the name of `certificate`'s issuer was given.
pub(in crate::verify) fn is_missing(certificate: &Certificate, situation: &Situation<'_>) -> bool {
    namesake(certificate, situation).is_none()
}

/// The first certificate with the issuer's name that is not an issuer of it, and found it is.
fn namesake<'a>(
    certificate: &Certificate,
    situation: &Situation<'a>,
) -> Option<(&'a Certificate, &'static str)> {
    let trusted = situation.trust.certificates().iter().map(|it| (it, "is trusted"));
    let sent = situation.presented.iter().skip(1).map(|it| (it, "was sent with it"));
    let mut all = trusted.chain(sent).filter(|(it, _)| *it != certificate);
    all.find(|(it, _)| certificate.names_as_issuer(it))
}

fn unfit(certificate: &Certificate, namesake: &Certificate, found: &str) -> String {
    let (subject, issuer) = (quoted(certificate), certificate.issuer());
    let hex = |id: Option<Vec<u8>>| {
        let id = id.unwrap_or_default();
        id.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    };
    let why = match certificate.fit_of_issuer(namesake) {
        IssuerFit::OtherKeyId => format!(
            "has another key: the authorityKeyIdentifier of {subject} is {}, and its \
             subjectKeyIdentifier is {}",
            hex(certificate.authority_key_id()),
            hex(namesake.subject_key_id())
        ),
        IssuerFit::OtherSerial => format!(
            "is another one: the authorityKeyIdentifier of {subject} names an issuer or serial \
             number other than its own ({})",
            namesake.serial_hex()
        ),
        IssuerFit::OtherKey => format!("has another key than the one that signed {subject}"),
        IssuerFit::MayNotSign => "may not sign certificates (its keyUsage says so)".to_owned(),
        _ => "does not lead to a trusted root".to_owned(),
    };
    format!(
        "the issuer of {subject} was not found: a certificate \"{issuer}\" {found}, and it {why}"
    )
}

fn missing(certificate: &Certificate, situation: &Situation<'_>) -> String {
    let address = certificate
        .authority_info_access()
        .into_iter()
        .find(|(method, _)| method == "CA Issuers")
        .map(|(_, uri)| format!("; its URL in the certificate is {uri}"));
    format!(
        "the issuer of {}, \"{}\", was not sent and is not among the {}{}",
        quoted(certificate),
        certificate.issuer(),
        trusted(situation),
        address.unwrap_or_default()
    )
}

/// A root that is not trusted may have the name of one that is.
fn another_key(root: &Certificate, situation: &Situation<'_>) -> Option<String> {
    let mut all = situation.trust.certificates().iter();
    all.any(|it| root.names_as_issuer(it) && !it.has_same_key(root))
        .then(|| "a trusted certificate has the same name and another key".to_owned())
}

/// Files that begin with the CA's certificate are common.
fn wrong_order(situation: &Situation<'_>) -> Option<String> {
    let (first, rest) = situation.presented.split_first()?;
    let leaf = rest.iter().find(|it| !it.is_ca() && it.names_as_issuer(first))?;
    first
        .is_ca()
        .then(|| format!("{} is a CA's and comes first, before {}", quoted(first), quoted(leaf)))
}
