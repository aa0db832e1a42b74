//! `seal key lint`.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use sealwire::pki::{self, Error, Severity};
use serde::Serialize;

use crate::files::passphrase::Source;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::card;
use crate::view::checked::{Checked, ReportFiles};

/// Report which programs cannot read a key file, because of its format
///
/// The key itself may be fine: `seal key convert` rewrites it in a format that every program reads.
/// For an encrypted file, checks the encryption, and with --passphrase-file also the content.
///
/// Exits with 1 on errors (refused by all programs) and warnings (refused by some), but not on
/// notices.
#[derive(Args)]
pub(crate) struct Lint {
    /// The private key, in PEM or DER
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Read the passphrase of the key from FILE, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<Source>,
    #[command(flatten)]
    reports: ReportFiles,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    file: String,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Finding {
    severity: &'static str,
    code: &'static str,
    text: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.findings.is_empty() {
            return write!(f, "{}: a key that every program reads", self.file);
        }
        let lines = self.findings.iter().map(|Finding { severity, code, text }| {
            format!("{}: {severity}: {text} [{code}]", self.file)
        });
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

impl Lint {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let name = self.file.display().to_string();
        let bytes = std::fs::read(&self.file).map(zeroize::Zeroizing::new);
        let bytes = bytes.map_err(|e| Error::io(&self.file, &e))?;
        let passphrase = match &self.passphrase_file {
            Some(source) => Some(source.read()?),
            None => None,
        };
        let passphrase = passphrase.as_ref().map(|text| text.as_bytes());
        let found = pki::lint_key(&bytes, passphrase).map_err(|e| e.at(name.clone()))?;
        let checked = Checked::by_lints(&self.file, String::new(), &found);
        self.reports.write("key lint", &[checked])?;
        let worst = found.iter().map(|lint| lint.severity).max();
        let findings = found.into_iter().map(|lint| Finding {
            severity: card::severity(lint.severity),
            code: lint.code,
            text: lint.text,
        });
        report::print(&Report { file: name, findings: findings.collect() }, self.json)?;
        Ok(if worst > Some(Severity::Notice) { Answer::No } else { Answer::Yes })
    }
}
