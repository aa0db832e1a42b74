//! Chains with one flaw each, under a root that clients are told to trust. All of it is made when the server
//! starts, and gone with it.

use std::time::{Duration, SystemTime};

use sealwire::Identity;
use sealwire::pki::{
    Certificate, CertificateBuilder, Crl, CrlBuilder, CrlNumber, Error, ExtendedKeyUsage, Issuer,
    KeyAlgorithm, PrivateKey, RevocationReason, Revoked, Subject, SubjectAltName, Validity,
};

use super::weak;

/// What is wrong with a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    Expired,
    NotYetValid,
    WrongName,
    NoNames,
    SelfSigned,
    UnknownCa,
    RootInChain,
    MissingIntermediate,
    ExpiredIntermediate,
    NotACa,
    PathLength,
    NameConstraints,
    WrongUsage,
    UnknownCritical,
    BadSignature,
    WeakKey,
    Sha1,
    Revoked,
    NoStaple,
    Huge,
}

/// The certificates of a server, and the files for its clients.
pub(super) struct Made {
    pub(super) identity: Identity,
    pub(super) root: Certificate,
    /// Of the leaf's issuer, and of the one above it.
    pub(super) crls: Vec<Crl>,
}

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Names without a flaw.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A chain with this flaw. `rsa`: the leaf has an RSA key, for suites of old.
///
/// # Errors
/// When a key cannot be made.
pub(super) fn made(flaw: Flaw, rsa: bool) -> Result<Made, Error> {
    let root = authority("Bad Server Root", None, None, |builder| builder)?;
    // The root that clients are given to trust, whether this chain's or not.
    let told = match flaw {
        Flaw::UnknownCa | Flaw::RootInChain => {
            authority("Bad Server Root Nobody Uses", None, None, |builder| builder)?
        }
        _ => root.clone(),
    };
    let intermediate = intermediate(flaw, &root)?;
    let (issuer, above) = match flaw {
        Flaw::PathLength => {
            let below = authority("Below", Some(&intermediate), None, |builder| builder)?;
            let chain = vec![below.certificate().clone(), intermediate.certificate().clone()];
            (below, chain)
        }
        Flaw::NotACa => (intermediate.clone(), vec![as_leaf(&intermediate, &root)?]),
        Flaw::MissingIntermediate => (intermediate, Vec::new()),
        Flaw::RootInChain => {
            let chain = vec![intermediate.certificate().clone(), root.certificate().clone()];
            (intermediate, chain)
        }
        _ => {
            let chain = vec![intermediate.certificate().clone()];
            (intermediate, chain)
        }
    };
    let key = PrivateKey::generate(match rsa {
        true => KeyAlgorithm::Rsa { bits: 2048 },
        false => KeyAlgorithm::EcdsaP256,
    })?;
    let builder = leaf(flaw)?;
    let leaf = match flaw {
        Flaw::SelfSigned => builder.self_signed(&key)?,
        Flaw::Sha1 => {
            weak::signed_with_sha1(&builder.signed_by(&issuer, key.spki_der())?, &issuer)?
        }
        Flaw::WeakKey => weak::signed_with_1024(&builder, &issuer, key.spki_der())?,
        Flaw::BadSignature => {
            let mut der = builder.signed_by(&issuer, key.spki_der())?.der().to_vec();
            *der.last_mut().expect("a certificate has bytes") ^= 1;
            Certificate::from_der(&der)?
        }
        _ => builder.signed_by(&issuer, key.spki_der())?,
    };
    let crls = match flaw {
        Flaw::Revoked => vec![list(&[&leaf], &issuer)?, list(&[], &root)?],
        _ => Vec::new(),
    };
    let mut chain = vec![leaf];
    if flaw != Flaw::SelfSigned {
        chain.extend(above);
    }
    if flaw == Flaw::Huge {
        chain.extend(padding(&issuer)?);
    }
    Ok(Made { identity: Identity::new(chain, &key)?, root: told.certificate().clone(), crls })
}

fn leaf(flaw: Flaw) -> Result<CertificateBuilder, Error> {
    let now = SystemTime::now();
    let names: Vec<SubjectAltName> = match flaw {
        Flaw::WrongName => vec!["wrong.example".parse()?],
        Flaw::NoNames => Vec::new(),
        _ => NAMES.iter().map(|name| name.parse()).collect::<Result<_, _>>()?,
    };
    let validity = match flaw {
        Flaw::Expired => Validity::between(now - 90 * DAY, now - DAY)?,
        Flaw::NotYetValid => Validity::between(now + 30 * DAY, now + 90 * DAY)?,
        _ => Validity::between(now - DAY, now + 30 * DAY)?,
    };
    let usage = match flaw {
        Flaw::WrongUsage => ExtendedKeyUsage::CLIENT_AUTH,
        _ => ExtendedKeyUsage::SERVER_AUTH,
    };
    let builder = CertificateBuilder::new(named(match flaw {
        Flaw::WrongName => "wrong.example",
        _ => "localhost",
    })?);
    let builder = builder.names(names).validity(validity).extended_key_usage([usage]);
    match flaw {
        Flaw::NoStaple => Ok(builder.must_staple()),
        Flaw::UnknownCritical => builder.acme_identifier(&[0; 32]),
        _ => Ok(builder),
    }
}

fn intermediate(flaw: Flaw, root: &Issuer) -> Result<Issuer, Error> {
    let now = SystemTime::now();
    let key = match flaw {
        Flaw::WeakKey => Some(weak::rsa_1024()?),
        Flaw::Sha1 => Some(PrivateKey::generate(KeyAlgorithm::Rsa { bits: 2048 })?),
        _ => None,
    };
    let ended = Validity::between(now - 90 * DAY, now - DAY)?;
    let permitted = "permitted.example".parse()?;
    authority("Bad Server Intermediate", Some(root), key, |builder| match flaw {
        Flaw::ExpiredIntermediate => builder.validity(ended),
        Flaw::PathLength => builder.authority(Some(0)),
        Flaw::NameConstraints => builder.name_constraints([permitted], []),
        _ => builder,
    })
}

fn authority(
    name: &str,
    above: Option<&Issuer>,
    key: Option<PrivateKey>,
    shape: impl FnOnce(CertificateBuilder) -> CertificateBuilder,
) -> Result<Issuer, Error> {
    let key = match key {
        Some(key) => key,
        None => PrivateKey::generate(KeyAlgorithm::EcdsaP256)?,
    };
    let now = SystemTime::now();
    let builder = CertificateBuilder::new(named(name)?)
        .authority(None)
        .validity(Validity::between(now - 2 * DAY, now + 60 * DAY)?);
    let builder = shape(builder);
    let certificate = match above {
        Some(issuer) => builder.signed_by(issuer, key.spki_der())?,
        None => builder.self_signed(&key)?,
    };
    Issuer::new(certificate, key)
}

/// The same name and key, in a certificate that is not one of a CA.
fn as_leaf(issuer: &Issuer, root: &Issuer) -> Result<Certificate, Error> {
    let now = SystemTime::now();
    let subject = Subject::from_der(issuer.certificate().subject().der())?;
    CertificateBuilder::new(subject)
        .validity(Validity::between(now - DAY, now + 30 * DAY)?)
        .signed_by(root, issuer.key().spki_der())
}

fn list(revoked: &[&Certificate], issuer: &Issuer) -> Result<Crl, Error> {
    let now = SystemTime::now();
    let revoked = revoked.iter().map(|one| Revoked::now(one, RevocationReason::KeyCompromise));
    let list = CrlBuilder {
        number: CrlNumber::from(1),
        this_update: now - Duration::from_secs(60),
        next_update: now + 30 * DAY,
        revoked: revoked.collect(),
    };
    list.signed_by(issuer)
}

/// Certificates that belong to nothing, which make a chain long in bytes.
fn padding(issuer: &Issuer) -> Result<Vec<Certificate>, Error> {
    const COUNT: usize = 8;
    const NAMES: usize = 800;
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
    let one = |n: usize| {
        let names = (0..NAMES).map(|i| format!("host-{i:04}.padding-{n}.example").parse());
        let names = names.collect::<Result<Vec<SubjectAltName>, _>>()?;
        CertificateBuilder::new(named("padding")?).names(names).signed_by(issuer, key.spki_der())
    };
    (0..COUNT).map(one).collect()
}

fn named(name: &str) -> Result<Subject, Error> {
    let mut subject = Subject::new();
    subject.push("CN", name)?;
    Ok(subject)
}
