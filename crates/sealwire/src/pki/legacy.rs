//! A certificate as Node's `getPeerCertificate` describes it.

use std::net::IpAddr;

use sealwire_x509::{Certificate, GeneralName, KeyType, Name};

use super::{sha1_fingerprint, sha256_fingerprint, sha512_fingerprint};
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
    /// Describes `certificate`. What cannot be read in it is left out, as in Node.
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

/// The subjectAltName extension in the words of OpenSSL and Node; `None` when there is none, or
/// none that can be read.
fn subject_alt_name_text(certificate: &Certificate) -> Option<String> {
    let names =
        certificate.has_subject_alt_name().then(|| certificate.subject_alt_names().ok())??;
    Some(alt_names_text(&names))
}

/// As in the `subjectaltname` of Node's legacy object.
pub(crate) fn alt_names_text(names: &[GeneralName]) -> String {
    let all: Vec<String> = names.iter().map(|name| AltName::of(name).text()).collect();
    all.join(", ")
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

/// A name of a certificate in Node's words.
struct AltName {
    kind: &'static str,
    /// What kind of otherName it is, with a colon.
    prefix: &'static str,
    value: String,
    /// Whether characters outside ASCII need no escape.
    unicode: bool,
}

impl AltName {
    fn of(name: &GeneralName) -> Self {
        let plain = |kind, value| Self { kind, prefix: "", value, unicode: false };
        match name {
            GeneralName::Dns(value) => plain("DNS", value.clone()),
            GeneralName::Email(value) => plain("email", value.clone()),
            GeneralName::Uri(value) => plain("URI", value.clone()),
            GeneralName::Ip(address) => plain("IP Address", address_text(*address)),
            GeneralName::DirName(name) => {
                let value = name.to_rfc2253().unwrap_or_default();
                Self { unicode: true, ..plain("DirName", value) }
            }
            GeneralName::RegisteredId(oid) => plain("Registered ID", oid.clone()),
            GeneralName::OtherName { oid, value } => other_name(oid, value)
                .unwrap_or_else(|| plain("othername", "<unsupported>".to_owned())),
            GeneralName::Other { tag, value } => {
                // Bytes that are no ASCII are taken for Latin-1.
                let latin1 = || value.iter().copied().map(char::from).collect();
                match tag {
                    1 => plain("email", latin1()),
                    2 => plain("DNS", latin1()),
                    6 => plain("URI", latin1()),
                    7 => plain("IP Address", format!("<invalid length={}>", value.len())),
                    3 => plain("X400Name", "<unsupported>".to_owned()),
                    _ => plain("EdiPartyName", "<unsupported>".to_owned()),
                }
            }
            _ => plain("othername", "<unsupported>".to_owned()),
        }
    }

    /// `DNS:a.example`; `DNS:"a\u002cb"` for a value that could pass for more than one.
    fn text(&self) -> String {
        let Self { kind, prefix, value, unicode } = self;
        let may_stay = |c: char| matches!(c, ' '..='~') && c != ',' || *unicode && !c.is_ascii();
        if value.chars().all(|c| may_stay(c) && !matches!(c, '"' | '\\' | '\'')) {
            return format!("{kind}:{prefix}{value}");
        }
        let mut text = format!("{kind}:\"{prefix}");
        for c in value.chars() {
            match c {
                '"' | '\\' => text.extend(['\\', c]),
                c if may_stay(c) => text.push(c),
                c => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            }
        }
        text.push('"');
        text
    }
}

/// The kinds of otherName that Node knows, each with the type of string that it has to be.
fn other_name(oid: &str, value: &[u8]) -> Option<AltName> {
    const UTF8_STRING: u8 = 12;
    const IA5_STRING: u8 = 22;
    let (prefix, tag) = match oid {
        "1.3.6.1.4.1.311.20.2.3" => ("UPN:", UTF8_STRING),
        "1.3.6.1.5.5.7.8.5" => ("XmppAddr:", UTF8_STRING),
        "1.3.6.1.5.5.7.8.7" => ("SRVName:", IA5_STRING),
        "1.3.6.1.5.5.7.8.8" => ("NAIRealm:", UTF8_STRING),
        "1.3.6.1.5.5.7.8.9" => ("SmtpUTF8Mailbox:", UTF8_STRING),
        _ => return None,
    };
    let any = der::asn1::AnyRef::try_from(value).ok()?;
    if der::Encode::to_der(&der::Tagged::tag(&any)).ok()? != [tag] {
        return None;
    }
    let value = String::from_utf8_lossy(any.value()).into_owned();
    Some(AltName { kind: "othername", prefix, value, unicode: tag == UTF8_STRING })
}

/// An address as OpenSSL prints it: IPv6 with all eight groups, upper-case, nothing compressed.
fn address_text(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let groups = address.segments().map(|group| format!("{group:X}"));
            groups.join(":")
        }
    }
}

#[cfg(test)]
mod tests {
    use sealwire_x509::GeneralName;

    use super::alt_names_text;

    #[test]
    fn values_that_could_break_the_list_are_quoted() {
        for (value, text) in [
            ("a.example", "DNS:a.example"),
            ("a,b.com", r#"DNS:"a\u002cb.com""#),
            ("a\"\\", r#"DNS:"a\"\\""#),
            ("it's", r#"DNS:"it's""#),
            ("a\nb", r#"DNS:"a\u000ab""#),
        ] {
            assert_eq!(alt_names_text(&[GeneralName::Dns(value.to_owned())]), text);
        }
        let latin1 = GeneralName::Other { tag: 2, value: b"caf\xe9\0".to_vec() };
        assert_eq!(alt_names_text(&[latin1]), r#"DNS:"caf\u00e9\u0000""#);
    }
}
