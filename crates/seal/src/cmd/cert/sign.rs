//! `seal cert sign`.

use std::path::PathBuf;

use clap::Args;
use sealwire::Foreign;
use sealwire::pki::{Certificate, CertificateBuilder, Csr, Issuer, NameConstraint};
use sealwire_files::Access;

use super::shape::Shape;
use crate::files::output::Output;
use crate::files::passphrase::{self, Source};
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::card;
use crate::view::made::Made;

/// Sign a request with a CA
///
/// Verifies the request's signature and uses its subject and public key. Names and extensions of
/// the request are used only with --copy-names or --copy-extensions: inspect it first with `seal
/// csr show`.
///
/// With OpenSSL: openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca-key.pem -out cert.pem
#[derive(Args)]
pub(crate) struct Sign {
    /// The request, in PEM or DER
    #[arg(long, value_name = "FILE")]
    csr: PathBuf,
    /// The CA's certificate
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// The CA's private key
    #[arg(long, value_name = "FILE")]
    ca_key: PathBuf,
    /// Read the passphrase of the CA's key from FILE, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<Source>,
    /// Copy the names of the request
    #[arg(long)]
    copy_names: bool,
    /// Copy all extensions of the request, except those that would make it a CA
    #[arg(long)]
    copy_extensions: bool,
    #[command(flatten)]
    shape: Shape,
    /// Make it an intermediate CA
    #[arg(long, conflicts_with_all = ["server", "client", "extended_key_usage", "names"])]
    intermediate: bool,
    /// Number of further CAs allowed below it [default: 0]
    #[arg(long, value_name = "N", requires = "intermediate")]
    path_length: Option<u8>,
    /// Permitted subtree (name constraint), which excludes all other names of its kind; may be
    /// repeated: example.com, 10.0.0.0/8, @example.com
    #[arg(long, value_name = "NAME", requires = "intermediate")]
    permit: Vec<NameConstraint>,
    /// Excluded subtree (name constraint); may be repeated
    #[arg(long, value_name = "NAME", requires = "intermediate")]
    exclude: Vec<NameConstraint>,
    /// Append the CA's certificate, as a server sends the chain
    #[arg(long)]
    chain: bool,
    #[command(flatten)]
    output: Output,
    /// Report as JSON
    #[arg(long, requires = "out")]
    json: bool,
}

impl Sign {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        self.output.check()?;
        let csr = Csr::from_file(&self.csr)?;
        csr.verify()
            .and_then(|()| csr.key_algorithm())
            .map_err(|e| e.at(self.csr.display().to_string()))?;
        let issuer = passphrase::open(
            self.passphrase_file.as_ref(),
            &self.ca_key.display().to_string(),
            |passphrase| Issuer::from_files(&self.ca, &self.ca_key, passphrase.map(str::as_bytes)),
        )?;
        let mut builder = CertificateBuilder::for_csr(&csr);
        if self.intermediate {
            builder = builder
                .authority(Some(self.path_length.unwrap_or(0)))
                .name_constraints(self.permit.iter().cloned(), self.exclude.iter().cloned());
        }
        if self.copy_extensions {
            builder =
                builder.copy_extensions(&csr).map_err(|e| e.at(self.csr.display().to_string()))?;
        } else if self.copy_names {
            builder = builder.copy_names(&csr);
        }
        let builder = self.shape.apply(builder)?;
        let certificate = builder.signed_by(&issuer, csr.spki_der())?;
        self.notes(&csr, &issuer, &certificate);
        let mut pem = certificate.to_pem();
        if self.chain {
            pem += &issuer.certificate().to_pem();
        }
        self.output.write(pem.as_bytes(), Access::Public)?;
        if let Some(file) = self.output.file() {
            report::print(&Made::new(file.display().to_string(), &certificate), self.json)?;
        }
        Ok(Answer::Yes)
    }

    /// What is lawful but perhaps not meant, on standard error.
    fn notes(&self, csr: &Csr, issuer: &Issuer, certificate: &Certificate) {
        if certificate.not_after() > issuer.certificate().not_after() {
            report::note(format_args!(
                "seal: note: it outlives its CA, which expires at {}",
                card::time(issuer.certificate().not_after())
            ));
        }
        if self.intermediate || certificate.has_subject_alt_name() {
            return;
        }
        let asked: Vec<_> = csr.names().iter().map(ToString::to_string).collect();
        if asked.is_empty() {
            report::note("seal: note: no subject alternative name (--name): browsers refuse it");
        } else {
            report::note(format_args!(
                "seal: note: names of the request were not copied: {} (--copy-names copies them)",
                Foreign::list(&asked)
            ));
        }
    }
}
