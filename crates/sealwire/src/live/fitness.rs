//! Whether a context would be accepted by its peers.

use std::fmt;

use sealwire_x509::{Certificate, Crl, Purpose};

use crate::context::SecureContext;
use crate::pki::{self, ChainCheck, TrustStore};
use crate::verify::Refusal;
use crate::words::Date;

/// The reason why peers would refuse an identity, or why no peer could be verified.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Unfit {
    /// A peer that trusts the issuer would refuse our certificate.
    Identity {
        /// Its subject.
        subject: String,
        /// Why.
        refusal: Refusal,
    },
    /// The certificates behind our own do not lead on from it.
    Chain {
        /// The subject of our certificate.
        subject: String,
        /// Its issuer.
        issuer: String,
    },
    /// Our own revocation list names our certificate.
    Revoked {
        /// Its subject.
        subject: String,
    },
    /// Every CA that is trusted has expired, or is not valid yet.
    Trust,
    /// A revocation list is past its nextUpdate.
    List {
        /// Its issuer.
        issuer: String,
        /// Until when it was good, in seconds since 1970.
        until: i64,
    },
}

impl Unfit {
    /// Judges the identities of `context` as a peer that trusts their issuers would, and checks
    /// whether its trust and its lists are usable. What is in `old` as well is not asked about: that
    /// a certificate has expired is not a reason to refuse a new revocation list.
    ///
    /// # Errors
    /// The first unfit part.
    pub fn check(
        context: &SecureContext,
        purposes: &[Purpose],
        old: Option<&SecureContext>,
    ) -> Result<(), Self> {
        let now = context.now();
        let is_old = |chain: &_| old.is_some_and(|old| old.chains().any(|one| one == chain));
        for chain in context.chains().filter(|chain| !is_old(*chain)) {
            for purpose in purposes {
                check_identity(context, chain, *purpose, now)?;
            }
        }
        let trusted = context.trust().certificates();
        let is_old = old.is_some_and(|old| old.trust().certificates() == trusted);
        let valid = |one: &Certificate| one.not_before() <= now && now < one.not_after();
        if !is_old && !trusted.is_empty() && !trusted.iter().any(valid) {
            return Err(Self::Trust);
        }
        let is_old = |list: &Crl| old.is_some_and(|old| old.policy().crls.contains(list));
        let lists = context.policy().crls.iter().filter(|list| !is_old(list));
        for list in lists {
            if let Some(until) = list.next_update().filter(|until| *until < now) {
                return Err(Self::List { issuer: list.issuer().to_string(), until });
            }
            check_own(context, list)?;
        }
        Ok(())
    }
}

/// Our own list, when it names us, is reason enough.
fn check_own(context: &SecureContext, list: &Crl) -> Result<(), Unfit> {
    for leaf in context.chains().filter_map(|chain| chain.first()) {
        if leaf.issuer() == list.issuer() && list.may_list(leaf) {
            return Err(Unfit::Revoked { subject: leaf.subject().to_string() });
        }
    }
    Ok(())
}

fn check_identity(
    context: &SecureContext,
    chain: &[Certificate],
    purpose: Purpose,
    now: i64,
) -> Result<(), Unfit> {
    let Some((leaf, sent)) = chain.split_first() else { return Ok(()) };
    let subject = || leaf.subject().to_string();
    let path = pki::issuers(leaf, sent);
    let top = path.last().unwrap_or(leaf);
    if !sent.is_empty() && path.is_empty() && !leaf.is_self_issued() {
        return Err(Unfit::Chain { subject: subject(), issuer: leaf.issuer().to_string() });
    }
    let Ok(trust) = TrustStore::from_certificates([top.clone()]) else { return Ok(()) };
    let trust = trust.allow_partial_chain(true);
    let security_level = context.policy().security_level;
    let check = ChainCheck {
        presented: chain,
        trust: &trust,
        crls: &[],
        purpose,
        name: None,
        time: now,
        security_level,
    };
    match check.verdict().refusal() {
        Some(refusal) => Err(Unfit::Identity { subject: subject(), refusal }),
        None => Ok(()),
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity { subject, refusal } => {
                write!(f, "peers would refuse the certificate \"{subject}\": {refusal}")
            }
            Self::Chain { subject, issuer } => write!(
                f,
                "the certificates behind \"{subject}\" do not lead on from it: none is its \
                 issuer, \"{issuer}\""
            ),
            Self::Revoked { subject } => {
                write!(f, "the revocation list names our own certificate, \"{subject}\"")
            }
            Self::Trust => f.write_str("no CA that is trusted is valid now"),
            Self::List { issuer, until } => {
                write!(f, "the revocation list of \"{issuer}\" was valid until {}", Date(*until))
            }
        }
    }
}

impl std::error::Error for Unfit {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Identity { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}
