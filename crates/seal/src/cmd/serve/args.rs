//! What `seal serve` is told on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sealwire::pki::SubjectAltName;

use super::bad;
use super::proxy::Target;
use crate::files::material::{Anchor, Material};
use crate::net::key_log::KeyLog;
use crate::net::legacy::LegacyOption;
use crate::tunnel;
use crate::words::length::{Length, Timeout};

/// Serve TLS: a folder over HTTPS, a program, or an echo
///
/// With a FOLDER, its files are served over HTTP/1.1 and HTTP/2, and plain HTTP on the same port
/// is sent to HTTPS. With --proxy, the same in front of a server that speaks plain HTTP. With --exec, each connection gets a program of its own. Without either, each
/// client is greeted with "Hello World !" and gets back what it sends.
///
/// Without a certificate, one is made on the spot: by the CA of `seal ca`, if there is one, which
/// browsers here believe after `seal trust install`; else by itself, and nobody believes it.
///
/// With --ca, clients must show a certificate that leads to it (mutual TLS); --client-auth says
/// otherwise. Like `openssl s_server`, `npx serve`, and the server of Node's tls tutorials.
#[derive(Args)]
#[command(after_help = "Examples:
  seal serve .                                       this folder at https://localhost:1234/
  seal serve public --cert cert.pem --key key.pem --host 0.0.0.0 --port 443
  seal serve --proxy http://localhost:3000           HTTPS before a development server
  seal serve --exec 'date; cat' --ca clients.pem     a program for clients with a certificate
  seal serve --cert a.pem --key a-key.pem --cert b.pem --key b-key.pem    two names (SNI)
  seal serve --bad expired                           a server with an expired certificate
  seal serve --identity spiffe --spiffe-socket unix:///run/spire/agent.sock    an agent's identity
  seal serve --cert amit-cert.pem --key amit-key.pem --ca amit-cert.pem   the tutorial's server")]
pub(crate) struct ServeArgs {
    /// Serve the files of this folder over HTTPS
    #[arg(value_name = "FOLDER", conflicts_with = "exec")]
    pub(super) folder: Option<PathBuf>,

    /// Run this in a shell for each connection, which is its stdin and stdout. SEAL_CLIENT,
    /// SEAL_AUTHORIZED, SEAL_CLIENT_SUBJECT, SEAL_SERVER_NAME, SEAL_ALPN, SEAL_PROTOCOL and
    /// SEAL_CIPHER are in its environment
    #[arg(long, value_name = "COMMAND")]
    pub(super) exec: Option<String>,

    /// Programs at once; further clients wait
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..), requires = "exec")]
    pub(super) max_programs: u32,

    /// How long a program may say nothing once its client has no more to say; then it is killed,
    /// with what it started
    #[arg(long, value_name = "TIME", default_value = "1m", requires = "exec")]
    pub(super) exec_timeout: Timeout,

    /// Serve what this server answers over plain HTTP, such as http://localhost:3000, with
    /// X-Forwarded-For, -Host and -Proto; WebSockets too
    #[arg(long, value_name = "URL", conflicts_with_all = ["folder", "exec"])]
    pub(super) proxy: Option<Target>,

    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub(super) host: String,

    /// Port to listen on; 0 takes a free one
    #[arg(short, long, default_value_t = 1234)]
    pub(super) port: u16,

    #[command(flatten)]
    pub(super) material: Material,

    /// The OCSP response (DER) that is stapled to our certificate, as `openssl ocsp -respout` writes it;
    /// may be repeated, the first for the first --cert. The file is watched
    #[arg(long, value_name = "FILE")]
    pub(super) ocsp: Vec<PathBuf>,

    /// Fetch the OCSP responses of certificates without one from the responders that they name, staple
    /// them, and renew them while serving. A file of --cert has the issuer's certificate, too
    #[arg(long)]
    pub(super) ocsp_fetch: bool,

    /// Who says who we are and whom to trust, in place of files: the agent of a SPIFFE Workload API.
    /// Clients need a certificate of its trust domain, if --client-auth says nothing else
    #[arg(long, value_enum, value_name = "SOURCE",
        conflicts_with_all = ["cert", "pfx", "ca", "name", "ca_dir", "acme"])]
    pub(super) identity: Option<tunnel::IdentitySource>,

    /// Where the agent is: unix:///PATH or tcp://ADDRESS:PORT [default: SPIFFE_ENDPOINT_SOCKET]
    #[arg(long, value_name = "ENDPOINT", requires = "identity")]
    pub(super) spiffe_socket: Option<String>,

    /// Believe this trust domain, too, which the agent has to know as federated with ours; may be repeated
    #[arg(long, value_name = "DOMAIN", requires = "identity")]
    pub(super) spiffe_federated: Vec<String>,

    /// Names for the certificate that is made on the spot; may be repeated [default: localhost,
    /// 127.0.0.1, ::1 and the address of --host]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["cert", "pfx"])]
    pub(super) name: Vec<SubjectAltName>,

    /// The folder of the CA that makes it [default: the one of `seal ca`]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["cert", "pfx"])]
    pub(super) ca_dir: Option<PathBuf>,

    /// Whether clients are asked for a certificate [default: require with --ca, else none]
    #[arg(long, value_enum, value_name = "WHEN")]
    pub(super) client_auth: Option<ClientAuthArg>,

    /// What becomes of open connections whose clients would not be let in any more when the files of
    /// --ca have changed, or their certificates have expired
    #[arg(long, value_enum, value_name = "WHAT", default_value = "close")]
    pub(super) recheck: tunnel::Recheck,

    /// How long a connection may be open, less up to a tenth by chance: 8h
    #[arg(long, value_name = "TIME")]
    pub(super) max_lifetime: Option<Length>,

    /// Application protocols to speak, best first (RFC 7301) [default with FOLDER: h2,http/1.1]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(super) alpn: Vec<String>,

    #[command(flatten)]
    pub(super) legacy: LegacyOption,

    /// Give clients no session tickets: for those that only write and close (log shippers, pipes), which
    /// lose data over tickets that they do not read
    #[arg(long)]
    pub(super) no_tickets: bool,

    /// Take the key share that a client sends, also where both sides could do X25519MLKEM768 after a
    /// HelloRetryRequest: such a client is spared a round trip, and its connection is not post-quantum
    #[arg(long)]
    pub(super) no_hybrid_retry: bool,

    /// Serve names that start with a dot as well: .git, .env
    #[arg(long, requires = "folder")]
    pub(super) dotfiles: bool,

    /// Serve files with private keys in them, too (PEM, DER, PFX, PuTTY's, Java's); the server's own keys never
    /// are
    #[arg(long, requires = "folder")]
    pub(super) private_keys: bool,

    /// Show no page for a folder without an index.html
    #[arg(long, requires = "folder")]
    pub(super) no_listing: bool,

    /// Fetch the certificate for the --name's from this CA by ACME, and renew it while serving: the
    /// URL of its directory. The CA checks the names at this port (tls-alpn-01), or at --acme-http
    #[arg(long, value_name = "URL", conflicts_with_all = ["cert", "pfx", "ca_dir"], requires = "name")]
    pub(super) acme: Option<String>,

    /// Whom to trust as the CA's server: a PEM file, `system` or `bundled` [default: both]
    #[arg(long, value_name = "FILE", requires = "acme")]
    pub(super) acme_ca: Vec<Anchor>,

    /// The folder of the account and the certificate [default: sealwire/acme in your data folder]
    #[arg(long, value_name = "DIR", requires = "acme")]
    pub(super) acme_dir: Option<PathBuf>,

    /// Prove the names by http-01 instead, answering here: port 80 of the names has to lead to it
    #[arg(long, value_name = "ADDRESS:PORT", requires = "acme")]
    pub(super) acme_http: Option<SocketAddr>,

    #[command(flatten)]
    pub(super) key_log: KeyLog,

    /// Be a bad server, for trying out clients: expired, wrong-name, stalls, alert:40 and more. `list` shows
    /// all kinds (docs/bad-servers.md). Its certificates are made for this run only
    #[arg(long, value_name = "KIND", conflicts_with_all = ["folder", "exec", "proxy", "cert", "pfx", "ca", "ocsp",
        "identity", "name", "ca_dir", "acme", "client_auth", "alpn", "legacy", "max_lifetime", "no_tickets",
        "metrics"])]
    pub(super) bad: Option<bad::Wanted>,

    /// Where a bad server leaves the root that its clients are to trust (root.pem), and its revocation list
    /// (crl.pem) [default: a temporary folder]
    #[arg(long, value_name = "DIR", requires = "bad")]
    pub(super) bad_dir: Option<PathBuf>,

    /// Give metrics for Prometheus at http://ADDRESS/metrics: handshakes by version, group and signature,
    /// those that failed, connections
    #[arg(long, value_name = "ADDRESS")]
    pub(super) metrics: Option<String>,

    /// End after one connection
    #[arg(long)]
    pub(super) once: bool,

    /// How long open connections may go on after SIGINT or SIGTERM; a number alone is seconds
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub(super) drain: Timeout,

    /// Print one JSON object a line
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
pub(super) enum ClientAuthArg {
    /// Not asked
    None,
    /// Asked, and told whether it passes; all are let in
    Request,
    /// Asked, and refused without one that passes
    Require,
}
