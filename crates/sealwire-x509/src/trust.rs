//! A set of trusted certificates.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use crate::certificate::Certificate;
use crate::error::Error;

/// A set of trusted certificates: what `ca` is to Node and `-CAfile` to OpenSSL.
///
/// They are whole certificates and stay subject to checks: one that has expired or may not sign
/// accepts no chain. Cloning is cheap, and one set serves any number of threads at once without
/// a lock: each verdict takes the few certificates that matter to it out of the set.
#[derive(Clone)]
pub struct TrustSet(Arc<Trusted>);

struct Trusted {
    certificates: Vec<Certificate>,
    /// Where the certificates of a subject are, by the hash of its canonical form.
    by_subject: HashMap<u32, Vec<usize>>,
}

impl TrustSet {
    /// A set of these certificates; the same one twice is once.
    ///
    /// # Errors
    /// None today; AWS-LC is not asked before there is something to judge.
    pub fn new(certificates: impl IntoIterator<Item = Certificate>) -> Result<Self, Error> {
        let mut trusted = Trusted { certificates: Vec::new(), by_subject: HashMap::new() };
        for certificate in certificates {
            let namesakes = trusted.by_subject.entry(certificate.subject_hash()).or_default();
            if !namesakes.iter().any(|&index| trusted.certificates[index] == certificate) {
                namesakes.push(trusted.certificates.len());
                trusted.certificates.push(certificate);
            }
        }
        Ok(Self(Arc::new(trusted)))
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
        self.named(certificate.subject_hash()).find(|trusted| *trusted == certificate)
    }

    /// The certificates whose subject has this hash; seldom, some of another subject as well.
    pub(crate) fn named(&self, subject_hash: u32) -> impl Iterator<Item = &Certificate> {
        let indices = self.0.by_subject.get(&subject_hash).into_iter().flatten();
        indices.map(|&index| &self.0.certificates[index])
    }

    /// Whatever could be part of a chain with these certificates: those that bear the name of an
    /// issuer of theirs, or of one of those found so, or the leaf's own.
    pub(crate) fn relevant<'a>(
        &'a self,
        leaf: &Certificate,
        others: &[&Certificate],
    ) -> Vec<&'a Certificate> {
        let mut wanted = vec![leaf.subject_hash(), leaf.issuer_hash()];
        wanted.extend(others.iter().map(|certificate| certificate.issuer_hash()));
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        while let Some(hash) = wanted.pop() {
            if seen.insert(hash) {
                let namesakes = self.named(hash);
                found.extend(namesakes.inspect(|namesake| wanted.push(namesake.issuer_hash())));
            }
        }
        found
    }
}

impl fmt::Debug for TrustSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustSet({} certificates)", self.certificates().len())
    }
}
