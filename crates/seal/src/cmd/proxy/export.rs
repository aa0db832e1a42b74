//! `seal proxy export` and `import`: a session for other programs, and from them.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use sealwire_files::{Access, Existing, write_file};
use sealwire_lens::export::{Legs, curl, fetch, har, import, pcapng};
use sealwire_lens::store::{Options, Reader, Store};

use super::open::reader;
use super::query::{filter, redactor};
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::words::count::counted;

/// Export flows of a session to other formats
///
/// Redacts cookies, credentials, tokens and passwords in URLs, headers, bodies (also compressed)
/// and WebSocket messages, unless --no-redact is given. A pcapng holds the encrypted packets and
/// their TLS secrets, so it needs --no-redact.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  seal proxy export s.db --out s.har
  seal proxy export s.db 'host:api.example.com' --format curl
  seal proxy export s.db --format pcapng --no-redact --out s.pcapng")]
pub(crate) struct ExportArgs {
    /// The session file
    #[arg(value_name = "SESSION")]
    session: PathBuf,

    /// Flows to select [default: all]
    #[arg(value_name = "FILTER", default_value = "", hide_default_value = true)]
    filter: String,

    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Har)]
    format: Format,

    /// File to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Do not redact secrets
    #[arg(long)]
    no_redact: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// HTTP Archive 1.2
    Har,
    /// Commands for curl
    Curl,
    /// Calls of fetch for JavaScript
    Fetch,
    /// Packets with their TLS secrets, for Wireshark
    Pcapng,
}

pub(crate) fn export(args: &ExportArgs) -> Result<Answer, Failure> {
    let reader = reader(&args.session)?;
    let told = |e: sealwire_lens::store::StoreError| Failure::usage(e.to_string());
    let ids = reader.ids(&filter(&args.filter)?, usize::MAX).map_err(told)?.unwrap_or_default();
    if ids.is_empty() {
        return Err(Failure::refused("no flow matches"));
    }
    let redactor = redactor(args.no_redact);
    let bytes = match args.format {
        Format::Har => har(&reader, &ids, redactor).map_err(told)?.to_string().into_bytes(),
        Format::Curl | Format::Fetch => {
            let mut out = String::new();
            for id in ids {
                let one = match args.format {
                    Format::Curl => curl(&reader, id, redactor),
                    _ => fetch(&reader, id, redactor),
                };
                out += &one.map_err(told)?.unwrap_or_default();
            }
            out.into_bytes()
        }
        Format::Pcapng => packets(&reader, &ids, args.no_redact)?,
    };
    let wrong = |path: &Path, e: std::io::Error| Failure::usage(format!("{}: {e}", path.display()));
    match &args.out {
        Some(path) => {
            write_file(path, &bytes, Access::Public, Existing::Replace)?;
        }
        // Commands go to a terminal, so what others wrote in them must not act there.
        None => match args.format {
            Format::Curl | Format::Fetch => report::print_text(&String::from_utf8_lossy(&bytes))?,
            _ => match std::io::stdout().lock().write_all(&bytes) {
                Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
                    return Err(wrong(Path::new("standard output"), e));
                }
                _ => {}
            },
        },
    }
    Ok(Answer::Yes)
}

fn packets(reader: &Reader, ids: &[i64], has_consent: bool) -> Result<Vec<u8>, Failure> {
    if !has_consent {
        return Err(Failure::usage("packets with their secrets cannot be redacted")
            .advise("say so with --no-redact"));
    }
    let told = |e: sealwire_lens::store::StoreError| Failure::usage(e.to_string());
    let mut connections = Vec::new();
    for id in ids {
        connections.extend(reader.detail(*id).map_err(told)?.map(|d| d.summary.connection));
    }
    connections.sort_unstable();
    connections.dedup();
    let mut out = Vec::new();
    let written = pcapng(reader, &connections, Legs::Both, true, &mut out)
        .map_err(|e| Failure::usage(e.to_string()))?;
    if written == 0 {
        return Err(Failure::refused("no packets were recorded for these flows")
            .advise("record with --wire next time"));
    }
    Ok(out)
}

/// Import a HAR file into a session
#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    /// The HAR
    #[arg(value_name = "HAR")]
    har: PathBuf,

    /// The session file; flows are appended if it exists
    #[arg(value_name = "SESSION")]
    session: PathBuf,
}

pub(crate) fn take_in(args: &ImportArgs) -> Result<Answer, Failure> {
    let told = |e: std::io::Error| Failure::usage(format!("{}: {e}", args.har.display()));
    let text = std::fs::read(&args.har).map_err(told)?;
    // Nothing is dropped for want of room, and nothing forgotten.
    let options = Options { keep: u64::MAX / 2, waiting: usize::MAX / 2, ..Options::default() };
    let store = Store::create(&args.session, options).map_err(|e| Failure::usage(e.to_string()))?;
    let imported = import(&text, &store, store.first_free())
        .map_err(|e| Failure::refused(format!("{}: {e}", args.har.display())))?;
    store.flush_index();
    store.close();
    if let Some(reason) = store.status().stopped {
        return Err(Failure::usage(reason));
    }
    for line in &imported.left_out {
        report::note(format_args!("left out: {line}"));
    }
    report::print_text(&counted(imported.flows, "flow"))?;
    Ok(if imported.left_out.is_empty() { Answer::Yes } else { Answer::No })
}
