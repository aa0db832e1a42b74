//! One service by flags.

use std::path::{Path, PathBuf};

use clap::Args;

use super::super::proxy::{Accepts, Version};
use super::raw::{self, Balance, ClientAuth, LogFormat, LogLevel, OneOrMany, Sandbox};
use super::{Plan, plan};
use crate::failure::Failure;

/// What server and client mode have in common.
#[derive(Args, Debug)]
pub(crate) struct Common {
    /// Where to listen: ADDRESS:PORT, unix:PATH, systemd or systemd:NAME; may be repeated
    #[arg(short, long, required = true, value_name = "PLACE")]
    listen: Vec<String>,

    /// Where to connect to: HOST:PORT or unix:PATH; several share or take over the work
    #[arg(short, long, required = true, value_name = "PLACE")]
    target: Vec<String>,

    /// How several targets are used
    #[arg(long, value_enum, value_name = "HOW", default_value_t = Balance::Failover)]
    balance: Balance,

    /// Our certificate: PEM, the leaf first, then its intermediates; may be repeated
    #[arg(long, value_name = "FILE")]
    cert: Vec<PathBuf>,

    /// Its private key: PEM, plain or encrypted
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,

    /// Certificate and key in one PFX (PKCS#12) file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cert", "key"])]
    pfx: Option<PathBuf>,

    /// Where the passphrase of the key or PFX is: a file or env:NAME
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<String>,

    /// Whom to trust: a PEM file, `system` or `bundled`; may be repeated
    #[arg(long, value_name = "FILE")]
    ca: Vec<String>,

    /// Revocation lists, PEM; with any, each issuer in a chain needs one
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,

    /// Let in only those with such names: KIND=PATTERN of cn, o, ou, dns, uri, email, ip, pin.
    /// Terms joined by commas must all hold; of several --allow, any
    #[arg(long, value_name = "RULE")]
    allow: Vec<String>,

    /// Keep out those with such names, whatever --allow says
    #[arg(long, value_name = "RULE")]
    deny: Vec<String>,

    /// Application protocols, best first (RFC 7301)
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    alpn: Vec<String>,

    /// The oldest version to speak: 1.2 or 1.3
    #[arg(long, value_name = "VERSION")]
    min_version: Option<String>,

    /// Expect a PROXY header before everything else
    #[arg(long, value_enum, value_name = "VERSION")]
    proxy_in: Option<Accepts>,

    /// Send a PROXY header to the target
    #[arg(long, value_enum, value_name = "VERSION")]
    proxy_out: Option<Version>,

    /// Connections at once; further ones wait in the system's queue
    #[arg(long, value_name = "NUMBER")]
    max_connections: Option<usize>,

    /// Handshakes at once
    #[arg(long, value_name = "NUMBER")]
    max_handshakes: Option<usize>,

    /// Connections at once from one address (one /64 of IPv6)
    #[arg(long, value_name = "NUMBER")]
    max_per_source: Option<usize>,

    /// How long a client may take for its handshake [default: 10s]
    #[arg(long, value_name = "TIME")]
    handshake_timeout: Option<String>,

    /// How long a target may take to answer [default: 10s]
    #[arg(long, value_name = "TIME")]
    connect_timeout: Option<String>,

    /// How long a connection may carry nothing [default: 12h]
    #[arg(long, value_name = "TIME")]
    idle_timeout: Option<String>,

    /// The same, once one side has no more to send [default: 1m]
    #[arg(long, value_name = "TIME")]
    half_close_timeout: Option<String>,

    /// How often targets are tried; 0s is never [default: 5s with several targets]
    #[arg(long, value_name = "TIME")]
    health_interval: Option<String>,

    /// Threads that move data [default: one per core]
    #[arg(long, value_name = "NUMBER")]
    workers: Option<usize>,

    /// Where /metrics and /status are: ADDRESS:PORT or unix:PATH
    #[arg(long, value_name = "PLACE")]
    status: Option<String>,

    /// Become this user once the ports are open
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// Become this group [default: the user's]
    #[arg(long, value_name = "NAME", requires = "user")]
    group: Option<String>,

    /// Let the kernel keep us to the files that we need (Landlock)
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Sandbox::Auto)]
    sandbox: Sandbox,

    /// How long open connections may go on after SIGTERM [default: 30s]
    #[arg(long, value_name = "TIME")]
    drain: Option<String>,

    /// How often files are looked at, besides being told of changes [default: 1m]
    #[arg(long, value_name = "TIME")]
    reload_every: Option<String>,

    /// How much is told on stderr
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = LogLevel::Info)]
    log: LogLevel,

    /// In what form
    #[arg(long, value_enum, value_name = "FORM", default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

/// TLS comes in, plain goes out
///
/// With --ca, clients must show a certificate that leads to it; --allow says which of them may
/// enter. Rules, revocation and expiry are checked on every connection, resumed or not. The files
/// are watched: a renewed certificate is taken without a restart, and a bad one is not.
///
/// The plain side stays on this machine unless --unsafe-target says otherwise.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  seal tunnel server --listen :8443 --target 127.0.0.1:8080 --cert cert.pem --key key.pem\n  seal tunnel server -l :6380 -t unix:/run/redis.sock --cert cert.pem --key key.pem --ca ca.pem --allow ou=ops --allow 'uri=spiffe://td/web/*'\n  seal tunnel server -l :587 -t 127.0.0.1:25 --starttls smtp --cert cert.pem --key key.pem"
)]
pub(crate) struct ServerArgs {
    #[command(flatten)]
    common: Common,

    /// Whether clients are asked for a certificate [default: require with --ca, else none]
    #[arg(long, value_enum, value_name = "WHEN")]
    client_auth: Option<ClientAuth>,

    /// The secret of a fleet, from which session ticket keys are made: at least 32 bytes
    #[arg(long, value_name = "FILE")]
    ticket_secret_file: Option<PathBuf>,

    /// Where TLS 1.2 sessions are shared: redis://HOST:PORT/DB
    #[arg(long, value_name = "URL", requires = "ticket_secret_file")]
    session_store: Option<String>,

    /// Clients begin in plain, and ask for TLS by this protocol: smtp, imap, pop3, ldap, postgres.
    /// Who does not ask is not let in
    #[arg(long, value_name = "PROTOCOL")]
    starttls: Option<String>,

    /// Allow targets on other machines, which are spoken to without TLS
    #[arg(long)]
    unsafe_target: bool,
}

/// Plain comes in, TLS goes out
///
/// The server is verified: its certificate must lead to --ca (or to Mozilla's and this system's
/// roots) and carry the target's name.
///
/// The plain side stays on this machine unless --unsafe-listen says otherwise.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  seal tunnel client --listen 127.0.0.1:6379 --target redis.example:6380 --ca ca.pem --cert me.pem --key me-key.pem\n  seal tunnel client -l unix:/run/db.sock -t a.example:5433 -t b.example:5433"
)]
pub(crate) struct ClientArgs {
    #[command(flatten)]
    common: Common,

    /// The name that the server must prove, and that is sent to it (SNI) [default: the target's]
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,

    /// Ask the server for TLS by this protocol, and give its greeting to the client: smtp, imap,
    /// pop3, ftp, xmpp, ldap, postgres, mysql
    #[arg(long, value_name = "PROTOCOL")]
    starttls: Option<String>,

    /// Allow to listen where other machines can come in, without TLS
    #[arg(long)]
    unsafe_listen: bool,
}

impl ServerArgs {
    /// The plan of one service, `server`.
    pub(crate) fn plan(self) -> Result<Plan, Failure> {
        let (file, mut service) = self.common.split("server");
        service.mode = Some(raw::Mode::Server);
        service.client_auth = self.client_auth;
        service.ticket_secret_file = self.ticket_secret_file;
        service.session_store = self.session_store;
        service.starttls = self.starttls;
        service.unsafe_target = self.unsafe_target;
        finish(file, service)
    }
}

impl ClientArgs {
    /// The plan of one service, `client`.
    pub(crate) fn plan(self) -> Result<Plan, Failure> {
        let (file, mut service) = self.common.split("client");
        service.mode = Some(raw::Mode::Client);
        service.server_name = self.server_name;
        service.starttls = self.starttls;
        service.unsafe_listen = self.unsafe_listen;
        finish(file, service)
    }
}

impl Common {
    fn split(self, name: &str) -> (raw::File, raw::Service) {
        let file = raw::File {
            workers: self.workers,
            status: self.status,
            user: self.user,
            group: self.group,
            sandbox: Some(self.sandbox),
            drain: self.drain,
            reload_every: self.reload_every,
            log: Some(self.log),
            log_format: Some(self.log_format),
            service: Vec::new(),
        };
        let service = raw::Service {
            name: Some(name.to_owned()),
            listen: OneOrMany::Many(self.listen),
            target: OneOrMany::Many(self.target),
            balance: Some(self.balance),
            cert: OneOrMany::Many(self.cert),
            key: OneOrMany::Many(self.key),
            pfx: self.pfx,
            passphrase_file: self.passphrase_file,
            ca: OneOrMany::Many(self.ca),
            crl: OneOrMany::Many(self.crl),
            allow: OneOrMany::Many(self.allow),
            deny: OneOrMany::Many(self.deny),
            alpn: OneOrMany::Many(self.alpn),
            min_version: self.min_version,
            proxy_in: self.proxy_in,
            proxy_out: self.proxy_out,
            max_connections: self.max_connections,
            max_handshakes: self.max_handshakes,
            max_per_source: self.max_per_source,
            handshake_timeout: self.handshake_timeout,
            connect_timeout: self.connect_timeout,
            idle_timeout: self.idle_timeout,
            half_close_timeout: self.half_close_timeout,
            health_interval: self.health_interval,
            ..raw::Service::default()
        };
        (file, service)
    }
}

/// The options of one service have the names of the file's keys, so its errors fit.
fn finish(mut file: raw::File, service: raw::Service) -> Result<Plan, Failure> {
    file.service.push(service);
    plan::build(file, Path::new(""), None).map_err(|e| {
        let option = e.split_once(": ").filter(|(service, _)| service.starts_with("service"));
        Failure::usage(format!("--{}", option.map_or(e.as_str(), |(_, rest)| rest)))
    })
}
