//! `seal connect`: the founding document's client, and a clean pipe through TLS.

use std::io;
use std::net::SocketAddr;

use clap::{Args, ValueEnum};
use sealwire::verify::NameCheck;
use sealwire::{Connector, PeerVerification, SecureContext, ServerName, TlsStream};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::material::{Material, public_roots};
use crate::facts::{Facts, Side};
use crate::failure::Failure;
use crate::report::Answer;

/// Connect to a TLS server; stdin goes to it, what it sends goes to stdout
///
/// The server is verified: its certificate must lead to Mozilla's or this system's roots (or to
/// --ca alone, when given) and carry the host's name. What is known of the connection goes to
/// stderr. Like `openssl s_client`, and like the client of Node's tls tutorials.
#[derive(Args, Debug)]
pub(crate) struct ConnectArgs {
    /// Where to: HOST, HOST:PORT or :PORT
    #[arg(default_value = "localhost:1234", value_name = "HOST:PORT")]
    target: Target,

    #[command(flatten)]
    material: Material,

    /// The name that the server must prove, and that is sent to it (SNI) [default: HOST]
    #[arg(long, value_name = "NAME")]
    servername: Option<ServerName>,

    /// How the certificate is compared with the name
    #[arg(long, value_enum, default_value_t = NameRules::Node, value_name = "RULES")]
    name_rules: NameRules,

    /// Go on when the server does not pass, and say what it was refused for
    #[arg(long)]
    insecure: bool,

    /// Application protocols to offer, best first (RFC 7301)
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    alpn: Vec<String>,

    /// Say nothing but errors on stderr
    #[arg(short, long)]
    quiet: bool,

    /// Print what is known of the connection as one JSON object on stderr
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum NameRules {
    /// As Node, OpenSSL and curl: the common name counts when there is no DNS name
    Node,
    /// As browsers (RFC 9525): only subject alternative names count
    Rfc9525,
}

/// A host and a port, with the founding document's port when none is given.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    host: String,
    port: u16,
}

pub(crate) async fn run(args: ConnectArgs) -> Result<Answer, Failure> {
    let name = match &args.servername {
        Some(name) => name.clone(),
        None => args.target.host.parse().map_err(|e| Failure::usage(format!("{e}")))?,
    };
    let identities = args.material.identities()?;
    let mut builder =
        SecureContext::builder().trust(args.material.trust()?.unwrap_or_else(public_roots));
    for identity in &identities {
        builder = builder.identity(identity.clone());
    }
    let context = builder.build().map_err(|e| Failure::usage(e.to_string()))?;
    let connector = Connector::new(context)
        .peer_verification(match args.insecure {
            true => PeerVerification::Recorded,
            false => PeerVerification::Required,
        })
        .name_check(match args.name_rules {
            NameRules::Node => NameCheck::Node,
            NameRules::Rfc9525 => NameCheck::Rfc9525,
        })
        .alpn(args.alpn.iter().map(String::as_str));
    let (tcp, address) = reach(&args.target).await?;
    let at = args.target.to_string();
    let tls = connector.connect(name, tcp).await.map_err(|e| Failure::of_connection(&at, &e))?;
    let facts = Facts::of(tls.peer(), Side::Server, identities.first());
    if args.json {
        eprintln!("{}", serde_json::to_string(&facts).unwrap_or_default());
    } else if !args.quiet {
        eprintln!("connected to {at} ({address})\n{facts}");
    }
    pipe(tls).await.map_err(|e| Failure::of_connection(&at, &e.into()))?;
    Ok(if facts.authorized { Answer::Yes } else { Answer::No })
}

/// Sends stdin and prints what comes, until the server has no more to say.
async fn pipe(tls: TlsStream<TcpStream>) -> io::Result<()> {
    let (mut from_server, mut to_server) = tokio::io::split(tls);
    let sending = async {
        copy(tokio::io::stdin(), &mut to_server).await?;
        to_server.shutdown().await
    };
    let receiving = async { copy(&mut from_server, tokio::io::stdout()).await };
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

async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    tokio::io::copy(&mut from, &mut to).await?;
    to.flush().await
}

async fn reach(target: &Target) -> Result<(TcpStream, SocketAddr), Failure> {
    let tcp = TcpStream::connect((target.host.as_str(), target.port)).await.map_err(|e| {
        let fact = match e.kind() {
            io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
            _ => e.to_string(),
        };
        Failure::usage(format!("{target}: cannot connect: {fact}"))
            .advise("check host and port, and that the server runs")
    })?;
    let _ = tcp.set_nodelay(true);
    let address = tcp.peer_addr().map_err(|e| Failure::usage(format!("{target}: {e}")))?;
    Ok((tcp, address))
}

impl std::str::FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const DOCUMENT_PORT: u16 = 1234;
        let port =
            |text: &str| text.parse().map_err(|_| format!("{text:?} is not a port (0 to 65535)"));
        let (host, port) = match text.rsplit_once(':') {
            // An IPv6 address without brackets has colons and no port.
            Some((host, _)) if host.contains(':') && !host.ends_with(']') => (text, DOCUMENT_PORT),
            Some((host, digits)) => (host, port(digits)?),
            None => match text.parse() {
                Ok(port) => ("", port),
                Err(_) => (text, DOCUMENT_PORT),
            },
        };
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        let host = if host.is_empty() { "localhost" } else { host };
        Ok(Self { host: host.to_owned(), port })
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn targets_are_read_as_people_write_them() {
        for (text, host, port) in [
            ("localhost", "localhost", 1234),
            ("localhost:443", "localhost", 443),
            (":443", "localhost", 443),
            ("443", "localhost", 443),
            ("127.0.0.1:1", "127.0.0.1", 1),
            ("[::1]:443", "::1", 443),
            ("[::1]", "::1", 1234),
            ("::1", "::1", 1234),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!((target.host.as_str(), target.port), (host, port), "{text}");
        }
        assert!("localhost:http".parse::<Target>().is_err());
        assert!("localhost:65536".parse::<Target>().is_err());
    }
}
