//! A certificate on a card: what people ask about it, for eyes and for programs.

use std::fmt;

use sealwire::Foreign;
use sealwire::pki::{self, Certificate, ExtendedKeyUsage, GeneralName, Moment, Name, Severity};
use serde::Serialize;

use crate::words::clock;

const DAY: i64 = 86_400;

/// Everything that is shown, in the order in which it is.
#[derive(Serialize)]
pub(crate) struct Card {
    file: String,
    subject: String,
    issuer: String,
    self_signed: bool,
    names: Vec<String>,
    not_before: String,
    not_after: String,
    valid_now: bool,
    /// Whole days until it ends; negative when it has ended.
    days_left: i64,
    ca: bool,
    path_length: Option<u32>,
    purposes: Option<Vec<String>>,
    key_usage: Option<Vec<String>>,
    /// Whether its server has to staple an OCSP response (RFC 7633).
    must_staple: bool,
    /// Where an OCSP responder, its issuer's certificate and revocation lists are said to be.
    ocsp: Vec<String>,
    issuer_certificate: Vec<String>,
    crls: Vec<String>,
    key: String,
    signature: String,
    version: u8,
    serial: String,
    fingerprint_sha256: String,
    fingerprint_sha1: String,
    pin_sha256: String,
    warnings: Vec<Warning>,
    /// What is left of its time, in words; for eyes only.
    #[serde(skip)]
    left: String,
    #[serde(skip)]
    used: f64,
}

#[derive(Serialize)]
struct Warning {
    severity: &'static str,
    code: &'static str,
    text: String,
}

impl Card {
    pub(crate) fn new(file: String, certificate: &Certificate) -> Self {
        let now = clock::now();
        let (start, end) = (certificate.not_before(), certificate.not_after());
        let constraints = certificate.basic_constraints();
        Self {
            file,
            subject: subject(certificate),
            issuer: issuer(certificate),
            self_signed: certificate.is_self_signed(),
            names: names(certificate),
            not_before: time(start),
            not_after: time(end),
            valid_now: (start..=end).contains(&now),
            days_left: (end - now).div_euclid(DAY),
            ca: certificate.is_ca(),
            path_length: constraints.and_then(|(_, length)| length),
            purposes: certificate.extended_key_usage().map(purposes),
            key_usage: certificate
                .key_usage()
                .map(|usage| usage.names().into_iter().map(str::to_owned).collect()),
            must_staple: certificate.demands_staple(),
            ocsp: places(certificate, "OCSP"),
            issuer_certificate: places(certificate, "CA Issuers"),
            crls: certificate.crl_uris(),
            key: key(certificate),
            signature: certificate.signature_algorithm().name,
            version: certificate.version(),
            serial: certificate.serial_hex(),
            fingerprint_sha256: pki::sha256_fingerprint(certificate.der()),
            fingerprint_sha1: pki::sha1_fingerprint(certificate.der()),
            pin_sha256: pki::spki_pin(&certificate.spki_der()),
            warnings: pki::lint(certificate, now).into_iter().map(Warning::from).collect(),
            left: clock::left(start, end),
            used: (now - start) as f64 / (end - start).max(1) as f64,
        }
    }

    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    fn purpose(&self) -> String {
        if self.ca {
            return match self.path_length {
                Some(0) => "a CA that may sign leaves only".to_owned(),
                Some(1) => "a CA that may have CAs below it, one level deep".to_owned(),
                Some(n) => format!("a CA that may have CAs below it, {n} levels deep"),
                None => "a CA".to_owned(),
            };
        }
        match &self.purposes {
            None => "any purpose".to_owned(),
            Some(list) => list.join(", "),
        }
    }

    /// The part of its time that has passed.
    fn bar(&self) -> String {
        const WIDTH: usize = 20;
        let filled = (self.used.clamp(0.0, 1.0) * WIDTH as f64).round() as usize;
        format!("[{}{}]", "#".repeat(filled), "-".repeat(WIDTH - filled))
    }
}

impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |label: &str, value: &str| match value {
            "" => Ok(()),
            _ => writeln!(f, "  {label:<10} {}", Foreign::new(value)),
        };
        line("subject", &self.subject)?;
        let issuer = if self.self_signed { "itself (self-signed)" } else { &self.issuer };
        line("issued by", issuer)?;
        line("names", &self.names.join(", "))?;
        line("for", &self.purpose())?;
        line("valid", &format!("{} to {}", self.not_before, self.not_after))?;
        line("", &format!("{} {}", self.bar(), self.left))?;
        let mut ocsp = self.ocsp.join(", ");
        if self.must_staple {
            let comma = if ocsp.is_empty() { "" } else { "; " };
            ocsp += &format!("{comma}stapling required (must-staple)");
        }
        line("OCSP", &ocsp)?;
        line("issuer at", &self.issuer_certificate.join(", "))?;
        line("CRLs", &self.crls.join(", "))?;
        line("key", &self.key)?;
        line("signed", &format!("{}, X.509 version {}", self.signature, self.version))?;
        line("serial", &self.serial)?;
        line("sha256", &self.fingerprint_sha256)?;
        line("pin", &format!("sha256//{}", self.pin_sha256))?;
        for warning in &self.warnings {
            line(warning.severity, &warning.text)?;
        }
        Ok(())
    }
}

impl From<pki::Lint> for Warning {
    fn from(lint: pki::Lint) -> Self {
        Self { severity: severity(lint.severity), code: lint.code, text: lint.text }
    }
}

pub(crate) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Notice => "notice",
    }
}

/// A moment: `2030-12-31T23:59:59Z`.
pub(crate) fn time(seconds: i64) -> String {
    Moment::from_seconds(seconds).to_string()
}

/// The subject.
pub(crate) fn subject(certificate: &Certificate) -> String {
    name(&certificate.subject())
}

/// The issuer.
pub(crate) fn issuer(certificate: &Certificate) -> String {
    name(&certificate.issuer())
}

fn name(name: &Name) -> String {
    if name.attributes().is_empty() { "(empty)".to_owned() } else { name.to_string() }
}

/// The names of subjectAltName, in OpenSSL's form.
pub(crate) fn names(certificate: &Certificate) -> Vec<String> {
    let names = certificate.subject_alt_names().unwrap_or_default();
    names.iter().map(GeneralName::text).collect()
}

/// Where the certificate says that this is.
fn places(certificate: &Certificate, method: &str) -> Vec<String> {
    let places = certificate.authority_info_access().into_iter();
    places.filter(|(name, _)| name == method).map(|(_, uri)| uri).collect()
}

fn purposes(oids: Vec<String>) -> Vec<String> {
    let name =
        |oid: String| oid.parse().map_or(oid, |purpose: ExtendedKeyUsage| purpose.to_string());
    oids.into_iter().map(name).collect()
}

fn key(certificate: &Certificate) -> String {
    pki::key_text(&certificate.spki_der())
}
