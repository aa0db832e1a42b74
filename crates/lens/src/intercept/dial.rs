//! The way to an origin: TCP, or through another proxy.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use base64ct::{Base64, Encoding as _};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Proxy, Target, socks};

/// How long to wait for a connection.
const PATIENCE: Duration = Duration::from_secs(30);

/// The proxy that origins are reached through.
#[derive(Clone)]
pub struct UpstreamProxy {
    socks: bool,
    at: Target,
    /// `USER:PASSWORD`
    user: Option<String>,
}

/// Why an origin could not be reached, in a line.
#[derive(Debug, Clone)]
pub(crate) struct Unreachable {
    pub(crate) why: String,
    pub(crate) kind: io::ErrorKind,
}

/// Connects to `target`, as far as its first byte. Gives the address that was connected to, unless
/// another proxy did it.
pub(crate) async fn dial(
    proxy: &Proxy,
    target: &Target,
) -> Result<(TcpStream, Option<SocketAddr>), Unreachable> {
    let reaching = async {
        match &proxy.settings.upstream {
            None => {
                let (tcp, address) = connect(proxy, target).await?;
                Ok((tcp, Some(address)))
            }
            Some(upstream) => {
                let prefix = |e: Unreachable| e.prefix(&format!("the proxy at {}", upstream.at));
                let (mut tcp, _) = connect(proxy, &upstream.at).await.map_err(prefix)?;
                upstream.pass(&mut tcp, target).await.map_err(prefix)?;
                Ok((tcp, None))
            }
        }
    };
    tokio::time::timeout(PATIENCE, reaching).await.unwrap_or_else(|_| {
        Err(Unreachable {
            why: format!("{target}: no answer in {} seconds", PATIENCE.as_secs()),
            kind: io::ErrorKind::TimedOut,
        })
    })
}

async fn connect(proxy: &Proxy, target: &Target) -> Result<(TcpStream, SocketAddr), Unreachable> {
    let unknown = |e: &io::Error| {
        let text = e.to_string();
        let fact = text.rsplit(": ").next().unwrap_or(&text).to_owned();
        Unreachable::new(io::ErrorKind::NotFound, format!("{target}: no address: {fact}"))
    };
    let found = tokio::net::lookup_host((target.host.as_str(), target.port)).await;
    let addresses: Vec<SocketAddr> = found.map_err(|e| unknown(&e))?.collect();
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        if proxy.is_itself(address) {
            return Err(Unreachable::new(
                io::ErrorKind::InvalidInput,
                format!("{target} is this proxy itself"),
            ));
        }
        match TcpStream::connect(address).await {
            Ok(tcp) => return Ok((tcp, address)),
            Err(error) => last = error,
        }
    }
    let fact = match last.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
        _ => last.to_string(),
    };
    Err(Unreachable::new(last.kind(), format!("{target}: cannot connect: {fact}")))
}

impl UpstreamProxy {
    /// With `USER:PASSWORD` to log in with.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Whether a password is among what was given as its URL.
    #[must_use]
    pub fn has_user(&self) -> bool {
        self.user.is_some()
    }

    /// Asks for a way to `target`.
    async fn pass(&self, tcp: &mut TcpStream, target: &Target) -> Result<(), Unreachable> {
        if self.socks {
            return socks::ask(tcp, target, self.user.as_deref()).await;
        }
        const LONGEST_HEAD: usize = 16 * 1024;
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some(user) = &self.user {
            let encoded = Base64::encode_string(user.as_bytes());
            request.push_str(&format!("Proxy-Authorization: Basic {encoded}\r\n"));
        }
        request.push_str("\r\n");
        tcp.write_all(request.as_bytes()).await?;
        // Byte by byte, so that nothing of what comes behind it is taken.
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() == LONGEST_HEAD {
                return Err(Unreachable::refused("its response does not end"));
            }
            head.push(tcp.read_u8().await?);
            if head.len() == 5 && head != b"HTTP/" {
                return Err(Unreachable::refused("does not speak HTTP"));
            }
        }
        let head = String::from_utf8_lossy(&head);
        let status = head.lines().next().unwrap_or_default().trim_end();
        match status.split(' ').nth(1) {
            Some(code) if code.starts_with('2') => Ok(()),
            Some("407") => Err(Unreachable::refused(format!("requires authentication: {status}"))),
            _ => Err(Unreachable::refused(format!("refused to connect to {target}: {status}"))),
        }
    }
}

impl Unreachable {
    pub(crate) fn new(kind: io::ErrorKind, why: impl Into<String>) -> Self {
        Self { why: why.into(), kind }
    }

    pub(crate) fn refused(why: impl Into<String>) -> Self {
        Self::new(io::ErrorKind::PermissionDenied, why)
    }

    fn prefix(mut self, place: &str) -> Self {
        self.why = format!("{place}: {}", self.why);
        self
    }
}

impl From<io::Error> for Unreachable {
    fn from(error: io::Error) -> Self {
        let why = match error.kind() {
            io::ErrorKind::UnexpectedEof => "closed the connection without a response".to_owned(),
            _ => error.to_string(),
        };
        Self { why, kind: error.kind() }
    }
}

impl FromStr for UpstreamProxy {
    type Err = String;

    /// `http://[USER:PASSWORD@]HOST:PORT` or `socks5://...`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (socks, rest) = match text.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("socks5" | "socks5h" | "socks", rest)) => (true, rest),
            Some((scheme, _)) => return Err(format!("{scheme}:// proxies are not supported")),
            None => (false, text),
        };
        let rest = rest.trim_end_matches('/');
        let user = rest.rsplit_once('@').map(|(user, _)| user.to_owned());
        let at = Target::parse(rest, Some(if socks { 1080 } else { 8080 }))
            .ok_or_else(|| format!("{text:?} is not HOST:PORT"))?;
        Ok(Self { socks, at, user })
    }
}

impl fmt::Display for UpstreamProxy {
    /// Without its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.socks { "socks5" } else { "http" }, self.at)
    }
}

impl fmt::Debug for UpstreamProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UpstreamProxy({self})")
    }
}
