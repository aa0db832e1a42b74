//! `seal ca list`.

use std::fmt;

use clap::Args;
use sealwire::Foreign;
use sealwire_acme::store::Filter;
use serde::Serialize;

use super::database;
use crate::files::ca_folder::CaFolder;
use crate::files::ledger::Entry;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::card;
use crate::words::clock;
use crate::words::length::Length;

/// List the certificates that the CA has issued
#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    folder: CaFolder,
    #[command(flatten)]
    database: database::Place,
    /// Only those that expire within this time: 30d, 12h
    #[arg(long, value_name = "TIME", conflicts_with = "revoked")]
    within: Option<Length>,
    /// Only revoked ones
    #[arg(long)]
    revoked: bool,
    /// At most N of those in the database, the latest ones
    #[arg(long, value_name = "N", default_value_t = i64::MAX, hide_default_value = true,
        value_parser = clap::value_parser!(i64).range(1..))]
    most: i64,
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
    /// The account or token at `ca serve` that asked for it.
    asked_by: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing to list");
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
        let filter = match self.within {
            Some(within) => {
                let within = i64::try_from(within.get().as_secs()).unwrap_or(i64::MAX);
                Filter::ExpiringBefore(clock::now().saturating_add(within))
            }
            None if self.revoked => Filter::Revoked,
            None => Filter::All,
        };
        let ledger = self.database.ledger(&self.folder, &store)?;
        let lines = ledger.entries(filter, self.most)?.into_iter().map(line).collect();
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
        asked_by: entry.asked_by,
    }
}
