//! The names that a certificate is valid for: entries of subjectAltName.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use der::asn1::Ia5String;
use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use x509_cert::ext::pkix::name::GeneralName;

use super::{Error, Problem};

/// One name of a certificate (an entry of its subjectAltName;
/// [RFC 5280, section 4.2.1.6](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.6)).
///
/// From text it is guessed (`localhost`, `127.0.0.1`, `::1`, `user@example.com`,
/// `https://example.com/`) or in OpenSSL's form (`DNS:localhost`, `IP:127.0.0.1`,
/// `email:user@example.com`, `URI:urn:x`). International host names become ASCII (`xn--`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SubjectAltName {
    /// A host name in ASCII, perhaps with `*` as its first label.
    Dns(String),
    /// An address.
    Ip(IpAddr),
    /// A mailbox.
    Email(String),
    /// A URI.
    Uri(String),
}

impl FromStr for SubjectAltName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let said = text.split_once(':').and_then(|(kind, value)| {
            Some(match kind.to_ascii_lowercase().as_str() {
                "dns" => dns(value).map(Self::Dns),
                "ip" | "ip address" => ip(value).map(Self::Ip),
                "email" => email(value).map(Self::Email),
                "uri" => uri(value).map(Self::Uri),
                _ => return None,
            })
        });
        let name = said.unwrap_or_else(|| {
            if let Ok(address) = ip(text) {
                Ok(Self::Ip(address))
            } else if text.contains("://") {
                uri(text).map(Self::Uri)
            } else if text.contains('@') {
                email(text).map(Self::Email)
            } else {
                dns(text).map(Self::Dns)
            }
        });
        name.map_err(|why| refused(text, "a name", why))
    }
}

/// OpenSSL's form, which [`FromStr`] reads back: `DNS:localhost`, `IP:::1`.
impl fmt::Display for SubjectAltName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "DNS:{name}"),
            Self::Ip(address) => write!(f, "IP:{address}"),
            Self::Email(mailbox) => write!(f, "email:{mailbox}"),
            Self::Uri(uri) => write!(f, "URI:{uri}"),
        }
    }
}

impl SubjectAltName {
    /// A name of a certificate as it was read; `None` for the kinds that this type does not have.
    pub fn from_x509(name: &super::GeneralName) -> Option<Self> {
        Some(match name {
            super::GeneralName::Dns(name) => Self::Dns(name.clone()),
            super::GeneralName::Ip(address) => Self::Ip(*address),
            super::GeneralName::Email(mailbox) => Self::Email(mailbox.clone()),
            super::GeneralName::Uri(uri) => Self::Uri(uri.clone()),
            _ => return None,
        })
    }

    /// A URI, checked.
    pub(super) fn uri(text: &str) -> Result<Self, Error> {
        uri(text).map(Self::Uri).map_err(|why| refused(text, "a URI", why))
    }

    /// The name without its kind: `localhost`.
    pub fn value(&self) -> Cow<'_, str> {
        match self {
            Self::Dns(text) | Self::Email(text) | Self::Uri(text) => Cow::Borrowed(text),
            Self::Ip(address) => Cow::Owned(address.to_string()),
        }
    }

    pub(super) fn to_general_name(&self) -> Result<GeneralName, Error> {
        let ascii = |text: &str| {
            Ia5String::new(text)
                .map_err(|e| Error::new(Problem::InvalidValue, format!("{text:?}: {e}")))
        };
        Ok(match self {
            Self::Dns(name) => GeneralName::DnsName(ascii(name)?),
            Self::Ip(address) => GeneralName::from(*address),
            Self::Email(mailbox) => GeneralName::Rfc822Name(ascii(mailbox)?),
            Self::Uri(uri) => GeneralName::UniformResourceIdentifier(ascii(uri)?),
        })
    }

    /// The name as it is in a certificate or request, unchecked; `None` for the kinds that this
    /// type does not have (directory names, otherName, registered ids).
    pub(super) fn from_general_name(name: &GeneralName) -> Option<Self> {
        Some(match name {
            GeneralName::DnsName(name) => Self::Dns(name.as_str().to_owned()),
            GeneralName::Rfc822Name(mailbox) => Self::Email(mailbox.as_str().to_owned()),
            GeneralName::UniformResourceIdentifier(uri) => Self::Uri(uri.as_str().to_owned()),
            GeneralName::IpAddress(octets) => {
                let octets = octets.as_bytes();
                let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
                let v6 = <[u8; 16]>::try_from(octets).map(IpAddr::from);
                Self::Ip(v4.or(v6).ok()?)
            }
            _ => return None,
        })
    }
}

fn refused(text: &str, kind: &str, why: &str) -> Error {
    Error::new(Problem::InvalidValue, format!("{text:?} is not {kind}: {why}"))
}

/// A host name in the ASCII form, checked label by label: UTS 46 alone lets blanks, empty labels
/// and leading hyphens pass.
fn dns(text: &str) -> Result<String, &'static str> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let (wildcard, name) = match text.strip_prefix("*.") {
        Some(rest) => ("*.", rest),
        None => ("", text),
    };
    let ascii = Uts46::new()
        .to_ascii(name.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore)
        .map_err(|_| "not a valid international host name")?;
    if ascii.is_empty() {
        return Err("it is empty");
    }
    if wildcard.len() + ascii.len() > 253 {
        return Err("a host name has at most 253 characters");
    }
    for label in ascii.split('.') {
        check_label(label)?;
    }
    Ok(format!("{wildcard}{ascii}"))
}

fn check_label(label: &str) -> Result<(), &'static str> {
    // Underscores are not allowed in host names by RFC 952, but are in use, and clients match them.
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if label.is_empty() {
        Err("it has an empty label")
    } else if label.len() > 63 {
        Err("a label has at most 63 characters")
    } else if label.contains('*') {
        Err("'*' may only be the whole first label")
    } else if !label.chars().all(allowed) {
        Err("a host name has only letters, digits, '-' and '.'")
    } else if label.starts_with('-') || label.ends_with('-') {
        Err("a label does not begin or end with '-'")
    } else {
        Ok(())
    }
}

fn ip(text: &str) -> Result<IpAddr, &'static str> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| "not an IPv4 or IPv6 address")
}

fn email(text: &str) -> Result<String, &'static str> {
    let (local, host) = text.rsplit_once('@').ok_or("a mailbox has an '@'")?;
    if local.is_empty() || !local.chars().all(|c| c.is_ascii_graphic()) {
        return Err("the part before '@' must be ASCII without blanks");
    }
    let host = dns(host)?;
    if host.starts_with('*') {
        return Err("a mailbox takes no '*'");
    }
    Ok(format!("{local}@{host}"))
}

fn uri(text: &str) -> Result<String, &'static str> {
    let (scheme, rest) = text.split_once(':').ok_or("a URI has a scheme")?;
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if !named || rest.is_empty() {
        return Err("a URI is 'scheme:something'");
    }
    if !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err("a URI is ASCII without blanks; write other characters as %XX");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_and_reads_every_kind() {
        for (text, shown) in [
            ("localhost", "DNS:localhost"),
            ("Example.COM.", "DNS:example.com"),
            ("*.example.com", "DNS:*.example.com"),
            ("bücher.example", "DNS:xn--bcher-kva.example"),
            ("*.bücher.example", "DNS:*.xn--bcher-kva.example"),
            ("例え.テスト", "DNS:xn--r8jz45g.xn--zckzah"),
            ("my_host.test", "DNS:my_host.test"),
            ("127.0.0.1", "IP:127.0.0.1"),
            ("::1", "IP:::1"),
            ("[2001:db8::1]", "IP:2001:db8::1"),
            ("a.b+c@bücher.example", "email:a.b+c@xn--bcher-kva.example"),
            ("https://example.com/x?y", "URI:https://example.com/x?y"),
            ("URI:urn:uuid:1", "URI:urn:uuid:1"),
            ("spiffe://td/x", "URI:spiffe://td/x"),
            ("DNS:127.0.0.1", "DNS:127.0.0.1"),
            ("email:x@localhost", "email:x@localhost"),
        ] {
            let name: SubjectAltName = text.parse().unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(name.to_string(), shown);
            assert_eq!(shown.parse::<SubjectAltName>().unwrap(), name);
            let general = name.to_general_name().unwrap();
            assert_eq!(SubjectAltName::from_general_name(&general), Some(name));
        }
    }

    #[test]
    fn refuses_what_clients_would_never_match() {
        let long = "a".repeat(64);
        for text in [
            "",
            "ex ample.com",
            "-a.b",
            "a-.b",
            "a..b",
            ".a",
            "*",
            "*.*.com",
            "a*.com",
            "x.*.com",
            "a/b",
            &long,
            "DNS:",
            "IP:localhost",
            "IP:1.2.3.4/8",
            "email:x",
            "@x",
            "ö@x.com",
            "URI:x",
            "http:// x",
            "http://ö.com/",
            "xn--a.com",
            "a\0b",
        ] {
            assert!(text.parse::<SubjectAltName>().is_err(), "{text:?} was taken");
        }
    }
}
