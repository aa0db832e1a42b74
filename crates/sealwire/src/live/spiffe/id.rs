//! SPIFFE IDs: `spiffe://trust-domain/path`.

use std::fmt;
use std::str::FromStr;

use sealwire_x509::{Certificate, GeneralName};

/// The identity of a workload (SPIFFE-ID.md): a trust domain, and a path in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpiffeId {
    text: String,
    domain_ends: usize,
}

const SCHEME: &str = "spiffe://";

impl SpiffeId {
    /// That of a certificate, which has exactly one URI (X509-SVID.md, section 2).
    ///
    /// # Errors
    /// What it has in its place.
    pub fn of(certificate: &Certificate) -> Result<Self, String> {
        let names = certificate.subject_alt_names().map_err(|error| error.to_string())?;
        let mut uris = names.iter().filter_map(|name| match name {
            GeneralName::Uri(uri) => Some(uri),
            _ => None,
        });
        match (uris.next(), uris.next()) {
            (Some(uri), None) => uri.parse(),
            (None, _) => Err("the certificate has no SPIFFE ID".to_owned()),
            (Some(_), Some(_)) => Err("the certificate has more than one URI".to_owned()),
        }
    }

    /// The whole ID.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The trust domain: `example.org`.
    pub fn trust_domain(&self) -> &str {
        &self.text[SCHEME.len()..self.domain_ends]
    }

    /// The path, from its slash on; empty for the ID of a trust domain itself.
    pub fn path(&self) -> &str {
        &self.text[self.domain_ends..]
    }
}

impl FromStr for SpiffeId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let no = |why: &str| Err(format!("{text:?} is not a SPIFFE ID: {why}"));
        let Some(rest) = text.strip_prefix(SCHEME) else { return no("it has another scheme") };
        let (domain, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b".-_".contains(&c);
        if domain.is_empty() || domain.len() > 255 || !domain.bytes().all(fits) {
            return no("a trust domain may contain only a-z, 0-9, '.', '-' and '_'");
        }
        let fits = |c: u8| c.is_ascii_alphanumeric() || b".-_".contains(&c);
        let bad = |segment: &str| {
            segment.is_empty() || matches!(segment, "." | "..") || !segment.bytes().all(fits)
        };
        if text.len() > 2048 || !path.is_empty() && path[1..].split('/').any(bad) {
            return no("its path is not made of segments between single slashes");
        }
        Ok(Self { text: text.to_owned(), domain_ends: SCHEME.len() + domain.len() })
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::SpiffeId;

    #[test]
    fn an_id_has_a_trust_domain_and_a_path() {
        let id: SpiffeId = "spiffe://example.org/ns/prod/sa/billing".parse().unwrap();
        assert_eq!((id.trust_domain(), id.path()), ("example.org", "/ns/prod/sa/billing"));
        let id: SpiffeId = "spiffe://example.org".parse().unwrap();
        assert_eq!((id.trust_domain(), id.path()), ("example.org", ""));
        for bad in [
            "https://example.org/a",
            "SPIFFE://example.org/a",
            "spiffe://",
            "spiffe:///a",
            "spiffe://Example.org/a",
            "spiffe://example.org:80/a",
            "spiffe://user@example.org/a",
            "spiffe://example.org/",
            "spiffe://example.org/a/",
            "spiffe://example.org//a",
            "spiffe://example.org/a/../b",
            "spiffe://example.org/a?b",
            "spiffe://example.org/a%41",
            "spiffe://example.org/ä",
        ] {
            assert!(bad.parse::<SpiffeId>().is_err(), "{bad}");
        }
    }
}
