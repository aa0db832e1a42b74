//! Which of several identities is shown.

use std::sync::Arc;

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
