//! Where to: a host and a port, as people write them.

use std::fmt;

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Target {
    /// Reads `HOST`, `HOST:PORT`, `:PORT`, `PORT`, IPv6 addresses with and without brackets, and
    /// what people copy out of a browser: `https://HOST/`.
    pub(crate) fn parse(text: &str, default_port: u16) -> Result<Self, String> {
        const HTTPS: u16 = 443;
        match text.split_once("://") {
            Some(("https", rest)) => {
                return Self::parse(rest.split('/').next().unwrap_or_default(), HTTPS);
            }
            Some((scheme, _)) => {
                return Err(format!("{scheme}:// is not supported: give HOST:PORT"));
            }
            None => {}
        }
        let port =
            |text: &str| text.parse().map_err(|_| format!("{text:?} is not a port (0 to 65535)"));
        let (host, port) = match text.rsplit_once(':') {
            // An IPv6 address without brackets has colons and no port.
            Some((host, _)) if host.contains(':') && !host.ends_with(']') => (text, default_port),
            Some((host, digits)) => (host, port(digits)?),
            None => match text.parse() {
                Ok(port) => ("", port),
                Err(_) => (text, default_port),
            },
        };
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        let host = if host.is_empty() { "localhost" } else { host };
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
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
            ("https://example.com/a:b", "example.com", 443),
            ("https://example.com:8443", "example.com", 8443),
        ] {
            let target = Target::parse(text, 1234).unwrap();
            assert_eq!((target.host.as_str(), target.port), (host, port), "{text}");
        }
        assert!(Target::parse("localhost:http", 1234).is_err());
        let error = Target::parse("http://localhost", 1234).unwrap_err();
        assert_eq!(error, "http:// is not supported: give HOST:PORT");
        assert!(Target::parse("localhost:65536", 1234).is_err());
    }
}
