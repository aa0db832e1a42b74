//! `--listen`: a client's ClientHello, explained.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::inspect::client_hello::ClientHello;
use crate::inspect::story::{listed, suite};
use crate::inspect::{names, wire};
use crate::net::target::Target;
use crate::say::failure::Failure;
use crate::say::report::{self, Answer};

/// What a client offers, in words.
#[derive(Serialize)]
struct Offer {
    client: SocketAddr,
    bytes: usize,
    server_name: Option<String>,
    alpn: Vec<String>,
    versions: Vec<String>,
    cipher_suites: Vec<String>,
    groups: Vec<String>,
    key_shares: Vec<Share>,
    signature_schemes: Vec<String>,
    extensions: Vec<String>,
    grease: bool,
    encrypted_client_hello: bool,
    post_quantum: bool,
    resumes: bool,
    ja3: String,
    ja3_text: String,
    ja4: String,
}

#[derive(Serialize)]
struct Share {
    group: String,
    bytes: usize,
}

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn listen(at: &str, count: Option<u32>, json: bool) -> Result<Answer, Failure> {
    let target = Target::parse(at, 0).map_err(|e| Failure::usage(format!("--listen: {e}")))?;
    if !at.contains(':') && target.host == at {
        return Err(Failure::usage(format!("--listen: {at:?} is neither a port nor ADDRESS:PORT")));
    }
    let listener = TcpListener::bind((target.host.as_str(), target.port))
        .await
        .map_err(|e| Failure::usage(format!("{target}: cannot listen: {e}")))?;
    let address = listener.local_addr().map_err(|e| Failure::usage(e.to_string()))?;
    report::note(format_args!(
        "waiting for clients on {address}; each is turned away when it has said its hello"
    ));
    let mut left = count;
    while left != Some(0) {
        let (tcp, client) = tokio::select! {
            accepted = listener.accept() => {
                accepted.map_err(|e| Failure::usage(format!("{address}: {e}")))?
            }
            _ = tokio::signal::ctrl_c() => break,
        };
        left = left.map(|left| left - 1);
        match tokio::time::timeout(PATIENCE, hello(tcp)).await {
            Ok(Some(hello)) => {
                let offer = Offer::of(client, &hello);
                if json {
                    report::print_text(&serde_json::to_string(&offer).unwrap_or_default())?;
                } else {
                    report::print(&offer, false)?;
                }
            }
            _ => report::note(format_args!("{client} said no ClientHello")),
        }
    }
    Ok(Answer::Yes)
}

/// The client's hello; then it is told that nobody is at home.
async fn hello(mut tcp: TcpStream) -> Option<ClientHello> {
    const MOST: usize = 64 * 1024;
    let (mut bytes, mut messages) = (Vec::new(), Vec::new());
    loop {
        while let Some((kind, record, length)) = wire::record(&bytes) {
            if kind != wire::HANDSHAKE {
                return None;
            }
            messages.extend_from_slice(&record[5..]);
            bytes.drain(..length);
        }
        if let Some((1, content, _)) = wire::message(&messages) {
            let hello = ClientHello::parse(content);
            // A fatal handshake_failure: nothing here could go on.
            let _ = tcp.write_all(&[21, 3, 3, 0, 2, 2, 40]).await;
            let _ = tcp.shutdown().await;
            return hello;
        }
        let not_tls = bytes.first().is_some_and(|kind| *kind != wire::HANDSHAKE);
        if not_tls || bytes.len() + messages.len() > MOST {
            return None;
        }
        if tcp.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

impl Offer {
    fn of(client: SocketAddr, hello: &ClientHello) -> Self {
        let versions = if hello.versions.is_empty() {
            vec![hello.legacy_version]
        } else {
            hello.versions.clone()
        };
        let shares = hello.key_shares.iter();
        Self {
            client,
            bytes: hello.bytes,
            server_name: hello.server_name.clone(),
            alpn: hello.alpn.clone(),
            versions: versions.into_iter().map(names::version).collect(),
            cipher_suites: hello.cipher_suites.iter().map(|s| suite(*s)).collect(),
            groups: hello.groups.iter().map(|g| names::group(*g)).collect(),
            key_shares: shares
                .map(|(group, bytes)| Share { group: names::group(*group), bytes: *bytes })
                .collect(),
            signature_schemes: hello
                .signature_schemes
                .iter()
                .map(|s| names::signature_scheme(*s))
                .collect(),
            extensions: hello.extensions.iter().map(|(e, _)| names::extension(*e)).collect(),
            grease: hello.has_grease(),
            encrypted_client_hello: hello.has_extension(65_037),
            post_quantum: hello
                .groups
                .iter()
                .any(|g| matches!(g, 0x0200..=0x0202 | 0x11eb..=0x11ed)),
            resumes: hello.has_extension(41),
            ja3: hello.ja3(),
            ja3_text: hello.ja3_text(),
            ja4: hello.ja4(),
        }
    }
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} offers, in {} bytes", self.client, self.bytes)?;
        let mut line = |label: &str, value: String| {
            if value.is_empty() {
                writeln!(f, "  {label:<12}none")
            } else {
                writeln!(f, "  {label:<12}{value}")
            }
        };
        line("name (SNI)", self.server_name.clone().unwrap_or_default())?;
        line("ALPN", self.alpn.join(", "))?;
        line("versions", self.versions.join(", "))?;
        line("suites", format!("{}: {}", self.cipher_suites.len(), self.cipher_suites.join(", ")))?;
        line("groups", self.groups.join(", "))?;
        let shares = self.key_shares.iter();
        line("shares", listed(shares.map(|share| format!("{} {} B", share.group, share.bytes))))?;
        line("signatures", self.signature_schemes.join(", "))?;
        line("extensions", self.extensions.join(", "))?;
        let yes = |is: bool| if is { "yes" } else { "no" };
        line(
            "and",
            format!(
                "post-quantum {}, GREASE {}, ECH {}, resumption {}",
                yes(self.post_quantum),
                yes(self.grease),
                yes(self.encrypted_client_hello),
                yes(self.resumes)
            ),
        )?;
        line("JA4", self.ja4.clone())?;
        write!(f, "  {:<12}{}", "JA3", self.ja3)
    }
}
