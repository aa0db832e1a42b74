//! A context's identities and trusted certificates.

use super::Identity;
use crate::engine::Credential;
use crate::pki::{self, TrustStore};

/// The trusted certificates, by the setting that they come from.
#[derive(Default)]
pub(super) struct Trust {
    pub(super) given: Option<TrustStore>,
    pub(super) extra: Option<TrustStore>,
    pub(super) default: Option<TrustStore>,
    /// Whether a leaf that was given alone is sent as it is.
    pub(super) completes_nothing: bool,
}

/// Our identities, and the CAs that belong to them.
pub(super) struct Credentials {
    pub(super) identities: Vec<Identity>,
    /// As the identities, with the chains that are sent.
    pub(super) shown: Vec<Credential>,
    /// The CAs that were given for this context: those that a server names to its clients.
    pub(super) named: TrustStore,
    /// The CAs from which a chain that is sent is completed.
    completing: TrustStore,
}

impl Trust {
    /// All trust anchors.
    pub(super) fn all(&self) -> TrustStore {
        let first = self.given.as_ref().or(self.default.as_ref());
        let first = first.cloned().unwrap_or_else(TrustStore::bundled);
        self.extra.as_ref().map_or_else(|| first.clone(), |extra| first.and(extra))
    }

    /// The certificates that complete chains: all that were given, for this context or as the
    /// default. The bundled roots, which were not given, are not among them.
    pub(super) fn completing(&self) -> TrustStore {
        if self.completes_nothing {
            return TrustStore::empty();
        }
        match (self.given.as_ref().or(self.default.as_ref()), &self.extra) {
            (Some(first), Some(extra)) => first.and(extra),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => TrustStore::empty(),
        }
    }

    /// The CAs given for this very context, and not by default.
    pub(super) fn named(&self) -> TrustStore {
        match (&self.given, &self.extra) {
            (Some(given), Some(extra)) => given.and(extra),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => TrustStore::empty(),
        }
    }
}

impl Credentials {
    pub(super) fn new(identities: Vec<Identity>, trust: &Trust) -> Self {
        let completing = trust.completing();
        let shown = identities.iter().map(|identity| shown(identity, &completing)).collect();
        Self { identities, shown, named: trust.named(), completing }
    }

    /// The identity with the chain that is sent.
    pub(super) fn shown(&self, identity: &Identity) -> Credential {
        shown(identity, &self.completing)
    }
}

/// As in OpenSSL (`ssl_add_cert_chain`), a leaf that was given alone is sent with its issuers from
/// `trust`, up to the root; a chain that was given is sent as it is.
fn shown(identity: &Identity, trust: &TrustStore) -> Credential {
    let issuers = match identity.chain() {
        [leaf] => pki::issuers(leaf, trust.certificates()),
        _ => Vec::new(),
    };
    identity.credential().with_issuers(issuers)
}
