//! What is asked of a proxy that runs: requests to send, rules to follow.

use std::time::{Duration, Instant};

use clap::Args;
use sealwire_lens::api::Remote;
use serde_json::{Value, json};

use super::options::rules_of;
use super::query::line_of;
use crate::files;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};

/// The proxy that is asked.
#[derive(Args, Debug)]
pub(super) struct Api {
    /// URL of the page, as the running proxy printed it; pass it in the environment to hide it from
    /// other users
    #[arg(long, value_name = "URL", env = "SEAL_PROXY_API", hide_env_values = true)]
    api: Option<String>,
}

/// Repeat a recorded request through the running proxy
///
/// Creates a new flow that refers to the original. Whatever is not given is taken from the
/// original, including the version of HTTP.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  seal proxy run --session s.db --page -- npm test   prints the URL of the page
  export SEAL_PROXY_API=http://127.0.0.1:.../#token=...
  seal proxy resend 12
  seal proxy resend 12 --header 'Authorization: Bearer other' --body '{}'")]
pub(crate) struct ResendArgs {
    /// The flow
    #[arg(value_name = "ID")]
    id: u64,

    /// Another URL
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    #[command(flatten)]
    written: Written,
}

/// Send a new request through the running proxy
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  seal proxy compose https://api.test/items --method POST --body '{\"name\": \"x\"}' \\
      --header 'Content-Type: application/json'")]
pub(crate) struct ComposeArgs {
    /// Where to
    #[arg(value_name = "URL")]
    url: String,

    #[command(flatten)]
    written: Written,
}

#[derive(Args, Debug)]
struct Written {
    #[command(flatten)]
    api: Api,

    /// The method
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,

    /// Set a header field; `NAME:` removes it; may be repeated
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,

    /// The body
    #[arg(long, value_name = "TEXT")]
    body: Option<String>,

    /// The body, from a file
    #[arg(long, value_name = "FILE", conflicts_with = "body")]
    body_file: Option<std::path::PathBuf>,

    /// HTTP version: 1.1, or 2 if the server accepts it
    #[arg(long, value_name = "VERSION", value_parser = ["1.1", "2"])]
    http: Option<String>,

    /// Print the flow as JSON, with headers and bodies
    #[arg(long)]
    json: bool,

    /// Do not redact cookies, credentials, tokens and passwords
    #[arg(long)]
    no_redact: bool,
}

/// Show or change the rules of the running proxy
///
/// Without arguments, prints the current rules as JSON. Otherwise replaces all of them, from the
/// next request on.
#[derive(Args, Debug)]
pub(crate) struct RulesArgs {
    #[command(flatten)]
    api: Api,

    /// FILTER => WHAT, or a TOML file, as for --rule
    #[arg(value_name = "RULE|FILE", conflicts_with = "none")]
    rule: Vec<String>,

    /// Remove all rules
    #[arg(long)]
    none: bool,
}

/// The longest that is waited for an answer. It is recorded all the same when it comes later.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn resend(args: ResendArgs) -> Result<Answer, Failure> {
    let remote = args.written.api.remote()?;
    let again = || remote.ask("GET", &format!("/api/flows/{}", args.id), None).map_err(refused);
    let before = match args.written.header.is_empty() {
        true => None,
        false => Some(again()?["request"]["headers"].clone()),
    };
    let path = format!("/api/flows/{}/resend", args.id);
    send(&remote, &path, args.url, before, &args.written)
}

pub(crate) fn compose(args: ComposeArgs) -> Result<Answer, Failure> {
    let remote = args.written.api.remote()?;
    send(&remote, "/api/compose", Some(args.url), None, &args.written)
}

pub(crate) fn rules(args: &RulesArgs) -> Result<Answer, Failure> {
    let remote = args.api.remote()?;
    let rules = match args.rule.is_empty() && !args.none {
        true => remote.ask("GET", "/api/rules", None),
        false => remote.ask("PUT", "/api/rules", Some(&rules_of(&args.rule)?.to_json())),
    };
    report::print_line(&rules.map_err(refused)?)?;
    Ok(Answer::Yes)
}

fn send(
    remote: &Remote,
    path: &str,
    url: Option<String>,
    before: Option<Value>,
    written: &Written,
) -> Result<Answer, Failure> {
    let mut request = json!({});
    if let Some(url) = url {
        request["url"] = url.into();
    }
    if let Some(method) = &written.method {
        request["method"] = method.as_str().into();
    }
    if let Some(http) = &written.http {
        request["http"] = http.as_str().into();
    }
    if !written.header.is_empty() {
        request["headers"] = headers(before, &written.header)?;
    }
    match (&written.body, &written.body_file) {
        (Some(text), _) => request["body"] = text.as_str().into(),
        (None, Some(path)) => {
            use base64ct::{Base64, Encoding as _};
            request["base64"] = Base64::encode_string(&files::read(path)?).into();
        }
        (None, None) => {}
    }
    let sent = remote.ask("POST", path, Some(&request)).map_err(refused)?;
    let flow = sent["flow"].as_i64().ok_or_else(|| Failure::usage("the proxy told no flow"))?;
    let flow = ended(remote, flow, written.no_redact)?;
    match written.json {
        true => report::print_line(&flow)?,
        false => report::print_text(&line_of(&flow))?,
    }
    Ok(if flow["outcome"] == "complete" { Answer::Yes } else { Answer::No })
}

/// The fields that were there, and these in their place.
fn headers(before: Option<Value>, given: &[String]) -> Result<Value, Failure> {
    let mut all: Vec<(String, String)> = match before {
        Some(before) => serde_json::from_value(before)
            .map_err(|e| Failure::usage(format!("the proxy's answer: {e}")))?,
        None => Vec::new(),
    };
    for field in given {
        let (name, value) = field
            .split_once(':')
            .ok_or_else(|| Failure::usage(format!("--header {field:?} is not NAME: VALUE")))?;
        let (name, value) = (name.trim(), value.trim());
        all.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        if !value.is_empty() {
            all.push((name.to_owned(), value.to_owned()));
        }
    }
    Ok(json!(all))
}

/// The flow, once it has ended and is recorded.
fn ended(remote: &Remote, flow: i64, shows_everything: bool) -> Result<Value, Failure> {
    let path = format!("/api/flows/{flow}{}", if shows_everything { "" } else { "?redact=1" });
    let until = Instant::now() + PATIENCE;
    loop {
        match remote.ask("GET", &path, None) {
            Ok(value) if value["outcome"] != "open" => return Ok(value),
            // It is written a moment after it began.
            Ok(_) | Err(_) if Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(value) => return Ok(value),
            Err(reason) => return Err(refused(reason)),
        }
    }
}

impl Api {
    pub(super) fn remote(&self) -> Result<Remote, Failure> {
        self.given()?.ok_or_else(|| {
            Failure::usage("no running proxy given").advise(
                "start it with --page, and give the URL that it prints with --api or in \
                 SEAL_PROXY_API",
            )
        })
    }

    /// The same, where it need not be.
    pub(super) fn given(&self) -> Result<Option<Remote>, Failure> {
        let remote = self.api.as_deref().map(Remote::from_url).transpose();
        remote.map_err(|e| Failure::usage(format!("--api: {e}")))
    }
}

fn refused(reason: String) -> Failure {
    Failure::usage(reason)
}
