//! `seal key show`.

use std::fmt;

use clap::Args;
use sealwire::pki;
use serde::Serialize;

use crate::failure::Failure;
use crate::key_file::KeyFile;
use crate::report::{self, Answer};

/// Show what kind of key it is, and the pin of its public half
///
/// Nothing secret is shown.
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
    /// Base64 of the SHA-256 of the public key, as curl's `--pinnedpubkey` takes it.
    pin_sha256: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} private key", self.file, self.algorithm)?;
        write!(f, "pin-sha256  {}", self.pin_sha256)
    }
}

impl Show {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let key = self.key.read()?;
        let report = Report {
            file: self.key.name(),
            algorithm: key.algorithm().to_string(),
            pin_sha256: pki::spki_pin(key.spki_der()),
        };
        report::print(&report, self.json)?;
        Ok(Answer::Yes)
    }
}
