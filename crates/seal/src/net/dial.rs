//! The way to a server: TCP, perhaps through an HTTP proxy, perhaps with STARTTLS at its end.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use base64ct::{Base64, Encoding as _};
use clap::Args;
use sealwire::starttls;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use super::protocol::{self, Starttls};
use super::target::Target;
use crate::say::failure::Failure;
use crate::words::length::Timeout;

/// How a server is reached, the same for every verb that connects.
#[derive(Args, Debug, Clone)]
pub(crate) struct Route {
    /// Start in plaintext with this protocol and upgrade to TLS
    #[arg(long, value_enum, value_name = "PROTOCOL")]
    pub(crate) starttls: Option<Starttls>,

    /// Connect through this HTTP proxy (CONNECT): http://HOST:PORT
    #[arg(long, value_name = "URL")]
    proxy: Option<Proxy>,

    /// Read the proxy's USER:PASSWORD from FILE
    #[arg(long, value_name = "FILE", requires = "proxy")]
    proxy_user_file: Option<PathBuf>,

    /// Time limit for connecting (TCP, proxy and STARTTLS), and again for the TLS handshake; a bare
    /// number is seconds
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub(crate) timeout: Timeout,
}

/// An HTTP proxy.
#[derive(Debug, Clone)]
struct Proxy(Target);

/// A connection on which TLS can begin.
pub(crate) struct Reached {
    pub(crate) tcp: TcpStream,
    /// The server's address, or the proxy's.
    pub(crate) address: SocketAddr,
}

impl Route {
    pub(crate) fn has_proxy(&self) -> bool {
        self.proxy.is_some()
    }

    /// Connects as far as TLS. `name` is the host that a STARTTLS protocol names (XMPP's `to`).
    pub(crate) async fn reach(&self, target: &Target, name: &str) -> Result<Reached, Failure> {
        self.reach_by(target, name, self.starttls).await
    }

    /// The same, asking for TLS as `starttls` has it.
    pub(crate) async fn reach_by(
        &self,
        target: &Target,
        name: &str,
        starttls: Option<Starttls>,
    ) -> Result<Reached, Failure> {
        let reaching = self.go(target, name, starttls);
        tokio::time::timeout(self.timeout.get(), reaching).await.unwrap_or_else(|_| {
            Err(Failure::usage(format!("{target}: no answer in {}", self.timeout))
                .advise("check host and port, and firewalls between; --timeout waits longer"))
        })
    }

    async fn go(
        &self,
        target: &Target,
        name: &str,
        starttls: Option<Starttls>,
    ) -> Result<Reached, Failure> {
        let first = self.proxy.as_ref().map_or(target, |proxy| &proxy.0);
        let mut tcp = connect(first).await?;
        let address = tcp.peer_addr().map_err(|e| Failure::usage(format!("{first}: {e}")))?;
        if self.proxy.is_some() {
            let user = self.proxy_user()?;
            pass_proxy(&mut tcp, target, user.as_deref().map(String::as_str))
                .await
                .map_err(|e| e.prefix(&format!("proxy {first}")))?;
        }
        if let Some(Starttls(protocol)) = starttls {
            starttls::ask(&mut tcp, protocol, name).await.map_err(|e| {
                let failure = Failure::refused(format!("{target}: {e}"));
                match protocol::advice(&e) {
                    Some(advice) => failure.advise(advice),
                    None => failure,
                }
            })?;
        }
        Ok(Reached { tcp, address })
    }

    fn proxy_user(&self) -> Result<Option<Zeroizing<String>>, Failure> {
        let Some(path) = &self.proxy_user_file else { return Ok(None) };
        let text = std::fs::read_to_string(path).map(Zeroizing::new);
        let text = text.map_err(|e| Failure::from(sealwire::pki::Error::io(path, &e)))?;
        Ok(Some(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())))
    }
}

async fn connect(target: &Target) -> Result<TcpStream, Failure> {
    let found = tokio::net::lookup_host((target.host.as_str(), target.port)).await;
    let addresses: Vec<SocketAddr> = found.map_err(|e| unknown(target, &e))?.collect();
    let tcp = TcpStream::connect(&addresses[..]).await.map_err(|e| {
        let fact = match e.kind() {
            io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
            _ => e.to_string(),
        };
        Failure::usage(format!("{target}: cannot connect: {fact}"))
            .advise("check host and port, and that the server runs")
    })?;
    let _ = tcp.set_nodelay(true);
    Ok(tcp)
}

fn unknown(target: &Target, error: &io::Error) -> Failure {
    let text = error.to_string();
    let fact = text.rsplit(": ").next().unwrap_or(&text);
    Failure::usage(format!("{target}: no address for {}: {fact}", target.host))
        .advise("check the spelling of the name, and DNS on this machine")
}

/// Asks an HTTP proxy for a tunnel (RFC 9110, section 9.3.6). The answer's head is read byte by
/// byte, so that nothing of what comes behind it is taken.
async fn pass_proxy(
    tcp: &mut TcpStream,
    target: &Target,
    user: Option<&str>,
) -> Result<(), Failure> {
    const LONGEST_HEAD: usize = 16 * 1024;
    let mut request = Zeroizing::new(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"));
    if let Some(user) = user {
        let credentials = Zeroizing::new(Base64::encode_string(user.as_bytes()));
        request.push_str("Proxy-Authorization: Basic ");
        request.push_str(&credentials);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    let failed = |e: io::Error| match e.kind() {
        io::ErrorKind::UnexpectedEof => {
            Failure::refused("closed the connection without a response")
        }
        _ => Failure::usage(e.to_string()),
    };
    tcp.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == LONGEST_HEAD {
            return Err(Failure::refused("the response is too long"));
        }
        head.push(tcp.read_u8().await.map_err(failed)?);
        if head.len() == 5 && head != b"HTTP/" {
            return Err(Failure::refused("does not speak HTTP").advise("check --proxy"));
        }
    }
    let head = String::from_utf8_lossy(&head);
    let status = head.lines().next().unwrap_or_default().trim_end();
    match status.split(' ').nth(1) {
        Some(code) if code.starts_with('2') => Ok(()),
        Some("407") => Err(Failure::refused(format!("requires authentication: {status}"))
            .advise("give USER:PASSWORD with --proxy-user-file")),
        _ => Err(Failure::refused(format!("refused to connect to {target}: {status}"))),
    }
}

impl FromStr for Proxy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = match text.split_once("://") {
            Some(("http", rest)) => rest,
            Some((scheme, _)) => return Err(format!("{scheme}:// proxies are not supported")),
            None => text,
        };
        if rest.contains('@') {
            return Err("do not put a password on the command line, where other users can read it: use --proxy-user-file"
                .to_owned());
        }
        Target::parse(rest.trim_end_matches('/'), 8080).map(Self)
    }
}
