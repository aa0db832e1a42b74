//! A certificate as Node's `getPeerCertificate` describes it.

use sealwire_x509::{Certificate, KeyType, Name};

use super::{sha1_fingerprint, sha256_fingerprint, sha512_fingerprint};
use crate::verify::{AltName, alt_names_text};
use crate::words::Date;

/// The fields of a certificate in the words of OpenSSL and Node: what `getPeerCertificate` and
/// `X509Certificate.prototype.toLegacyObject` give, field by field. `raw` is
/// [`Certificate::der`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LegacyCertificate {
    /// Attributes by OpenSSL's short name (`CN`) or dotted object identifier, each with all of its
    /// values.
    pub subject: Vec<(String, Vec<String>)>,
    /// The same of the issuer.
    pub issuer: Vec<(String, Vec<String>)>,
    /// `DNS:a.example, IP Address:127.0.0.1`; a value that could be misread is a JSON string.
    pub subject_alt_name: Option<String>,
    /// `authorityInfoAccess`: values by what they are, `OCSP - URI`.
    pub info_access: Option<Vec<(String, Vec<String>)>>,
    /// Whether it may issue others, by its basicConstraints.
    pub ca: bool,
    /// RSA: the modulus in upper-case hexadecimal.
    pub modulus: Option<String>,
    /// RSA: the exponent, `0x10001`.
    pub exponent: Option<String>,
    /// RSA: the SubjectPublicKeyInfo, DER (of a key for RSASSA-PSS only, too, where Node puts the
    /// numbers into another). Elliptic curves: the uncompressed point.
    pub public_key: Option<Vec<u8>>,
    /// The size of modulus or curve in bits.
    pub bits: Option<u32>,
    /// OpenSSL's name of the curve: `prime256v1`.
    pub asn1_curve: Option<&'static str>,
    /// NIST's name of the curve: `P-256`.
    pub nist_curve: Option<&'static str>,
    /// `Nov 24 05:38:17 2026 GMT`.
    pub valid_from: String,
    /// The same of the end.
    pub valid_to: String,
    /// SHA-1 of the DER, upper-case hexadecimal with colons.
    pub fingerprint: String,
    /// SHA-256.
    pub fingerprint256: String,
    /// SHA-512.
    pub fingerprint512: String,
    /// extendedKeyUsage, dotted.
    pub ext_key_usage: Option<Vec<String>>,
    /// Upper-case hexadecimal.
    pub serial_number: String,
}

impl LegacyCertificate {
    /// Describes `certificate`. Unreadable parts are left out, as in Node.
    pub fn of(certificate: &Certificate) -> Self {
        let key = certificate.public_key().ok();
        let key_type = key.as_ref().map(|key| &key.key_type);
        let is_rsa = matches!(key_type, Some(KeyType::Rsa | KeyType::RsaPss));
        let rsa = key.as_ref().filter(|_| is_rsa);
        let numbers = rsa.and_then(|key| key.rsa.as_ref());
        let ec = key.as_ref().filter(|key| key.ec_point.is_some());
        let public_key = match (rsa, ec) {
            (Some(_), _) => Some(certificate.spki_der()),
            (None, Some(ec)) => ec.ec_point.clone(),
            (None, None) => None,
        };
        let der = certificate.der();
        Self {
            subject: attributes(&certificate.subject()),
            issuer: attributes(&certificate.issuer()),
            subject_alt_name: subject_alt_name_text(certificate),
            info_access: info_access(certificate),
            ca: certificate.is_ca() && certificate.basic_constraints().is_some(),
            modulus: numbers.map(|rsa| rsa.modulus.clone()),
            exponent: numbers.map(|rsa| rsa.exponent.clone()),
            public_key,
            bits: rsa.or(ec).map(|key| key.bits),
            asn1_curve: ec.and_then(|key| match key.key_type {
                KeyType::Ec { curve } => Some(curve),
                _ => None,
            }),
            nist_curve: ec.and_then(|key| key.key_type.nist_curve()),
            valid_from: Date(certificate.not_before()).openssl(),
            valid_to: Date(certificate.not_after()).openssl(),
            fingerprint: sha1_fingerprint(der),
            fingerprint256: sha256_fingerprint(der),
            fingerprint512: sha512_fingerprint(der),
            ext_key_usage: certificate.extended_key_usage(),
            serial_number: certificate.serial_hex(),
        }
    }
}

/// The subjectAltName extension in the words of OpenSSL and Node; `None` when it is missing, or
/// none that can be read.
fn subject_alt_name_text(certificate: &Certificate) -> Option<String> {
    let names =
        certificate.has_subject_alt_name().then(|| certificate.subject_alt_names().ok())??;
    Some(alt_names_text(&names))
}

fn attributes(name: &Name) -> Vec<(String, Vec<String>)> {
    gathered(name.attributes().iter().map(|attribute| {
        let name = attribute.short_name.map_or_else(|| attribute.oid.clone(), str::to_owned);
        (name, attribute.value.clone())
    }))
}

fn info_access(certificate: &Certificate) -> Option<Vec<(String, Vec<String>)>> {
    let all = gathered(certificate.authority_info().into_iter().map(|(method, place)| {
        let AltName { kind, prefix, value, .. } = AltName::of(&place);
        (format!("{method} - {kind}"), format!("{prefix}{value}"))
    }));
    (!all.is_empty()).then_some(all)
}

/// Puts values of one name together, in the order in which the names first come.
fn gathered(all: impl Iterator<Item = (String, String)>) -> Vec<(String, Vec<String>)> {
    let mut gathered: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in all {
        match gathered.iter_mut().find(|known| known.0 == name) {
            Some(known) => known.1.push(value),
            None => gathered.push((name, vec![value])),
        }
    }
    gathered
}
