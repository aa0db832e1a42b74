//! Why a certificate is not for the requested name, beyond the list of its names.

use std::net::IpAddr;

use sealwire_x509::{Certificate, GeneralName};

use crate::words::ServerName;

/// What makes a name that is close to one of the certificate's not that one.
pub(in crate::verify) fn mismatch(name: &ServerName, presented: &[Certificate]) -> Option<String> {
    let (leaf, rest) = presented.split_first()?;
    let names = leaf.subject_alt_names().ok()?;
    let dns: Vec<&str> = names
        .iter()
        .filter_map(|name| match name {
            GeneralName::Dns(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let of_names = match name.ip() {
        Some(address) => of_address(address, &dns),
        None => of_host(name.as_str(), &dns),
    };
    of_names.or_else(|| {
        let other = rest.iter().find(|it| !it.is_ca())?;
        leaf.is_ca().then(|| {
            format!(
                "the first certificate, \"{}\", is a CA's; that of \"{}\" comes after it",
                leaf.subject(),
                other.subject()
            )
        })
    })
}

fn of_address(address: IpAddr, dns: &[&str]) -> Option<String> {
    let text = address.to_string();
    dns.iter()
        .any(|name| **name == text)
        .then(|| format!("{address} appears as a DNS name; an address matches IP addresses only"))
}

fn of_host(host: &str, dns: &[&str]) -> Option<String> {
    let wildcards = dns.iter().filter_map(|name| name.strip_prefix("*.").map(|base| (name, base)));
    for (pattern, base) in wildcards {
        let base = base.to_ascii_lowercase();
        if host == base {
            return Some(format!("{pattern} matches names below {base}, not {base} itself"));
        }
        if host.strip_suffix(&base).is_some_and(|before| before.matches('.').count() > 1) {
            return Some(format!("* matches one label, and {host} has more before {base}"));
        }
        if !base.contains('.') && host.ends_with(&format!(".{base}")) {
            return Some(format!("{pattern} matches nothing: too few labels follow the *"));
        }
    }
    let short = dns.iter().find(|name| name.split('.').next() == Some(host))?;
    Some(format!("{short} is a longer name"))
}
