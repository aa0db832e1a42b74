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

/// Look at a server, a file, or a client, and explain what is found
///
/// HOST:PORT is a server: who it is, whether it would be trusted and if not why, what it speaks. When
/// it breaks off without a reason, changed hellos tell why: at most eight, the smallest change first.
/// --explain tells the handshake message by message; --scan asks what else it would speak. A file
/// (or `-` for standard input) is a certificate, request, key, PFX or revocation list; which one,
/// its bytes say. --listen waits for a client and explains what it offers.
///
/// A file's certificate is judged, too, when --ca or --servername say by what.
///
/// Several targets are looked at one after the other; of a folder, every file below it that holds such a thing.
///
/// The exit code is 0 when all is well, 1 when the server or the file is not (a certificate or list
/// that is not valid today, a request whose signature is bad), 2 when it could not be looked at.
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

    /// The name that the server must prove, and that is sent to it (SNI) [default: HOST]
    #[arg(long, alias = "server-name", value_name = "NAME")]
    servername: Option<ServerName>,

    /// How the certificate is compared with the name
    #[arg(long, value_enum, default_value_t = NameRules::Node, value_name = "RULES")]
    name_rules: NameRules,

    #[command(flatten)]
    legacy: LegacyOption,

    /// Application protocols to offer, best first [default: h2,http/1.1 on port 443]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    alpn: Vec<String>,

    /// Tell the handshake message by message: direction, time, bytes, and why
    #[arg(long)]
    explain: bool,

    /// Write the handshake as one page to this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Overwrite the file of --html
    #[arg(long, requires = "html")]
    force: bool,

    /// Ask by one more handshake whether the server has Encrypted Client Hello (RFC 9849), and for its
    /// outer names and configurations. --scan does so, too
    #[arg(long)]
    ech: bool,

    /// Ask which versions (from SSL 3 on), suites and groups the server accepts: many connections,
    /// none of which is finished
    #[arg(long)]
    scan: bool,

    /// Say how the server stands against a quantum computer: which groups it knows, what is agreed on and
    /// whether by a retry only, and apart from that who signs by what; a connection for each group, none of
    /// which is finished
    #[arg(long)]
    posture: bool,

    /// Compare with Mozilla's recommendations (version 6.0); implies --scan. Exit code 1 when the
    /// server does not follow them
    #[arg(long, value_enum, value_name = "PROFILE")]
    profile: Option<Profile>,

    /// Wait here for a client, and explain its ClientHello (a port, or ADDRESS:PORT)
    #[arg(long, value_name = "PORT", conflicts_with_all = ["targets", "explain", "ech", "scan", "html", "profile", "posture", "sarif", "junit"])]
    listen: Option<String>,

    /// With --listen, end after so many clients [default: go on]
    #[arg(long, value_name = "N", requires = "listen")]
    count: Option<u32>,

    /// Leave out files and folders of a folder whose path or name is like this: `*` stands for one or more
    /// characters but `/`, `**` for any; may be repeated
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    exclude: Vec<Pattern>,

    #[command(flatten)]
    reports: ReportFiles,

    /// Print JSON; of several servers a line for each
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
