//! `seal cert renew`.

use std::path::PathBuf;

use clap::Args;
use sealwire::pki::{self, CertificateBuilder, Error, Issuer, PrivateKey, Problem};
use sealwire_files::Access;

use super::shape::Period;
use crate::files::output::Output;
use crate::files::passphrase::{self, Source};
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::made::Made;

/// Reissue a certificate with the same content and a new validity period
///
/// Keeps the subject, names and all extensions. The serial number is new, as long as the old one
/// and at least 8 bytes. Without --key, keeps the public key; with --key, uses that key's. A
/// self-signed certificate is signed with --key, any other with --ca and --ca-key.
///
/// With OpenSSL: openssl x509 -in cert.pem -signkey key.pem -days 365, roughly
#[derive(Args)]
pub(crate) struct Renew {
    /// The certificate to renew: the first of the file
    #[arg(long, value_name = "FILE")]
    cert: PathBuf,
    /// The key of the new certificate
    #[arg(long, value_name = "FILE", required_unless_present = "ca")]
    key: Option<PathBuf>,
    /// The certificate of the signing CA
    #[arg(long, value_name = "FILE", requires = "ca_key")]
    ca: Option<PathBuf>,
    /// The CA's private key
    #[arg(long, value_name = "FILE", requires = "ca")]
    ca_key: Option<PathBuf>,
    /// Read the passphrase of the signing key from FILE, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<Source>,
    #[command(flatten)]
    period: Period,
    #[command(flatten)]
    output: Output,
    /// Report as JSON
    #[arg(long, requires = "out")]
    json: bool,
}

impl Renew {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        self.output.check()?;
        let file = self.cert.display().to_string();
        let old = pki::certificates_from_file(&self.cert)?.swap_remove(0);
        let mut builder = CertificateBuilder::renewing(&old).map_err(|e| e.at(&file))?;
        if let Some(validity) = self.period.validity()? {
            builder = builder.validity(validity);
        }
        let source = self.passphrase_file.as_ref();
        let certificate = match (&self.ca, &self.ca_key, &self.key) {
            (Some(ca), Some(ca_key), key) => {
                let open = |passphrase: Option<&str>| {
                    Issuer::from_files(ca, ca_key, passphrase.map(str::as_bytes))
                };
                let issuer = passphrase::open(source, &ca_key.display().to_string(), open)?;
                if issuer.certificate().subject().der() != old.issuer().der() {
                    let what = format!("it is not the issuer of {file}");
                    let error = Error::new(Problem::InvalidValue, what);
                    return Err(error.at(ca.display().to_string()).into());
                }
                let spki = match key {
                    Some(path) => PrivateKey::from_file(path, None)?.spki_der().to_vec(),
                    None => old.spki_der(),
                };
                builder.signed_by(&issuer, &spki)?
            }
            (_, _, Some(key)) => {
                let open = |passphrase: Option<&str>| {
                    PrivateKey::from_file(key, passphrase.map(str::as_bytes))
                };
                if !old.is_self_issued() {
                    return Err(Failure::usage(format!("{file}: it is not self-signed"))
                        .advise("give its CA with --ca and --ca-key"));
                }
                let key = passphrase::open(source, &key.display().to_string(), open)?;
                builder.self_signed(&key)?
            }
            _ => unreachable!("clap asks for --key or --ca"),
        };
        self.output.write(certificate.to_pem().as_bytes(), Access::Public)?;
        if let Some(file) = self.output.file() {
            report::print(&Made::new(file.display().to_string(), &certificate), self.json)?;
        }
        Ok(Answer::Yes)
    }
}
