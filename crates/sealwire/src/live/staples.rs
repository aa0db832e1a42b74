//! OCSP responses fetched by the program, for identities without one of their own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use sealwire_x509::Certificate;

use crate::context::Identity;

/// OCSP responses for our certificates, kept by the code that fetches them
/// ([`WatchedBuilder::staples`](super::WatchedBuilder::staples)). Cheap to clone; all clones are
/// one.
#[derive(Debug, Clone, Default)]
pub struct Staples(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// By certificate, DER.
    kept: RwLock<HashMap<Vec<u8>, Vec<u8>>>,
    changes: AtomicU64,
}

impl Staples {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps a response (DER) for this certificate. It is sent unchanged:
    /// [`Identity::stapling`] checks it beforehand.
    pub fn put(&self, certificate: &Certificate, response: Vec<u8>) {
        let mut kept = self.0.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.insert(certificate.der().to_vec(), response);
        self.0.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// Forgets the response for this certificate.
    pub fn remove(&self, certificate: &Certificate) {
        let mut kept = self.0.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.remove(certificate.der()).is_some() {
            self.0.changes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The response for this certificate.
    #[must_use]
    pub fn response(&self, certificate: &Certificate) -> Option<Vec<u8>> {
        let kept = self.0.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.get(certificate.der()).cloned()
    }

    /// The identity with the response for its certificate; unchanged without one, or when it has one
    /// already.
    #[must_use]
    pub fn stapled(&self, identity: Identity) -> Identity {
        let kept = self.0.kept.read().unwrap_or_else(PoisonError::into_inner);
        match kept.get(identity.leaf().der()) {
            Some(response) if identity.ocsp_response().is_none() => {
                identity.with_ocsp_response(response.clone())
            }
            _ => identity,
        }
    }

    /// How often something was put or removed.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::Relaxed)
    }
}
