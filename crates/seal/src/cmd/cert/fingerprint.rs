//! `seal cert fingerprint`.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use sealwire::pki;
use serde::Serialize;

use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::card;

/// Print fingerprints and public key pins
///
/// The fingerprint identifies the certificate; the pin identifies its key, and stays the same when
/// the certificate is renewed with that key.
///
/// With OpenSSL: openssl x509 -noout -fingerprint -sha256 -in cert.pem
#[derive(Args)]
pub(crate) struct Fingerprint {
    /// The certificates, in PEM or DER
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Report(Vec<Prints>);

#[derive(Serialize)]
struct Prints {
    subject: String,
    sha256: String,
    sha1: String,
    pin_sha256: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cards = self.0.iter().map(|prints| {
            let Prints { subject, sha256, sha1, pin_sha256 } = prints;
            format!("{subject}\n  sha256 {sha256}\n  sha1   {sha1}\n  pin    sha256//{pin_sha256}")
        });
        f.write_str(&cards.collect::<Vec<_>>().join("\n"))
    }
}

impl Fingerprint {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let certificates = pki::certificates_from_file(&self.file)?;
        let prints = certificates.iter().map(|certificate| Prints {
            subject: card::subject(certificate),
            sha256: pki::sha256_fingerprint(certificate.der()),
            sha1: pki::sha1_fingerprint(certificate.der()),
            pin_sha256: pki::spki_pin(&certificate.spki_der()),
        });
        report::print(&Report(prints.collect()), self.json)?;
        Ok(Answer::Yes)
    }
}
