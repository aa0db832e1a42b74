//! `seal ca to-database`.

use std::fmt;

use clap::Args;
use serde::Serialize;

use crate::files::ca_folder::CaFolder;
use crate::files::ledger::Ledger;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};

/// Move the CA's index to a database
///
/// The text index is read and rewritten for every certificate, which takes a second at a hundred
/// thousand certificates; the database (ca.db, SQLite) takes constant time. `openssl ca` cannot use
/// it; the old index is kept as index.txt.before-sqlite.
#[derive(Args)]
pub(crate) struct ToDatabase {
    #[command(flatten)]
    folder: CaFolder,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Moved {
    folder: String,
    certificates: usize,
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} certificates are in ca.db now", self.folder, self.certificates)
    }
}

impl ToDatabase {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let ca = self.folder.open()?;
        let ledger = Ledger::of(&ca)?;
        let folder = ca.folder().display().to_string();
        if ledger.is_database() {
            return Err(Failure::usage(format!("{folder}: its certificates are in ca.db already")));
        }
        let certificates = ledger.into_database()?;
        report::print(&Moved { folder, certificates }, self.json)?;
        Ok(Answer::Yes)
    }
}
