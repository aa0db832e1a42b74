//! A server's wish for a client certificate.

use std::sync::Arc;

use sealwire_x509::{Certificate, Name};

/// A server asked for a certificate (RFC 8446, 4.3.2; RFC 5246, 7.4.4).
#[derive(Debug, Clone)]
pub struct CertificateRequest {
    pub(super) authorities: Vec<Name>,
    pub(super) shown: Option<Arc<[Certificate]>>,
}

impl CertificateRequest {
    pub(super) fn new(authorities: &[Vec<u8>], shown: Option<Arc<[Certificate]>>) -> Self {
        let authorities = authorities.iter().filter_map(|der| Name::from_der(der).ok()).collect();
        Self { authorities, shown }
    }

    /// The CAs whose certificates the server takes, as it named them. None: it does not say.
    pub fn authorities(&self) -> &[Name] {
        &self.authorities
    }

    /// The certificates that it is shown, leaf first; none when there is none to show.
    pub fn shown(&self) -> &[Certificate] {
        self.shown.as_deref().unwrap_or_default()
    }

    /// Whether what is shown is of a CA that the server named, if it named any.
    pub fn is_met(&self) -> bool {
        let named = |name: &Name| {
            let same = |one: &&Name| one.der() == name.der() || one.to_string() == name.to_string();
            self.authorities.iter().find(same).is_some()
        };
        let of_one = |one: &Certificate| named(&one.issuer()) || named(&one.subject());
        self.authorities.is_empty() || self.shown().iter().any(of_one)
    }
}
