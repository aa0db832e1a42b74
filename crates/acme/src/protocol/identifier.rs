//! ACME identifiers: DNS names and addresses (RFC 8738).

use std::fmt;
use std::net::IpAddr;

use sealwire::pki::{GeneralName, NameConstraint, SubjectAltName};
use serde::{Deserialize, Serialize};

use super::{Kind, Problem};

/// A name that is asked for: a host name, perhaps with `*.` before it, or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "lowercase")]
pub enum Identifier {
    /// A host name in ASCII, lower case.
    Dns(String),
    /// An address.
    Ip(IpAddr),
}

/// As it came, before anything was checked.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    #[serde(rename = "type")]
    kind: String,
    value: String,
}

impl Asked {
    /// Checks that it is a name at all.
    pub(crate) fn check(&self) -> Result<Identifier, Problem> {
        let shown: String = self.value.chars().take(80).collect();
        let refused = |why: &str| {
            let detail = format!("{shown:?}: {why}");
            Err(Problem::new(Kind::RejectedIdentifier, detail))
        };
        match self.kind.as_str() {
            "dns" if self.value.parse::<IpAddr>().is_ok() => {
                refused("an IP address must be an identifier of type \"ip\"")
            }
            "dns" => match format!("DNS:{}", self.value).parse() {
                Ok(SubjectAltName::Dns(name)) if name.eq_ignore_ascii_case(&self.value) => {
                    Ok(Identifier::Dns(name.to_ascii_lowercase()))
                }
                Ok(_) => refused("an international name must be in ASCII form (xn--)"),
                Err(_) => refused("not a host name"),
            },
            "ip" => match self.value.parse() {
                Ok(address) => Ok(Identifier::Ip(address)),
                Err(_) => refused("not an address"),
            },
            other => {
                let other: String = other.chars().take(40).collect();
                let detail = format!("identifiers of type {other:?} are not supported");
                Err(Problem::new(Kind::UnsupportedIdentifier, detail))
            }
        }
    }
}

impl Identifier {
    /// The host of a name with `*.` before it, and whether there was one.
    #[must_use]
    pub fn without_wildcard(&self) -> (Self, bool) {
        match self {
            Self::Dns(name) => match name.strip_prefix("*.") {
                Some(host) => (Self::Dns(host.to_owned()), true),
                None => (self.clone(), false),
            },
            Self::Ip(_) => (self.clone(), false),
        }
    }

    /// As an entry of subjectAltName.
    #[must_use]
    pub fn to_subject_alt_name(&self) -> SubjectAltName {
        match self {
            Self::Dns(name) => SubjectAltName::Dns(name.clone()),
            Self::Ip(address) => SubjectAltName::Ip(*address),
        }
    }

    /// An entry of subjectAltName, when it is of a kind that ACME has.
    #[must_use]
    pub fn from_general_name(name: &GeneralName) -> Option<Self> {
        match name {
            GeneralName::Dns(name) => Some(Self::Dns(name.to_ascii_lowercase())),
            GeneralName::Ip(address) => Some(Self::Ip(*address)),
            _ => None,
        }
    }

    /// As the name constraints of a certificate are compared with it.
    #[must_use]
    pub fn to_general_name(&self) -> GeneralName {
        match self {
            Self::Dns(name) => GeneralName::Dns(name.strip_prefix("*.").unwrap_or(name).to_owned()),
            Self::Ip(address) => GeneralName::Ip(*address),
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

/// The permitted names: everything below these. An empty list permits all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameRules(Vec<NameConstraint>);

impl NameRules {
    /// Everything below these.
    #[must_use]
    pub fn below(names: impl IntoIterator<Item = NameConstraint>) -> Self {
        Self(names.into_iter().collect())
    }

    /// Whether there is no limit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this name may be had.
    #[must_use]
    pub fn permit(&self, identifier: &Identifier) -> bool {
        self.is_empty()
            || self.0.iter().any(|rule| match (rule, identifier) {
                (NameConstraint::Dns(base), Identifier::Dns(name)) => below(name, base),
                (NameConstraint::Ip { network, prefix }, Identifier::Ip(address)) => {
                    in_network(*network, *prefix, *address)
                }
                _ => false,
            })
    }

    /// Whether this address is in one of the networks.
    #[must_use]
    pub fn permit_address(&self, address: IpAddr) -> bool {
        self.permit(&Identifier::Ip(address))
    }
}

impl fmt::Display for NameRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join(", "))
    }
}

impl Serialize for NameRules {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(ToString::to_string))
    }
}

impl<'de> Deserialize<'de> for NameRules {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        let rules = texts.iter().map(|text| text.parse()).collect::<Result<_, _>>();
        rules.map(Self).map_err(serde::de::Error::custom)
    }
}

fn below(name: &str, base: &str) -> bool {
    let name = name.strip_prefix("*.").unwrap_or(name);
    match name.strip_suffix(base) {
        Some(before) => base.is_empty() || before.is_empty() || before.ends_with('.'),
        None => false,
    }
}

fn in_network(network: IpAddr, prefix: u8, address: IpAddr) -> bool {
    let (network, address, bits) = match (network, address.to_canonical()) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            (u128::from(network.to_bits()), u128::from(address.to_bits()), 32)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => (network.to_bits(), address.to_bits(), 128),
        _ => return false,
    };
    let ignored = bits - u32::from(prefix).min(bits);
    (network ^ address).checked_shr(ignored).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(kind: &str, value: &str) -> Result<Identifier, Kind> {
        let asked = Asked { kind: kind.to_owned(), value: value.to_owned() };
        asked.check().map_err(|problem| problem.kind)
    }

    #[test]
    fn names_are_checked_before_anything_is_done_with_them() {
        assert_eq!(asked("dns", "App.Test"), Ok(Identifier::Dns("app.test".to_owned())));
        assert_eq!(asked("dns", "*.app.test"), Ok(Identifier::Dns("*.app.test".to_owned())));
        assert_eq!(asked("ip", "::1"), Ok(Identifier::Ip("::1".parse().unwrap())));
        for bad in ["", "a..test", "*.*.test", "a b.test", "käse.test", "127.0.0.1", "a/b", "-"] {
            assert_eq!(asked("dns", bad), Err(Kind::RejectedIdentifier), "{bad:?}");
        }
        assert_eq!(asked("ip", "localhost"), Err(Kind::RejectedIdentifier));
        assert_eq!(asked("email", "a@b"), Err(Kind::UnsupportedIdentifier));
    }

    #[test]
    fn rules_take_names_below_and_nothing_beside() {
        let rules = NameRules::below(["app.test", "10.0.0.0/8"].map(|rule| rule.parse().unwrap()));
        let dns = |name: &str| Identifier::Dns(name.to_owned());
        let ip = |address: &str| Identifier::Ip(address.parse().unwrap());
        for good in [dns("app.test"), dns("a.app.test"), dns("*.app.test"), ip("10.1.2.3")] {
            assert!(rules.permit(&good), "{good}");
        }
        for bad in [dns("myapp.test"), dns("test"), ip("11.0.0.1"), ip("::1")] {
            assert!(!rules.permit(&bad), "{bad}");
        }
        assert!(rules.permit_address("::ffff:10.0.0.1".parse().unwrap()));
        assert!(NameRules::default().permit(&dns("anything.example")));
    }
}
