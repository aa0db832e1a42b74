//! Chains that were found good, so that they are not read and judged again on every connection.
//!
//! A verdict depends on the policy (which owns the memory and never changes), on the certificates,
//! on their purpose, and on the time. Of a good chain, time only changes whether its certificates
//! are valid: nothing else that `X509_verify_cert` looks at moves. So a good chain is good again for
//! the same bytes and purpose while the time is within the validity of every certificate of the
//! path that was found. Names are not part of it: they are compared each time. With revocation lists
//! nothing is kept, and what was refused is judged anew.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arc_swap::ArcSwap;
use sealwire_x509::{Certificate, Purpose};

use super::Verdict;

/// How many chains are remembered; the oldest goes first.
const CHAINS: usize = 64;

/// A chain with more bytes than this is not remembered.
const MAX_BYTES: usize = 16 * 1024;

/// The good chains of one policy. Looked up without a lock, on every connection; copied, and put
/// in place as a whole, when there is a new one.
#[derive(Default)]
pub(crate) struct Memory(ArcSwap<VecDeque<Arc<Good>>>);

struct Good {
    presented: Vec<Certificate>,
    purpose: Purpose,
    verdict: Verdict,
    /// Seconds since 1970 between which every certificate of the path is valid.
    times: Range<i64>,
}

impl Memory {
    /// What was found about `chain` (DER, leaf first), when that was good and still is at `time`:
    /// the certificates read, and the verdict without a name.
    pub(super) fn recall(
        &self,
        chain: &[&[u8]],
        purpose: Purpose,
        time: i64,
    ) -> Option<(Vec<Certificate>, Verdict)> {
        let good = self.0.load();
        let same = |good: &&Arc<Good>| {
            good.presented.iter().map(Certificate::der).eq(chain.iter().copied())
        };
        let found = good
            .iter()
            .filter(|good| good.purpose == purpose && good.times.contains(&time))
            .find(same)?;
        Some((found.presented.clone(), found.verdict.clone()))
    }

    /// The certificate of these bytes, when it is the leaf of a good chain.
    pub(crate) fn leaf(&self, der: &[u8]) -> Option<Certificate> {
        let good = self.0.load();
        good.iter().map(|good| &good.presented[0]).find(|leaf| leaf.der() == der).cloned()
    }

    /// Keeps what was found about `presented` at `time`, if it is good.
    pub(super) fn keep(
        &self,
        presented: &[Certificate],
        purpose: Purpose,
        verdict: &Verdict,
        time: i64,
    ) {
        let path = verdict.chain();
        // The last second does not count: X509_cmp_time takes it for the past.
        let from = path.iter().map(Certificate::not_before).max().unwrap_or(i64::MAX);
        let until = path.iter().map(Certificate::not_after).min().unwrap_or(i64::MIN);
        let bytes: usize = presented.iter().map(|one| one.der().len()).sum();
        let times = from..until;
        if !verdict.is_trusted() || !times.contains(&time) || bytes > MAX_BYTES {
            return;
        }
        let presented = presented.to_vec();
        let good = Arc::new(Good { presented, purpose, verdict: verdict.clone(), times });
        // Two connections may have found the same at the same time.
        let known = |other: &Good| other.purpose == purpose && other.presented == good.presented;
        self.0.rcu(|all| {
            let mut all: VecDeque<_> = all.iter().filter(|one| !known(one)).cloned().collect();
            if all.len() == CHAINS {
                all.pop_front();
            }
            all.push_back(good.clone());
            all
        });
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;
    use std::sync::Arc;

    use sealwire_x509::{Certificate, Purpose};

    use crate::TrustStore;
    use crate::pki::{self, CertificateBuilder, KeyAlgorithm, PrivateKey};
    use crate::verify::{NameCheck, Policy, Verdict, judge, recall};

    fn policy(trusted: &Certificate, security_level: u8) -> Policy {
        Policy {
            trust: TrustStore::from_certificates([trusted.clone()]).unwrap().set().clone(),
            crls: Arc::from([]),
            public: Default::default(),
            partial_chain: false,
            policies: Default::default(),
            security_level,
            memory: Arc::default(),
        }
    }

    fn remembered(
        policy: &Policy,
        leaf: &Certificate,
        purpose: Purpose,
        time: i64,
    ) -> Option<Verdict> {
        recall(policy, &[leaf.der()], purpose, None, time).map(|(certificates, verdict)| {
            assert_eq!(certificates, from_ref(leaf));
            verdict
        })
    }

    #[test]
    fn a_good_chain_is_remembered_while_it_is_valid() {
        let (leaf, _) = pki::self_signed(["localhost"]).unwrap();
        let (from, until) = (leaf.not_before(), leaf.not_after());
        let policy = policy(&leaf, 2);
        assert!(remembered(&policy, &leaf, Purpose::Server, from + 1).is_none());
        for time in [from - 1, from, from + 1, until - 1, until, until + 1] {
            let judged = judge(&policy, from_ref(&leaf), Purpose::Server, None, time);
            // Before and after it was judged within: the memory says what judging says.
            let again = remembered(&policy, &leaf, Purpose::Server, time);
            assert!(again.is_none_or(|again| again.is_trusted() == judged.is_trusted()), "{time}");
        }
        for time in [from, from + 1, until - 1] {
            assert!(remembered(&policy, &leaf, Purpose::Server, time).unwrap().is_trusted());
        }
        for time in [i64::MIN, 0, from - 1, until, until + 1, i64::MAX] {
            assert!(remembered(&policy, &leaf, Purpose::Server, time).is_none(), "{time}");
        }
    }

    #[test]
    fn another_purpose_chain_or_policy_is_judged_anew() {
        let (leaf, _) = pki::self_signed(["localhost"]).unwrap();
        let time = leaf.not_before() + 1;
        let own = policy(&leaf, 2);
        assert!(judge(&own, from_ref(&leaf), Purpose::Server, None, time).is_trusted());
        assert!(remembered(&own, &leaf, Purpose::Server, time).is_some());
        assert!(remembered(&own, &leaf, Purpose::Client, time).is_none());
        assert!(remembered(&policy(&leaf, 2), &leaf, Purpose::Server, time).is_none());
        let twice = [leaf.der(), leaf.der()];
        assert!(recall(&own, &twice, Purpose::Server, None, time).is_none());
        assert!(recall(&own, &[], Purpose::Server, None, time).is_none());
        let mut damaged = leaf.der().to_vec();
        *damaged.last_mut().unwrap() ^= 1;
        assert!(recall(&own, &[&damaged], Purpose::Server, None, time).is_none());
        assert!(own.memory.leaf(&damaged).is_none());
    }

    #[test]
    fn what_is_not_good_is_not_remembered() {
        let (leaf, _) = pki::self_signed(["localhost"]).unwrap();
        let (other, _) = pki::self_signed(["localhost"]).unwrap();
        let time = leaf.not_before() + 1;
        for policy in [policy(&other, 2), policy(&leaf, 5)] {
            assert!(!judge(&policy, from_ref(&leaf), Purpose::Server, None, time).is_trusted());
            assert!(remembered(&policy, &leaf, Purpose::Server, time).is_none());
            assert!(policy.memory.leaf(leaf.der()).is_none());
        }
    }

    #[test]
    fn names_are_compared_each_time() {
        let (leaf, _) = pki::self_signed(["localhost"]).unwrap();
        let (policy, time) = (policy(&leaf, 2), leaf.not_before() + 1);
        let judged = |name: &str| {
            let name = (name.parse().unwrap(), NameCheck::default());
            let first = judge(&policy, from_ref(&leaf), Purpose::Server, Some(&name), time);
            let again = recall(&policy, &[leaf.der()], Purpose::Server, Some(&name), time);
            let (_, again) = again.expect("the chain is good");
            assert_eq!(again.is_trusted(), first.is_trusted());
            again.refusal().map(|refusal| refusal.code().name())
        };
        assert_eq!(judged("elsewhere.example"), Some("ERR_TLS_CERT_ALTNAME_INVALID"));
        assert_eq!(judged("localhost"), None);
        assert_eq!(judged("elsewhere.example"), Some("ERR_TLS_CERT_ALTNAME_INVALID"));
    }

    #[test]
    fn memory_is_bounded() {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let subject = pki::Subject::from_common_name("CA").unwrap();
        let ca = CertificateBuilder::new(subject).authority(None).self_signed(&key).unwrap();
        let policy = policy(&ca, 2);
        let issuer = pki::Issuer::new(ca, key).unwrap();
        let leaves: Vec<Certificate> = (0..100)
            .map(|n| {
                let name = vec![format!("host{n}.example").parse().unwrap()];
                let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
                let builder = CertificateBuilder::for_names(name).unwrap();
                builder.signed_by(&issuer, key.spki_der()).unwrap()
            })
            .collect();
        let time = leaves[99].not_before() + 1;
        for leaf in &leaves {
            assert!(judge(&policy, from_ref(leaf), Purpose::Server, None, time).is_trusted());
        }
        let kept: Vec<bool> =
            leaves.iter().map(|leaf| policy.memory.leaf(leaf.der()).is_some()).collect();
        assert_eq!(kept.iter().filter(|kept| **kept).count(), super::CHAINS);
        assert!(kept[100 - super::CHAINS..].iter().all(|kept| *kept), "the oldest went");
    }
}
