//! What a command that made a certificate reports.

use std::fmt;

use sealwire::Foreign;
use sealwire::pki::Certificate;
use serde::Serialize;

use super::card;

/// A certificate that was written to a file.
#[derive(Serialize)]
pub(crate) struct Made {
    file: String,
    subject: String,
    issuer: String,
    names: Vec<String>,
    serial: String,
    not_before: String,
    not_after: String,
}

impl Made {
    pub(crate) fn new(file: impl Into<String>, certificate: &Certificate) -> Self {
        Self {
            file: file.into(),
            subject: card::subject(certificate),
            issuer: card::issuer(certificate),
            names: card::names(certificate),
            serial: certificate.serial_hex(),
            not_before: card::time(certificate.not_before()),
            not_after: card::time(certificate.not_after()),
        }
    }
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, subject, issuer, names, not_after, .. } = self;
        write!(f, "{file}: certificate of {subject}")?;
        if !names.is_empty() {
            write!(f, " ({})", Foreign::list(names))?;
        }
        if subject == issuer {
            f.write_str(", self-signed")?;
        } else {
            write!(f, ", issued by {issuer}")?;
        }
        write!(f, ", valid to {not_after}")
    }
}
