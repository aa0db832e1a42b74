//! Judging a chain of files, as a connection would judge it.

use std::sync::Arc;

use super::{Certificate, Crl, Purpose};
use crate::verify::{NameCheck, Policy, Verdict, judge};
use crate::{ServerName, TrustStore};

/// A question about certificates in files: would a connection that shows them be trusted?
///
/// The answer comes from the function that judges connections.
#[derive(Debug, Clone)]
pub struct ChainCheck<'a> {
    /// The certificates as a peer sends them: the leaf, then its intermediates.
    pub presented: &'a [Certificate],
    /// The trusted certificates.
    pub trust: &'a TrustStore,
    /// Revocation lists. When there are any, every certificate but the root must be covered.
    pub crls: &'a [Crl],
    /// The purpose of the leaf.
    pub purpose: Purpose,
    /// The name that was asked for, and the rules to compare it by.
    pub name: Option<(ServerName, NameCheck)>,
    /// The time of judgement, in seconds since 1970.
    pub time: i64,
    /// OpenSSL's security level; connections have 2.
    pub security_level: u8,
}

impl ChainCheck<'_> {
    /// Trusted, or all findings against it.
    pub fn verdict(&self) -> Verdict {
        let policy = Policy {
            trust: self.trust.set().clone(),
            crls: Arc::from(self.crls),
            partial_chain: self.trust.allows_partial_chain(),
            policies: self.trust.policies().clone(),
            security_level: self.security_level,
            public: self.trust.public().clone(),
            memory: Arc::default(),
        };
        judge(&policy, self.presented, self.purpose, self.name.as_ref(), self.time)
    }
}

/// The certificates among `candidates` that lead from `leaf` upwards, each once.
pub(crate) fn issuers<'a>(
    leaf: &Certificate,
    candidates: impl IntoIterator<Item = &'a Certificate>,
) -> Vec<Certificate> {
    let mut rest: Vec<&Certificate> = candidates.into_iter().filter(|one| *one != leaf).collect();
    let mut chain: Vec<Certificate> = Vec::new();
    loop {
        let last = chain.last().unwrap_or(leaf);
        if last.is_self_issued() {
            return chain;
        }
        let Some(next) = rest.iter().position(|candidate| last.is_issued_by(candidate)) else {
            return chain;
        };
        chain.push(rest.remove(next).clone());
    }
}
