//! tls-alpn-01 (RFC 8737): a certificate, for a protocol of its own.

use std::net::IpAddr;

use aws_lc_rs::digest::{SHA256, digest};
use const_oid::ObjectIdentifier;
use der::Decode;
use der::asn1::OctetString;
use sealwire::pki::{Certificate, GeneralName};
use sealwire::{Connector, InvalidServerName, PeerVerification, SecureContext, ServerName};
use x509_cert::certificate::{CertificateInner, Raw};

use super::{Proof, Validator};
use crate::protocol::{Identifier, Kind, Problem};

/// The protocol's name.
pub(crate) const PROTOCOL: &str = "acme-tls/1";

/// acmeIdentifier.
const ACME_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.31");

pub(super) async fn check(validator: &Validator, proof: &Proof) -> Result<(), Problem> {
    let host = &proof.identifier;
    let failed = |e: &dyn std::fmt::Display| Problem::new(Kind::Tls, format!("{host}: {e}"));
    let tcp = validator.connect(host, validator.settings.tls_port).await?;
    let context = SecureContext::builder().build().map_err(|e| failed(&e))?;
    let name: ServerName = sni(host).parse().map_err(|e: InvalidServerName| failed(&e))?;
    // The certificate proves what its extension says, and is self-signed.
    let connector = Connector::new(context)
        .peer_verification(PeerVerification::Recorded)
        .resume(false)
        .alpn([PROTOCOL]);
    let tls = connector.connect(name, tcp).await.map_err(|e| failed(&e))?;
    if tls.peer().alpn() != Some(PROTOCOL.as_bytes()) {
        return Err(wrong(host, "the server does not speak acme-tls/1"));
    }
    match tls.peer().certificates() {
        [certificate] => judge(certificate, host, &proof.key_authorization),
        _ => Err(wrong(host, "the server must present one certificate, without a chain")),
    }
}

fn judge(certificate: &Certificate, host: &Identifier, expected: &str) -> Result<(), Problem> {
    let names = certificate.subject_alt_names().unwrap_or_default();
    let fits = match (names.as_slice(), host) {
        ([GeneralName::Dns(name)], Identifier::Dns(host)) => name.eq_ignore_ascii_case(host),
        ([GeneralName::Ip(address)], Identifier::Ip(host)) => address == host,
        _ => false,
    };
    if !fits {
        return Err(wrong(host, "the certificate must name this identifier and no other"));
    }
    if !certificate.is_self_signed() {
        return Err(wrong(host, "the certificate is not self-signed"));
    }
    let parsed = CertificateInner::<Raw>::from_der(certificate.der())
        .map_err(|_| wrong(host, "the certificate cannot be read"))?;
    let extensions = parsed.tbs_certificate().extensions().map(Vec::as_slice).unwrap_or_default();
    let Some(found) = extensions.iter().find(|one| one.extn_id == ACME_IDENTIFIER) else {
        return Err(wrong(host, "acmeIdentifier is missing from the certificate"));
    };
    if !found.critical {
        return Err(wrong(host, "the certificate's acmeIdentifier is not critical"));
    }
    let shown = OctetString::from_der(found.extn_value.as_bytes());
    let wanted = digest(&SHA256, expected.as_bytes());
    match shown {
        Ok(shown) if shown.as_bytes() == wanted.as_ref() => Ok(()),
        _ => Err(wrong(host, "the certificate's acmeIdentifier is for another challenge")),
    }
}

/// The name that is sent: addresses go by the name under which the DNS has them (RFC 8738,
/// section 6).
pub(crate) fn sni(host: &Identifier) -> String {
    match host {
        Identifier::Dns(name) => name.clone(),
        Identifier::Ip(IpAddr::V4(address)) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        Identifier::Ip(IpAddr::V6(address)) => {
            let nibbles = address.octets().into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
            let mut labels: Vec<_> = nibbles.map(|nibble| format!("{nibble:x}")).collect();
            labels.reverse();
            format!("{}.ip6.arpa", labels.join("."))
        }
    }
}

fn wrong(host: &Identifier, what: &str) -> Problem {
    Problem::new(Kind::IncorrectResponse, format!("{host}: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_asked_for_by_their_names_in_the_dns() {
        let sni = |text: &str| sni(&Identifier::Ip(text.parse().unwrap()));
        assert_eq!(sni("127.0.0.1"), "1.0.0.127.in-addr.arpa");
        assert_eq!(
            sni("2001:db8::1"),
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
        );
    }
}
