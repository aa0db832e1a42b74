//! Which of several identities is shown.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use aws_lc_rs::digest::{self, SHA256};

use rustls::SignatureScheme;
use rustls::sign::CertifiedKey;

use crate::identity::Identity;
use crate::session::tap;

/// Chooses the identity to show: the first whose key can sign in a way that the peer verifies.
/// As in OpenSSL, a client shows its certificate whatever CA names the server lists.
#[derive(Debug)]
pub(super) struct Identities(Vec<Identity>);

impl Identities {
    pub(super) fn of(identities: &[Identity]) -> Self {
        Self(identities.to_vec())
    }

    /// The one that stands for these identities in this process. The engine resumes a client's
    /// session only under the very resolver that made it: so contexts with the same identities
    /// resume each other's, and with others none.
    pub(super) fn interned(identities: &[Identity]) -> Arc<Self> {
        static KNOWN: LazyLock<Mutex<HashMap<Vec<u8>, Weak<Identities>>>> =
            LazyLock::new(Mutex::default);
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let name = fingerprint(identities);
        if let Some(alive) = known.get(&name).and_then(Weak::upgrade) {
            return alive;
        }
        known.retain(|_, of| of.strong_count() > 0);
        let new = Arc::new(Self::of(identities));
        known.insert(name, Arc::downgrade(&new));
        new
    }

    fn choose(&self, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let usable =
            |identity: &&Identity| identity.certified().key.choose_scheme(schemes).is_some();
        let chosen = self.0.iter().find(usable)?;
        tap::note_shown(chosen.shared_chain());
        Some(chosen.certified().clone())
    }
}

impl rustls::server::ResolvesServerCert for Identities {
    fn resolve(&self, hello: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.signature_schemes())
    }
}

impl rustls::client::ResolvesClientCert for Identities {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        tap::note_requested(schemes);
        self.choose(schemes)
    }

    fn has_certs(&self) -> bool {
        !self.0.is_empty()
    }
}

/// What tells identities apart: every certificate of every chain. The keys are the leaves'.
fn fingerprint(identities: &[Identity]) -> Vec<u8> {
    let mut name = Vec::new();
    for identity in identities {
        name.extend(u32::try_from(identity.chain().len()).unwrap_or(u32::MAX).to_be_bytes());
        for certificate in identity.chain() {
            name.extend_from_slice(digest::digest(&SHA256, certificate.der()).as_ref());
        }
    }
    name
}
