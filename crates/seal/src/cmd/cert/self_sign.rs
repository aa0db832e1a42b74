//! `seal cert self-sign`.

use std::path::{Path, PathBuf};

use clap::Args;
use sealwire::pki::{CertificateBuilder, Csr, Error, PrivateKey, Problem, Subject, SubjectAltName};
use sealwire_files::Access;

use super::shape::Shape;
use crate::files::key_file::KeyFile;
use crate::files::output::Output;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::made::Made;

/// Create a self-signed certificate
///
/// For tests and private machines: each client must be configured to trust it. The names of --name
/// and of the request, or else the common name, go into subjectAltName. All extensions that the
/// request asks for are copied.
///
/// With --openssl-compat, the result is what OpenSSL makes of the same request: X.509 v1 without
/// extensions, valid for 30 days. OpenSSL and Node accept it when configured to trust it; browsers
/// do not.
///
/// With OpenSSL: openssl x509 -req -in csr.pem -signkey key.pem -out cert.pem
#[derive(Args)]
pub(crate) struct SelfSign {
    /// The request to sign, in PEM or DER
    #[arg(long, value_name = "FILE", required_unless_present_any = ["names", "subject"])]
    csr: Option<PathBuf>,
    #[command(flatten)]
    key: KeyFile,
    /// Subject, instead of a request: /C=SE/CN=example.com or CN=example.com,C=SE
    #[arg(long, value_name = "NAME", conflicts_with = "csr")]
    subject: Option<Subject>,
    #[command(flatten)]
    shape: Shape,
    /// Make exactly what `openssl x509 -req -signkey` makes
    #[arg(long)]
    openssl_compat: bool,
    #[command(flatten)]
    output: Output,
    /// Report as JSON
    #[arg(long, requires = "out")]
    json: bool,
}

impl SelfSign {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        if self.openssl_compat && self.shape.wants_extensions() {
            return Err(Failure::usage("--openssl-compat makes a certificate without extensions")
                .advise("leave it out, or leave out --name and the options for extensions"));
        }
        self.output.check()?;
        let key = self.key.read()?;
        let csr = self.csr.as_deref().map(|path| self.request(path, &key)).transpose()?;
        let subject = match (&csr, &self.subject) {
            (Some(csr), _) => csr.subject().clone(),
            (None, Some(subject)) => subject.clone(),
            (None, None) => Subject::for_names(&self.shape.names)?,
        };
        let mut builder = CertificateBuilder::new(subject.clone());
        if self.openssl_compat {
            builder = builder.openssl_compat();
        } else {
            if let Some(csr) = &csr {
                let file = self.csr.as_ref().expect("there is a request");
                builder =
                    builder.copy_extensions(csr).map_err(|e| e.at(file.display().to_string()))?;
            }
            builder = builder.names(self.fallback_name(csr.as_ref(), &subject)?);
        }
        let certificate = self.shape.apply(builder)?.self_signed(&key)?;
        self.output.write(certificate.to_pem().as_bytes(), Access::Public)?;
        if let Some(file) = self.output.file() {
            report::print(&Made::new(file.display().to_string(), &certificate), self.json)?;
        }
        Ok(Answer::Yes)
    }

    fn request(&self, path: &Path, key: &PrivateKey) -> Result<Csr, Failure> {
        let csr = Csr::from_file(path)?;
        csr.verify().map_err(|e| e.at(path.display().to_string()))?;
        if !csr.matches(key) {
            let what = format!("the key is not the one of {}", path.display());
            return Err(Error::new(Problem::KeyMismatch, what).at(self.key.name()).into());
        }
        Ok(csr)
    }

    /// The common name, when there is no other name: clients look at subjectAltName only, so a
    /// certificate without one would be of no use.
    fn fallback_name(
        &self,
        csr: Option<&Csr>,
        subject: &Subject,
    ) -> Result<Option<SubjectAltName>, Failure> {
        let named = csr.is_some_and(|csr| !csr.names().is_empty());
        if named || !self.shape.names.is_empty() {
            return Ok(None);
        }
        let common = subject.common_name().and_then(|name| name.parse().ok());
        common.map(Some).ok_or_else(|| {
            Failure::usage("the certificate has no name")
                .advise("give --name, or --openssl-compat for a certificate without names")
        })
    }
}
