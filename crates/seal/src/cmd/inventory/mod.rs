//! `seal inventory`.

mod endpoint;
pub(crate) mod servers;

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use sealwire::TrustStore;
use sealwire_files::{Access, Existing, write_file};

use self::servers::{Asking, Server};
use crate::files::material::{Material, public_roots};
use crate::inventory::{self, Candidates, Judge, Row, State, Table};
use crate::net::dial::Route;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::checked::ReportFiles;
use crate::words::length::Length;
use crate::words::name_rules::NameRules;
use crate::words::pattern::Pattern;

/// List the certificates in files, folders, archives and on servers, soonest to expire first
///
/// Reads files and folders, recursively: PEM, DER, PFX, PKCS#7, Java key stores, kubeconfig files
/// and Kubernetes Secrets (YAML or JSON), archives and container images (tar, also with gzip or
/// zstd). A certificate found in several places is one row. Whatever cannot be read is a row with
/// the reason.
///
/// Certificates are verified against the public roots, or against --ca. Exits with 0 when
/// everything is valid now and for the time of --within, 1 when something is not or could not be
/// read, 2 when no target could be read. The verdict affects the exit code for servers, and for
/// files when --ca is given.
#[derive(Args)]
#[command(after_help = "Examples:
  seal inventory /etc/ssl/private example.com:443
  seal inventory --within 14d --json /etc/kubernetes
  kubectl get secrets -A -o json | seal inventory -
  seal inventory smtp://mail.example.com imap://mail.example.com
  docker save IMAGE | seal inventory -
  seal inventory /etc --metrics /var/lib/node_exporter/certificates.prom")]
pub(crate) struct InventoryArgs {
    /// A file, a folder, `-` for standard input, HOST, HOST:PORT, or PROTOCOL://HOST as --starttls has it
    #[arg(value_name = "TARGET", required = true)]
    targets: Vec<String>,

    #[command(flatten)]
    route: Route,

    #[command(flatten)]
    material: Material,

    /// Rules for matching a server's certificate with its name
    #[arg(long, value_enum, default_value_t = NameRules::Node, value_name = "RULES")]
    name_rules: NameRules,

    /// Required remaining validity: 30d, 12h
    #[arg(long, value_name = "TIME", default_value = "30d")]
    within: Length,

    /// File with passphrases to try on PFX files, one per line
    #[arg(long, value_name = "FILE")]
    passwords: Option<PathBuf>,

    /// Number of servers to contact in parallel
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    at_once: u16,

    /// Also probe which key exchange groups the servers support; makes a connection for each and
    /// completes none
    #[arg(long)]
    posture: bool,

    /// Skip files and folders whose path or name matches: `*` matches one or more characters except
    /// `/`, `**` any; may be repeated
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    exclude: Vec<Pattern>,

    /// Write Prometheus metrics to this file, replacing it
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,

    /// Serve the metrics at http://ADDRESS/metrics, and rescan at the interval of --every
    #[arg(long, value_name = "ADDRESS", conflicts_with = "json")]
    listen: Option<String>,

    /// With --listen, time between two scans
    #[arg(long, value_name = "TIME", default_value = "5m", requires = "listen")]
    every: Length,

    #[command(flatten)]
    reports: ReportFiles,

    /// Write a cryptography bill of materials (CycloneDX 1.7) to this file, replacing it, or with
    /// `-` to standard output instead of the table: certificates, keys, algorithms and protocols
    #[arg(long, value_name = "FILE", conflicts_with = "listen")]
    cbom: Option<PathBuf>,

    /// Print JSON, one line each
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: InventoryArgs) -> Result<Answer, Failure> {
    let looking = Looking::new(args)?;
    match &looking.args.listen {
        Some(listen) => {
            let (listen, every) = (listen.clone(), looking.args.every.get());
            endpoint::serve(&listen, every, looking).await
        }
        None => {
            let rows = looking.rows().await?;
            let judged = looking.args.material.has_trust();
            let checked = rows.iter().flat_map(|row| row.checked(judged || row.is_of_server));
            looking.args.reports.write("inventory", &checked.collect::<Vec<_>>())?;
            looking.args.print(&rows)?;
            Ok(if rows.iter().all(|row| is_well(row, judged)) { Answer::Yes } else { Answer::No })
        }
    }
}

/// What is looked at, and by what it is judged.
struct Looking {
    args: Arc<InventoryArgs>,
    paths: Vec<PathBuf>,
    servers: Vec<Server>,
    stdin: bool,
    candidates: Candidates,
    trust: TrustStore,
}

impl Looking {
    fn new(args: InventoryArgs) -> Result<Self, Failure> {
        let (mut paths, mut servers, mut stdin) = (Vec::new(), Vec::new(), false);
        for text in &args.targets {
            match text.as_str() {
                "-" => stdin = true,
                // A variable of a script that is not set.
                "" => return Err(Failure::usage("a target is empty: give a path or a server")),
                text if is_path(text) => paths.push(PathBuf::from(text)),
                text => servers.push(Server::parse(text, args.route.starttls)?),
            }
        }
        if stdin && args.listen.is_some() {
            let fact = "standard input cannot be combined with --listen, which reads its targets repeatedly";
            return Err(Failure::usage(fact));
        }
        let candidates = args.candidates()?;
        let trust = args.material.trust()?.unwrap_or_else(public_roots);
        Ok(Self { args: Arc::new(args), paths, servers, stdin, candidates, trust })
    }

    /// Looks at everything once. Writes the metrics, where they are wanted in a file.
    async fn rows(&self) -> Result<Vec<Row>, Failure> {
        let args = &self.args;
        let mut found = inventory::files(&self.paths, &args.exclude, &self.candidates);
        if self.stdin {
            inventory::stdin(&self.candidates, &mut found);
        }
        let asking = Asking {
            route: args.route.clone(),
            identities: args.material.identities()?,
            at_once: args.at_once,
            posture: args.posture,
        };
        found.extend(servers::ask_all(asking, &self.servers).await?);
        let within = i64::try_from(args.within.get().as_secs()).unwrap_or(i64::MAX);
        if let Some(path) = &args.cbom {
            let bom = inventory::cbom(&found);
            match path.as_os_str() == "-" {
                true => report::print_json(&bom)?,
                false => {
                    let text = report::json(&bom) + "\n";
                    write_file(path, text.as_bytes(), Access::Public, Existing::Replace)?;
                }
            }
        }
        let name_check = args.name_rules.check();
        let rows = inventory::rows(found, &Judge { trust: &self.trust, name_check, within });
        if let Some(path) = &args.metrics {
            let metrics = inventory::metrics(&rows);
            write_file(path, metrics.as_bytes(), Access::Public, Existing::Replace)?;
        }
        Ok(rows)
    }
}

/// What --exclude takes.
pub(crate) fn pattern(text: &str) -> Result<Pattern, Infallible> {
    Ok(Pattern::new(text, Some('/')))
}

/// What has a slash or is there is a path; all else is a server.
pub(crate) fn is_path(text: &str) -> bool {
    Path::new(text).exists() || (text.contains('/') && !text.contains("://"))
}

fn is_well(row: &Row, files_are_judged: bool) -> bool {
    let counts = files_are_judged || row.is_of_server;
    row.state == State::Good && (!counts || row.judgement.as_ref().is_none_or(|it| it.trusted))
}

impl InventoryArgs {
    fn candidates(&self) -> Result<Candidates, Failure> {
        let Some(path) = &self.passwords else { return Ok(Candidates::of("")) };
        let text = std::fs::read_to_string(path).map(zeroize::Zeroizing::new);
        let text = text.map_err(|e| Failure::from(sealwire::pki::Error::io(path, &e)))?;
        Ok(Candidates::of(&text))
    }

    fn print(&self, rows: &[Row]) -> Result<(), Failure> {
        if self.cbom.as_ref().is_some_and(|path| path.as_os_str() == "-") {
            return Ok(());
        }
        if rows.is_empty() {
            report::note("no certificate and no revocation list was found");
            return Ok(());
        }
        if self.json {
            return rows.iter().try_for_each(report::print_line);
        }
        report::print_text(Table(rows).to_string().trim_end())
    }
}
