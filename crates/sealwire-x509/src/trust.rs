//! The certificates somebody trusts.

use std::fmt;
use std::sync::Arc;

use aws_lc_sys as c;

use crate::certificate::Certificate;
use crate::error::{Error, ErrorQueue};
use crate::owned::{Owned, no_memory};

/// A set of trusted certificates: what `ca` is to Node and `-CAfile` to OpenSSL.
///
/// They are whole certificates and stay subject to checks: one that has expired or may not sign
/// vouches for nobody. Cloning is cheap, and one set serves any number of threads at once.
#[derive(Clone)]
pub struct TrustSet(Arc<Trusted>);

struct Trusted {
    store: Store,
    certificates: Vec<Certificate>,
}

/// An X509_STORE that is only read once it was filled.
pub(crate) struct Store(Owned<c::X509_STORE>);

// SAFETY: an X509_STORE may be shared by verifications running on several threads as long as its
// parameters are not changed (openssl/x509.h, above X509_STORE_new). Ours are never touched, and
// no certificate is added after `Store::of`. Look-ups take the store's own lock.
unsafe impl Send for Store {}
// SAFETY: as above.
unsafe impl Sync for Store {}

impl TrustSet {
    /// A set of these certificates; the same one twice is once.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal).
    pub fn new(certificates: impl IntoIterator<Item = Certificate>) -> Result<Self, Error> {
        let mut seen = std::collections::HashSet::new();
        let mut certificates: Vec<_> = certificates.into_iter().collect();
        certificates.retain(|certificate| seen.insert(certificate.clone()));
        let store = Store::of(&certificates)?;
        Ok(Self(Arc::new(Trusted { store, certificates })))
    }

    /// The certificates, in the order given.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.0.certificates
    }

    /// Whether this very certificate, byte for byte, is in the set.
    #[must_use]
    pub fn contains(&self, certificate: &Certificate) -> bool {
        self.find(certificate).is_some()
    }

    /// The set's own copy of a certificate, which may carry trust settings.
    pub(crate) fn find(&self, certificate: &Certificate) -> Option<&Certificate> {
        self.certificates().iter().find(|trusted| *trusted == certificate)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }
}

impl fmt::Debug for TrustSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustSet({} certificates)", self.certificates().len())
    }
}

impl Store {
    pub(crate) fn of<'a>(
        certificates: impl IntoIterator<Item = &'a Certificate>,
    ) -> Result<Self, Error> {
        let queue = ErrorQueue::new();
        // SAFETY: takes no argument; the new store is ours.
        let store = unsafe { Owned::new(c::X509_STORE_new()) }.ok_or_else(no_memory)?;
        for certificate in certificates {
            // SAFETY: a live store and a live certificate, of which it takes a reference.
            if unsafe { c::X509_STORE_add_cert(store.as_ptr(), certificate.as_ptr()) } != 1 {
                return Err(queue.error(crate::ErrorKind::Internal));
            }
        }
        Ok(Self(store))
    }

    pub(crate) fn as_ptr(&self) -> *mut c::X509_STORE {
        self.0.as_ptr()
    }
}
