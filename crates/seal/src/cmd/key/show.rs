//! `seal key show`.

use std::fmt;
use std::path::Path;

use clap::Args;
use sealwire::pki::{self, MlDsaForm};
use serde::Serialize;

use crate::files::key_file::KeyFile;
use crate::files::passphrase::Source;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};

/// Show the kind of a key and the pin of its public key
///
/// Prints no secrets.
///
/// With OpenSSL: openssl pkey -in key.pem -noout -text
#[derive(Args)]
pub(crate) struct Show {
    #[command(flatten)]
    key: KeyFile,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    file: String,
    algorithm: String,
    half: &'static str,
    /// How an ML-DSA key is written: `seed`, `expanded` or `both`.
    #[serde(skip_serializing_if = "Option::is_none")]
    form: Option<&'static str>,
    /// Base64 of the SHA-256 of the public key, as curl's `--pinnedpubkey` takes it.
    pin_sha256: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} {} key", self.file, self.algorithm, self.half)?;
        if let Some(form) = self.form {
            writeln!(f, "form        {form}")?;
        }
        write!(f, "pin-sha256  {}", self.pin_sha256)
    }
}

/// Prints what is known of a key; nothing of it is secret.
pub(super) fn print(
    file: String,
    algorithm: String,
    half: &'static str,
    pin_sha256: String,
    json: bool,
) -> Result<Answer, Failure> {
    report::print(&Report { file, algorithm, half, form: None, pin_sha256 }, json)?;
    Ok(Answer::Yes)
}

impl Show {
    pub(super) fn of(file: &Path, source: Option<&Source>, json: bool) -> Self {
        Self { key: KeyFile::new(file, source), json }
    }

    pub(super) fn run(self) -> Result<Answer, Failure> {
        let key = self.key.read()?;
        let report = Report {
            file: self.key.name(),
            algorithm: key.algorithm().to_string(),
            half: "private",
            form: key.ml_dsa_form().map(|form| match form {
                MlDsaForm::Seed => "seed",
                MlDsaForm::Expanded => "expanded",
                MlDsaForm::Both => "both",
            }),
            pin_sha256: pki::spki_pin(key.spki_der()),
        };
        report::print(&report, self.json)?;
        Ok(Answer::Yes)
    }
}
