//! What a CA's database holds of one kind, as `list` of each kind shows it.

use std::fmt;

use clap::Args;
use sealwire_acme::store::{Error, Store};
use serde::Serialize;

use super::database;
use crate::files::ca_folder::CaFolder;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};

#[derive(Args)]
pub(super) struct Records {
    #[command(flatten)]
    folder: CaFolder,
    #[command(flatten)]
    database: database::Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Records {
    /// Shows what `read` finds, a `line` for each; `made_by` makes the first.
    pub(super) fn list<T, L: Serialize + fmt::Display>(
        &self,
        made_by: &'static str,
        read: impl FnOnce(&Store) -> Result<Vec<T>, Error>,
        line: impl Fn(T) -> L,
    ) -> Result<Answer, Failure> {
        let store = self.database.of_ca(&self.folder)?;
        let found = read(&store).map_err(|e| Failure::usage(e.to_string()))?;
        let lines = found.into_iter().map(line).collect();
        report::print(&Listed { lines, made_by }, self.json)?;
        Ok(Answer::Yes)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Listed<L> {
    lines: Vec<L>,
    #[serde(skip)]
    made_by: &'static str,
}

impl<L: fmt::Display> fmt::Display for Listed<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lines.is_empty() {
            return write!(f, "none; `{}` makes one", self.made_by);
        }
        let lines: Vec<_> = self.lines.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}
