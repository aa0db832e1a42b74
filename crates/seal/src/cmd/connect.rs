//! `seal connect`: the founding document's client, and a clean pipe through TLS.

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use sealwire::session::CertificateRequest;
use sealwire::verify::{Code, NameCheck, Pin};
use sealwire::{
    Connector, Peer, PeerVerification, ProtocolVersion, SecureContext, ServerName, TlsStream,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::files::material::{Material, public_roots};
use crate::files::own_lists::OwnLists;
use crate::files::policies::PolicyOptions;
use crate::files::upki;
use crate::inspect::scan;
use crate::net::dial::{Reached, Route};
use crate::net::ech;
use crate::net::key_log::KeyLog;
use crate::net::legacy::{self, LegacyOption};
use crate::net::program;
use crate::net::target::Target;
use crate::say::advice;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};
use crate::view::connection::{Facts, Side};
use crate::words::name_rules::NameRules;

/// Connect to a TLS server, sending stdin and writing what it sends to stdout
///
/// Verifies the server: its certificate must chain to Mozilla's or this system's roots (with --ca,
/// to those CAs only) and match the host name. Facts about the connection go to stderr. Compare
/// `openssl s_client`, `ncat --ssl` and the client of Node's tls tutorials.
///
/// Exits with 0 when the server was verified, 1 when verification failed (also with --insecure), 2
/// when it could not be reached. With --exec, exits with the program's code.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  seal connect example.com:443 --alpn http/1.1
  printf 'GET / HTTP/1.0\\r\\n\\r\\n' | seal connect example.com:443 --quiet
  seal connect mail.example.com:25 --starttls smtp
  seal connect 192.0.2.7:443 --servername example.com     the name it must prove
  seal connect box.lan:443 --insecure                     what is wrong, and the pin
  seal connect box.lan:443 --insecure --pin sha256//...   that very key, and no other")]
pub(crate) struct ConnectArgs {
    /// Server to connect to: HOST, HOST:PORT or :PORT
    #[arg(default_value = "localhost:1234", value_name = "HOST:PORT", value_parser = target)]
    target: Target,

    #[command(flatten)]
    route: Route,

    #[command(flatten)]
    material: Material,
    #[command(flatten)]
    own_lists: OwnLists,
    #[command(flatten)]
    policies: PolicyOptions,

    /// Name to send in SNI and to require in the server's certificate [default: HOST]
    #[arg(long, alias = "server-name", value_name = "NAME")]
    servername: Option<ServerName>,

    /// Send this name in SNI, but verify the certificate against --servername or HOST
    #[arg(long, value_name = "NAME")]
    sni: Option<ServerName>,

    /// Do not send SNI
    #[arg(long, conflicts_with = "sni")]
    no_sni: bool,

    /// Rules for matching the certificate with the name
    #[arg(long, value_enum, default_value_t = NameRules::Node, value_name = "RULES")]
    name_rules: NameRules,

    /// Require a public key in the server's chain: sha256//BASE64, as `seal cert fingerprint` and
    /// curl write it, or hex; may be repeated. The chain is verified as well; with --insecure only
    /// the pin is checked, and it must be that of the server's own key
    #[arg(long, value_name = "PIN")]
    pin: Vec<Pin>,

    /// Continue when verification fails, and report why it failed
    #[arg(long)]
    insecure: bool,

    /// ALPN protocols to offer, in order of preference (RFC 7301)
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    alpn: Vec<String>,

    #[command(flatten)]
    legacy: LegacyOption,

    /// Minimum TLS version [default: 1.2; 1.0 with --legacy]
    #[arg(long, value_enum, value_name = "VERSION")]
    min_version: Option<Version>,

    /// Maximum TLS version
    #[arg(long, value_enum, default_value_t = Version::Tls13, value_name = "VERSION")]
    max_version: Version,

    /// Key exchange groups, in order of preference, in OpenSSL's syntax: X25519:P-256
    #[arg(long, value_name = "LIST")]
    groups: Option<String>,

    /// Use Encrypted Client Hello (RFC 9849): a file with the server's ECHConfigList (PEM, base64
    /// as in DNS, or binary), or `grease` to send a GREASE extension only. Implies TLS 1.3
    #[arg(long, value_name = "FILE|grease")]
    ech: Option<PathBuf>,

    /// Run COMMAND in a shell with the connection as its stdin and stdout, and facts about the
    /// server in its environment (SEAL_SERVER, SEAL_AUTHORIZED, SEAL_PROTOCOL, ...)
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,

    /// Connect N more times first, to test session resumption. Sessions are kept in memory only
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "1", default_value_t = 0)]
    reconnect: u32,

    /// What `openssl s_client` has, and cannot be had here: says so
    #[arg(long, aliases = ["sess-out", "sess-in", "session-out", "session-in"], value_name = "FILE", hide = true, value_parser = no_session_file)]
    session_file: Option<Infallible>,

    #[command(flatten)]
    key_log: KeyLog,

    /// Print only errors on stderr
    #[arg(short, long)]
    quiet: bool,

    /// Print facts about the connection on stderr, as one JSON object
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Version {
    #[value(name = "1.0", alias = "TLSv1")]
    Tls10,
    #[value(name = "1.1", alias = "TLSv1.1")]
    Tls11,
    #[value(name = "1.2", alias = "TLSv1.2")]
    Tls12,
    #[value(name = "1.3", alias = "TLSv1.3")]
    Tls13,
}

pub(crate) async fn run(args: ConnectArgs) -> Result<Answer, Failure> {
    let name = match &args.servername {
        Some(name) => name.clone(),
        None => args.target.host.parse().map_err(|e| Failure::usage(format!("{e}")))?,
    };
    args.legacy.warn();
    let connector = args.connector(&name)?;
    let at = args.target.to_string();
    for _ in 0..args.reconnect {
        let (tls, address) = args.connect(&connector, &name).await?;
        args.tell(&tls, address)?;
        take_tickets(tls).await.map_err(|e| Failure::of_connection(&at, &e.into()))?;
    }
    let (tls, address) = args.connect(&connector, &name).await?;
    let facts = args.tell(&tls, address)?;
    let verified = facts.authorized || !args.pin.is_empty();
    if let Some(command) = &args.exec {
        let facts = facts.as_environment("SEAL_SERVER", &at);
        let ran = program::run(command, tls, &facts, FOREVER).await;
        let ran = ran.map_err(|e| Failure::of_connection(&at, &e.into()))?;
        return match ran.exit.code() {
            Some(0) => Ok(Answer::Yes),
            Some(1) => Ok(Answer::No),
            _ => Err(Failure::usage(format!("{command}: ended with {}", ran.exit_text()))),
        };
    }
    pipe(tls).await.map_err(|e| Failure::of_connection(&at, &e.into()))?;
    Ok(if verified { Answer::Yes } else { Answer::No })
}

impl ConnectArgs {
    fn connector(&self, name: &ServerName) -> Result<Connector, Failure> {
        let wrong = |e: sealwire::ConfigError| Failure::usage(e.to_string());
        let by_default = || legacy::oldest(self.legacy.legacy);
        let oldest = self.min_version.map_or_else(by_default, Version::version);
        let versions = oldest..=self.max_version.version();
        if !self.legacy.legacy && *versions.start().min(versions.end()) < ProtocolVersion::Tls12 {
            return Err(
                Failure::usage("versions before 1.2 are for old peers").advise("add --legacy")
            );
        }
        if versions.is_empty() {
            return Err(Failure::usage("--min-version is greater than --max-version"));
        }
        let trust = match self.material.trust()? {
            Some(trust) => upki::refusing_revoked(trust),
            None => public_roots(),
        };
        let mut builder = self.legacy.apply(SecureContext::builder()).versions(versions);
        builder = builder.trust(self.policies.apply_to(trust)?).own_crls(self.own_lists.read()?);
        for identity in self.material.identities()? {
            builder = builder.identity(identity);
        }
        if let Some(groups) = &self.groups {
            builder = builder.groups(groups).map_err(wrong)?;
        }
        let mut connector = Connector::new(builder.build().map_err(wrong)?)
            .peer_verification(if self.insecure {
                PeerVerification::Recorded
            } else {
                PeerVerification::Required
            })
            .name_check(self.name_check(name))
            .send_sni(!self.no_sni)
            .handshake_timeout(self.route.timeout.get())
            .alpn(self.alpn.iter().map(String::as_str))
            .on_certificate_request(self.on_request());
        if let Some(file) = self.key_log.open()? {
            connector = connector.key_log(file);
        }
        if let Some(file) = &self.ech {
            connector = connector.ech(ech::offer(file)?);
        }
        // With --insecure the chain need not be good, which is what the library's pins are about.
        if !self.insecure && !self.pin.is_empty() {
            connector = connector.pins(self.pin.iter().copied());
        }
        Ok(connector)
    }

    /// Says before our certificate is sent that it is not what the server asks for.
    fn on_request(&self) -> impl Fn(&CertificateRequest) + Send + Sync + 'static {
        let target = self.target.to_string();
        let silent = self.quiet || self.json;
        move |request| {
            if let Some(fact) = request.mismatch().filter(|_| !silent) {
                report::note(format_args!("seal: {target}: {fact}: it may refuse it"));
            }
        }
    }

    /// Rules for matching the certificate with the name. The library compares it with the name that
    /// is sent; when that is another, the one to prove is looked for here.
    fn name_check(&self, name: &ServerName) -> NameCheck {
        let rules = self.name_rules.check();
        if self.sni.is_none() {
            return rules;
        }
        NameCheck::ForName(name.clone(), Arc::new(rules))
    }

    async fn connect(
        &self,
        connector: &Connector,
        name: &ServerName,
    ) -> Result<(TlsStream<TcpStream>, std::net::SocketAddr), Failure> {
        let Reached { tcp, address } = self.route.reach(&self.target, name.as_str()).await?;
        let sent = self.sni.as_ref().unwrap_or(name).clone();
        let tls = connector.connect(sent, tcp).await;
        let tls = match tls {
            Ok(tls) => tls,
            Err(error) => return Err(self.failure(&error, name).await),
        };
        if self.insecure {
            self.check_pin(tls.peer())?;
        }
        Ok((tls, address))
    }

    /// Why there is no connection. For an old server: how old, and how to continue.
    async fn failure(&self, error: &sealwire::Error, name: &ServerName) -> Failure {
        let failure = Failure::of_connection_to(&self.target.to_string(), Some(name), error);
        let no_version = matches!(
            error.code(),
            "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION" | "ERR_SSL_UNSUPPORTED_PROTOCOL"
        );
        if self.legacy.legacy || !no_version {
            return failure;
        }
        let sni = (!self.no_sni && name.ip().is_none()).then(|| name.as_str());
        match scan::newest_old_version(&self.route, &self.target, name.as_str(), sni).await {
            Some(version) => failure.advise(format!(
                "the server supports nothing newer than {version}: have it updated; until then \
                 --legacy connects, as weak as that is"
            )),
            None => failure,
        }
    }

    /// Refuses a server with another key than the pinned ones; no data has been sent yet.
    fn check_pin(&self, peer: &Peer) -> Result<(), Failure> {
        let shown = peer.certificate().map(Pin::of);
        if self.pin.is_empty() || shown.is_some_and(|shown| self.pin.contains(&shown)) {
            return Ok(());
        }
        let code = Code::PINNED_KEY_MISMATCH;
        let shown = shown.map_or_else(|| "none".to_owned(), |pin| pin.to_string());
        let failure = Failure::refused(format!(
            "{}: {}: the server's key is {shown}, which is not pinned",
            self.target,
            code.name()
        ));
        Err(match advice::for_code(code.name()) {
            Some(advice) => failure.advise(advice),
            None => failure,
        })
    }

    fn tell(
        &self,
        tls: &TlsStream<TcpStream>,
        address: std::net::SocketAddr,
    ) -> Result<Facts, Failure> {
        let own = tls.peer().local_certificates().first();
        let facts = Facts::of(tls.peer(), Side::Server, own)
            .with_public(upki::found().as_ref(), tls.peer());
        if self.json {
            report::note(report::json_line(&facts));
        } else if !self.quiet {
            report::note(format_args!("connected to {} ({address})\n{facts}", self.target));
        }
        Ok(facts)
    }
}

impl Version {
    fn version(self) -> ProtocolVersion {
        match self {
            Self::Tls10 => ProtocolVersion::Tls10,
            Self::Tls11 => ProtocolVersion::Tls11,
            Self::Tls12 => ProtocolVersion::Tls12,
            Self::Tls13 => ProtocolVersion::Tls13,
        }
    }
}

/// A program that speaks for a person at this end may take its time.
const FOREVER: Duration = Duration::from_secs(365 * 86_400);

fn target(text: &str) -> Result<Target, String> {
    const DOCUMENT_PORT: u16 = 1234;
    Target::parse(text, DOCUMENT_PORT)
}

fn no_session_file(_: &str) -> Result<Infallible, String> {
    Err("sessions cannot be stored in a file; --reconnect resumes one within a run".to_owned())
}

/// Gives the server a moment to hand out tickets, which in TLS 1.3 come after the handshake, and
/// says goodbye.
async fn take_tickets(mut tls: TlsStream<TcpStream>) -> io::Result<()> {
    const MOMENT: Duration = Duration::from_millis(500);
    let mut some = [0; 1024];
    if let Ok(read) = tokio::time::timeout(MOMENT, tls.read(&mut some)).await {
        read?;
    }
    tls.shutdown().await
}

/// Sends stdin and prints what comes, until the server has no more to say.
async fn pipe(tls: TlsStream<TcpStream>) -> io::Result<()> {
    let (mut from_server, mut to_server) = tokio::io::split(tls);
    let sending = async {
        copy(tokio::io::stdin(), &mut to_server).await?;
        to_server.shutdown().await
    };
    let receiving = print(&mut from_server);
    tokio::pin!(sending, receiving);
    tokio::select! {
        received = &mut receiving => received,
        sent = &mut sending => match sent {
            // It no longer listens, but may have said why.
            Err(_) => receiving.await.and(sent),
            Ok(()) => receiving.await,
        },
    }
}

/// Prints what comes. Ends when its reader has closed (`seal connect .. | head`).
async fn print(mut from: impl AsyncRead + Unpin) -> io::Result<()> {
    let mut stdout = tokio::io::stdout();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        let printed = async {
            stdout.write_all(&buffer[..read]).await?;
            stdout.flush().await
        };
        match printed.await {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            printed => printed?,
        }
    }
}

async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    tokio::io::copy(&mut from, &mut to).await?;
    to.flush().await
}
