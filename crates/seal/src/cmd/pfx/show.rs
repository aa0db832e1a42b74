//! `seal pfx show`.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use sealwire::Foreign;
use serde::Serialize;

use super::open_all;
use crate::files::passphrase::Source;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::card;

/// Show what a PFX holds: keys, certificates, chains
///
/// With OpenSSL: openssl pkcs12 -in id.pfx -info -nokeys
#[derive(Args)]
pub(crate) struct Show {
    /// The PFX file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The passphrase of the PFX: a file, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<Source>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    file: String,
    keys: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    name: Option<String>,
    algorithm: String,
    subject: String,
    names: Vec<String>,
    not_after: String,
    chain: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        for entry in &self.keys {
            let name = entry
                .name
                .as_deref()
                .map(|name| format!(" \"{}\"", Foreign::new(name)))
                .unwrap_or_default();
            write!(f, "\n  key{name}: {}", entry.algorithm)?;
            write!(f, "\n    {} (to {})", entry.subject, entry.not_after)?;
            if !entry.names.is_empty() {
                write!(f, "\n      {}", Foreign::list(&entry.names))?;
            }
            for other in &entry.chain {
                write!(f, "\n    {other}")?;
            }
        }
        Ok(())
    }
}

impl Show {
    pub(super) fn of(file: &Path, source: Option<&Source>, json: bool) -> Self {
        Self { file: file.to_owned(), passphrase_file: source.cloned(), json }
    }

    pub(super) fn run(self) -> Result<Answer, Failure> {
        let all = open_all(&self.file, self.passphrase_file.as_ref())?;
        let keys = all.iter().map(|pfx| Entry {
            name: pfx.name().map(str::to_owned),
            algorithm: pfx.key().algorithm().to_string(),
            subject: card::subject(pfx.certificate()),
            names: card::names(pfx.certificate()),
            not_after: card::time(pfx.certificate().not_after()),
            chain: pfx.chain().iter().map(card::subject).collect(),
        });
        let report = Report { file: self.file.display().to_string(), keys: keys.collect() };
        report::print(&report, self.json)?;
        Ok(Answer::Yes)
    }
}
