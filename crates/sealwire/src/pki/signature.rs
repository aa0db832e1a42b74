//! Signatures over DER: the algorithm of each key, signed structures, and checking others'.

use aws_lc_rs::rsa::RsaPssSaltLength;
use aws_lc_rs::signature::{self as aws, VerificationAlgorithm as _};
use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5912, rfc8410};
use der::asn1::{Any, AnyRef, BitStringRef};
use der::{Decode, Encode, Sequence};
use spki::{AlgorithmIdentifierOwned, AlgorithmIdentifierRef};

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
    let algorithm = signature_algorithm(key.algorithm());
    let tbs = to_be_signed(algorithm.clone()).to_der().map_err(|e| unencodable(&e))?;
    let signature = key.sign(&tbs)?;
    let signed = Signed {
        tbs: AnyRef::from_der(&tbs).map_err(|e| unencodable(&e))?,
        algorithm,
        signature: BitStringRef::from_bytes(&signature).map_err(|e| unencodable(&e))?,
    };
    signed.to_der().map_err(|e| unencodable(&e))
}

/// Checks the signature of a signed structure with a public key (DER of a SubjectPublicKeyInfo).
pub(super) fn verify_der(signed: &[u8], spki: &[u8]) -> Result<(), Error> {
    let malformed = |e: der::Error| Error::new(Problem::Malformed, e.to_string());
    let signed = Signed::from_der(signed).map_err(malformed)?;
    let tbs = signed.tbs.to_der().map_err(malformed)?;
    let algorithm = verifier(&signed.algorithm, KeyAlgorithm::of_spki(spki)?)?;
    algorithm(spki, &tbs, signed.signature.raw_bytes())
}

/// The error for a structure of ours that does not fit in DER (over 256 MiB).
pub(super) fn unencodable(error: &der::Error) -> Error {
    Error::new(Problem::InvalidValue, format!("cannot be encoded as DER: {error}"))
}

/// What a key of ours signs with: SHA-256, or the digest that fits the curve.
fn signature_algorithm(key: KeyAlgorithm) -> AlgorithmIdentifierOwned {
    let (oid, parameters) = match key {
        KeyAlgorithm::Rsa { .. } => (rfc5912::SHA_256_WITH_RSA_ENCRYPTION, Some(Any::null())),
        KeyAlgorithm::EcdsaP256 => (rfc5912::ECDSA_WITH_SHA_256, None),
        KeyAlgorithm::EcdsaP384 => (rfc5912::ECDSA_WITH_SHA_384, None),
        KeyAlgorithm::EcdsaP521 => (rfc5912::ECDSA_WITH_SHA_512, None),
        KeyAlgorithm::Ed25519 => (rfc8410::ID_ED_25519, None),
    };
    AlgorithmIdentifierOwned { oid, parameters }
}

type Verifier = Box<dyn Fn(&[u8], &[u8], &[u8]) -> Result<(), Error>>;

/// How to check a signature with `algorithm` by a key of kind `key`. Anybody's requests are
/// checked with this, so it knows more than we sign with: other digests, SHA-1, RSA-PSS.
fn verifier(algorithm: &AlgorithmIdentifierOwned, key: KeyAlgorithm) -> Result<Verifier, Error> {
    use KeyAlgorithm::{EcdsaP256, EcdsaP384, EcdsaP521, Ed25519, Rsa};
    let oid = algorithm.oid;
    let small = matches!(key, Rsa { bits } if bits < 2048);
    Ok(match (key, oid) {
        (Rsa { .. }, rfc5912::SHA_1_WITH_RSA_ENCRYPTION) => {
            check(&aws::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY)
        }
        (Rsa { .. }, rfc5912::SHA_256_WITH_RSA_ENCRYPTION) => {
            check(&aws::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY)
        }
        (Rsa { .. }, rfc5912::SHA_384_WITH_RSA_ENCRYPTION) if !small => {
            check(&aws::RSA_PKCS1_2048_8192_SHA384)
        }
        (Rsa { .. }, rfc5912::SHA_512_WITH_RSA_ENCRYPTION) => {
            check(&aws::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY)
        }
        (Rsa { .. }, rfc5912::ID_RSASSA_PSS) if !small => pss(algorithm)?,
        (EcdsaP256, rfc5912::ECDSA_WITH_SHA_256) => check(&aws::ECDSA_P256_SHA256_ASN1),
        (EcdsaP256, rfc5912::ECDSA_WITH_SHA_384) => check(&aws::ECDSA_P256_SHA384_ASN1),
        (EcdsaP256, rfc5912::ECDSA_WITH_SHA_512) => check(&aws::ECDSA_P256_SHA512_ASN1),
        (EcdsaP384, rfc5912::ECDSA_WITH_SHA_256) => check(&aws::ECDSA_P384_SHA256_ASN1),
        (EcdsaP384, rfc5912::ECDSA_WITH_SHA_384) => check(&aws::ECDSA_P384_SHA384_ASN1),
        (EcdsaP384, rfc5912::ECDSA_WITH_SHA_512) => check(&aws::ECDSA_P384_SHA512_ASN1),
        (EcdsaP521, rfc5912::ECDSA_WITH_SHA_256) => check(&aws::ECDSA_P521_SHA256_ASN1),
        (EcdsaP521, rfc5912::ECDSA_WITH_SHA_384) => check(&aws::ECDSA_P521_SHA384_ASN1),
        (EcdsaP521, rfc5912::ECDSA_WITH_SHA_512) => check(&aws::ECDSA_P521_SHA512_ASN1),
        (Ed25519, rfc8410::ID_ED_25519) => check(&aws::ED25519),
        _ => {
            let name = name_of(&oid);
            let what = format!("a signature with {name} by a key of kind {key} cannot be checked");
            return Err(Error::new(Problem::Unsupported, what));
        }
    })
}

fn check(algorithm: &'static dyn aws::VerificationAlgorithm) -> Verifier {
    Box::new(move |spki, message, signature| {
        aws::UnparsedPublicKey::new(algorithm, spki).verify(message, signature).map_err(|_| bad())
    })
}

/// `RSASSA-PSS-params` (RFC 4055, section 3.1), of which only the digest and salt are free: the
/// mask function is MGF1 with the same digest everywhere.
#[derive(Sequence)]
struct PssParameters<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    hash: Option<AlgorithmIdentifierRef<'a>>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    mask: Option<AlgorithmIdentifierRef<'a>>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    salt_length: Option<u16>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    trailer: Option<u8>,
}

fn pss(algorithm: &AlgorithmIdentifierOwned) -> Result<Verifier, Error> {
    const SHA1_SALT: u16 = 20;
    let unsupported = |what: &str| Error::new(Problem::Unsupported, format!("RSA-PSS with {what}"));
    let parameters = algorithm.parameters.as_ref().ok_or_else(|| unsupported("no parameters"))?;
    let parameters: PssParameters<'_> = parameters
        .decode_as()
        .map_err(|e| Error::new(Problem::Malformed, format!("RSA-PSS parameters: {e}")))?;
    let base = match parameters.hash.map(|hash| hash.oid) {
        Some(rfc5912::ID_SHA_256) => aws::RSA_PSS_2048_8192_SHA256,
        Some(rfc5912::ID_SHA_384) => aws::RSA_PSS_2048_8192_SHA384,
        Some(rfc5912::ID_SHA_512) => aws::RSA_PSS_2048_8192_SHA512,
        hash => {
            return Err(unsupported(&hash.map_or_else(|| "SHA-1".to_owned(), |oid| name_of(&oid))));
        }
    };
    let salt = parameters.salt_length.unwrap_or(SHA1_SALT);
    let algorithm = base.with_pss_salt_length(RsaPssSaltLength::Custom(salt));
    Ok(Box::new(move |spki, message, signature| {
        algorithm.verify_sig(spki, message, signature).map_err(|_| bad())
    }))
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
