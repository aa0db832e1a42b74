//! Certification requests.

use napi_derive::napi;
use sealwire::pki::{Csr, CsrBuilder, Error, Subject, SubjectAltName, pem};

use super::{Made, Order, invalid, key, parse, parse_all};

/// A request to be made.
#[napi(object, object_to_js = false)]
pub struct RequestOrder {
    /// Whose; without one, a key is made.
    pub key: Option<String>,
    pub passphrase: Option<String>,
    pub key_type: Option<String>,
    pub subject: Option<String>,
    pub names: Option<Vec<String>>,
    pub key_usage: Option<Vec<String>>,
    pub extended_key_usage: Option<Vec<String>>,
    pub must_staple: Option<bool>,
    pub challenge_password: Option<String>,
}

impl Order for RequestOrder {
    fn make(self) -> Result<Made, Error> {
        let key = match &self.key {
            Some(pem) => key::read(pem, self.passphrase.as_deref(), "key")?,
            None => key::generate(self.key_type.as_deref(), "keyType")?,
        };
        let names: Vec<SubjectAltName> = parse_all(self.names, "names")?;
        let subject = match &self.subject {
            Some(text) => parse(text, "subject")?,
            None => subject_for(&names)?,
        };
        let mut builder = CsrBuilder::new(subject).names(names);
        if self.key_usage.is_some() {
            builder = builder.key_usage(parse_all(self.key_usage, "keyUsage")?);
        }
        if self.extended_key_usage.is_some() {
            let usage = parse_all(self.extended_key_usage, "extendedKeyUsage")?;
            builder = builder.extended_key_usage(usage);
        }
        if self.must_staple == Some(true) {
            builder = builder.must_staple();
        }
        if let Some(password) = &self.challenge_password {
            builder = builder.challenge_password(password);
        }
        let made = match self.key {
            Some(_) => None,
            None => Some(key::write(&key, self.passphrase.as_deref())?),
        };
        Ok(Made { csr: Some(builder.sign(&key)?.to_pem()), key: made, ..Made::default() })
    }
}

/// A request to be read.
#[napi(object, object_to_js = false)]
pub struct RequestToRead {
    pub csr: String,
}

impl Order for RequestToRead {
    fn make(self) -> Result<Made, Error> {
        let csr = read(&self.csr)?;
        Ok(Made {
            subject: Some(csr.subject().to_string()),
            names: Some(csr.names().iter().map(ToString::to_string).collect()),
            public_key: Some(pem::encode("PUBLIC KEY", csr.spki_der())),
            ..Made::default()
        })
    }
}

/// A request whose sender has the key: it has signed it.
pub(super) fn read(pem: &str) -> Result<Csr, Error> {
    let at = |error: Error| error.at("options.csr");
    let csr = Csr::from_pem(pem.as_bytes()).map_err(at)?;
    csr.verify().map_err(at)?;
    Ok(csr)
}

/// The subject where none is given.
pub(super) fn subject_for(names: &[SubjectAltName]) -> Result<Subject, Error> {
    if names.is_empty() {
        return Err(invalid("options.names: a name or a subject is required"));
    }
    Subject::for_names(names)
}
