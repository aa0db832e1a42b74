//! A host and a port.

use std::fmt;

/// Where a client wants to go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// Host name or address, an IPv6 one without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl Target {
    /// Reads `HOST:PORT`, `HOST`, `[ADDRESS]:PORT`. `None` when it is none of these.
    #[must_use]
    pub fn parse(authority: &str, default_port: Option<u16>) -> Option<Self> {
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                host.parse::<std::net::Ipv6Addr>().ok()?;
                (host, port.strip_prefix(':').or_else(|| port.is_empty().then_some(""))?)
            }
            None => match authority.split_once(':') {
                Some((_, port)) if port.contains(':') => return None,
                Some(both) => both,
                None => (authority, ""),
            },
        };
        let port = match port {
            "" => default_port?,
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
            _ => return None,
        };
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"/?#\\\"<>^`{|}%[]".contains(&byte);
        let is_host = !host.is_empty() && host.bytes().all(|byte| plain(byte) || byte >= 0x80);
        is_host.then(|| Self { host: host.to_owned(), port })
    }

    /// Host and port, or the host alone where the port is `default`.
    #[must_use]
    pub fn authority(&self, default: u16) -> String {
        match self.port == default {
            true if self.host.contains(':') => format!("[{}]", self.host),
            true => self.host.clone(),
            false => self.to_string(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
    fn authorities_are_read() {
        for (text, host, port) in [
            ("a.test:1", "a.test", 1),
            ("a.test", "a.test", 443),
            ("[::1]:8", "::1", 8),
            ("[::1]", "::1", 443),
            ("127.0.0.1:65535", "127.0.0.1", 65535),
            ("user:word@a.test:2", "a.test", 2),
        ] {
            let target = Target::parse(text, Some(443)).unwrap();
            assert_eq!((target.host.as_str(), target.port), (host, port), "{text}");
        }
        for text in ["", ":1", "a:65536", "a:+1", "a:1:2", "[a]:1", "[::1]x", "a b:1", "a/b:1"] {
            assert_eq!(Target::parse(text, Some(443)), None, "{text}");
        }
        assert_eq!(Target::parse("a.test", None), None);
        assert_eq!(Target::parse("[::1]:1", None).unwrap().to_string(), "[::1]:1");
    }
}
