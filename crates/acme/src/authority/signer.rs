//! One CA that signs: what it is asked for, within what it may and as long as it lives.

use std::fmt;

use data_encoding::HEXLOWER;
use sealwire::TrustStore;
use sealwire::pki::{
    Certificate, CertificateBuilder, ChainCheck, Crl, CrlBuilder, CrlNumber, Error, Issuer,
    Purpose, RevocationReason, Revoked, Subject, Validity,
};

use super::Profile;
use crate::clock::{Seconds, system_time};
use crate::protocol::Identifier;

/// A CA with its key and the certificates above it.
pub struct Signer {
    id: String,
    issuer: Issuer,
    /// Itself first, up to the root.
    chain: Vec<Certificate>,
    trust: Option<TrustStore>,
}

/// What is to be signed.
#[derive(Debug)]
pub struct Request<'a> {
    /// Its number: 16 random bytes, taken in the store before.
    pub serial: &'a [u8],
    /// The identifiers.
    pub identifiers: &'a [Identifier],
    /// A user, without a host name: the common name.
    pub user: Option<&'a str>,
    /// The public key.
    pub spki: &'a [u8],
    /// What for, and for how long.
    pub profile: &'a Profile,
    /// Not before, when it was asked for.
    pub not_before: Option<Seconds>,
    /// Not after, when it was asked for.
    pub not_after: Option<Seconds>,
    /// Where the revocation list is.
    pub crl_url: Option<&'a str>,
    /// Where the issuer's certificate is.
    pub issuer_url: Option<&'a str>,
    /// The time.
    pub now: Seconds,
}

/// Why nothing was signed.
#[derive(Debug)]
pub enum Refused {
    /// The CA may not sign for one of the names, or clients would refuse the certificate.
    ByConstraints(String),
    /// The CA itself does not live long enough.
    TooLate(String),
    /// Signing failed.
    Failed(Error),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByConstraints(why) | Self::TooLate(why) => f.write_str(why),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Clocks of clients may be behind by so much.
const BACKDATED: Seconds = 300;

/// A certificate for less than this is of no use: it would have to be renewed at once.
const SHORTEST: Seconds = 600;

impl Signer {
    /// `chain` begins with the certificate of `issuer`.
    #[must_use]
    pub fn new(issuer: Issuer, chain: Vec<Certificate>) -> Self {
        let id = issuer.certificate().subject_key_id().unwrap_or_default();
        let id = HEXLOWER.encode(&id);
        let top = chain.last().unwrap_or_else(|| issuer.certificate()).clone();
        // The last certificate that is known is believed here, be it a root or not.
        let trust = TrustStore::from_certificates([top]).ok();
        Self { id, issuer, chain, trust: trust.map(|trust| trust.allow_partial_chain(true)) }
    }

    /// Its subjectKeyIdentifier, in hexadecimal.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        self.issuer.certificate()
    }

    /// With its key.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Its certificate and those above it, the root last.
    #[must_use]
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// Whether it, and those above it, may sign for this name.
    #[must_use]
    pub fn may_sign_for(&self, identifier: &Identifier) -> bool {
        may_sign(&self.chain, identifier)
    }

    /// Until when it can answer for what it signs: the first end of its chain.
    #[must_use]
    pub fn not_after(&self) -> Seconds {
        self.chain.iter().map(Certificate::not_after).min().unwrap_or(i64::MIN)
    }

    /// Signs. A certificate never outlives its chain.
    ///
    /// # Errors
    /// Why not.
    pub fn sign(&self, wanted: &Request<'_>) -> Result<Certificate, Refused> {
        let now = wanted.now;
        let earliest = self.chain.iter().map(Certificate::not_before).max().unwrap_or(now);
        let begin = wanted.not_before.unwrap_or(now).max(now).min(now + wanted.profile.lifetime());
        let begin = if begin == now { (now - BACKDATED).max(earliest) } else { begin };
        let longest = (now + wanted.profile.lifetime()).min(self.not_after());
        let end = wanted.not_after.map_or(longest, |end| end.min(longest));
        if end - now.max(begin) < SHORTEST {
            return Err(Refused::TooLate(format!(
                "the CA's own certificate expires in {} minutes",
                (self.not_after() - now).max(0) / 60
            )));
        }
        let names: Vec<_> =
            wanted.identifiers.iter().map(Identifier::to_subject_alt_name).collect();
        let builder = match wanted.user {
            Some(user) => CertificateBuilder::new(Subject::from_common_name(user)?).names(names),
            None => CertificateBuilder::for_names(names)?,
        };
        let mut builder = builder
            .serial(wanted.serial)
            .extended_key_usage(wanted.profile.purposes().iter().copied())
            .validity(Validity::between(system_time(begin), system_time(end))?);
        if let Some(url) = wanted.crl_url {
            builder = builder.crl_url(url);
        }
        if let Some(url) = wanted.issuer_url {
            builder = builder.issuer_url(url);
        }
        let certificate = builder.signed_by(&self.issuer, wanted.spki)?;
        self.check(&certificate, now)?;
        Ok(certificate)
    }

    /// Refuses to hand out what clients would refuse.
    fn check(&self, leaf: &Certificate, now: Seconds) -> Result<(), Refused> {
        let Some(trust) = &self.trust else {
            return Err(Refused::ByConstraints("the CA's certificate does not verify".into()));
        };
        let mut presented = vec![leaf.clone()];
        presented.extend(self.chain.iter().cloned());
        let verdict = ChainCheck {
            presented: &presented,
            trust,
            crls: &[],
            purpose: Purpose::Any,
            name: None,
            time: now,
            security_level: 0,
        }
        .verdict();
        match verdict.findings().last() {
            None => Ok(()),
            Some(finding) => Err(Refused::ByConstraints(format!(
                "clients would refuse the certificate: {finding}"
            ))),
        }
    }

    /// Signs a revocation list.
    ///
    /// # Errors
    /// When the CA may not sign lists.
    pub fn sign_crl(
        &self,
        number: i64,
        now: Seconds,
        next_update: Seconds,
        revoked: &[(String, Seconds, RevocationReason)],
    ) -> Result<Crl, Error> {
        let one = |(serial, time, reason): &(String, Seconds, RevocationReason)| Revoked {
            serial: bytes_of_hex(serial),
            time: system_time(*time),
            reason: *reason,
        };
        CrlBuilder {
            number: CrlNumber::from(number.unsigned_abs()),
            this_update: system_time(now),
            next_update: system_time(next_update),
            revoked: revoked.iter().map(one).collect(),
        }
        .signed_by(&self.issuer)
    }
}

/// Whether a CA may sign for this name, as its certificate says and those above it.
#[must_use]
pub fn may_sign(chain: &[Certificate], identifier: &Identifier) -> bool {
    let name = identifier.to_general_name();
    chain.iter().all(|certificate| match certificate.name_constraints() {
        Ok(None) => true,
        Ok(Some(constraints)) => {
            let of_kind = |subtree: &&sealwire::pki::Subtree| subtree.is_of_kind(&name);
            let mut permitted = constraints.permitted.iter().filter(of_kind).peekable();
            let any = permitted.peek().is_none() || permitted.any(|one| one.contains(&name));
            any && !constraints.excluded.iter().any(|one| one.contains(&name))
        }
        Err(_) => false,
    })
}

/// The bytes of a number in hexadecimal.
#[must_use]
pub fn bytes_of_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    // An odd first digit is a byte of its own.
    let (first, rest) = digits.split_at(digits.len() % 2);
    first.iter().copied().chain(rest.chunks(2).map(|pair| pair[0] << 4 | pair[1])).collect()
}
