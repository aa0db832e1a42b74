//! Certificates.

use std::time::{Duration, SystemTime};

use napi_derive::napi;
use sealwire::TrustStore;
use sealwire::pki::{
    Certificate, CertificateBuilder, ChainCheck, Csr, Error, Issuer, KeyAlgorithm, NameConstraint,
    PrivateKey, Problem, Purpose, SubjectAltName, Validity, pem,
};

use super::{Made, Order, invalid, key, parse, parse_all, request};

/// The signer.
#[napi(object, object_to_js = false)]
pub struct IssuerOrder {
    pub cert: String,
    pub key: String,
    pub passphrase: Option<String>,
}

/// A certificate to be made.
#[napi(object, object_to_js = false)]
pub struct CertificateOrder {
    /// Whose: one of the three, or a key is made.
    pub key: Option<String>,
    pub public_key: Option<String>,
    pub csr: Option<String>,
    /// What opens the key that is given, or encrypts the one that is made.
    pub passphrase: Option<String>,
    pub key_type: Option<String>,
    /// Absent: the certificate signs itself.
    pub issuer: Option<IssuerOrder>,
    pub subject: Option<String>,
    pub names: Option<Vec<String>>,
    pub is_authority: bool,
    pub path_length: Option<u8>,
    /// Whether an authority is limited to private names, and to what is permitted besides.
    pub is_private: bool,
    /// Whether it is limited to private addresses, too.
    pub limit_addresses: Option<bool>,
    pub permitted: Option<Vec<String>>,
    pub excluded: Option<Vec<String>>,
    pub key_usage: Option<Vec<String>>,
    pub extended_key_usage: Option<Vec<String>>,
    pub ocsp_url: Option<String>,
    pub issuer_url: Option<String>,
    pub crl_url: Option<String>,
    pub must_staple: Option<bool>,
    pub days: Option<u32>,
    /// In milliseconds since 1970.
    pub not_before: Option<f64>,
    pub not_after: Option<f64>,
    /// In hexadecimal digits.
    pub serial: Option<String>,
    /// Whether names of the request are taken over.
    pub copy_names: Option<bool>,
}

impl Order for CertificateOrder {
    fn make(self) -> Result<Made, Error> {
        let csr = self.csr.as_deref().map(request::read).transpose()?;
        let owner = self.owner(csr.as_ref())?;
        let builder = self.builder(csr.as_ref())?;
        let chain = match &self.issuer {
            Some(order) => order.sign(&builder, &owner.spki, self.is_authority)?,
            None => match &owner.key {
                Some(key) => vec![builder.self_signed(key)?],
                None => {
                    return Err(invalid(
                        "options.key: a self-signed certificate needs the private key",
                    ));
                }
            },
        };
        let made = match (&owner.key, &self.key) {
            (Some(key), None) => Some(key::write(key, self.passphrase.as_deref())?),
            _ => None,
        };
        let cert = chain.iter().map(Certificate::to_pem).collect();
        Ok(Made { cert: Some(cert), key: made, ..Made::default() })
    }
}

/// Whose certificate it is.
struct Owner {
    key: Option<PrivateKey>,
    spki: Vec<u8>,
}

impl From<PrivateKey> for Owner {
    fn from(key: PrivateKey) -> Self {
        Self { spki: key.spki_der().to_vec(), key: Some(key) }
    }
}

impl CertificateOrder {
    fn owner(&self, csr: Option<&Csr>) -> Result<Owner, Error> {
        if let Some(csr) = csr {
            return Ok(Owner { key: None, spki: csr.spki_der().to_vec() });
        }
        if let Some(public) = &self.public_key {
            return Ok(Owner { key: None, spki: spki_of(public)? });
        }
        match &self.key {
            Some(pem) => key::read(pem, self.passphrase.as_deref(), "key").map(Owner::from),
            None => key::generate(self.key_type.as_deref(), "keyType").map(Owner::from),
        }
    }

    fn builder(&self, csr: Option<&Csr>) -> Result<CertificateBuilder, Error> {
        let names: Vec<SubjectAltName> = parse_all(self.names.clone(), "names")?;
        let subject = match (&self.subject, csr) {
            (Some(text), _) => parse(text, "subject")?,
            (None, Some(csr)) => csr.subject().clone(),
            (None, None) => request::subject_for(&names)?,
        };
        let mut builder = CertificateBuilder::new(subject).names(names);
        if let Some(csr) = csr
            && self.copy_names == Some(true)
        {
            builder = builder.copy_names(csr);
        }
        if self.is_authority {
            builder = builder.authority(self.path_length);
        }
        builder = self.limit(builder)?;
        if self.key_usage.is_some() {
            builder = builder.key_usage(parse_all(self.key_usage.clone(), "keyUsage")?);
        }
        if self.extended_key_usage.is_some() {
            let usage = parse_all(self.extended_key_usage.clone(), "extendedKeyUsage")?;
            builder = builder.extended_key_usage(usage);
        }
        self.with_serial(self.with_urls(builder).validity(self.validity()?))
    }

    fn limit(&self, builder: CertificateBuilder) -> Result<CertificateBuilder, Error> {
        let mut permitted: Vec<NameConstraint> = parse_all(self.permitted.clone(), "permitted")?;
        if self.is_private {
            let limited = self.limit_addresses.unwrap_or_default();
            let addresses = NameConstraint::private_addresses().filter(|_| limited);
            permitted.splice(0..0, NameConstraint::private_names().chain(addresses));
        }
        let excluded: Vec<NameConstraint> = parse_all(self.excluded.clone(), "excluded")?;
        if permitted.is_empty() && excluded.is_empty() {
            return Ok(builder);
        }
        Ok(builder.name_constraints(permitted, excluded))
    }

    fn with_urls(&self, mut builder: CertificateBuilder) -> CertificateBuilder {
        if let Some(url) = &self.ocsp_url {
            builder = builder.ocsp_url(url);
        }
        if let Some(url) = &self.issuer_url {
            builder = builder.issuer_url(url);
        }
        if let Some(url) = &self.crl_url {
            builder = builder.crl_url(url);
        }
        if self.must_staple == Some(true) {
            builder = builder.must_staple();
        }
        builder
    }

    fn with_serial(&self, builder: CertificateBuilder) -> Result<CertificateBuilder, Error> {
        match &self.serial {
            Some(text) => Ok(builder.serial(hex(text)?)),
            None => Ok(builder),
        }
    }

    fn validity(&self) -> Result<Validity, Error> {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let days = self.days.unwrap_or(365);
        if self.not_before.is_none() && self.not_after.is_none() {
            return Validity::days(days).map_err(|error| error.at("options.days"));
        }
        let from =
            self.not_before.map_or_else(|| Ok(SystemTime::now()), |ms| time(ms, "notBefore"))?;
        let to = match self.not_after {
            Some(ms) => time(ms, "notAfter")?,
            None => {
                from.checked_add(DAY * days).ok_or_else(|| invalid("options.days: too many"))?
            }
        };
        Validity::between(from, to).map_err(|error| error.at("options.notAfter"))
    }
}

fn spki_of(public: &str) -> Result<Vec<u8>, Error> {
    let blocks = pem::blocks(public.as_bytes());
    match blocks.iter().find(|block| block.label() == "PUBLIC KEY") {
        Some(block) => {
            let der = block.decode().map_err(|error| error.at("options.publicKey"))?;
            KeyAlgorithm::of_spki(&der).map_err(|error| error.at("options.publicKey"))?;
            Ok(der.to_vec())
        }
        None => Err(Error::new(Problem::NoPemBlock, "options.publicKey: no public key in PEM")),
    }
}

fn time(milliseconds: f64, option: &str) -> Result<SystemTime, Error> {
    let seconds = Duration::try_from_secs_f64(milliseconds / 1000.0);
    let time = seconds.ok().and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since));
    time.ok_or_else(|| invalid(format!("options.{option}: no time from 1970 on")))
}

pub(super) fn hex(text: &str) -> Result<Vec<u8>, Error> {
    let wrong = || invalid(format!("options.serial: {text:?} is not hexadecimal"));
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let even = if text.len().is_multiple_of(2) { text.to_owned() } else { format!("0{text}") };
    (0..even.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&even[at..at + 2], 16).map_err(|_| wrong()))
        .collect()
}

impl IssuerOrder {
    /// The certificate, and the intermediates above it that a server sends.
    fn sign(
        &self,
        builder: &CertificateBuilder,
        spki: &[u8],
        is_authority: bool,
    ) -> Result<Vec<Certificate>, Error> {
        let issuer = self.read()?;
        let is_last = matches!(issuer.certificate().basic_constraints(), Some((_, Some(0))));
        if is_authority && is_last {
            return Err(invalid("options.issuer: no CA may stand below it (its path length is 0)"));
        }
        let certificate = builder.signed_by(&issuer, spki)?;
        check_allowed(&issuer, &certificate)?;
        let above = self.chain()?.into_iter().filter(|one| !one.is_self_signed());
        Ok(std::iter::once(certificate).chain(above).collect())
    }

    pub(super) fn read(&self) -> Result<Issuer, Error> {
        let key = key::read(&self.key, self.passphrase.as_deref(), "issuer.key")?;
        let mut chain = self.chain()?;
        Issuer::new(chain.remove(0), key).map_err(|error| error.at("options.issuer"))
    }

    /// At least one.
    fn chain(&self) -> Result<Vec<Certificate>, Error> {
        let chain = Certificate::all_from_pem(self.cert.as_bytes())
            .map_err(|error| error.at("options.issuer.cert"))?;
        if chain.is_empty() {
            return Err(Error::new(Problem::NoPemBlock, "options.issuer.cert: no certificate"));
        }
        Ok(chain)
    }
}

/// Refuses to make what clients would refuse: a name that the issuer may not sign for, an issuer
/// that has expired or may stand above no further CA.
fn check_allowed(issuer: &Issuer, certificate: &Certificate) -> Result<(), Error> {
    let trust =
        TrustStore::from_certificates([issuer.certificate().clone()])?.allow_partial_chain(true);
    let verdict = ChainCheck {
        presented: std::slice::from_ref(certificate),
        trust: &trust,
        crls: &[],
        purpose: Purpose::Any,
        name: None,
        time: certificate.not_before().max(issuer.certificate().not_before()),
        security_level: 0,
    }
    .verdict();
    match verdict.findings().last() {
        None => Ok(()),
        Some(finding) if finding.code().name() == "PERMITTED_VIOLATION" => Err(invalid(format!(
            "options.names: this issuer may not sign for all of them ({}); make one with \
             `permitted`, or without limits",
            finding.evidence()
        ))),
        Some(finding) => Err(invalid(format!("clients would refuse the certificate: {finding}"))),
    }
}
