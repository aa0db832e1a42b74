//! `seal serve`: the founding document's server. It greets, then echoes.

use std::io::{self, Write};
use std::net::SocketAddr;

use clap::{Args, ValueEnum};
use sealwire::{Acceptor, ClientAuth, Identity, Listener, SecureContext, TlsStream};
use serde::Serialize;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::material::Material;
use crate::advice;
use crate::facts::{Facts, Side};
use crate::failure::Failure;
use crate::report::Answer;

/// Serve TLS: greet each client with "Hello World !", then echo what it sends
///
/// With --ca, clients must show a certificate that leads to it (mutual TLS); --client-auth says
/// otherwise. Like `openssl s_server`, and like the server of Node's tls tutorials.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  seal serve --cert amit-cert.pem --key amit-key.pem --ca amit-cert.pem\n  seal connect localhost:1234 --cert amit-cert.pem --key amit-key.pem --ca amit-cert.pem"
)]
pub(crate) struct ServeArgs {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    host: String,

    /// Port to listen on; 0 takes a free one
    #[arg(short, long, default_value_t = 1234)]
    port: u16,

    #[command(flatten)]
    material: Material,

    /// Whether clients are asked for a certificate [default: require with --ca, else none]
    #[arg(long, value_enum, value_name = "WHEN")]
    client_auth: Option<ClientAuthArg>,

    /// Application protocols to speak, best first (RFC 7301)
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    alpn: Vec<String>,

    /// End after one connection
    #[arg(long)]
    once: bool,

    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum ClientAuthArg {
    /// Not asked
    None,
    /// Asked, and told whether it passes; all are let in
    Request,
    /// Asked, and refused without one that passes
    Require,
}

/// One line of what the server has to tell.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Told<'a> {
    Listening {
        address: SocketAddr,
    },
    Connected {
        client: SocketAddr,
        #[serde(flatten)]
        facts: Box<Facts>,
    },
    Closed {
        client: SocketAddr,
        bytes: u64,
    },
    Failed {
        client: SocketAddr,
        code: &'a str,
        reason: String,
        advice: Option<&'static str>,
    },
}

pub(crate) async fn run(args: ServeArgs) -> Result<Answer, Failure> {
    let identity = args.material.identity()?.ok_or_else(|| {
        Failure::usage("no certificate to serve with")
            .advise("give --cert and --key, or --pfx; `seal demo` shows how to make them")
    })?;
    let acceptor = acceptor(&args, identity)?;
    let address = format!("{}:{}", args.host, args.port);
    let tcp = TcpListener::bind(&address).await.map_err(|e| cannot_listen(&address, &e))?;
    let json = args.json;
    let once = args.once;
    let mut listener = Listener::new(tcp, acceptor).on_handshake_error(move |client, error| {
        tell(&failed(client, error), json);
    });
    let address = listener.local_addr().map_err(|e| Failure::usage(e.to_string()))?;
    tell(&Told::Listening { address }, json);
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, client) = accepted
                    .map_err(|e| Failure::usage(format!("{address}: cannot accept: {e}")))?;
                if once {
                    serve_client(stream, client, json).await;
                    return Ok(Answer::Yes);
                }
                tokio::spawn(serve_client(stream, client, json));
            }
            _ = tokio::signal::ctrl_c() => return Ok(Answer::Yes),
        }
    }
}

/// Greets, then sends back what comes until the client has no more.
pub(crate) async fn greet_and_echo(stream: TlsStream<TcpStream>) -> io::Result<u64> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    writer.write_all(b"Hello World !\n").await?;
    let bytes = tokio::io::copy(&mut reader, &mut writer).await?;
    writer.shutdown().await?;
    Ok(bytes)
}

fn acceptor(args: &ServeArgs, identity: Identity) -> Result<Acceptor, Failure> {
    let client_auth = match args.client_auth {
        Some(ClientAuthArg::None) => ClientAuth::None,
        Some(ClientAuthArg::Request) => ClientAuth::Request,
        Some(ClientAuthArg::Require) => ClientAuth::Require,
        None if args.material.has_trust() => ClientAuth::Require,
        None => ClientAuth::None,
    };
    let mut builder = SecureContext::builder().identity(identity);
    if let Some(trust) = args.material.trust()? {
        builder = builder.trust(trust);
    }
    let context = builder.build().map_err(|e| Failure::usage(e.to_string()))?;
    Ok(Acceptor::new(context).client_auth(client_auth).alpn(args.alpn.iter().map(String::as_str)))
}

async fn serve_client(stream: TlsStream<TcpStream>, client: SocketAddr, json: bool) {
    let facts = Box::new(Facts::of(stream.peer(), Side::Client, None));
    tell(&Told::Connected { client, facts }, json);
    match greet_and_echo(stream).await {
        Ok(bytes) => tell(&Told::Closed { client, bytes }, json),
        Err(error) => tell(&failed(client, &error.into()), json),
    }
}

fn failed(client: SocketAddr, error: &sealwire::Error) -> Told<'static> {
    Told::Failed {
        client,
        code: error.code(),
        reason: advice::sentence(error),
        advice: advice::for_failure(error),
    }
}

/// Prints a line. When nobody reads it any more, serving goes on.
fn tell(told: &Told<'_>, json: bool) {
    let line = match json {
        true => serde_json::to_string(told).unwrap_or_default(),
        false => text(told),
    };
    let _ = writeln!(io::stdout().lock(), "{line}");
}

fn text(told: &Told<'_>) -> String {
    match told {
        Told::Listening { address } => format!("listening on {address}"),
        Told::Connected { client, facts } => format!("{client} connected\n{facts}"),
        Told::Closed { client, bytes } => format!("{client} closed after {bytes} bytes"),
        Told::Failed { client, reason, advice: None, .. } => format!("{client} failed: {reason}"),
        Told::Failed { client, reason, advice: Some(advice), .. } => {
            format!("{client} failed: {reason} ({advice})")
        }
    }
}

fn cannot_listen(address: &str, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::AddrInUse => Failure::usage(format!("{address}: the port is in use"))
            .advise("stop the other program, or choose a port with --port"),
        io::ErrorKind::PermissionDenied => {
            Failure::usage(format!("{address}: not allowed to listen there"))
                .advise("ports under 1024 need privileges")
        }
        _ => Failure::usage(format!("{address}: cannot listen: {error}")),
    }
}
