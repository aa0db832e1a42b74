//! Findings on a certificate: what browsers, OpenSSL, Node, Python and Apple would refuse, or what will hurt
//! later.
//!
//! The verifier is asked first: what it says about a certificate that is trusted is an error. Then
//! come the rules of `openssl verify -x509_strict`, which Python 3.13 sets for every connection, and
//! those that browsers and Apple have beside.
//!
//! The rules are about certificates that people make themselves; they are not an audit of a public CA.

mod file;
mod key;

use der::Decode as _;

use super::{
    Certificate, ChainCheck, GeneralName, Irregularity, KeyUsage, KeyUsages, Moment, Purpose,
    TrustStore,
};
use super::{ExtendedKeyUsage, KeyAlgorithm, Subject};
use crate::verify::Finding;

pub use file::lint_file;
pub use key::lint_key;

const DAY: i64 = 86_400;
/// Apple's limit for certificates of roots that the user added (since iOS 13, macOS 10.15).
const APPLE_DAYS: i64 = 825;

/// One thing that a certificate could do better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name for it, for scripts: `no-san`, `expired`, ...
    pub code: &'static str,
    /// The finding, and the programs that refuse the certificate for it.
    pub text: String,
}

/// How bad a [`Lint`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; nothing refuses it.
    Notice,
    /// Some clients refuse it.
    Warning,
    /// OpenSSL, Node or all browsers refuse it.
    Error,
}

/// Checks a certificate at `now` (seconds since 1970). The worst finding comes first.
pub fn lint(certificate: &Certificate, now: i64) -> Vec<Lint> {
    let mut found = Findings(Vec::new());
    validity(certificate, now, &mut found);
    key_and_signature(certificate, &mut found);
    form(certificate, &mut found);
    strict(certificate, &mut found);
    match certificate.basic_constraints() {
        Some((true, _)) => authority(certificate, &mut found),
        _ => leaf(certificate, &mut found),
    }
    verifier(certificate, &mut found);
    found.0.sort_by_key(|lint| std::cmp::Reverse(lint.severity));
    found.0
}

struct Findings(Vec<Lint>);

impl Findings {
    fn error(&mut self, code: &'static str, text: impl Into<String>) {
        self.0.push(Lint { severity: Severity::Error, code, text: text.into() });
    }

    fn warning(&mut self, code: &'static str, text: impl Into<String>) {
        self.0.push(Lint { severity: Severity::Warning, code, text: text.into() });
    }

    fn notice(&mut self, code: &'static str, text: impl Into<String>) {
        self.0.push(Lint { severity: Severity::Notice, code, text: text.into() });
    }
}

fn validity(certificate: &Certificate, now: i64, found: &mut Findings) {
    let (start, end) = (certificate.not_before(), certificate.not_after());
    if end < start {
        found.error("never-valid", "notAfter is before notBefore");
    } else if now < start {
        found.error(
            "not-yet-valid",
            format!("it is not valid before {}", Moment::from_seconds(start)),
        );
    } else if now > end {
        found.error("expired", format!("it expired at {}", Moment::from_seconds(end)));
    } else if end - now < 30 * DAY && (end - start) > 60 * DAY {
        let days = (end - now) / DAY;
        found.notice("expires-soon", format!("it expires in {days} days"));
    }
}

fn key_and_signature(certificate: &Certificate, found: &mut Findings) {
    match KeyAlgorithm::of_spki(&certificate.spki_der()) {
        Ok(KeyAlgorithm::Rsa { bits }) if bits < 2048 => found.error(
            "weak-key",
            format!("RSA with {bits} bits: OpenSSL's security level 2 and browsers require 2048"),
        ),
        Ok(
            key @ (KeyAlgorithm::EcdsaP521
            | KeyAlgorithm::Ed25519
            | KeyAlgorithm::MlDsa44
            | KeyAlgorithm::MlDsa65
            | KeyAlgorithm::MlDsa87),
        ) => {
            found.warning("browser-key", format!("browsers do not take {key} keys"));
        }
        Ok(_) => {}
        Err(e) => found.warning("unusual-key", e.to_string()),
    }
    let algorithm = certificate.signature_algorithm();
    let weak = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.contains("sha1")
            || name.contains("md5")
            || name.contains("md4")
            || name.contains("md2")
    };
    let named = algorithm.digest.as_deref().unwrap_or(&algorithm.name);
    // The signature of a root over itself proves nothing, and verifiers ignore it.
    if weak(named) && !certificate.is_self_issued() {
        found.error(
            "weak-signature",
            format!("signed with {}: forgeable, and rejected by current software", algorithm.name),
        );
    }
}

fn form(certificate: &Certificate, found: &mut Findings) {
    match certificate.irregularity() {
        Some(Irregularity::Version(version)) => found.error(
            "extensions-before-3",
            format!("X.509 version {version} with extensions, which require version 3"),
        ),
        Some(Irregularity::Time) => found.error(
            "odd-time",
            "a time of its validity is not encoded as RFC 5280 requires; verifiers reject it",
        ),
        _ => {}
    }
    if certificate.version() < 3 && certificate.irregularity().is_none() {
        found.warning(
            "old-version",
            format!(
                "X.509 version {}: no extensions; browsers and Rust programs refuse it",
                certificate.version()
            ),
        );
    } else if !certificate.extensions_are_valid() {
        found.error("broken-extension", "an extension cannot be read; verifiers reject it");
    }
    let serial = certificate.serial_hex();
    let digits = serial.trim_start_matches('-').trim_start_matches('0');
    if serial.starts_with('-') || digits.is_empty() {
        found.warning("bad-serial", "the serial number is not positive (RFC 5280, 4.1.2.2)");
    } else if digits.len() > 40 {
        found.warning("bad-serial", "the serial number has more than 20 bytes");
    }
}

/// What the verifier says of a certificate that is trusted itself, at a time when it is valid: what
/// is left is in the certificate. What other rules here say more clearly is left to them.
fn verifier(certificate: &Certificate, found: &mut Findings) {
    let (start, end) = (certificate.not_before(), certificate.not_after());
    let already_said = found.0.iter().any(|lint| lint.severity == Severity::Error);
    let Ok(trust) = TrustStore::from_certificates([certificate.clone()]) else { return };
    if already_said || end < start {
        return;
    }
    let verdict = ChainCheck {
        presented: std::slice::from_ref(certificate),
        trust: &trust.allow_partial_chain(true),
        crls: &[],
        purpose: Purpose::Any,
        name: None,
        time: start,
        security_level: 0,
    }
    .verdict();
    for finding in verdict.findings() {
        found.error(finding.code().name(), format!("verifiers refuse it: {}", finding.evidence()));
    }
}

/// The rules of `-x509_strict` (OpenSSL 3, `check_extensions` in x509_vfy.c).
fn strict(certificate: &Certificate, found: &mut Findings) {
    const SUBJECT_KEY_ID: &str = "2.5.29.14";
    const SUBJECT_ALT_NAME: &str = "2.5.29.17";
    const BASIC_CONSTRAINTS: &str = "2.5.29.19";
    const AUTHORITY_KEY_ID: &str = "2.5.29.35";
    const CT_POISON: &str = "1.3.6.1.4.1.11129.2.4.3";
    let Ok(parsed) = x509_cert::Certificate::from_der(certificate.der()) else { return };
    let extensions = parsed.tbs_certificate().extensions().map_or(&[][..], Vec::as_slice);
    let critical = |oid: &str| {
        let of_kind = extensions.iter().find(|extension| extension.extn_id.to_string() == oid);
        of_kind.map(|extension| extension.critical)
    };
    let says = "strict verifiers (Python 3.13) refuse it";
    if critical(CT_POISON).is_some() {
        found.error("precertificate", "a precertificate (RFC 6962): clients must not accept it");
    }
    if certificate.version() < 3 {
        return;
    }
    for (oid, code, name) in [
        (AUTHORITY_KEY_ID, "critical-aki", "authorityKeyIdentifier"),
        (SUBJECT_KEY_ID, "critical-ski", "subjectKeyIdentifier"),
    ] {
        if critical(oid) == Some(true) {
            found.warning(code, format!("{name} is marked critical; {says}"));
        }
    }
    let is_ca = certificate.is_ca();
    if is_ca && critical(BASIC_CONSTRAINTS) == Some(false) {
        found.warning(
            "ca-constraints-not-critical",
            format!("basicConstraints of a CA is not marked critical; {says}"),
        );
    }
    let signs = |usage: Option<KeyUsages>| usage.is_some_and(|u| u.contains(KeyUsage::KeyCertSign));
    if !is_ca && signs(certificate.key_usage()) {
        found.warning("sign-without-ca", format!("keyCertSign without being a CA; {says}"));
    }
    if let Some((ca, Some(_))) = certificate.basic_constraints()
        && (!ca || !signs(certificate.key_usage()))
    {
        found.warning(
            "path-length-without-ca",
            format!("a pathLenConstraint without being a CA; {says}"),
        );
    }
    if certificate.issuer().attributes().is_empty() {
        found.warning("no-issuer", format!("the issuer name is empty; {says}"));
    }
    if certificate.subject().attributes().is_empty() {
        match critical(SUBJECT_ALT_NAME) {
            Some(false) => found.warning(
                "san-not-critical",
                "the subject is empty and subjectAltName not marked critical (RFC 5280, 4.2.1.6); \
                 Apple and strict verifiers (Python 3.13) refuse it",
            ),
            None if !is_ca => {
                found.warning("no-subject", format!("no subject and no subjectAltName; {says}"));
            }
            _ => {}
        }
    }
    if critical(SUBJECT_ALT_NAME).is_some()
        && certificate.subject_alt_names().is_ok_and(|names| names.is_empty())
    {
        found.warning("empty-san", format!("subjectAltName is empty; {says}"));
    }
    if !certificate.is_self_issued() && certificate.authority_key_id().is_none() {
        found.warning("no-aki", format!("no authorityKeyIdentifier; {says}"));
    }
}

fn authority(certificate: &Certificate, found: &mut Findings) {
    match certificate.key_usage() {
        Some(usage) if !usage.contains(KeyUsage::KeyCertSign) => {
            found.error("ca-cannot-sign", "a CA whose keyUsage does not allow keyCertSign");
        }
        None => found.warning("ca-no-key-usage", "a CA without keyUsage; RFC 5280 requires it"),
        Some(_) => {}
    }
    if certificate.subject_key_id().is_none() {
        found.warning("ca-no-ski", "a CA without subjectKeyIdentifier; RFC 5280 requires it");
    }
    if certificate.subject().der().len() <= 2 {
        found.error("ca-no-subject", "a CA without a subject cannot be an issuer");
    }
}

fn leaf(certificate: &Certificate, found: &mut Findings) {
    let Ok(names) = certificate.subject_alt_names() else {
        found.error("broken-san", "subjectAltName cannot be read");
        return;
    };
    let purposes = certificate.extended_key_usage();
    if let Some(oids) = &purposes
        && oids.iter().all(|oid| *oid == ExtendedKeyUsage::ANY.oid())
    {
        found.error(
            "no-tls-purpose",
            match oids.is_empty() {
                true => "extendedKeyUsage is empty: OpenSSL refuses it for every use",
                false => "anyExtendedKeyUsage alone: OpenSSL requires serverAuth or clientAuth",
            },
        );
    }
    let has_hosts = names.iter().any(|n| matches!(n, GeneralName::Dns(_) | GeneralName::Ip(_)));
    let for_servers = purposes.as_ref().is_none_or(|oids| {
        oids.iter().any(|oid| {
            [ExtendedKeyUsage::SERVER_AUTH, ExtendedKeyUsage::ANY].iter().any(|p| p.oid() == *oid)
        })
    });
    if for_servers {
        server_names(certificate, &names, found);
        let days = (certificate.not_after() - certificate.not_before()) / DAY;
        if days > APPLE_DAYS {
            found.warning("too-long", format!("valid for {days} days; Apple takes at most 825"));
        }
        if certificate.demands_staple() {
            found.notice(
                "must-staple",
                "it requires a stapled OCSP response (must-staple): GnuTLS refuses a server that staples none; OpenSSL, Node, Java and curl do not check, except for curl --cert-status",
            );
        }
        if purposes.is_none() && certificate.version() >= 3 {
            found.notice("no-eku", "no extendedKeyUsage; Apple requires serverAuth");
        }
    }
    if let Some(usage) = certificate.key_usage()
        && !usage.contains(KeyUsage::DigitalSignature)
    {
        found.error("no-digital-signature", "keyUsage does not allow the signatures of TLS 1.3");
    } else if has_hosts && !found.0.iter().any(|lint| lint.code == "no-tls-purpose") {
        tls_purposes(certificate, for_servers, found);
    }
}

/// What OpenSSL, and Python with it, says of a certificate for hosts when a server or a client shows it
/// (`openssl verify -purpose sslserver`, `sslclient`).
fn tls_purposes(certificate: &Certificate, for_servers: bool, found: &mut Findings) {
    /// Server Gated Cryptography of Microsoft and Netscape, which OpenSSL alone takes for serverAuth.
    const SGC: [&str; 2] = ["1.3.6.1.4.1.311.10.3.3", "2.16.840.1.113730.4.1"];
    let gated = certificate
        .extended_key_usage()
        .is_some_and(|oids| oids.iter().any(|oid| SGC.contains(&oid.as_str())));
    let who =
        if gated { "BoringSSL and Sealwire refuse it" } else { "OpenSSL and Python refuse it" };
    let (server, client) =
        (refusal(certificate, Purpose::Server), refusal(certificate, Purpose::Client));
    match (server, client) {
        (Some(why), Some(_)) => found.error(
            "no-tls-purpose",
            format!("it names hosts, and {who} for servers and for clients: {why}"),
        ),
        (Some(why), None) if for_servers => {
            found.error("no-server-purpose", format!("{who} for servers: {why}"));
        }
        _ => {}
    }
}

/// Why a certificate that is trusted itself is not taken for this purpose.
fn refusal(certificate: &Certificate, purpose: Purpose) -> Option<String> {
    let trust = TrustStore::from_certificates([certificate.clone()]).ok()?;
    let verdict = ChainCheck {
        presented: std::slice::from_ref(certificate),
        trust: &trust.allow_partial_chain(true),
        crls: &[],
        purpose,
        name: None,
        time: certificate.not_before(),
        security_level: 0,
    }
    .verdict();
    let of_purpose = |finding: &&Finding| finding.code().name() == "INVALID_PURPOSE";
    verdict.findings().iter().find(of_purpose).map(|finding| finding.evidence().to_string())
}

fn server_names(certificate: &Certificate, names: &[GeneralName], found: &mut Findings) {
    let usable = names.iter().any(|n| matches!(n, GeneralName::Dns(_) | GeneralName::Ip(_)));
    if !usable {
        found.warning("no-san", "no host name or address in subjectAltName; browsers refuse it");
    }
    for name in names {
        match name {
            GeneralName::Dns(host) => host_name(host, found),
            GeneralName::Other { tag: 2 | 7, .. } => {
                found.warning("broken-name", "a name in subjectAltName is malformed");
            }
            _ => {}
        }
    }
    let common = Subject::from_der(certificate.subject().der()).ok().and_then(|s| s.common_name());
    if usable
        && let Some(common) = common
        && let Ok(name) = common.parse::<super::SubjectAltName>()
        && !names.iter().any(|n| super::SubjectAltName::from_x509(n).as_ref() == Some(&name))
        && common.contains('.')
    {
        found.notice("cn-not-in-san", format!("the common name {common:?} is not among the names"));
    }
}

fn host_name(host: &str, found: &mut Findings) {
    if host.parse::<std::net::IpAddr>().is_ok() {
        found.warning("ip-as-dns", format!("{host} is an IP address in a dNSName"));
    } else if host.ends_with('.') {
        found.warning(
            "dot-at-end",
            format!(
                "{host} ends with a dot; names in certificates must not, and clients reject it"
            ),
        );
    } else if let Some(rest) = host.strip_prefix("*.") {
        if !rest.contains('.') {
            found.warning("wide-wildcard", format!("{host}: clients reject such a wide wildcard"));
        }
    } else if host.contains('*') {
        found.warning("odd-wildcard", format!("{host}: '*' must be the whole first label"));
    } else if host.contains('_') {
        found.notice("underscore", format!("{host}: some clients refuse an underscore"));
    } else if let Err(e) = format!("DNS:{host}").parse::<super::SubjectAltName>() {
        found.warning("broken-name", e.to_string());
    }
}
