//! `seal ca log`.

use clap::Args;
use sealwire_acme::clock;
use serde_json::{Value, json};

use super::database;
use crate::files::ca_folder::CaFolder;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};

/// Print the audit log of `ca serve` as JSON, one object per line
///
/// Each entry contains the hash of the previous one; --check verifies this hash chain from the
/// first entry and fails when one was changed or is missing. Store the last hash elsewhere to
/// detect truncation.
#[derive(Args)]
pub(crate) struct Log {
    #[command(flatten)]
    folder: CaFolder,
    /// Verify the hash chain instead
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    database: database::Place,
}

/// Entries that are read at once.
const AT_ONCE: i64 = 1000;

impl Log {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let store = self.database.of_ca(&self.folder)?;
        if self.check {
            return match store.check_log() {
                Ok(entries) => {
                    report::print_text(&format!("the log is whole: {entries} entries"))?;
                    Ok(Answer::Yes)
                }
                Err(e) => Err(Failure::refused(e.to_string())),
            };
        }
        let mut last = 0;
        loop {
            let entries =
                store.log_entries(last, AT_ONCE).map_err(|e| Failure::usage(e.to_string()))?;
            for entry in &entries {
                let what: Value = serde_json::from_str(&entry.what).unwrap_or_default();
                let time = clock::rfc3339(entry.time);
                report::print_line(&json!({
                    "n": entry.n, "time": time, "what": what, "hash": entry.hash,
                }))?;
                last = entry.n;
            }
            if entries.is_empty() {
                return Ok(Answer::Yes);
            }
        }
    }
}
