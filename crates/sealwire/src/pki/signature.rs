//! Signatures over DER: the algorithm of each key, signed structures, and checking others'.

use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5912, rfc8410};
use der::asn1::{Any, AnyRef, BitStringRef};
use der::{Decode, Encode, Sequence};
use pkcs8::PrivateKeyInfoRef;
use spki::AlgorithmIdentifierOwned;

use super::ml_dsa;
use super::pss::{self, PssKey};
use super::{Error, KeyAlgorithm, PrivateKey, Problem};

/// The shape that certificates, requests and CRLs share: what is signed, how, and the signature.
#[derive(Sequence)]
struct Signed<'a> {
    tbs: AnyRef<'a>,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitStringRef<'a>,
}

/// Signs the structure that `to_be_signed` makes for the key's algorithm, and wraps it up.
pub(super) fn sign_der<T: Encode>(
    key: &PrivateKey,
    to_be_signed: impl FnOnce(AlgorithmIdentifierOwned) -> T,
) -> Result<Vec<u8>, Error> {
    sign_der_like(None, key, to_be_signed)
}

/// The same, with the algorithm of an older signature where this key has it and it is strong enough.
pub(super) fn sign_der_like<T: Encode>(
    old: Option<&AlgorithmIdentifierOwned>,
    key: &PrivateKey,
    to_be_signed: impl FnOnce(AlgorithmIdentifierOwned) -> T,
) -> Result<Vec<u8>, Error> {
    let old = old.filter(|old| is_kept(old, key));
    let algorithm = old.cloned().map_or_else(|| signature_algorithm(key), Ok)?;
    let tbs = to_be_signed(algorithm.clone()).to_der().map_err(|e| unencodable(&e))?;
    let signature = match old {
        Some(old) => key.sign_as(&old.to_der().map_err(|e| unencodable(&e))?, &tbs)?,
        None => key.sign(&tbs)?,
    };
    let signed = Signed {
        tbs: AnyRef::from_der(&tbs).map_err(|e| unencodable(&e))?,
        algorithm,
        signature: BitStringRef::from_bytes(&signature).map_err(|e| unencodable(&e))?,
    };
    signed.to_der().map_err(|e| unencodable(&e))
}

/// Whether a key can sign so, and OpenSSL's default level takes it: SHA-1 and MD5 are not kept. Kinds
/// of keys that sign in one way only have nothing to keep.
fn is_kept(old: &AlgorithmIdentifierOwned, key: &PrivateKey) -> bool {
    const PKCS1: [ObjectIdentifier; 4] = [
        rfc5912::SHA_224_WITH_RSA_ENCRYPTION,
        rfc5912::SHA_256_WITH_RSA_ENCRYPTION,
        rfc5912::SHA_384_WITH_RSA_ENCRYPTION,
        rfc5912::SHA_512_WITH_RSA_ENCRYPTION,
    ];
    const ECDSA: [ObjectIdentifier; 4] = [
        rfc5912::ECDSA_WITH_SHA_224,
        rfc5912::ECDSA_WITH_SHA_256,
        rfc5912::ECDSA_WITH_SHA_384,
        rfc5912::ECDSA_WITH_SHA_512,
    ];
    let is_pss = |limits| {
        let parameters = old.parameters.as_ref().map(AnyRef::from);
        old.oid == rfc5912::ID_RSASSA_PSS && pss::is_kept(parameters, limits)
    };
    match key.algorithm() {
        KeyAlgorithm::Rsa { .. } => PKCS1.contains(&old.oid) || is_pss(None),
        KeyAlgorithm::RsaPss { .. } => PrivateKeyInfoRef::from_der(key.to_pkcs8_der())
            .is_ok_and(|info| is_pss(info.algorithm.parameters)),
        KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384 | KeyAlgorithm::EcdsaP521 => {
            ECDSA.contains(&old.oid)
        }
        _ => false,
    }
}

/// Checks the signature of a signed structure with a public key (DER of a SubjectPublicKeyInfo), of
/// whatever kind and size: it may be any peer's.
pub(super) fn verify_der(signed: &[u8], spki: &[u8]) -> Result<(), Error> {
    if sealwire_x509::is_signed_by(signed, spki)? { Ok(()) } else { Err(bad()) }
}

/// The error for a structure of ours that does not fit in DER (over 256 MiB).
pub(super) fn unencodable(error: &der::Error) -> Error {
    Error::new(Problem::InvalidValue, format!("cannot be encoded as DER: {error}"))
}

/// What a key of ours signs with: RSA with SHA-256, which all programs support, others with the
/// digest that fits the curve.
fn signature_algorithm(key: &PrivateKey) -> Result<AlgorithmIdentifierOwned, Error> {
    let oid = match key.algorithm() {
        KeyAlgorithm::Rsa { .. } => {
            let oid = rfc5912::SHA_256_WITH_RSA_ENCRYPTION;
            return Ok(AlgorithmIdentifierOwned { oid, parameters: Some(Any::null()) });
        }
        KeyAlgorithm::RsaPss { .. } => {
            let key = PssKey::from_pkcs8(key.to_pkcs8_der())?.expect("it is of that kind");
            return key.digest().algorithm();
        }
        KeyAlgorithm::EcdsaP256 => rfc5912::ECDSA_WITH_SHA_256,
        KeyAlgorithm::EcdsaP384 => rfc5912::ECDSA_WITH_SHA_384,
        KeyAlgorithm::EcdsaP521 => rfc5912::ECDSA_WITH_SHA_512,
        KeyAlgorithm::Ed25519 => rfc8410::ID_ED_25519,
        KeyAlgorithm::MlDsa44 | KeyAlgorithm::MlDsa65 | KeyAlgorithm::MlDsa87 => {
            ml_dsa::oid_of(key.algorithm()).expect("it is of that kind")
        }
    };
    Ok(AlgorithmIdentifierOwned { oid, parameters: None })
}

/// The registered name of an algorithm, or its dotted OID: errors name what we do not have.
pub(super) fn name_of(oid: &ObjectIdentifier) -> String {
    /// What people meet and the database lacks.
    const MORE: &[(&str, &str)] = &[
        ("1.3.132.0.10", "secp256k1"),
        ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
        ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
        ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1"),
        ("1.3.101.113", "Ed448"),
        ("1.2.840.10040.4.1", "DSA"),
    ];
    let dotted = oid.to_string();
    match MORE.iter().find(|row| row.0 == dotted) {
        Some(row) => row.1.to_owned(),
        None => const_oid::db::DB.by_oid(oid).map_or(dotted, str::to_owned),
    }
}

fn bad() -> Error {
    Error::new(Problem::BadSignature, "the signature does not match the key and the content")
}
