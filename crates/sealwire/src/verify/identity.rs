//! Is the certificate for the requested server?
//! [RFC 9525](https://www.rfc-editor.org/rfc/rfc9525), and Node's rules.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use sealwire_x509::{Certificate, GeneralName};

use super::alt_names_text;
use crate::words::ServerName;

/// The rules by which a server's certificate is compared with the requested name.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum NameCheck {
    /// [RFC 9525](https://www.rfc-editor.org/rfc/rfc9525):
    /// only subject alternative names count, `*` is a whole left-most label.
    #[default]
    Rfc9525,
    /// The rules of Node's `tls.checkServerIdentity`: the common name counts when there is no
    /// DNS name, and `*` may stand for a part of the left-most label.
    Node,
    /// A rule of the caller's: `Err` holds the reason for a no.
    Custom(Arc<CustomCheck>),
    /// These rules, with another name than the one that is asked for by SNI.
    ForName(ServerName, Arc<Self>),
    /// No check at all: **any** certificate of any trusted CA passes for this server. For programs
    /// that identify the peer by other means, such as a private CA with one member.
    DangerousNone,
}

/// The callback of [`NameCheck::Custom`]: gets the requested name and the leaf.
pub type CustomCheck = dyn Fn(&ServerName, &Certificate) -> Result<(), String> + Send + Sync;

/// The certificate is for another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameMismatch {
    host: String,
    reason: String,
}

/// Compares `certificate` with the requested name.
///
/// Where [`NameCheck::Node`] lets a common name decide, the name constraints of the CAs above are
/// not looked at, since only the leaf is here; [`check_common_name_constraints`](super::check_common_name_constraints) does that.
///
/// # Errors
/// [`NameMismatch`] with the names that the certificate has instead, in Node's words.
pub fn check_server_identity(
    name: &ServerName,
    certificate: &Certificate,
    rules: &NameCheck,
) -> Result<(), NameMismatch> {
    find_name(name, certificate, rules).map(|_| ())
}

/// What in a certificate the name was found in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// An alternative name, or wherever a rule of the caller's found it.
    AltName,
    /// The common name.
    CommonName,
}

/// As [`check_server_identity`], and where the name was found.
pub(super) fn find_name(
    name: &ServerName,
    certificate: &Certificate,
    rules: &NameCheck,
) -> Result<Found, NameMismatch> {
    let outcome = match rules {
        NameCheck::DangerousNone => Ok(Found::AltName),
        NameCheck::Custom(check) => check(name, certificate).map(|()| Found::AltName),
        NameCheck::ForName(other, rules) => return find_name(other, certificate, rules),
        NameCheck::Rfc9525 => {
            check(name, certificate, &Rules { common_name: false, partial_wildcard: false })
        }
        NameCheck::Node => {
            check(name, certificate, &Rules { common_name: true, partial_wildcard: true })
        }
    };
    outcome.map_err(|reason| NameMismatch { host: name.to_string(), reason })
}

impl NameCheck {
    /// Whether it is the caller's own rule, which is asked about good chains only.
    pub(super) fn is_of_the_caller(&self) -> bool {
        match self {
            Self::Custom(_) => true,
            Self::ForName(_, rules) => rules.is_of_the_caller(),
            _ => false,
        }
    }

    /// The name that these rules compare a certificate with, when `asked` was asked for.
    pub(super) fn name<'a>(&'a self, asked: &'a ServerName) -> &'a ServerName {
        match self {
            Self::ForName(other, rules) => rules.name(other),
            _ => asked,
        }
    }
}

impl NameMismatch {
    /// The name that was asked for.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Why the certificate is not for it: Node's `err.reason`.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for NameMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hostname/IP does not match certificate's altnames: {}", self.reason)
    }
}

impl std::error::Error for NameMismatch {}

impl fmt::Debug for NameCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rfc9525 => "Rfc9525",
            Self::Node => "Node",
            Self::Custom(_) => "Custom(..)",
            Self::ForName(name, rules) => return write!(f, "ForName({name}, {rules:?})"),
            Self::DangerousNone => "DangerousNone",
        })
    }
}

/// Where the two sets of rules differ.
struct Rules {
    common_name: bool,
    partial_wildcard: bool,
}

fn check(name: &ServerName, certificate: &Certificate, rules: &Rules) -> Result<Found, String> {
    let names = certificate
        .subject_alt_names()
        .map_err(|e| format!("the subject alternative names cannot be read: {e}"))?;
    match name.ip() {
        Some(ip) => check_ip(ip, &names),
        None => check_host(name.as_str(), certificate, &names, rules),
    }
}

fn check_ip(ip: IpAddr, names: &[GeneralName]) -> Result<Found, String> {
    let mut listed = Vec::new();
    for name in names {
        if let GeneralName::Ip(candidate) = name {
            if *candidate == ip {
                return Ok(Found::AltName);
            }
            // Node lists addresses in their short form here, unlike in `subjectaltname`.
            listed.push(candidate.to_string());
        }
    }
    Err(format!("IP: {ip} is not in the cert's list: {}", listed.join(", ")))
}

fn check_host(
    host: &str,
    certificate: &Certificate,
    names: &[GeneralName],
    rules: &Rules,
) -> Result<Found, String> {
    let dns = names.iter().filter_map(|name| match name {
        GeneralName::Dns(pattern) => Some(pattern.as_str()),
        _ => None,
    });
    let mut has_dns = false;
    for pattern in dns {
        has_dns = true;
        if matches(pattern, host, rules) {
            return Ok(Found::AltName);
        }
    }
    if has_dns {
        let all = alt_names_text(names);
        return Err(format!("Host: {host}. is not in the cert's altnames: {all}"));
    }
    let subject = certificate.subject();
    let mut common_names = subject
        .attributes()
        .iter()
        .filter(|attribute| attribute.short_name == Some("CN"))
        .map(|attribute| attribute.value.as_str())
        .peekable();
    if !rules.common_name || common_names.peek().is_none() {
        return Err("Cert does not contain a DNS name".to_owned());
    }
    let common_names: Vec<&str> = common_names.collect();
    if common_names.iter().any(|name| matches(name, host, rules)) {
        return Ok(Found::CommonName);
    }
    Err(format!("Host: {host}. is not cert's CN: {}", common_names.join(",")))
}

/// Whether a presented name (a DNS entry or a common name) covers `host`, which is lower-case
/// ASCII without a trailing dot.
fn matches(pattern: &str, host: &str, rules: &Rules) -> bool {
    // A name in a certificate must be printable ASCII: anything else covers nothing.
    if !pattern.bytes().all(|b| matches!(b, 0x21..=0x7e)) {
        return false;
    }
    let pattern = pattern.strip_suffix('.').unwrap_or(pattern).to_ascii_lowercase();
    let pattern_labels: Vec<&str> = pattern.split('.').collect();
    let host_labels: Vec<&str> = host.split('.').collect();
    if pattern_labels.len() != host_labels.len()
        || pattern_labels.iter().chain(&host_labels).any(|label| label.is_empty())
        || pattern_labels[1..] != host_labels[1..]
    {
        return false;
    }
    let (label, host_label) = (pattern_labels[0], host_labels[0]);
    let Some((before, after)) = label.split_once('*') else { return label == host_label };
    let may_be_wildcard = pattern_labels.len() >= 3
        && !after.contains('*')
        && !pattern_labels[1..].iter().any(|label| label.contains('*'))
        && !label.contains("xn--");
    if !may_be_wildcard {
        return label == host_label;
    }
    if !rules.partial_wildcard {
        return before.is_empty() && after.is_empty();
    }
    host_label.len() >= before.len() + after.len()
        && host_label.starts_with(before)
        && host_label.ends_with(after)
}

#[cfg(test)]
mod tests {
    use super::{Rules, matches};

    const NODE: Rules = Rules { common_name: true, partial_wildcard: true };
    const RFC: Rules = Rules { common_name: false, partial_wildcard: false };

    #[test]
    fn patterns_cover_what_node_says_they_cover() {
        // (pattern, host, Node's tls.checkServerIdentity, RFC 9525)
        for (pattern, host, node, rfc) in [
            ("a.com", "a.com", true, true),
            ("A.COM", "a.com", true, true),
            ("a.com.", "a.com", true, true),
            ("*.a.com", "b.a.com", true, true),
            ("*.a.com", "a.com", false, false),
            ("*.a.com", "c.b.a.com", false, false),
            ("*.com", "a.com", false, false),
            ("*", "a", false, false),
            ("f*o.a.com", "foo.a.com", true, false),
            ("f*o.a.com", "fo.a.com", true, false),
            ("f*o.a.com", "fxxo.a.com", true, false),
            ("*b.a.com", "b.a.com", true, false),
            ("a.*.com", "a.b.com", false, false),
            ("*.*.com", "a.b.com", false, false),
            ("**.a.com", "b.a.com", false, false),
            ("xn--*.a.com", "xn--b.a.com", false, false),
            ("*.a.com", "xn--b.a.com", true, true),
            (".a.com", "b.a.com", false, false),
            ("a..com", "a.b.com", false, false),
            ("a.com\0.evil.com", "a.com", false, false),
            ("\u{e9}.com", "\u{e9}.com", false, false),
        ] {
            assert_eq!(matches(pattern, host, &NODE), node, "Node: {pattern} for {host}");
            assert_eq!(matches(pattern, host, &RFC), rfc, "RFC 9525: {pattern} for {host}");
        }
    }
}
