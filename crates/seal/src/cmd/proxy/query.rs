//! `seal proxy query`: what a session holds, in the terminal.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use sealwire::Foreign;
use sealwire_lens::export::{Redactor, detail_json, diff, summary_json};
use sealwire_lens::query::Filter;
use sealwire_lens::store::Order;
use serde_json::Value;

use super::descriptors::DescriptorFiles;
use super::open::reader;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};

/// List the flows of a session that match a filter
///
/// The filter is that of the page: a word matches text anywhere, FIELD:VALUE matches one field.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  seal proxy query s.db 'host:api.example.com status>=400'
  seal proxy query s.db '\"not found\" took>1s' --json
  seal proxy query s.db --diff 12 17")]
pub(crate) struct QueryArgs {
    /// The session file
    #[arg(value_name = "SESSION")]
    session: PathBuf,

    /// Flows to select [default: all]
    #[arg(value_name = "FILTER", default_value = "", hide_default_value = true)]
    filter: String,

    /// List the newest first
    #[arg(long)]
    newest: bool,

    /// Maximum number of flows
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    limit: u64,

    /// Print JSON, one object per line, with headers and bodies
    #[arg(long)]
    json: bool,

    /// Show the differences between two flows
    #[arg(long, value_names = ["A", "B"], num_args = 2, conflicts_with_all = ["json", "newest", "filter"])]
    diff: Option<Vec<i64>>,

    /// Do not redact cookies, credentials, tokens and passwords
    #[arg(long)]
    no_redact: bool,

    #[command(flatten)]
    descriptors: DescriptorFiles,
}

/// How long is searched before what was found is printed.
const AT_ONCE: Duration = Duration::from_millis(50);

pub(crate) fn run(args: &QueryArgs) -> Result<Answer, Failure> {
    let reader = reader(&args.session)?;
    let redactor = redactor(args.no_redact);
    let told = |e: sealwire_lens::store::StoreError| Failure::usage(e.to_string());
    if let Some([a, b]) = args.diff.as_deref() {
        let lines = diff(&reader, *a, *b, redactor).map_err(told)?;
        let lines = lines.ok_or_else(|| Failure::refused("one of the flows is not there"))?;
        report::print_text(&lines.join("\n"))?;
        let differs = lines.iter().any(|line| line.starts_with(['+', '-']));
        return Ok(if differs { Answer::No } else { Answer::Yes });
    }
    let filter = filter(&args.filter)?;
    let descriptors = args.descriptors.read()?;
    let order = if args.newest { Order::Newest } else { Order::Oldest };
    let mut search = reader.search(&filter, order, None).map_err(told)?;
    let mut from = 0;
    // What is found is printed while the rest is looked for.
    while from < args.limit && (from < search.total() || !search.is_complete()) {
        reader.go_on(&mut search, Instant::now() + AT_ONCE).map_err(told)?;
        let most = (args.limit - from).min(500);
        let flows = reader.lines(&search, from, most).map_err(told)?;
        // Some may have been forgotten since.
        from += search.ids(from, most).len() as u64;
        for flow in &flows {
            if args.json {
                let whole = detail_json(&reader, flow.id, redactor, &descriptors).map_err(told)?;
                report::print_line(&whole.unwrap_or_else(|| summary_json(flow, redactor)))?;
            } else {
                report::print_text(&line_of(&summary_json(flow, redactor)))?;
            }
        }
    }
    Ok(if from == 0 { Answer::No } else { Answer::Yes })
}

/// A flow in a line, of its JSON.
pub(super) fn line_of(flow: &Value) -> String {
    let text = |name: &str| Foreign::new(flow[name].as_str().unwrap_or_default()).to_string();
    let status =
        flow["status"].as_u64().map_or_else(|| "-".to_owned(), |status| status.to_string());
    let took = flow["took"].as_f64().map_or_else(|| "open".to_owned(), |ms| format!("{ms:.0} ms"));
    let repeats = flow["repeats"].as_i64().map(|id| format!("  repeats {id}")).unwrap_or_default();
    let error = match text("error") {
        none if none.is_empty() => none,
        error => format!("  {error}"),
    };
    let url = format!("{}://{}{}", text("scheme"), text("authority"), text("path"));
    format!(
        "{:>6} {status:>3} {:<7} {url}  {} B  {took}{repeats}{error}",
        flow["id"].as_i64().unwrap_or_default(),
        text("method"),
        flow["response_size"].as_i64().unwrap_or_default(),
    )
}

pub(super) fn filter(text: &str) -> Result<Filter, Failure> {
    Filter::parse(text)
        .map_err(|e| Failure::usage(e.to_string()).advise("docs/proxy.md has the grammar"))
}

pub(super) fn redactor(shows_everything: bool) -> Redactor {
    if shows_everything { Redactor::showing_everything() } else { Redactor::hiding() }
}
