//! Who we are and whom we trust, as a context holds it.

use std::sync::Arc;

use rustls::sign::CertifiedKey;

use crate::identity::Identity;
use crate::pki;
use crate::trust::TrustStore;

/// Whom to trust, by where it was said.
#[derive(Default)]
pub(super) struct Trust {
    pub(super) given: Option<TrustStore>,
    pub(super) extra: Option<TrustStore>,
    pub(super) default: Option<TrustStore>,
}

/// Our identities, and the CAs that belong to them.
pub(super) struct Credentials {
    pub(super) identities: Vec<Identity>,
    /// As the identities, with the chains that are sent.
    pub(super) certified: Vec<Arc<CertifiedKey>>,
    /// The CAs that were given for this context: those that a server names to its clients.
    pub(super) named: TrustStore,
}

impl Trust {
    /// Everybody who is trusted.
    pub(super) fn all(&self) -> TrustStore {
        let first = self.given.as_ref().or(self.default.as_ref());
        let first = first.cloned().unwrap_or_else(TrustStore::bundled);
        self.extra.as_ref().map_or_else(|| first.clone(), |extra| first.and(extra))
    }

    /// Those who were given for this very context, and not by default.
    pub(super) fn named(&self) -> TrustStore {
        match (&self.given, &self.extra) {
            (Some(given), Some(extra)) => given.and(extra),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => TrustStore::empty(),
        }
    }
}

impl Credentials {
    pub(super) fn new(identities: Vec<Identity>, named: TrustStore) -> Self {
        let certified = identities.iter().map(|identity| completed(identity, &named)).collect();
        Self { identities, certified, named }
    }
}

/// The identity with the chain that is sent. As in OpenSSL (`ssl_add_cert_chain`), a leaf that was
/// given alone is sent with its issuers from the trusted certificates, up to the root; a chain
/// that was given is sent as it is.
fn completed(identity: &Identity, trust: &TrustStore) -> Arc<CertifiedKey> {
    let certified = identity.certified();
    let [leaf] = identity.chain() else { return certified.clone() };
    let issuers = pki::issuers(leaf, trust.certificates());
    if issuers.is_empty() {
        return certified.clone();
    }
    let mut completed = CertifiedKey::clone(certified);
    completed.cert.extend(issuers.iter().map(|issuer| issuer.der().to_vec().into()));
    Arc::new(completed)
}
