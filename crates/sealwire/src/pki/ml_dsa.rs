//! ML-DSA keys (FIPS 204), whose private half has three forms
//! ([RFC 9881, section 6](https://www.rfc-editor.org/rfc/rfc9881#section-6)). Not every
//! program reads all of them, so one leads to the others as far as that can be.

use aws_lc_rs::encoding::AsRawBytes as _;
use aws_lc_rs::signature::{
    KeyPair as _, ML_DSA_44_SIGNING, ML_DSA_65_SIGNING, ML_DSA_87_SIGNING, PqdsaKeyPair,
    PqdsaSigningAlgorithm,
};
use const_oid::ObjectIdentifier;
use der::asn1::OctetStringRef;
use der::{Decode, Encode, Sequence};
use pkcs8::PrivateKeyInfoRef;
use spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::key::public_der;
use super::signature::unencodable;
use super::{Error, KeyAlgorithm, Problem};

/// How the private half of an ML-DSA key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MlDsaForm {
    /// 32 bytes, of which all else is computed: what
    /// [RFC 9881](https://www.rfc-editor.org/rfc/rfc9881) recommends, Node and Python write.
    Seed,
    /// The expanded key, which does not contain the seed: Java reads no other form.
    Expanded,
    /// Seed and expanded key: what OpenSSL 3.5 and later write.
    Both,
}

/// The key as it is read and kept: its kind, PKCS#8 of version 1 in the form that it had, and its
/// SubjectPublicKeyInfo.
pub(super) type Encodings = (KeyAlgorithm, Zeroizing<Vec<u8>>, Vec<u8>);

/// Every kind: what it is called in certificates, and what signs with it.
const KINDS: [(KeyAlgorithm, ObjectIdentifier, &PqdsaSigningAlgorithm); 3] = [
    (KeyAlgorithm::MlDsa44, oid("2.16.840.1.101.3.4.3.17"), &ML_DSA_44_SIGNING),
    (KeyAlgorithm::MlDsa65, oid("2.16.840.1.101.3.4.3.18"), &ML_DSA_65_SIGNING),
    (KeyAlgorithm::MlDsa87, oid("2.16.840.1.101.3.4.3.19"), &ML_DSA_87_SIGNING),
];

const fn oid(dotted: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(dotted)
}

/// The kind of key, and of signature, that has this name.
pub(super) fn by_oid(oid: ObjectIdentifier) -> Option<KeyAlgorithm> {
    KINDS.iter().find(|kind| kind.1 == oid).map(|kind| kind.0)
}

/// The name of such a key and its signatures; `None` for other kinds.
pub(super) fn oid_of(algorithm: KeyAlgorithm) -> Option<ObjectIdentifier> {
    KINDS.iter().find(|kind| kind.0 == algorithm).map(|kind| kind.1)
}

fn signing(algorithm: KeyAlgorithm) -> Result<&'static PqdsaSigningAlgorithm, Error> {
    let kind = KINDS.iter().find(|kind| kind.0 == algorithm);
    kind.map(|kind| kind.2).ok_or_else(|| Error::new(Problem::Internal, "no ML-DSA key"))
}

/// Makes a key, in the form of its seed.
pub(super) fn generate(algorithm: KeyAlgorithm) -> Result<Encodings, Error> {
    let failed = |_| Error::new(Problem::Internal, "key generation failed");
    let pair = PqdsaKeyPair::generate(signing(algorithm)?).map_err(failed)?;
    let pkcs8 = Zeroizing::new(pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec());
    Ok((algorithm, pkcs8, public_der(pair.public_key())?))
}

/// Reads a key of one of these kinds; `None` when it is of another.
pub(super) fn read(info: &PrivateKeyInfoRef<'_>) -> Result<Option<Encodings>, Error> {
    let Some(algorithm) = by_oid(info.algorithm.oid) else { return Ok(None) };
    let pkcs8 = pkcs8(info.algorithm.oid, info.private_key.as_bytes())?;
    let pair = pair(algorithm, &pkcs8)?;
    Ok(Some((algorithm, pkcs8, public_der(pair.public_key())?)))
}

pub(super) fn sign(
    algorithm: KeyAlgorithm,
    pkcs8: &[u8],
    message: &[u8],
) -> Result<Vec<u8>, Error> {
    let pair = pair(algorithm, pkcs8)?;
    let mut signature = vec![0; pair.algorithm().signature_len()];
    let failed = |_| Error::new(Problem::Internal, "signing failed");
    let length = pair.sign(message, &mut signature).map_err(failed)?;
    signature.truncate(length);
    Ok(signature)
}

/// In which form the private half of this PKCS#8 is.
pub(super) fn form(pkcs8: &[u8]) -> Option<MlDsaForm> {
    let info = PrivateKeyInfoRef::from_der(pkcs8).ok()?;
    by_oid(info.algorithm.oid)?;
    match info.private_key.as_bytes().first()? {
        &SEED => Some(MlDsaForm::Seed),
        0x30 => Some(MlDsaForm::Both),
        _ => Some(MlDsaForm::Expanded),
    }
}

/// The same key in another form.
pub(super) fn in_form(
    algorithm: KeyAlgorithm,
    key: &[u8],
    wanted: MlDsaForm,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let info = PrivateKeyInfoRef::from_der(key).map_err(|e| unencodable(&e))?;
    let seed = seed(info.private_key.as_bytes()).ok_or_else(|| {
        let what = format!(
            "this {algorithm} key has the expanded form only, from which its seed cannot be computed"
        );
        Error::new(Problem::InvalidValue, what)
    });
    let inner = match wanted {
        MlDsaForm::Seed => [&[SEED, 32][..], &*seed?].concat(),
        MlDsaForm::Expanded => {
            let expanded = expanded(algorithm, key)?;
            octets(&expanded)?.to_der().map_err(|e| unencodable(&e))?
        }
        MlDsaForm::Both => {
            let (seed, expanded) = (seed?, expanded(algorithm, key)?);
            let both = BothForms { seed: octets(&*seed)?, expanded: octets(&expanded)? };
            both.to_der().map_err(|e| unencodable(&e))?
        }
    };
    pkcs8(info.algorithm.oid, &Zeroizing::new(inner))
}

/// `[0]`, implicit, of an OCTET STRING.
const SEED: u8 = 0x80;

#[derive(Sequence)]
struct BothForms<'a> {
    seed: &'a OctetStringRef,
    expanded: &'a OctetStringRef,
}

fn octets(bytes: &[u8]) -> Result<&OctetStringRef, Error> {
    OctetStringRef::new(bytes).map_err(|e| unencodable(&e))
}

/// The seed of a private half that has one.
fn seed(private: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let seed = match private {
        [SEED, 32, seed @ ..] => seed,
        _ => BothForms::from_der(private).ok()?.seed.as_bytes(),
    };
    seed.try_into().ok().map(Zeroizing::new)
}

fn expanded(algorithm: KeyAlgorithm, key: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let pair = pair(algorithm, key)?;
    let raw = pair.private_key().as_raw_bytes();
    let raw = raw.map_err(|_| Error::new(Problem::Internal, "key encoding failed"))?;
    Ok(Zeroizing::new(raw.as_ref().to_vec()))
}

fn pair(algorithm: KeyAlgorithm, pkcs8: &[u8]) -> Result<PqdsaKeyPair, Error> {
    PqdsaKeyPair::from_pkcs8(signing(algorithm)?, pkcs8).map_err(|e| {
        Error::new(Problem::Malformed, format!("the {algorithm} key cannot be read: {e}"))
    })
}

fn pkcs8(oid: ObjectIdentifier, private: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let algorithm = AlgorithmIdentifierRef { oid, parameters: None };
    let info = PrivateKeyInfoRef::new(algorithm, octets(private)?);
    Ok(Zeroizing::new(info.to_der().map_err(|e| unencodable(&e))?))
}
