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

/// Addresses that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    prefix: u8,
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

impl Network {
    /// Whether an address is in it, however it is written.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let bits = |ip: IpAddr| match ip.to_canonical() {
            IpAddr::V4(ip) => (4, u128::from(u32::from(ip)) << 96),
            IpAddr::V6(ip) => (6, u128::from(ip)),
        };
        let (ours, theirs) = (bits(self.address), bits(address));
        let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
        ours.0 == theirs.0 && ours.1 & mask == theirs.1 & mask
    }
}

impl FromStr for Network {
    type Err = String;

    /// `10.0.0.0/8`, `2001:db8::/32`, or one address.
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is neither an address nor a network like 10.0.0.0/8");
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let address = address.to_canonical();
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().ok().filter(|n| *n <= most).ok_or_else(bad)?,
            None => most,
        };
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
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
            return Err(format!("{text:?}: port 0 cannot be connected to"));
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

    #[test]
    fn addresses_are_in_their_networks() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.1.2.3", "11.0.0.1"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::1"),
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("2001:db8::/32", "2001:db8:1::1", "2001:db9::1"),
            ("::1", "::1", "127.0.0.1"),
            ("0.0.0.0/0", "192.0.2.1", "::1"),
        ] {
            let network: super::Network = network.parse().unwrap();
            assert!(network.contains(inside.parse().unwrap()), "{network} {inside}");
            assert!(!network.contains(outside.parse().unwrap()), "{network} {outside}");
        }
        for text in ["", "10.0.0.0/33", "::1/129", "10.0.0/8", "a.test", "10.0.0.0/-1"] {
            assert!(text.parse::<super::Network>().is_err(), "{text}");
        }
    }
}
