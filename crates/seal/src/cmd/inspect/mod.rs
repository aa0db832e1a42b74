//! `seal inspect`: what is it, is it right, and why.

mod client;
mod file;
mod host;
mod several;

use std::path::{Path, PathBuf};

use clap::Args;
use sealwire::pki::{Certificate, ChainCheck, Purpose};
use sealwire::verify::Verdict;
use sealwire::{ServerName, TrustStore};

use crate::cmd::inventory::pattern;
use crate::files::material::Material;
use crate::files::own_lists::OwnLists;
use crate::inspect::scan::Profile;
use crate::net::dial::Route;
use crate::net::legacy::LegacyOption;
use crate::net::target::Target;
use crate::say::failure::Failure;
use crate::say::report::Answer;
use crate::view::checked::ReportFiles;
use crate::words::clock;
use crate::words::name_rules::NameRules;
use crate::words::pattern::Pattern;

/// Inspect a server, a file or a client, and explain the result
///
/// For a server (HOST:PORT), shows its certificate, the verdict with its reasons, and what was
/// negotiated. If the server breaks off without a reason, retries with at most eight modified
/// ClientHellos, the smallest change first, to find the cause. --explain shows the handshake
/// message by message; --scan probes which versions, suites and groups the server accepts. A file
/// (or `-` for standard input) may be a certificate, request, key, PFX or CRL; the kind is detected
/// from its content. --listen waits for a client and explains its ClientHello.
///
/// With --ca or --servername, the certificate of a file is verified as well.
///
/// Several targets are inspected in turn; of a folder, every file below it with such content.
///
/// Exits with 0 when everything is valid, 1 when a server or file is not (a certificate or CRL that
/// is not valid today, a request with a bad signature), 2 when a target could not be read or
/// reached.
#[derive(Args)]
#[command(after_help = "Examples:
  seal inspect example.com                         the card of the server at port 443
  seal inspect example.com --explain               its handshake, message by message
  seal inspect example.com --html handshake.html   the same as a page
  seal inspect example.com --scan --profile intermediate
  seal inspect mail.example.com:25 --starttls smtp
  seal inspect example.com --posture               what would a quantum computer break?
  seal inspect cert.pem                            or a key, a request, a PFX, a list
  seal inspect certs example.com mail.example.com --sarif found.sarif
  seal inspect --listen 4433                       what does this client offer?")]
pub(crate) struct InspectArgs {
    /// HOST, HOST:PORT (443 when not given), a file, a folder, or `-`
    #[arg(value_name = "TARGET", required_unless_present = "listen")]
    targets: Vec<String>,

    #[command(flatten)]
    route: Route,

    #[command(flatten)]
    material: Material,

    #[command(flatten)]
    own_lists: OwnLists,

    /// Name to send in SNI and to require in the server's certificate [default: HOST]
    #[arg(long, alias = "server-name", value_name = "NAME")]
    servername: Option<ServerName>,

    /// Rules for matching the certificate with the name
    #[arg(long, value_enum, default_value_t = NameRules::Node, value_name = "RULES")]
    name_rules: NameRules,

    #[command(flatten)]
    legacy: LegacyOption,

    /// ALPN protocols to offer, in order of preference [default: h2,http/1.1 on port 443]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    alpn: Vec<String>,

    /// Show the handshake message by message: direction, time, bytes, meaning
    #[arg(long)]
    explain: bool,

    /// Write the handshake to this file as an HTML page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Overwrite the file of --html
    #[arg(long, requires = "html")]
    force: bool,

    /// Probe for Encrypted Client Hello (RFC 9849) with one more handshake, and show its public
    /// names and configurations; implied by --scan
    #[arg(long)]
    ech: bool,

    /// Probe which versions (from SSL 3 on), suites and groups the server accepts; makes many
    /// connections and completes none
    #[arg(long)]
    scan: bool,

    /// Assess the server's post-quantum readiness: which key exchange groups it supports and
    /// negotiates, whether only after a HelloRetryRequest, and separately its signature algorithms;
    /// makes a connection for each group and completes none
    #[arg(long)]
    posture: bool,

    /// Compare with Mozilla's recommendations (version 6.0); implies --scan. Exits with 1 when the
    /// server deviates from them
    #[arg(long, value_enum, value_name = "PROFILE")]
    profile: Option<Profile>,

    /// Listen at this port (or ADDRESS:PORT) and explain the ClientHello of each client
    #[arg(long, value_name = "PORT", conflicts_with_all = ["targets", "explain", "ech", "scan", "html", "profile", "posture", "sarif", "junit"])]
    listen: Option<String>,

    /// With --listen, exit after N clients [default: no limit]
    #[arg(long, value_name = "N", requires = "listen")]
    count: Option<u32>,

    /// Skip files and folders whose path or name matches: `*` matches one or more characters except
    /// `/`, `**` any; may be repeated
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    exclude: Vec<Pattern>,

    #[command(flatten)]
    reports: ReportFiles,

    /// Print JSON; for several servers, one line each
    #[arg(long)]
    json: bool,
}

/// What a target is.
enum Kind {
    Stdin,
    File(PathBuf),
    Folder(PathBuf),
    Host(Target),
}

pub(crate) async fn run(args: InspectArgs) -> Result<Answer, Failure> {
    if let Some(listen) = &args.listen {
        return client::listen(listen, args.count, args.json).await;
    }
    let mut checked = Vec::new();
    let answer = several::inspect(&args, &mut checked).await?;
    args.reports.write("inspect", &checked)?;
    Ok(answer)
}

impl InspectArgs {
    /// The first option that has no meaning for a file.
    fn about_a_server(&self) -> Option<&'static str> {
        [
            (self.explain, "--explain"),
            (self.html.is_some(), "--html"),
            (self.ech, "--ech"),
            (self.scan, "--scan"),
            (self.posture, "--posture"),
            (self.profile.is_some(), "--profile"),
            (!self.alpn.is_empty(), "--alpn"),
            (self.route.starttls.is_some(), "--starttls"),
            (self.route.has_proxy(), "--proxy"),
            (!self.material.files().is_empty(), "--cert, --key and --pfx"),
            (self.own_lists.are_given(), "--own-crl"),
        ]
        .into_iter()
        .find_map(|(given, option)| given.then_some(option))
    }
}

/// A file is one that is there, or that is named like one. Everything else is a host.
fn kind(text: &str) -> Result<Kind, Failure> {
    const HTTPS: u16 = 443;
    const ENDINGS: [&str; 12] = [
        ".pem", ".crt", ".cer", ".der", ".key", ".csr", ".crl", ".pfx", ".p12", ".p7b", ".p7c",
        ".p8",
    ];
    if text == "-" {
        return Ok(Kind::Stdin);
    }
    let path = Path::new(text);
    let named_so = text.contains('/') || ENDINGS.iter().any(|ending| text.ends_with(ending));
    if path.is_dir() {
        return Ok(Kind::Folder(path.to_owned()));
    }
    if path.is_file() || (named_so && !text.contains("://")) {
        return Ok(Kind::File(path.to_owned()));
    }
    Target::parse(text, HTTPS).map(Kind::Host).map_err(|e| Failure::usage(format!("{text}: {e}")))
}

/// The verdict on what a server or a file shows, by the function that judges connections.
fn verdict(
    presented: &[Certificate],
    trust: &TrustStore,
    name: Option<&ServerName>,
    rules: NameRules,
) -> Verdict {
    ChainCheck {
        presented,
        trust,
        crls: &[],
        purpose: Purpose::Server,
        name: name.map(|name| (name.clone(), rules.check())),
        time: clock::now(),
        security_level: 2,
    }
    .verdict()
}

#[cfg(test)]
mod tests {
    use super::{Kind, kind};

    #[test]
    fn targets_are_told_apart() {
        for (text, host) in [
            ("example.com", "example.com:443"),
            ("example.com:25", "example.com:25"),
            ("https://example.com/a/b", "example.com:443"),
            ("https://example.com:8443/", "example.com:8443"),
            ("[::1]:1", "[::1]:1"),
        ] {
            let Ok(Kind::Host(target)) = kind(text) else { panic!("{text}") };
            assert_eq!(target.to_string(), host);
        }
        for text in ["no/such", "missing.pem", "Cargo.toml"] {
            assert!(matches!(kind(text), Ok(Kind::File(_))), "{text}");
        }
        assert!(matches!(kind("-"), Ok(Kind::Stdin)));
    }
}
