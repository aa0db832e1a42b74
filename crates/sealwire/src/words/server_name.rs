//! The name of a server: what is asked for, sent as SNI and compared with the certificate.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use rustls_pki_types as pki_types;

/// A DNS name or an IP address.
///
/// A name may be given in Unicode; it is kept in its ASCII form (IDNA, UTS 46), lower-case and
/// without a trailing dot. Underscores are allowed, as they occur in practice.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerName(pki_types::ServerName<'static>, String);

/// A string that is neither a DNS name nor an IP address, and could not be sent as SNI either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidServerName {
    name: String,
    fault: &'static str,
}

impl InvalidServerName {
    /// What is wrong with it: "it has an empty label".
    pub fn fault(&self) -> &str {
        self.fault
    }

    /// The code that Node's `err.code` has for a `servername` that cannot be used.
    pub fn code(&self) -> &'static str {
        "ERR_INVALID_ARG_VALUE"
    }
}

impl ServerName {
    /// The name in ASCII, or the address as text (IPv6 without brackets).
    pub fn as_str(&self) -> &str {
        &self.1
    }

    /// The address, unless it is a DNS name.
    pub fn ip(&self) -> Option<IpAddr> {
        match &self.0 {
            pki_types::ServerName::IpAddress(ip) => Some((*ip).into()),
            _ => None,
        }
    }

    /// The name with its letters in the case in which they are written here, which SNI keeps. It is
    /// the same name: nothing that compares names looks at the case (RFC 6066, 3).
    ///
    /// # Errors
    /// As [`from_str`](Self::from_str).
    pub fn spelled(name: &str) -> Result<Self, InvalidServerName> {
        let parsed: Self = name.parse()?;
        let written = name.strip_suffix('.').unwrap_or(name);
        match pki_types::DnsName::try_from(written) {
            Ok(dns) if parsed.1.eq_ignore_ascii_case(written) && parsed.ip().is_none() => {
                Ok(Self(pki_types::ServerName::DnsName(dns.to_owned()), parsed.1))
            }
            _ => Ok(parsed),
        }
    }

    pub(crate) fn to_rustls(&self) -> pki_types::ServerName<'static> {
        self.0.clone()
    }
}

impl From<IpAddr> for ServerName {
    fn from(ip: IpAddr) -> Self {
        Self(pki_types::ServerName::IpAddress(ip.into()), ip.to_string())
    }
}

impl FromStr for ServerName {
    type Err = InvalidServerName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if let Some(ip) = parse_ip(name) {
            return Ok(ip.into());
        }
        let invalid = || InvalidServerName { name: name.to_owned(), fault: fault(name) };
        let ascii = to_ascii(name).ok_or_else(invalid)?;
        let dns = pki_types::DnsName::try_from(ascii.as_ref()).map_err(|_| invalid())?.to_owned();
        Ok(Self(pki_types::ServerName::DnsName(dns), ascii.into_owned()))
    }
}

impl TryFrom<&str> for ServerName {
    type Error = InvalidServerName;

    fn try_from(name: &str) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl TryFrom<String> for ServerName {
    type Error = InvalidServerName;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.1)
    }
}

impl fmt::Display for InvalidServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, fault } = self;
        write!(f, "{name:?} is neither a DNS name nor an IP address: {fault}")
    }
}

impl std::error::Error for InvalidServerName {}

/// An address as people write it in a URL too: `[::1]`.
fn parse_ip(name: &str) -> Option<IpAddr> {
    match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => name.parse().ok(),
    }
}

/// What is wrong with a name that was refused (RFC 1035, 2.3.4, and RFC 1123, 2.1).
fn fault(name: &str) -> &'static str {
    let name = name.strip_suffix('.').unwrap_or(name);
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() {
        "it is empty"
    } else if name.contains('*') {
        "a wildcard is for certificates only"
    } else if !name.is_ascii() {
        "it has no ASCII form (IDNA)"
    } else if !name.chars().all(allowed) {
        "it has a character that no host name has"
    } else if name.split('.').any(str::is_empty) {
        "it has an empty label"
    } else if name.split('.').any(|label| label.len() > 63) {
        "it has a label of more than 63 characters"
    } else if name.len() > 253 {
        "it has more than 253 characters"
    } else if name.split('.').any(|label| label.starts_with('-') || label.ends_with('-')) {
        "it has a label that begins or ends with a hyphen"
    } else {
        "its last label is a number"
    }
}

fn to_ascii(name: &str) -> Option<Cow<'_, str>> {
    let ascii = if name.is_ascii() {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(idna::domain_to_ascii(name).ok()?)
    };
    let ascii = match ascii.strip_suffix('.') {
        Some(without_dot) => Cow::Owned(without_dot.to_owned()),
        None => ascii,
    };
    let lower = if ascii.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(ascii.to_ascii_lowercase())
    } else {
        ascii
    };
    (!lower.is_empty()).then_some(lower)
}

#[cfg(test)]
mod tests {
    use super::ServerName;

    #[test]
    fn a_name_is_sent_as_it_is_spelled_and_is_the_same_name() {
        let spelled = ServerName::spelled("LOCALhost.").unwrap();
        assert_eq!(spelled, "localhost".parse().unwrap());
        assert_eq!(spelled.as_str(), "localhost");
        assert_eq!(spelled.to_rustls().to_str(), "LOCALhost");
        for other in ["B\u{fc}cher.example", "::1", "127.0.0.1"] {
            assert_eq!(
                ServerName::spelled(other).unwrap().to_rustls(),
                other.parse::<ServerName>().unwrap().to_rustls()
            );
        }
        assert!(ServerName::spelled("sni.0").is_err());
    }

    #[test]
    fn names_are_kept_in_their_ascii_form() {
        for (given, kept) in [
            ("localhost", "localhost"),
            ("Example.COM.", "example.com"),
            ("m\u{fc}nchen.de", "xn--mnchen-3ya.de"),
            ("a_b.example", "a_b.example"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]", "::1"),
            ("::1", "::1"),
        ] {
            assert_eq!(given.parse::<ServerName>().unwrap().as_str(), kept);
        }
    }

    #[test]
    fn what_is_not_a_name_is_refused() {
        let (long_label, long_name) = ("a".repeat(64), "a.".repeat(127) + "a");
        for (given, fault) in [
            ("", "it is empty"),
            (".", "it is empty"),
            ("a..b", "it has an empty label"),
            (".a", "it has an empty label"),
            ("-a.com", "it has a label that begins or ends with a hyphen"),
            ("*.a.com", "a wildcard is for certificates only"),
            ("a b", "it has a character that no host name has"),
            ("a\0b", "it has a character that no host name has"),
            ("https://a", "it has a character that no host name has"),
            ("\u{fffd}.example", "it has no ASCII form (IDNA)"),
            (&long_label, "it has a label of more than 63 characters"),
            (&long_name, "it has more than 253 characters"),
            ("127.0.0.256", "its last label is a number"),
        ] {
            let error = given.parse::<ServerName>().expect_err(given);
            assert_eq!(error.fault(), fault, "{given:?}");
            let text = format!("{given:?} is neither a DNS name nor an IP address: {fault}");
            assert_eq!(error.to_string(), text);
        }
    }
}
