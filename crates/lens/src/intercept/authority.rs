//! The CA of a proxy: it signs for the names that clients ask for.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use sealwire::Identity;
use sealwire::pki::{
    Certificate, CertificateBuilder, Error, ExtendedKeyUsage, Issuer, KeyAlgorithm, NameConstraint,
    PrivateKey, Subject, SubjectAltName, Validity,
};

/// A CA, and the certificates that it has signed. Its key and theirs are in memory only.
pub struct Authority {
    issuer: Issuer,
    permitted: Vec<NameConstraint>,
    /// One key for all leaves: they are all ours, and to make one costs more than to sign.
    leaf_key: PrivateKey,
    signed: Mutex<HashMap<Vec<SubjectAltName>, Identity>>,
}

/// How long a throw-away CA is valid.
const CA_DAYS: u32 = 30;
/// Below what any client allows, and never beyond the CA's.
const LEAF_DAYS: u32 = 7;
/// So far behind may a client's clock be: that of a container, or of a machine that was asleep.
const BACKDATED: Duration = Duration::from_secs(3600);
/// How many certificates are kept.
const MOST_SIGNED: usize = 4096;
/// How many names of an origin's certificate are taken over.
const MOST_NAMES: usize = 100;

impl Authority {
    /// A new CA, for as long as the process lives. With `permitted` it can sign for these hosts and
    /// what is below them, and clients hold it to that (RFC 5280, 4.2.1.10); without, for any.
    ///
    /// # Errors
    /// When one of the hosts is not a name.
    pub fn throw_away(permitted: &[NameConstraint]) -> Result<Self, Error> {
        let mut subject = Subject::new();
        subject.push("CN", &format!("Sealwire proxy, process {}", std::process::id()))?;
        subject.push("O", "throw-away CA of a debugging proxy")?;
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
        // A kind of name of which none is permitted is not limited, so of that kind all are excluded.
        let has_dns = permitted.iter().any(|one| matches!(one, NameConstraint::Dns(_)));
        let has_ip = permitted.iter().any(|one| matches!(one, NameConstraint::Ip { .. }));
        let mut excluded = Vec::new();
        if !permitted.is_empty() && !has_dns {
            excluded.push(NameConstraint::Dns(String::new()));
        }
        if !permitted.is_empty() && !has_ip {
            excluded
                .extend(["IP:0.0.0.0/0", "IP:::/0"].map(|all| all.parse()).into_iter().flatten());
        }
        let certificate = CertificateBuilder::new(subject)
            .authority(Some(0))
            .name_constraints(permitted.iter().cloned(), excluded)
            .validity(backdated(CA_DAYS)?)
            .self_signed(&key)?;
        let mut authority = Self::of(Issuer::new(certificate, key)?)?;
        authority.permitted = permitted.to_vec();
        Ok(authority)
    }

    /// A CA that exists: one that clients trust already.
    ///
    /// # Errors
    /// When there are no random bytes to make a key of.
    pub fn of(issuer: Issuer) -> Result<Self, Error> {
        let leaf_key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
        Ok(Self { issuer, permitted: Vec::new(), leaf_key, signed: Mutex::default() })
    }

    /// Its certificate, which clients are to trust.
    pub fn certificate(&self) -> &Certificate {
        self.issuer.certificate()
    }

    /// The identity for a client that asked for `host`, whose origin showed `origin`: with the
    /// same names, so that a client finds what it would find there.
    ///
    /// # Errors
    /// When `host` is not a name and the origin has none.
    pub(crate) fn identity(
        &self,
        host: &str,
        origin: Option<&Certificate>,
    ) -> Result<Identity, Error> {
        let names = self.names(host, origin)?;
        if let Some(identity) = self.lock().get(&names) {
            return Ok(identity.clone());
        }
        let certificate = CertificateBuilder::for_names(names.clone())?
            .extended_key_usage([ExtendedKeyUsage::SERVER_AUTH])
            .validity(backdated(LEAF_DAYS)?)
            .signed_by(&self.issuer, self.leaf_key.spki_der())?;
        // With the root, for clients that pin or show it.
        let chain = vec![certificate, self.issuer.certificate().clone()];
        let identity = Identity::new(chain, &self.leaf_key)?;
        let mut signed = self.lock();
        if signed.len() >= MOST_SIGNED {
            signed.clear();
        }
        signed.insert(names, identity.clone());
        Ok(identity)
    }

    fn names(
        &self,
        host: &str,
        origin: Option<&Certificate>,
    ) -> Result<Vec<SubjectAltName>, Error> {
        let shown = origin.and_then(|leaf| leaf.subject_alt_names().ok()).unwrap_or_default();
        let mut names: Vec<_> = shown
            .iter()
            .filter_map(SubjectAltName::from_x509)
            .filter(|name| matches!(name, SubjectAltName::Dns(_) | SubjectAltName::Ip(_)))
            .filter(|name| self.may_sign(name))
            .take(MOST_NAMES)
            .collect();
        if names.is_empty() {
            names.push(host.trim_end_matches('.').parse()?);
        }
        Ok(names)
    }

    /// One name outside of its constraints makes a whole certificate worthless.
    fn may_sign(&self, name: &SubjectAltName) -> bool {
        self.permitted.is_empty()
            || self.permitted.iter().any(|constraint| match (constraint, name) {
                (NameConstraint::Dns(base), SubjectAltName::Dns(name)) => is_below(name, base),
                (NameConstraint::Ip { network, prefix }, SubjectAltName::Ip(address)) => {
                    is_within(*address, *network, *prefix)
                }
                _ => false,
            })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Vec<SubjectAltName>, Identity>> {
        self.signed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn backdated(days: u32) -> Result<Validity, Error> {
    let now = SystemTime::now();
    let lasting = Duration::from_secs(u64::from(days) * 86_400);
    Validity::between(now - BACKDATED, now + lasting)
}

fn is_below(name: &str, base: &str) -> bool {
    let (name, base) = (name.to_ascii_lowercase(), base.to_ascii_lowercase());
    base.is_empty()
        || name.strip_suffix(&base).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn is_within(address: IpAddr, network: IpAddr, prefix: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            let shift = 32 - u32::from(prefix.min(32));
            u32::from(one).checked_shr(shift) == u32::from(other).checked_shr(shift)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            let shift = 128 - u32::from(prefix.min(128));
            u128::from(one).checked_shr(shift) == u128::from(other).checked_shr(shift)
        }
        _ => false,
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("certificate", self.certificate()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Authority, is_within};

    #[test]
    fn names_are_the_origins_and_within_the_constraints() {
        let authority = Authority::throw_away(&["a.test".parse().unwrap()]).unwrap();
        let (origin, _) =
            sealwire::pki::self_signed(["a.test", "*.a.test", "b.test", "127.0.0.1"]).unwrap();
        let identity = authority.identity("a.test", Some(&origin)).unwrap();
        let names = identity.chain()[0].subject_alt_names().unwrap();
        assert_eq!(names.len(), 2, "{names:?}");
        let again = authority.identity("x.a.test", Some(&origin)).unwrap();
        assert_eq!(again.chain()[0].der(), identity.chain()[0].der(), "signed once");
        assert!(authority.identity("no name at all", None).is_err());
        assert!(is_within([10, 1, 2, 3].into(), [10, 0, 0, 0].into(), 8));
        assert!(is_within([10, 1, 2, 3].into(), [0, 0, 0, 0].into(), 0));
        assert!(!is_within([11, 1, 2, 3].into(), [10, 0, 0, 0].into(), 8));
    }
}
