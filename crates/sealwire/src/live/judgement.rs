//! Many peers judged again, at the cost of few.
//!
//! What a new list or CA set says of a peer depends on the certificates above its leaf, on which
//! lists are about it, and on its serial number. Peers that have the first two in common are a
//! *kin*: when one of them passes by the path that it had, all of them do that no list names. So
//! one of each kin is judged in full, and the others cost a look-up. Whoever is named is judged in
//! full, too: nobody is closed but by a verdict.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use sealwire_x509::{Certificate, Purpose};

use super::tether::Why;
use crate::context::SecureContext;
use crate::session::Peer;
use crate::verify::{Policy, Refusal, Verdict, judge_anew};

/// What peers have in common that are judged alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Kin([u8; 32]);

/// What is known of a peer's certificates, to judge them again.
pub(super) struct Known<'a> {
    pub(super) peer: &'a Peer,
    pub(super) kin: Option<Kin>,
    /// By whose terms the path was found.
    pub(super) context: &'a SecureContext,
    /// When the first certificate of the path expires.
    pub(super) expires: i64,
}

/// What came of judging a peer again.
#[derive(Debug)]
pub(super) enum Again {
    /// As before.
    Good,
    /// A list is missing or too old to tell. New connections are refused for it; one that was judged
    /// when there was a list goes on.
    Unknown,
    Bad(Why),
}

/// One round of judging.
pub(super) struct Judge {
    policy: Arc<Policy>,
    now: i64,
    kins: HashMap<Kin, Again>,
    /// What was found of whole chains, by their leaves.
    chains: HashMap<Vec<u8>, (Vec<Certificate>, Verdict)>,
    /// How often a chain was judged in full.
    pub(super) judged: usize,
}

impl Kin {
    /// `None`: like nobody else.
    pub(super) fn of(peer: &Peer) -> Option<Self> {
        let (leaf, above) = peer.verified_chain().split_first()?;
        if above.is_empty() {
            return None;
        }
        let mut digest = Context::new(&SHA256);
        digest.update(&leaf.coverage()?);
        digest.update(&[u8::from(purpose(peer) == Purpose::Client)]);
        for certificate in above {
            digest.update(certificate.der());
        }
        digest.finish().as_ref().try_into().ok().map(Self)
    }
}

/// When the first certificate of the peer's path expires.
pub(super) fn expiry(peer: &Peer) -> i64 {
    peer.verified_chain().iter().map(Certificate::not_after).min().unwrap_or(i64::MAX)
}

impl Judge {
    pub(super) fn new(context: &SecureContext) -> Self {
        Self {
            policy: context.policy().clone(),
            now: context.now(),
            kins: HashMap::new(),
            chains: HashMap::new(),
            judged: 0,
        }
    }

    pub(super) fn judge(&mut self, known: &Known<'_>) -> Again {
        let Some(leaf) = known.peer.verified_chain().first() else {
            // It was not believed before: the rules have their say, lists have none.
            return Again::Good;
        };
        if let Some(kin) = known.kin.filter(|_| self.has_terms_of(known.context)) {
            let listed = || self.policy.crls.iter().any(|list| list.may_list(leaf));
            match self.kins.get(&kin) {
                Some(Again::Good) if known.expires > self.now && !listed() => return Again::Good,
                Some(Again::Unknown) if known.expires > self.now && !listed() => {
                    return Again::Unknown;
                }
                _ => {}
            }
        }
        let (again, same_path) = self.judge_in_full(known.peer);
        if let (Some(kin), true) = (known.kin, same_path) {
            match again {
                Again::Good => self.kins.insert(kin, Again::Good),
                Again::Unknown => self.kins.insert(kin, Again::Unknown),
                Again::Bad(_) => None,
            };
        }
        again
    }

    /// Also whether the path is the one that it was.
    fn judge_in_full(&mut self, peer: &Peer) -> (Again, bool) {
        let chain = peer.certificates();
        let Some(leaf) = chain.first() else { return (Again::Good, false) };
        let verdict = match self.chains.get(leaf.der()) {
            Some((known, verdict)) if known == chain => verdict.clone(),
            _ => {
                self.judged += 1;
                let verdict = judge_anew(&self.policy, chain, purpose(peer), self.now);
                self.chains.insert(leaf.der().to_vec(), (chain.to_vec(), verdict.clone()));
                verdict
            }
        };
        let same_path = verdict.chain() == peer.verified_chain();
        match verdict.refusal() {
            None => (Again::Good, same_path),
            Some(refusal) if wants_a_list(&refusal) => (Again::Unknown, same_path),
            Some(refusal) => (Again::Bad(Why::Refused(refusal)), same_path),
        }
    }

    /// Whether a path that was found under `context` is judged by the same terms now.
    fn has_terms_of(&self, context: &SecureContext) -> bool {
        let (old, new) = (context.policy(), &self.policy);
        old.partial_chain == new.partial_chain
            && old.security_level == new.security_level
            && old.policies == new.policies
    }
}

/// Whether nothing speaks against the peer but that nobody can tell whether it is revoked.
fn wants_a_list(refusal: &Refusal) -> bool {
    refusal.findings().iter().all(|finding| {
        matches!(
            finding.code().name(),
            "UNABLE_TO_GET_CRL" | "CRL_HAS_EXPIRED" | "CRL_NOT_YET_VALID"
        )
    })
}

/// What the peer's certificate was used as.
fn purpose(peer: &Peer) -> Purpose {
    if peer.is_server { Purpose::Server } else { Purpose::Client }
}
