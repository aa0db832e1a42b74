//! `seal ca list`.

use std::fmt;

use clap::Args;
use sealwire::Foreign;
use sealwire::pki::{CaStore, Entry};
use serde::Serialize;

use crate::files::ca_folder::CaFolder;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::card;
use crate::words::clock;

/// List what the CA has signed
#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    folder: CaFolder,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Report(Vec<Line>);

#[derive(Serialize)]
struct Line {
    serial: String,
    subject: String,
    names: Vec<String>,
    not_after: String,
    state: &'static str,
    revoked_at: Option<String>,
    reason: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing was signed yet");
        }
        let lines = self.0.iter().map(|line| {
            let names = match line.names.as_slice() {
                [] => Foreign::new(&line.subject).to_string(),
                names => Foreign::list(names),
            };
            let reason = line.reason.as_ref().map(|r| format!(", {r}")).unwrap_or_default();
            format!("{}  {:<7}  to {}  {names}{reason}", line.serial, line.state, line.not_after)
        });
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

impl List {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let store = self.folder.open()?;
        let lines: Result<Vec<_>, Failure> =
            store.entries()?.iter().map(|entry| line(&store, entry)).collect();
        report::print(&Report(lines?), self.json)?;
        Ok(Answer::Yes)
    }
}

fn line(store: &CaStore, entry: &Entry) -> Result<Line, Failure> {
    let end = clock::seconds(entry.not_after());
    Ok(Line {
        serial: entry.serial().to_owned(),
        subject: entry.subject().to_owned(),
        names: store.issued(entry.serial())?.map(|one| card::names(&one)).unwrap_or_default(),
        not_after: card::time(end),
        state: match entry.revoked() {
            Some(_) => "revoked",
            None if end < clock::now() => "expired",
            None => "valid",
        },
        revoked_at: entry.revoked().map(|(time, _)| card::time(clock::seconds(time))),
        reason: entry.revoked().map(|(_, reason)| reason.to_string()),
    })
}
