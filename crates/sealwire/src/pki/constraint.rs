//! Name constraints: what names a CA may sign for
//! ([RFC 5280, section 4.2.1.10](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10)).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use der::asn1::{Ia5String, OctetString};
use x509_cert::ext::pkix::name::GeneralName;

use super::signature::unencodable;
use super::{Error, Problem, SubjectAltName};

/// A part of the name space: a host name with everything under it, a network, or the mailboxes
/// of a domain.
///
/// From text: `example.com`, `10.0.0.0/8`, `fd00::/8`, `127.0.0.1` (one address), `@example.com`;
/// or with OpenSSL's `DNS:`, `IP:` (also `IP:10.0.0.0/255.0.0.0`) and `email:` before it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NameConstraint {
    /// This host name and all names that end in it. The empty name is every name.
    Dns(String),
    /// The addresses that begin with so many bits of this one.
    Ip {
        /// The network's first address.
        network: IpAddr,
        /// How many bits of it count.
        prefix: u8,
    },
    /// The mailboxes at this host.
    Email(String),
}

/// The names set aside by
/// [RFC 6761](https://www.rfc-editor.org/rfc/rfc6761),
/// [RFC 6762](https://www.rfc-editor.org/rfc/rfc6762),
/// [RFC 8375](https://www.rfc-editor.org/rfc/rfc8375) and ICANN (internal).
const PRIVATE_NAMES: &[&str] = &["localhost", "test", "example", "internal", "local", "home.arpa"];

/// The addresses of [RFC 1918](https://www.rfc-editor.org/rfc/rfc1918),
/// [RFC 4193](https://www.rfc-editor.org/rfc/rfc4193), loopback and link-local.
const PRIVATE_ADDRESSES: &[&str] = &[
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
];

impl NameConstraint {
    /// Host names that no public server has: what a CA for development may sign for, so that a
    /// thief of its key cannot pose as a bank to clients that trust it.
    pub fn private_names() -> impl Iterator<Item = Self> {
        PRIVATE_NAMES.iter().map(|name| Self::Dns((*name).to_owned()))
    }

    /// Addresses that no public server has. In a certificate, BoringSSL refuses every leaf with an
    /// address below such constraints, also where they allow it; [`CaStore::limit_addresses`]
    /// keeps them beside the certificate instead.
    ///
    /// [`CaStore::limit_addresses`]: super::CaStore::limit_addresses
    pub fn private_addresses() -> impl Iterator<Item = Self> {
        PRIVATE_ADDRESSES.iter().map(|text| text.parse().expect("written above"))
    }

    /// Both: the constraints of a CA for private use.
    pub fn private() -> impl Iterator<Item = Self> {
        Self::private_names().chain(Self::private_addresses())
    }

    /// Whether this is a network, and the address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let same_bits = |ours: &[u8], theirs: &[u8], prefix: u8| {
            (0..usize::from(prefix)).all(|at| {
                let bit = |bytes: &[u8]| bytes[at / 8] >> (7 - at % 8) & 1;
                bit(ours) == bit(theirs)
            })
        };
        match (self, address) {
            (Self::Ip { network: IpAddr::V4(network), prefix }, IpAddr::V4(address)) => {
                same_bits(&network.octets(), &address.octets(), *prefix)
            }
            (Self::Ip { network: IpAddr::V6(network), prefix }, IpAddr::V6(address)) => {
                same_bits(&network.octets(), &address.octets(), *prefix)
            }
            _ => false,
        }
    }

    pub(super) fn to_general_name(&self) -> Result<GeneralName, Error> {
        let ascii = |text: &str| Ia5String::new(text).map_err(|e| unencodable(&e));
        Ok(match self {
            Self::Dns(name) => GeneralName::DnsName(ascii(name)?),
            Self::Email(host) => GeneralName::Rfc822Name(ascii(host)?),
            Self::Ip { network, prefix } => {
                let (mut bytes, length) = match network {
                    IpAddr::V4(v4) => (v4.octets().to_vec(), 4),
                    IpAddr::V6(v6) => (v6.octets().to_vec(), 16),
                };
                for index in 0..length {
                    let bits = usize::from(*prefix).saturating_sub(index * 8).min(8);
                    let mask = u8::MAX.checked_shl(8 - bits as u32).unwrap_or(0);
                    bytes[index] &= mask;
                    bytes.push(mask);
                }
                GeneralName::IpAddress(OctetString::new(bytes).map_err(|e| unencodable(&e))?)
            }
        })
    }
}

impl FromStr for NameConstraint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let lower = text.to_ascii_lowercase();
        let parsed = if let Some(rest) = lower.strip_prefix("dns:") {
            dns(rest).map(Self::Dns)
        } else if let Some(rest) = lower.strip_prefix("ip:") {
            network(rest)
        } else if let Some(rest) = lower.strip_prefix("email:") {
            dns(rest.trim_start_matches('@')).map(Self::Email)
        } else if let Some(rest) = lower.strip_prefix('@') {
            dns(rest).map(Self::Email)
        } else {
            network(&lower).or_else(|| dns(&lower).map(Self::Dns))
        };
        parsed.ok_or_else(|| {
            let what =
                format!("{text:?} is not a name constraint: example.com, 10.0.0.0/8, @example.com");
            Error::new(Problem::InvalidValue, what)
        })
    }
}

impl fmt::Display for NameConstraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "DNS:{name}"),
            Self::Ip { network, prefix } => write!(f, "IP:{network}/{prefix}"),
            Self::Email(host) => write!(f, "email:{host}"),
        }
    }
}

/// A leading dot, which some write for "and everything under it", means nothing here.
fn dns(text: &str) -> Option<String> {
    match format!("DNS:{}", text.strip_prefix('.').unwrap_or(text)).parse() {
        Ok(SubjectAltName::Dns(name)) if !name.starts_with('*') => Some(name),
        _ => None,
    }
}

fn network(text: &str) -> Option<NameConstraint> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let network: IpAddr = address.parse().ok()?;
    let most: u8 = if network.is_ipv4() { 32 } else { 128 };
    let prefix = match length {
        None => most,
        Some(length) => match length.parse::<IpAddr>() {
            Ok(mask) => mask_length(mask)?,
            Err(_) => length.parse().ok().filter(|bits| *bits <= most)?,
        },
    };
    Some(NameConstraint::Ip { network, prefix })
}

fn mask_length(mask: IpAddr) -> Option<u8> {
    let (bits, width) = match mask {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)) << 96, 32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    };
    let ones = bits.leading_ones();
    let contiguous = bits == u128::MAX.checked_shl(128 - ones).unwrap_or(0);
    contiguous.then(|| ones.min(width) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_networks_and_mailboxes() {
        for (text, shown) in [
            ("example.com", "DNS:example.com"),
            (".example.com", "DNS:example.com"),
            ("DNS:localhost", "DNS:localhost"),
            ("10.0.0.0/8", "IP:10.0.0.0/8"),
            ("IP:10.0.0.0/255.0.0.0", "IP:10.0.0.0/8"),
            ("127.0.0.1", "IP:127.0.0.1/32"),
            ("fd00::/8", "IP:fd00::/8"),
            ("@bücher.example", "email:xn--bcher-kva.example"),
            ("0.0.0.0/0", "IP:0.0.0.0/0"),
        ] {
            let constraint: NameConstraint = text.parse().unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(constraint.to_string(), shown);
            assert_eq!(shown.parse::<NameConstraint>().unwrap(), constraint);
        }
        for bad in ["", "*.x", "10.0.0.0/33", "10.0.0.0/255.0.255.0", "a b"] {
            assert!(bad.parse::<NameConstraint>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_network_holds_its_addresses() {
        for (network, address, holds) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("172.16.0.0/12", "172.31.255.255", true),
            ("172.16.0.0/12", "172.32.0.0", false),
            ("0.0.0.0/0", "203.0.113.7", true),
            ("0.0.0.0/0", "::1", false),
            ("::1", "::1", true),
            ("fc00::/7", "fdff::1", true),
            ("fc00::/7", "fe00::1", false),
            ("::/0", "127.0.0.1", false),
            ("example.com", "127.0.0.1", false),
        ] {
            let constraint: NameConstraint = network.parse().unwrap_or_else(|e| panic!("{e}"));
            let found = constraint.contains(address.parse().unwrap());
            assert_eq!(found, holds, "{address} in {network}");
        }
    }

    #[test]
    fn a_network_is_address_and_mask() {
        let encoded = |text: &str| match text.parse::<NameConstraint>().unwrap().to_general_name() {
            Ok(GeneralName::IpAddress(bytes)) => bytes.as_bytes().to_vec(),
            other => panic!("{other:?}"),
        };
        assert_eq!(encoded("10.1.2.3/12"), [10, 0, 0, 0, 255, 240, 0, 0]);
        assert_eq!(encoded("0.0.0.0/0"), [0; 8]);
        assert_eq!(encoded("::1")[16..], [255; 16]);
    }
}
