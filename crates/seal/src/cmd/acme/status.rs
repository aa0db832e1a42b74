//! `seal acme status`.

use std::fmt;

use clap::Args;
use sealwire::Foreign;
use serde::Serialize;

use super::failed;
use super::means::Place;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::card;

/// Show the managed certificates: validity, next renewal, last failure
#[derive(Args)]
pub(crate) struct Status {
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const BY_SERVICE: &str = "service";
const BY_TIMER: &str = "seal acme renew";

#[derive(Serialize)]
#[serde(transparent)]
struct Report(Vec<Line>);

#[derive(Serialize)]
struct Line {
    name: String,
    names: Vec<String>,
    server: String,
    renewed_by: &'static str,
    not_after: Option<String>,
    renew_at: Option<String>,
    failures: u32,
    last_error: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none; `seal acme issue` gets one");
        }
        let lines = self.0.iter().map(|line| {
            let state = match (&line.not_after, &line.renew_at) {
                (Some(end), Some(due)) => format!("to {end}, due {due}"),
                _ => "not there yet".to_owned(),
            };
            let failed = line.last_error.as_ref().map(|error| {
                format!("\n    failed {} times: {}", line.failures, Foreign::new(error))
            });
            let names = Foreign::list(&line.names);
            let by = if line.renewed_by == BY_SERVICE { ", renewed by its server" } else { "" };
            format!("{names}: {state}{by}{}", failed.unwrap_or_default())
        });
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

impl Status {
    pub(super) fn run(self) -> Result<Answer, Failure> {
        let folder = self.place.open()?;
        let mut lines = Vec::new();
        for name in folder.names().map_err(failed)? {
            let Some(config) = folder.renewal_config(&name).map_err(failed)? else { continue };
            let validity = folder.held(&name).map_err(failed)?.map(|held| held.validity());
            lines.push(Line {
                name,
                not_after: validity.map(|(_, end)| card::time(end)),
                renew_at: validity
                    .map(|(begin, end)| card::time(config.schedule.renew_at(begin, end))),
                renewed_by: if config.is_renewed_by_service() { BY_SERVICE } else { BY_TIMER },
                names: config.names,
                server: config.server,
                failures: config.schedule.failures,
                last_error: config.schedule.last_error,
            });
        }
        report::print(&Report(lines), self.json)?;
        Ok(Answer::Yes)
    }
}
