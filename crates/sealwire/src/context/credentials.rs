//! Who we are and whom we trust, as a context holds it.

use std::sync::Arc;

use rustls::sign::CertifiedKey;
use sealwire_x509::Certificate;

use super::Identity;
use crate::pki;
use crate::pki::TrustStore;

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
    pub(super) shown: Vec<Shown>,
    /// The CAs that were given for this context: those that a server names to its clients.
    pub(super) named: TrustStore,
}

/// An identity as it is shown.
pub(super) struct Shown {
    pub(super) certified: Arc<CertifiedKey>,
    /// The same chain, read.
    pub(super) chain: Arc<[Certificate]>,
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
        let shown = identities.iter().map(|identity| Shown::of(identity, &named)).collect();
        Self { identities, shown, named }
    }
}

impl Shown {
    /// The identity with the chain that is sent. As in OpenSSL (`ssl_add_cert_chain`), a leaf that
    /// was given alone is sent with its issuers from `trust`, up to the root; a chain that was
    /// given is sent as it is.
    pub(super) fn of(identity: &Identity, trust: &TrustStore) -> Self {
        let (certified, chain) = (identity.certified(), identity.shared_chain());
        let issuers = match identity.chain() {
            [leaf] => pki::issuers(leaf, trust.certificates()),
            _ => Vec::new(),
        };
        if issuers.is_empty() {
            return Self { certified: certified.clone(), chain: chain.clone() };
        }
        let mut completed = CertifiedKey::clone(certified);
        completed.cert.extend(issuers.iter().map(|issuer| issuer.der().to_vec().into()));
        let chain = chain.iter().cloned().chain(issuers).collect();
        Self { certified: Arc::new(completed), chain }
    }
}
