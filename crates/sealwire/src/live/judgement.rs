//! Many peers judged again, at the cost of few.
//!
//! What a new list or CA set says of a peer depends on the certificates above its leaf, on which
//! lists are about it, and on its serial number. Peers that have the first two in common are a
//! *kin*: when one of them passes by the path that it had, all of them do that no list names. So
//! one of each kin is judged in full, and the others cost a look-up. A peer that a list names is judged in
//! full, too: only a verdict closes a connection. When a CA is trusted no longer, that verdict is the same
//! for all peers that it issued, with the same certificates above their own and the same key identifier: it is
//! reached once, and said of each.

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

/// A serial number of the length that
/// [RFC 5280](https://www.rfc-editor.org/rfc/rfc5280)
/// allows (4.1.2.2), beside what else is known of a connection:
/// to look for it in a list touches no memory of the certificate's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Serial {
    length: u8,
    bytes: [u8; 20],
}

/// What is known of a peer's certificates, to judge them again.
pub(super) struct Known<'a> {
    pub(super) peer: &'a Peer,
    pub(super) kin: Option<Kin>,
    /// Its own certificate's, when it has a kin.
    pub(super) serial: Option<Serial>,
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
    /// when there was a list stays open.
    Unknown,
    Bad(Why),
}

/// One round of judging.
pub(super) struct Judge {
    policy: Arc<Policy>,
    now: i64,
    kins: HashMap<Kin, Again>,
    /// One of each kin that no CA vouches for any longer.
    outcasts: HashMap<Kin, Outcast>,
    /// What was found of whole chains, by their leaves.
    chains: HashMap<Vec<u8>, (Vec<Certificate>, Verdict)>,
    /// How often a chain was judged in full.
    pub(super) judged: usize,
}

/// A peer that is refused because its issuer is not trusted.
struct Outcast {
    refusal: Refusal,
    /// What was shown above the leaf.
    above: Vec<Certificate>,
    /// Which key of its issuer the leaf names.
    key_id: Option<Vec<u8>>,
}

impl Kin {
    /// `None`: no other peer is like it.
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

impl Serial {
    /// `None`: longer than any should be.
    pub(super) fn of(peer: &Peer) -> Option<Self> {
        let number = peer.verified_chain().first()?.serial_number()?;
        let mut bytes = [0; 20];
        bytes.get_mut(..number.len())?.copy_from_slice(number);
        Some(Self { length: u8::try_from(number.len()).ok()?, bytes })
    }

    fn number(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
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
            outcasts: HashMap::new(),
            chains: HashMap::new(),
            judged: 0,
        }
    }

    /// Also whether the path is the one that it was.
    pub(super) fn judge(&mut self, known: &Known<'_>) -> (Again, bool) {
        if let Some(again) = self.as_kin(known) {
            return (again, true);
        }
        if known.peer.verified_chain().is_empty() {
            // It did not verify before: the rules apply, lists do not.
            return (Again::Good, true);
        }
        if let Some(refusal) = known.kin.and_then(|kin| self.as_outcast(&kin, known.peer)) {
            return (Again::Bad(Why::Refused(refusal)), false);
        }
        let (again, same_path) = self.judge_in_full(known.peer);
        if let (Some(kin), Again::Bad(Why::Refused(refusal))) = (known.kin, &again)
            && refusal.wants_an_issuer()
            && let Some((leaf, above)) = known.peer.certificates().split_first()
        {
            let (refusal, above) = (refusal.clone(), above.to_vec());
            let key_id = leaf.authority_key_id();
            self.outcasts.entry(kin).or_insert(Outcast { refusal, above, key_id });
        }
        if let (Some(kin), true) = (known.kin, same_path) {
            match again {
                Again::Good => self.kins.insert(kin, Again::Good),
                Again::Unknown => self.kins.insert(kin, Again::Unknown),
                Again::Bad(_) => None,
            };
        }
        (again, same_path)
    }

    /// What was said of another of its kin whose path held, unless a list may name this one.
    fn as_kin(&self, known: &Known<'_>) -> Option<Again> {
        let again = match self.kins.get(&known.kin?)? {
            Again::Good => Again::Good,
            Again::Unknown => Again::Unknown,
            Again::Bad(_) => return None,
        };
        let serial = known.serial.as_ref()?;
        let listed = || {
            self.policy.public.is_asked()
                || self.policy.crls.iter().any(|list| list.may_list_number(serial.number()))
        };
        let holds = known.expires > self.now && self.has_terms_of(known.context) && !listed();
        holds.then_some(again)
    }

    /// What was said of another of its kin, when it holds for this one too. The issuers that could be
    /// found are the same: by name and key identifier, among what was shown and what is trusted; and the
    /// key that signed both is one.
    fn as_outcast(&self, kin: &Kin, peer: &Peer) -> Option<Refusal> {
        let outcast = self.outcasts.get(kin)?;
        let chain = peer.certificates();
        let (leaf, above) = chain.split_first()?;
        let alike = above == outcast.above
            && leaf.authority_key_id() == outcast.key_id
            && !self.policy.trust.contains(leaf);
        if !alike {
            return None;
        }
        outcast.refusal.of_sibling(&self.policy, chain, purpose(peer), self.now)
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

/// Whether the only finding against the peer is an unknown revocation status.
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
