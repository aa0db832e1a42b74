//! A server's request for a client certificate, and the certificates to send.

use std::sync::Arc;

use sealwire_x509::{Certificate, Name};

/// A server asked for a certificate
/// ([RFC 8446, 4.3.2](https://www.rfc-editor.org/rfc/rfc8446#section-4.3.2);
/// [RFC 5246, 7.4.4](https://www.rfc-editor.org/rfc/rfc5246#section-7.4.4)).
#[derive(Debug, Clone)]
pub struct CertificateRequest {
    authorities: Vec<Name>,
    shown: Option<Arc<[Certificate]>>,
}

impl CertificateRequest {
    pub(crate) fn new(authorities: &[Vec<u8>], shown: Option<Arc<[Certificate]>>) -> Self {
        let authorities = authorities.iter().filter_map(|der| Name::from_der(der).ok()).collect();
        Self { authorities, shown }
    }

    /// The CAs whose certificates the server accepts, as it named them. Empty: any CA.
    pub fn authorities(&self) -> &[Name] {
        &self.authorities
    }

    /// The certificates to send, leaf first; empty without an identity.
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

    /// That the server named CAs and the certificate shown is of none of them, in a sentence. It is known
    /// before the certificate is sent; many servers, with OpenSSL, take it all the same.
    pub fn mismatch(&self) -> Option<String> {
        let leaf = self.shown().first().filter(|_| !self.is_met())?;
        let named = self.authorities_text();
        Some(format!(
            "the server accepts certificates issued by {named}, and ours is issued by {}",
            leaf.issuer()
        ))
    }

    /// The CAs that the server named, the first of many.
    pub(crate) fn authorities_text(&self) -> String {
        const SHOWN: usize = 4;
        let names = self.authorities.iter().take(SHOWN).map(ToString::to_string);
        let mut text = names.collect::<Vec<_>>().join(" or ");
        if let Some(more @ 1..) = self.authorities.len().checked_sub(SHOWN) {
            text += &format!(" or {more} others");
        }
        text
    }
}
