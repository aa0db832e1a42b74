//! `seal ca list`.

use std::fmt;

use clap::Args;
use sealwire::Foreign;
use serde::Serialize;

use crate::files::ca_folder::CaFolder;
use crate::files::ledger::{Entry, Ledger};
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
        let lines: Vec<_> = Ledger::of(&store)?.entries()?.into_iter().map(line).collect();
        report::print(&Report(lines), self.json)?;
        Ok(Answer::Yes)
    }
}

fn line(entry: Entry) -> Line {
    let end = clock::seconds(entry.not_after);
    Line {
        names: entry.certificate.as_ref().map(card::names).unwrap_or_default(),
        serial: entry.serial,
        subject: entry.subject,
        not_after: card::time(end),
        state: match entry.revoked {
            Some(_) => "revoked",
            None if end < clock::now() => "expired",
            None => "valid",
        },
        revoked_at: entry.revoked.map(|(time, _)| card::time(clock::seconds(time))),
        reason: entry.revoked.map(|(_, reason)| reason.to_string()),
    }
}
