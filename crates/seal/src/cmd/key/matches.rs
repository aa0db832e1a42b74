//! `seal key matches`.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use sealwire::pki::{self, Csr, Problem};
use serde::Serialize;

use crate::files::key_file::KeyFile;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};

/// Check whether a key matches a certificate or a request
///
/// Uses the first certificate of a file. Exits with 0 when they match, 1 when they do not.
///
/// With OpenSSL: compare the output of openssl pkey -pubout and openssl x509 -pubkey
#[derive(Args)]
pub(crate) struct Matches {
    #[command(flatten)]
    key: KeyFile,
    /// The certificate or the request, in PEM or DER
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    key: String,
    file: String,
    matches: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.matches { "is" } else { "is not" };
        write!(f, "{} {verb} the key of {}", self.key, self.file)
    }
}

impl Matches {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let key = self.key.read()?;
        let matches = match pki::certificates_from_file(&self.file) {
            Ok(certificates) => key.matches(&certificates[0]),
            Err(e) if matches!(e.problem(), Problem::Io(_)) => return Err(e.into()),
            // Not a certificate; if it is not a request either, what it is not is the better answer.
            Err(e) => Csr::from_file(&self.file).map_err(|_| e)?.matches(&key),
        };
        let report =
            Report { key: self.key.name(), file: self.file.display().to_string(), matches };
        report::print(&report, self.json)?;
        Ok(if matches { Answer::Yes } else { Answer::No })
    }
}
