//! Chains that were found good, so that they are not read and judged again on every connection.
//!
//! A verdict depends on the policy (which owns the memory and never changes), on the certificates,
//! on their purpose, and on the time. Of a good chain, time only changes whether its certificates
//! are valid: nothing else that `X509_verify_cert` looks at moves. So a good chain is good again for
//! the same bytes and purpose while the time is within the validity of every certificate of the
//! path that was found. What was refused is judged again.
//!
//! Names are not part of it: they are compared each time. But by the rules of RFC 9525 the answer depends
//! on nothing but leaf and name, so the name that passed first is not compared again.
//!
//! Revocation lists belong to the policy as well: another list is another policy, which remembers
//! nothing. With them, time also decides which list is the best, and whether the certificate that signed
//! it is valid, which need not be on the path. So the answer holds until the next moment at which any
//! list, any certificate that was shown or any that is trusted begins to be valid or ceases to be.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use sealwire_x509::{Certificate, Purpose};

use super::{NameCheck, Policy, Verdict};
use crate::words::ServerName;

/// How many chains are remembered; the oldest goes first.
const CHAINS: usize = 64;

/// A chain with more bytes than this is not remembered.
const MAX_BYTES: usize = 16 * 1024;

/// The good chains of one policy. Looked up without a lock, on every connection; copied, and put
/// in place as a whole, when there is a new one.
#[derive(Default)]
pub(crate) struct Memory(ArcSwap<VecDeque<Arc<Good>>>);

pub(super) struct Good {
    presented: Vec<Certificate>,
    purpose: Purpose,
    verdict: Verdict,
    /// Seconds since 1970 between which nothing changes that the verdict depends on.
    times: Range<i64>,
    /// For which name the leaf was found to be.
    name: OnceLock<ServerName>,
}

impl Good {
    /// The certificates, and what was found about them at `time`, with this name.
    pub(super) fn judged(
        &self,
        name: Option<&(ServerName, NameCheck)>,
    ) -> (Vec<Certificate>, Verdict) {
        let (certificates, verdict) = (self.presented.clone(), self.verdict.clone());
        let by_rfc = name.filter(|(_, rules)| matches!(rules, NameCheck::Rfc9525));
        if by_rfc.is_some_and(|(name, _)| self.name.get() == Some(name)) {
            return (certificates, verdict);
        }
        let verdict = verdict.with_name(&certificates, name);
        if let (Some((name, _)), true) = (by_rfc, verdict.is_trusted()) {
            // Another may have been first.
            let _ = self.name.set(name.clone());
        }
        (certificates, verdict)
    }
}

impl Memory {
    /// What was found about `chain` (DER, leaf first), when that was good and still is at `time`.
    pub(super) fn recall(&self, chain: &[&[u8]], purpose: Purpose, time: i64) -> Option<Arc<Good>> {
        let good = self.0.load();
        let same = |good: &&Arc<Good>| {
            good.presented.iter().map(Certificate::der).eq(chain.iter().copied())
        };
        good.iter()
            .filter(|good| good.purpose == purpose && good.times.contains(&time))
            .find(same)
            .cloned()
    }

    /// The certificate of these bytes, when it is the leaf of a good chain.
    pub(crate) fn leaf(&self, der: &[u8]) -> Option<Certificate> {
        let good = self.0.load();
        good.iter().map(|good| &good.presented[0]).find(|leaf| leaf.der() == der).cloned()
    }

    /// Keeps what was found about `presented` at `time`, if it is good.
    pub(super) fn keep(
        &self,
        policy: &Policy,
        presented: &[Certificate],
        purpose: Purpose,
        verdict: &Verdict,
        time: i64,
    ) {
        let bytes: usize = presented.iter().map(|one| one.der().len()).sum();
        if !verdict.is_trusted() || bytes > MAX_BYTES {
            return;
        }
        let times = times(policy, presented, verdict, time);
        if !times.contains(&time) {
            return;
        }
        let presented = presented.to_vec();
        let (verdict, name) = (verdict.clone(), OnceLock::new());
        let good = Arc::new(Good { presented, purpose, verdict, times, name });
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

/// Between which times the answer is the one that it is at `time`; empty when it does not hold then.
fn times(policy: &Policy, presented: &[Certificate], verdict: &Verdict, time: i64) -> Range<i64> {
    let path = verdict.chain();
    // The last second does not count: X509_cmp_time takes it for the past.
    let mut from = path.iter().map(Certificate::not_before).max().unwrap_or(i64::MAX);
    let mut until = path.iter().map(Certificate::not_after).min().unwrap_or(i64::MIN);
    if policy.crls.is_empty() {
        return from..until;
    }
    let certificates = presented.iter().chain(policy.trust.certificates());
    let of_certificates = certificates.flat_map(|one| [one.not_before(), one.not_after()]);
    let lists = policy.crls.iter();
    let of_lists = lists.flat_map(|list| [Some(list.this_update()), list.next_update()]).flatten();
    for change in of_certificates.chain(of_lists) {
        if change <= time {
            from = from.max(change);
        } else {
            until = until.min(change);
        }
    }
    from..until
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
    use std::time::{Duration, UNIX_EPOCH};

    use sealwire_x509::{Certificate, Crl, Purpose};

    use crate::TrustStore;
    use crate::pki::{
        self, CertificateBuilder, CrlBuilder, CrlNumber, KeyAlgorithm, PrivateKey,
        RevocationReason, Revoked,
    };
    use crate::verify::{NameCheck, Policy, Verdict, judge, judge_anew, recall};

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
        assert_eq!(judged("localhost"), None);
        assert_eq!(judged("elsewhere.example"), Some("ERR_TLS_CERT_ALTNAME_INVALID"));
    }

    /// A CA, and a certificate of its.
    fn authority() -> (pki::Issuer, Certificate, Certificate) {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let subject = pki::Subject::from_common_name("CA").unwrap();
        let ca = CertificateBuilder::new(subject).authority(None).self_signed(&key).unwrap();
        let issuer = pki::Issuer::new(ca.clone(), key).unwrap();
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let builder = CertificateBuilder::for_names(vec!["localhost".parse().unwrap()]).unwrap();
        let leaf = builder.signed_by(&issuer, key.spki_der()).unwrap();
        (issuer, ca, leaf)
    }

    #[test]
    fn a_name_that_passed_by_one_rule_is_compared_by_another() {
        let (leaf, _) = pki::self_signed(["localhost"]).unwrap();
        let (policy, time) = (policy(&leaf, 2), leaf.not_before() + 1);
        judge(&policy, from_ref(&leaf), Purpose::Server, None, time);
        let good = |rules: NameCheck| {
            let name = ("localhost".parse().unwrap(), rules);
            let again = recall(&policy, &[leaf.der()], Purpose::Server, Some(&name), time);
            again.expect("the chain is good").1.is_trusted()
        };
        assert!(good(NameCheck::Rfc9525) && good(NameCheck::Rfc9525) && good(NameCheck::Node));
        let other = "elsewhere.example".parse().unwrap();
        assert!(!good(NameCheck::ForName(other, Arc::new(NameCheck::Rfc9525))));
        assert!(!good(NameCheck::Custom(Arc::new(|_, _| Err("no".to_owned())))));
    }

    #[test]
    fn with_revocation_lists_a_chain_is_good_until_one_of_them_is_not() {
        let (issuer, ca, leaf) = authority();
        let now = leaf.not_before() + 1000;
        let at = |time: i64| UNIX_EPOCH + Duration::from_secs(time.try_into().unwrap());
        let list = |from: i64, until: i64| CrlBuilder {
            number: CrlNumber::from(1),
            this_update: at(from),
            next_update: at(until),
            revoked: Vec::new(),
        };
        let list = |from, until| list(from, until).signed_by(&issuer).unwrap();
        let with = |crls: Vec<Crl>| Policy { crls: crls.into(), ..policy(&ca, 2) };
        // The one of now, one that is over and one that is to come.
        let lists = [(-50, 60), (-90, -10), (30, 500)].map(|(a, b)| list(now + a, now + b));
        for own in [with(lists[..1].to_vec()), with(lists.to_vec())] {
            let anew = Policy { memory: Arc::default(), ..own.clone() };
            assert!(judge(&own, from_ref(&leaf), Purpose::Client, None, now).is_trusted());
            assert!(remembered(&own, &leaf, Purpose::Client, now).is_some());
            // Second by second it says what judging says, or nothing.
            for time in now - 100..now + 600 {
                let judged = judge_anew(&anew, from_ref(&leaf), Purpose::Client, time);
                let again = remembered(&own, &leaf, Purpose::Client, time);
                assert!(again.is_none_or(|_| judged.is_trusted()), "{}", time - now);
            }
        }
        let two = with(lists.to_vec());
        judge(&two, from_ref(&leaf), Purpose::Client, None, now);
        for (time, known) in [(-11, false), (-10, true), (29, true), (30, false)] {
            let again = remembered(&two, &leaf, Purpose::Client, now + time);
            assert_eq!(again.is_some(), known, "another list would be the best: {time}");
        }
    }

    #[test]
    fn another_list_is_asked_anew() {
        let (issuer, ca, leaf) = authority();
        let now = leaf.not_before() + 1000;
        let at = |time: i64| UNIX_EPOCH + Duration::from_secs(time.try_into().unwrap());
        let with = |revoked: Vec<Revoked>| {
            let (this_update, next_update) = (at(now - 10), at(now + 10));
            let number = CrlNumber::from(1);
            let list = CrlBuilder { number, this_update, next_update, revoked };
            let crls = Arc::from([list.signed_by(&issuer).unwrap()]);
            Policy { crls, ..policy(&ca, 2) }
        };
        let good = with(Vec::new());
        assert!(judge(&good, from_ref(&leaf), Purpose::Client, None, now).is_trusted());
        assert!(remembered(&good, &leaf, Purpose::Client, now).is_some());
        let serial = leaf.serial_number().unwrap().to_vec();
        let reason = RevocationReason::KeyCompromise;
        let bad = with(vec![Revoked { serial, time: at(now - 20), reason }]);
        for _ in 0..2 {
            assert!(remembered(&bad, &leaf, Purpose::Client, now).is_none());
            let verdict = judge(&bad, from_ref(&leaf), Purpose::Client, None, now);
            assert_eq!(verdict.refusal().unwrap().code().name(), "CERT_REVOKED");
        }
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
