//! Signatures over DER: the algorithm of each key, signed structures, and checking others'.

use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5912, rfc8410};
use der::asn1::{AnyRef, BitStringRef};
use der::{Decode, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;

use super::pss::PssKey;
use super::rsa_scheme::RsaScheme;
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
    sign_der_as(RsaScheme::default(), key, to_be_signed)
}

/// The same; `rsa` is how an RSA key signs.
pub(super) fn sign_der_as<T: Encode>(
    rsa: RsaScheme,
    key: &PrivateKey,
    to_be_signed: impl FnOnce(AlgorithmIdentifierOwned) -> T,
) -> Result<Vec<u8>, Error> {
    let algorithm = signature_algorithm(key, rsa)?;
    let tbs = to_be_signed(algorithm.clone()).to_der().map_err(|e| unencodable(&e))?;
    let signature = key.sign_as(rsa, &tbs)?;
    let signed = Signed {
        tbs: AnyRef::from_der(&tbs).map_err(|e| unencodable(&e))?,
        algorithm,
        signature: BitStringRef::from_bytes(&signature).map_err(|e| unencodable(&e))?,
    };
    signed.to_der().map_err(|e| unencodable(&e))
}

/// Checks the signature of a signed structure with a public key (DER of a SubjectPublicKeyInfo), of
/// whatever kind and size: it is anybody's.
pub(super) fn verify_der(signed: &[u8], spki: &[u8]) -> Result<(), Error> {
    if sealwire_x509::is_signed_by(signed, spki)? { Ok(()) } else { Err(bad()) }
}

/// The error for a structure of ours that does not fit in DER (over 256 MiB).
pub(super) fn unencodable(error: &der::Error) -> Error {
    Error::new(Problem::InvalidValue, format!("cannot be encoded as DER: {error}"))
}

/// What a key of ours signs with: RSA as asked, others with the digest that fits the curve.
fn signature_algorithm(
    key: &PrivateKey,
    rsa: RsaScheme,
) -> Result<AlgorithmIdentifierOwned, Error> {
    let oid = match key.algorithm() {
        KeyAlgorithm::Rsa { .. } => return Ok(rsa.algorithm()),
        KeyAlgorithm::RsaPss { .. } => {
            let key = PssKey::from_pkcs8(key.to_pkcs8_der())?.expect("it is of that kind");
            return key.digest().algorithm();
        }
        KeyAlgorithm::EcdsaP256 => rfc5912::ECDSA_WITH_SHA_256,
        KeyAlgorithm::EcdsaP384 => rfc5912::ECDSA_WITH_SHA_384,
        KeyAlgorithm::EcdsaP521 => rfc5912::ECDSA_WITH_SHA_512,
        KeyAlgorithm::Ed25519 => rfc8410::ID_ED_25519,
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
    Error::new(Problem::BadSignature, "the signature does not fit the key and the content")
}
