//! `seal cert convert`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sealwire::pki::{self, Certificate};
use sealwire_files::Access;

use crate::files::output::Output;
use crate::say::failure::Failure;
use crate::say::report::Answer;

/// Convert certificates to PEM or DER
///
/// Reads PEM, DER and PKCS#7 (.p7b and .p7c files, as Windows exports them). Keeps the certificates
/// and their order. For certificates in a PFX, see `seal pfx import`.
///
/// With OpenSSL: openssl x509 -in cert.der -out cert.pem, or openssl pkcs7 -print_certs
#[derive(Args)]
pub(crate) struct Convert {
    /// The certificates, in PEM, DER or PKCS#7
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Output format; DER holds one certificate only
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Form::Pem)]
    form: Form,
    #[command(flatten)]
    output: Output,
}

#[derive(ValueEnum, Clone, Copy)]
enum Form {
    Pem,
    Der,
}

impl Convert {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        self.output.check()?;
        let certificates = pki::certificates_from_file(&self.file)?;
        match (self.form, certificates.as_slice()) {
            (Form::Pem, all) => {
                let pem: String = all.iter().map(Certificate::to_pem).collect();
                self.output.write(pem.as_bytes(), Access::Public)?;
            }
            (Form::Der, [one]) => self.output.write(one.der(), Access::Public)?,
            (Form::Der, all) => {
                return Err(Failure::usage(format!(
                    "{}: {} certificates found, and DER holds one",
                    self.file.display(),
                    all.len()
                ))
                .advise("--form pem holds them all"));
            }
        }
        Ok(Answer::Yes)
    }
}
