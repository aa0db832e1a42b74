//! `--listen`: a client's ClientHello, explained.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use sealwire::Foreign;
use sealwire::reading::{ClientHello, HANDSHAKE, HandshakeMessage, Record, names};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

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
        "waiting for clients on {address}; each is disconnected after its ClientHello"
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
                    report::print_line(&offer)?;
                } else {
                    report::print(&offer, false)?;
                }
            }
            _ => report::note(format_args!("{client} sent no ClientHello")),
        }
    }
    Ok(Answer::Yes)
}

/// The client's hello; then it gets a fatal alert.
async fn hello(mut tcp: TcpStream) -> Option<ClientHello> {
    const MOST: usize = 64 * 1024;
    let (mut bytes, mut messages) = (Vec::new(), Vec::new());
    loop {
        while let Some(record) = Record::first(&bytes) {
            if record.kind != HANDSHAKE {
                return None;
            }
            messages.extend_from_slice(record.content());
            bytes.drain(..record.bytes.len());
        }
        if let Some(message) = HandshakeMessage::first(&messages) {
            let hello = ClientHello::parse(message.bytes);
            // A fatal handshake_failure: the handshake cannot continue here.
            let _ = tcp.write_all(&[21, 3, 3, 0, 2, 2, 40]).await;
            let _ = tcp.shutdown().await;
            return hello;
        }
        let not_tls = bytes.first().is_some_and(|kind| *kind != HANDSHAKE);
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
        let legacy = [hello.legacy_version().unwrap_or(0)];
        let versions = match hello.supported_versions() {
            [] => &legacy,
            offered => offered,
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let named = |numbers: &[u16], name: fn(u16) -> Cow<'static, str>| -> Vec<String> {
            numbers.iter().map(|number| name(*number).into_owned()).collect()
        };
        let shares = hello.key_shares().into_iter();
        let has = |kind| hello.extensions().get(kind).is_some();
        Self {
            client,
            bytes: hello.as_bytes().len(),
            server_name: hello.server_name_bytes().map(text),
            alpn: hello.alpn().iter().map(|name| text(name)).collect(),
            versions: named(versions, names::version),
            cipher_suites: named(hello.cipher_suites(), names::suite),
            groups: named(hello.named_groups(), names::group),
            key_shares: shares
                .map(|(group, bytes)| Share { group: names::group(group).into_owned(), bytes })
                .collect(),
            signature_schemes: named(hello.signature_schemes(), names::signature_scheme),
            extensions: hello
                .extensions()
                .map(|(kind, _)| names::extension(kind).into_owned())
                .collect(),
            grease: hello.has_grease(),
            encrypted_client_hello: has(65_037),
            post_quantum: hello.named_groups().iter().any(|g| names::is_post_quantum(*g)),
            resumes: has(41),
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
        line("name (SNI)", Foreign::list(&self.server_name))?;
        line("ALPN", Foreign::list(&self.alpn))?;
        line("versions", self.versions.join(", "))?;
        line("suites", format!("{}: {}", self.cipher_suites.len(), self.cipher_suites.join(", ")))?;
        line("groups", self.groups.join(", "))?;
        let shares = self.key_shares.iter();
        let shares: Vec<_> =
            shares.map(|share| format!("{} {} B", share.group, share.bytes)).collect();
        line("shares", shares.join(", "))?;
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
