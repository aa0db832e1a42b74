//! Places to listen on and to connect to, as people write them.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// Where a service listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Listen {
    /// An address and a port; port 0 takes a free one.
    Tcp(SocketAddr),
    Unix(PathBuf),
    /// A socket that systemd made: by its `FileDescriptorName=`, or the next one without a name.
    Systemd(Option<String>),
}

/// Where a service connects to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// A name or address, and a port.
    Tcp {
        host: String,
        port: u16,
    },
    Unix(PathBuf),
}

impl Listen {
    /// Whether only this machine can come in.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
            // Known once it is there: see `listen::is_local`.
            Self::Systemd(_) => true,
        }
    }
}

impl Target {
    /// Whether it is on this machine, as far as the text says: addresses of the loopback
    /// network, `localhost` (RFC 6761, section 6.3) and Unix sockets.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp { host, .. } => match host.parse::<IpAddr>() {
                Ok(ip) => ip.to_canonical().is_loopback(),
                Err(_) => {
                    let host = host.trim_end_matches('.').to_ascii_lowercase();
                    host == "localhost" || host.ends_with(".localhost")
                }
            },
        }
    }

    /// The host that TLS is to verify; `None` for a Unix socket.
    pub(crate) fn host(&self) -> Option<&str> {
        match self {
            Self::Tcp { host, .. } => Some(host),
            Self::Unix(_) => None,
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = unix_path(text)? {
            return Ok(Self::Unix(path));
        }
        match text.strip_prefix("systemd") {
            Some("") => return Ok(Self::Systemd(None)),
            Some(name) if name.starts_with(':') && name.len() > 1 => {
                return Ok(Self::Systemd(Some(name[1..].to_owned())));
            }
            _ => {}
        }
        let (host, port) = host_and_port(text)?;
        let ip = match host {
            "" | "*" => IpAddr::from([0_u16; 8]),
            "localhost" => IpAddr::from([127, 0, 0, 1]),
            host => host.parse().map_err(|_| {
                format!("{text:?}: {host:?} is not an address of this machine (say 127.0.0.1, ::1, 0.0.0.0 or [::])")
            })?,
        };
        Ok(Self::Tcp(SocketAddr::new(ip, port)))
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = unix_path(text)? {
            return Ok(Self::Unix(path));
        }
        let (host, port) = host_and_port(text)?;
        if port == 0 {
            return Err(format!("{text:?}: port 0 is nobody's"));
        }
        if host.chars().any(|c| c.is_whitespace() || c.is_control() || "/@".contains(c)) {
            return Err(format!("{text:?} is not HOST:PORT or unix:PATH"));
        }
        let host = if host.is_empty() { "localhost" } else { host };
        Ok(Self::Tcp { host: host.to_owned(), port })
    }
}

fn unix_path(text: &str) -> Result<Option<PathBuf>, String> {
    match text.strip_prefix("unix:") {
        // The kernel's limit, `sun_path`, with the NUL at the end.
        Some(path) if path.is_empty() || path.len() > 107 || path.contains('\0') => {
            Err(format!("{text:?}: a socket's path has 1 to 107 bytes"))
        }
        Some(path) => Ok(Some(path.into())),
        None => Ok(None),
    }
}

/// `host:port`, `[ipv6]:port`, `:port` and `port`; the host comes without brackets.
fn host_and_port(text: &str) -> Result<(&str, u16), String> {
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if bracketed.is_none() && host.contains([':', '[', ']']) {
        return Err(format!("{text:?}: an IPv6 address goes in brackets, as in [::1]:443"));
    }
    let port = port.parse().map_err(|_| {
        format!("{text:?}: {port:?} is not a port (0 to 65535); write HOST:PORT or unix:PATH")
    })?;
    Ok((bracketed.unwrap_or(host), port))
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Systemd(None) => f.write_str("systemd"),
            Self::Systemd(Some(name)) => write!(f, "systemd:{name}"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Listen, Target};

    #[test]
    fn places_read_as_they_are_shown() {
        for (text, shown, local) in [
            ("127.0.0.1:443", "127.0.0.1:443", true),
            ("localhost:443", "127.0.0.1:443", true),
            ("0.0.0.0:443", "0.0.0.0:443", false),
            (":443", "[::]:443", false),
            ("443", "[::]:443", false),
            ("[::1]:0", "[::1]:0", true),
            ("[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:1", true),
            ("unix:/run/x.sock", "unix:/run/x.sock", true),
            ("systemd", "systemd", true),
            ("systemd:web", "systemd:web", true),
        ] {
            let listen: Listen = text.parse().unwrap();
            assert_eq!((listen.to_string().as_str(), listen.is_local()), (shown, local), "{text}");
        }
        for (text, shown, local) in [
            ("127.1.2.3:80", "127.1.2.3:80", true),
            (":80", "localhost:80", true),
            ("LocalHost.:80", "LocalHost.:80", true),
            ("db.localhost:80", "db.localhost:80", true),
            ("localhost.example:80", "localhost.example:80", false),
            ("10.0.0.1:80", "10.0.0.1:80", false),
            ("[::1]:80", "[::1]:80", true),
            ("unix:x", "unix:x", true),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!((target.to_string().as_str(), target.is_local()), (shown, local), "{text}");
        }
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in ["", "x", "::1:443", "a:b", "a:65536", "unix:", "[::1", "host name:1", "a:0"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
        for text in ["", "example.com:443", "systemd:", "::1", "unix:"] {
            assert!(text.parse::<Listen>().is_err(), "{text}");
        }
    }
}
