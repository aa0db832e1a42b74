//! A certificate signing request on a card.

use std::fmt;
use std::path::Path;

use sealwire::Foreign;
use sealwire::pki::{self, Csr, GeneralName, Problem};
use serde::Serialize;

use crate::say::failure::Failure;

/// What a request asks for.
#[derive(Serialize)]
pub(crate) struct Request {
    file: String,
    subject: String,
    names: Vec<String>,
    key_usage: Vec<String>,
    extended_key_usage: Vec<String>,
    challenge_password: Option<String>,
    unstructured_name: Option<String>,
    key: String,
    pin_sha256: String,
    signature_is_good: bool,
    #[serde(skip)]
    refusal: Option<pki::Error>,
}

impl Request {
    /// Reads it from a file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let csr = Csr::from_file(path)?;
        let file = path.display().to_string();
        let refusal = csr.verify().err().map(|e| e.at(&file));
        let names = csr.subject_alt_names().map_err(|e| e.at(&file))?;
        let purposes = csr.extended_key_usage();
        Ok(Self {
            subject: csr.subject().to_string(),
            names: names.iter().map(GeneralName::text).collect(),
            key_usage: csr.key_usage().iter().map(ToString::to_string).collect(),
            extended_key_usage: purposes.iter().map(ToString::to_string).collect(),
            challenge_password: csr.challenge_password(),
            unstructured_name: csr.unstructured_name(),
            key: pki::key_text(csr.spki_der()),
            pin_sha256: pki::spki_pin(csr.spki_der()),
            signature_is_good: refusal.is_none(),
            refusal,
            file,
        })
    }
}

impl Request {
    /// Where it was read.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// Why its signature is not good.
    pub(crate) fn refusal(&self) -> Option<&pki::Error> {
        self.refusal.as_ref()
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: certificate request", Foreign::new(&self.file))?;
        let mut line = |label: &str, value: &str| match value {
            "" => Ok(()),
            _ => write!(f, "\n  {label:<10} {}", Foreign::new(value)),
        };
        line("subject", &self.subject)?;
        line("names", &self.names.join(", "))?;
        line("key usage", &self.key_usage.join(", "))?;
        line("for", &self.extended_key_usage.join(", "))?;
        line("company", self.unstructured_name.as_deref().unwrap_or_default())?;
        line(
            "challenge",
            if self.challenge_password.is_some() { "a password is given" } else { "" },
        )?;
        line("key", &self.key)?;
        line("pin", &format!("sha256//{}", self.pin_sha256))?;
        let signature = match self.refusal.as_ref().map(pki::Error::problem) {
            None => "good",
            Some(Problem::Unsupported) => "of a kind that cannot be checked",
            Some(_) => "does not fit the key",
        };
        line("signature", signature)
    }
}
