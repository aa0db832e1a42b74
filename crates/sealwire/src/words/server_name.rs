//! The name of a server: what is asked for, sent as SNI and compared with the certificate.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// A DNS name or an IP address.
///
/// A name may be given in Unicode; it is kept in its ASCII form (IDNA, UTS 46), lower-case and
/// without a trailing dot. Underscores are allowed, as they occur in practice.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerName {
    /// In ASCII; an address as text, IPv6 without brackets.
    text: String,
    ip: Option<IpAddr>,
    spelling: Spelling,
}

/// A name with letters in another case, for SNI. It is no other name: they are all equal.
#[derive(Debug, Clone, Default)]
struct Spelling(Option<String>);

impl PartialEq for Spelling {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Spelling {}

impl Hash for Spelling {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// A string that is neither a DNS name nor an IP address, and could not be sent as SNI either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidServerName {
    name: String,
    fault: &'static str,
}

impl InvalidServerName {
    /// The fault: "it has an empty label".
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
        &self.text
    }

    /// The address, unless it is a DNS name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.ip
    }

    /// The name with its letters in the case in which they are written here, which SNI keeps. It is
    /// the same name: comparisons of names ignore the case
    /// ([RFC 6066, 3](https://www.rfc-editor.org/rfc/rfc6066#section-3)).
    ///
    /// # Errors
    /// As [`from_str`](Self::from_str).
    pub fn spelled(name: &str) -> Result<Self, InvalidServerName> {
        let mut parsed: Self = name.parse()?;
        let written = name.strip_suffix('.').unwrap_or(name);
        if parsed.ip.is_none()
            && parsed.text != written
            && parsed.text.eq_ignore_ascii_case(written)
        {
            parsed.spelling = Spelling(Some(written.to_owned()));
        }
        Ok(parsed)
    }

    /// The name as SNI has it.
    pub(crate) fn for_sni(&self) -> &str {
        self.spelling.0.as_deref().unwrap_or(&self.text)
    }
}

impl From<IpAddr> for ServerName {
    fn from(ip: IpAddr) -> Self {
        Self { text: ip.to_string(), ip: Some(ip), spelling: Spelling::default() }
    }
}

impl FromStr for ServerName {
    type Err = InvalidServerName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if let Some(ip) = parse_ip(name) {
            return Ok(ip.into());
        }
        match to_ascii(name).filter(|ascii| fault(ascii).is_none()) {
            Some(ascii) => {
                Ok(Self { text: ascii.into_owned(), ip: None, spelling: Spelling::default() })
            }
            None => {
                // What is wrong is said of the name as it was given.
                let bare = name.strip_suffix('.').unwrap_or(name);
                let fault = fault(bare).unwrap_or(NO_ASCII_FORM);
                Err(InvalidServerName { name: name.to_owned(), fault })
            }
        }
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
        f.write_str(&self.text)
    }
}

impl fmt::Display for InvalidServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, fault } = self;
        write!(f, "{name:?} is not a DNS name or an IP address: {fault}")
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

const NO_ASCII_FORM: &str = "it has no ASCII form (IDNA)";

/// What is wrong with a name
/// ([RFC 1035, 2.3.4](https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4), and
/// [RFC 1123, 2.1](https://www.rfc-editor.org/rfc/rfc1123#section-2.1)). A name whose last label is a
/// number would be taken for an address (WHATWG URL, 3.5).
fn fault(name: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let last = name.rsplit('.').next().unwrap_or_default();
    if name.is_empty() {
        Some("it is empty")
    } else if name.contains('*') {
        Some("a wildcard is for certificates only")
    } else if !name.is_ascii() {
        Some(NO_ASCII_FORM)
    } else if !name.chars().all(allowed) {
        Some("it contains a character that host names do not allow")
    } else if name.split('.').any(str::is_empty) {
        Some("it has an empty label")
    } else if name.split('.').any(|label| label.len() > 63) {
        Some("it has a label of more than 63 characters")
    } else if name.len() > 253 {
        Some("it has more than 253 characters")
    } else if name.split('.').any(|label| label.starts_with('-') || label.ends_with('-')) {
        Some("it has a label that begins or ends with a hyphen")
    } else if is_number(last) {
        Some("its last label is a number")
    } else {
        None
    }
}

/// Decimal, or hexadecimal after `0x`.
fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    hex.is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
        || label.bytes().all(|byte| byte.is_ascii_digit())
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
        assert_eq!((spelled.as_str(), spelled.for_sni()), ("localhost", "LOCALhost"));
        for other in ["B\u{fc}cher.example", "::1", "127.0.0.1"] {
            let parsed: ServerName = other.parse().unwrap();
            assert_eq!(ServerName::spelled(other).unwrap().for_sni(), parsed.as_str());
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
            ("a..", "it has an empty label"),
            (".a", "it has an empty label"),
            ("-a.com", "it has a label that begins or ends with a hyphen"),
            ("*.a.com", "a wildcard is for certificates only"),
            ("a b", "it contains a character that host names do not allow"),
            ("a\0b", "it contains a character that host names do not allow"),
            ("https://a", "it contains a character that host names do not allow"),
            ("\u{fffd}.example", "it has no ASCII form (IDNA)"),
            (&long_label, "it has a label of more than 63 characters"),
            (&long_name, "it has more than 253 characters"),
            ("127.0.0.256", "its last label is a number"),
            ("a.0x7f", "its last label is a number"),
        ] {
            let error = given.parse::<ServerName>().expect_err(given);
            assert_eq!(error.fault(), fault, "{given:?}");
            let text = format!("{given:?} is not a DNS name or an IP address: {fault}");
            assert_eq!(error.to_string(), text);
        }
    }
}
