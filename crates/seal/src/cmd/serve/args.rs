//! The command line of `seal serve`.

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
/// With FOLDER, serves its files over HTTP/1.1 and HTTP/2, and redirects plain HTTP on the same
/// port to HTTPS. With --proxy, forwards requests to a plain HTTP server. With --exec, runs a
/// program for each connection. With none of these, sends "Hello World !" and echoes what the
/// client sends.
///
/// Without --cert or --pfx, the server makes a certificate at start: signed by the CA of `seal ca`
/// if there is one, which browsers on this machine trust after `seal trust install`; otherwise
/// self-signed, which no client trusts.
///
/// With --ca, clients must present a certificate that chains to it (mutual TLS), unless
/// --client-auth says otherwise. Compare `openssl s_server`, `npx serve` and the server of Node's
/// tls tutorials.
#[derive(Args)]
#[command(after_help = "Examples:
  seal serve .                                       this folder at https://localhost:1234/
  seal serve public --cert cert.pem --key key.pem --host 0.0.0.0 --port 443
  seal serve --proxy http://localhost:3000           HTTPS for a development server
  seal serve --exec 'date; cat' --ca clients.pem     a program for clients with a certificate
  seal serve --cert a.pem --key a-key.pem --cert b.pem --key b-key.pem    two names (SNI)
  seal serve --bad expired                           a server with an expired certificate
  seal serve --identity spiffe --spiffe-socket unix:///run/spire/agent.sock    an agent's identity
  seal serve --cert amit-cert.pem --key amit-key.pem --ca amit-cert.pem   the tutorial's server")]
pub(crate) struct ServeArgs {
    /// Folder to serve over HTTPS
    #[arg(value_name = "FOLDER", conflicts_with = "exec")]
    pub(super) folder: Option<PathBuf>,

    /// Run COMMAND in a shell for each connection, with the connection as its stdin and stdout.
    /// SEAL_CLIENT, SEAL_AUTHORIZED, SEAL_CLIENT_SUBJECT, SEAL_SERVER_NAME, SEAL_ALPN,
    /// SEAL_PROTOCOL and SEAL_CIPHER are in its environment
    #[arg(long, value_name = "COMMAND")]
    pub(super) exec: Option<String>,

    /// Maximum number of programs at once; further clients wait
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..), requires = "exec")]
    pub(super) max_programs: u32,

    /// Time a program may stay silent after its client has closed its side; it is then killed, with
    /// the processes that it started
    #[arg(long, value_name = "TIME", default_value = "1m", requires = "exec")]
    pub(super) exec_timeout: Timeout,

    /// Forward requests, and WebSockets, to this plain HTTP server, with X-Forwarded-For, -Host and
    /// -Proto: http://localhost:3000
    #[arg(long, value_name = "URL", conflicts_with_all = ["folder", "exec"])]
    pub(super) proxy: Option<Target>,

    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub(super) host: String,

    /// Port to listen on; 0 picks a free one
    #[arg(short, long, default_value_t = 1234)]
    pub(super) port: u16,

    #[command(flatten)]
    pub(super) material: Material,

    /// OCSP response to staple, in DER as `openssl ocsp -respout` writes it; may be repeated, the
    /// first for the first --cert. The file is watched for changes
    #[arg(long, value_name = "FILE")]
    pub(super) ocsp: Vec<PathBuf>,

    /// Fetch OCSP responses from the responders that the certificates name, staple them, and
    /// refresh them while serving. The file of --cert must contain the issuer's certificate
    #[arg(long)]
    pub(super) ocsp_fetch: bool,

    /// Take the identity and the trust bundle from a SPIFFE Workload API instead of files. Clients
    /// then need a certificate of its trust domain, unless --client-auth says otherwise
    #[arg(long, value_enum, value_name = "SOURCE",
        conflicts_with_all = ["cert", "pfx", "ca", "name", "ca_dir", "acme"])]
    pub(super) identity: Option<tunnel::IdentitySource>,

    /// Endpoint of the Workload API: unix:///PATH or tcp://ADDRESS:PORT [default:
    /// SPIFFE_ENDPOINT_SOCKET]
    #[arg(long, value_name = "ENDPOINT", requires = "identity")]
    pub(super) spiffe_socket: Option<String>,

    /// Trust this federated trust domain as well; the agent must know it; may be repeated
    #[arg(long, value_name = "DOMAIN", requires = "identity")]
    pub(super) spiffe_federated: Vec<String>,

    /// Name for the certificate that the server makes; may be repeated [default: localhost,
    /// 127.0.0.1, ::1 and the addresses of --host]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["cert", "pfx"])]
    pub(super) name: Vec<SubjectAltName>,

    /// Folder of the CA that signs it [default: that of `seal ca`]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["cert", "pfx"])]
    pub(super) ca_dir: Option<PathBuf>,

    /// Request a client certificate [default: require with --ca, otherwise none]
    #[arg(long, value_enum, value_name = "WHEN")]
    pub(super) client_auth: Option<ClientAuthArg>,

    /// What to do with open connections whose client certificate has expired, or is no longer
    /// trusted after the files of --ca have changed
    #[arg(long, value_enum, value_name = "WHAT", default_value = "close")]
    pub(super) recheck: tunnel::Recheck,

    /// Maximum lifetime of a connection, shortened at random by up to a tenth: 8h
    #[arg(long, value_name = "TIME")]
    pub(super) max_lifetime: Option<Length>,

    /// ALPN protocols to accept, in order of preference (RFC 7301) [default with FOLDER:
    /// h2,http/1.1]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(super) alpn: Vec<String>,

    #[command(flatten)]
    pub(super) legacy: LegacyOption,

    /// Send no session tickets: for clients that only write and then close (log shippers, pipes),
    /// which can lose data when tickets remain unread
    #[arg(long)]
    pub(super) no_tickets: bool,

    /// Accept the key share that a client sends even where a HelloRetryRequest would lead to
    /// X25519MLKEM768: saves such a client a round trip, at the cost of post-quantum key exchange
    #[arg(long)]
    pub(super) no_hybrid_retry: bool,

    /// Also serve files whose names start with a dot: .git, .env
    #[arg(long, requires = "folder")]
    pub(super) dotfiles: bool,

    /// Also serve files that contain private keys (PEM, DER, PFX, PuTTY, Java), except the server's
    /// own
    #[arg(long, requires = "folder")]
    pub(super) private_keys: bool,

    /// Do not list folders without an index.html
    #[arg(long, requires = "folder")]
    pub(super) no_listing: bool,

    /// Obtain the certificate for the names of --name from the ACME CA with this directory URL, and
    /// renew it while serving. The CA validates the names at this port (tls-alpn-01), or at
    /// --acme-http
    #[arg(long, value_name = "URL", conflicts_with_all = ["cert", "pfx", "ca_dir"], requires = "name")]
    pub(super) acme: Option<String>,

    /// Verify the ACME server against these CAs: a PEM file, `system` or `bundled` [default: both]
    #[arg(long, value_name = "FILE", requires = "acme")]
    pub(super) acme_ca: Vec<Anchor>,

    /// Folder of the account and the certificate [default: sealwire/acme in your data folder]
    #[arg(long, value_name = "DIR", requires = "acme")]
    pub(super) acme_dir: Option<PathBuf>,

    /// Answer http-01 challenges at this address instead; port 80 of the names must lead to it
    #[arg(long, value_name = "ADDRESS:PORT", requires = "acme")]
    pub(super) acme_http: Option<SocketAddr>,

    #[command(flatten)]
    pub(super) key_log: KeyLog,

    /// Misbehave in this way, to test clients: expired, wrong-name, stalls, alert:40 and more;
    /// `list` shows all (docs/bad-servers.md). Its certificates are made for this run only
    #[arg(long, value_name = "KIND", conflicts_with_all = ["folder", "exec", "proxy", "cert", "pfx", "ca", "ocsp",
        "identity", "name", "ca_dir", "acme", "client_auth", "alpn", "legacy", "max_lifetime", "no_tickets",
        "metrics"])]
    pub(super) bad: Option<bad::Wanted>,

    /// Folder to which --bad writes the root for clients to trust (root.pem) and the CRL (crl.pem)
    /// [default: a temporary folder]
    #[arg(long, value_name = "DIR", requires = "bad")]
    pub(super) bad_dir: Option<PathBuf>,

    /// Serve Prometheus metrics at http://ADDRESS/metrics: handshakes by version, group and
    /// signature, failures, connections
    #[arg(long, value_name = "ADDRESS")]
    pub(super) metrics: Option<String>,

    /// Exit after one connection
    #[arg(long)]
    pub(super) once: bool,

    /// Time to let open connections finish after SIGINT or SIGTERM; a bare number is seconds
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub(super) drain: Timeout,

    /// Print JSON, one object per line
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
pub(super) enum ClientAuthArg {
    /// Not asked
    None,
    /// Request one and report whether it is valid; accept every client
    Request,
    /// Refuse clients without a valid certificate
    Require,
}
