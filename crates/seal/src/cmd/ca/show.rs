//! `seal ca show`.

use std::fmt;

use clap::Args;
use sealwire::pki::CaStore;
use serde::Serialize;

use super::folder::CaFolder;
use crate::cmd::cert::card::Card;
use crate::failure::Failure;
use crate::report::{self, Answer};

/// Show the CA: its folder, its certificate, how much it has signed
#[derive(Args)]
pub(crate) struct Show {
    #[command(flatten)]
    folder: CaFolder,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A CA on a card.
#[derive(Serialize)]
pub(super) struct Report {
    folder: String,
    certificate_file: String,
    issued: usize,
    revoked: usize,
    certificate: Card,
}

impl Report {
    pub(super) fn new(store: &CaStore) -> Result<Self, Failure> {
        let entries = store.entries()?;
        let file = store.certificate_file().display().to_string();
        Ok(Self {
            folder: store.folder().display().to_string(),
            issued: entries.len(),
            revoked: entries.iter().filter(|entry| entry.revoked().is_some()).count(),
            certificate: Card::new(file.clone(), &store.certificate()?),
            certificate_file: file,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} issued, {} revoked", self.certificate_file, self.issued, self.revoked)?;
        f.write_str(self.certificate.to_string().trim_end())
    }
}

impl Show {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        report::print(&Report::new(&self.folder.open()?)?, self.json)?;
        Ok(Answer::Yes)
    }
}
