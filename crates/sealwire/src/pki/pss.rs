//! RSA keys that are for RSASSA-PSS only (id-RSASSA-PSS;
//! [RFC 4055](https://www.rfc-editor.org/rfc/rfc4055)): what their parameters restrict them
//! to, and their signatures, which the RSA keys of the libraries below do not make.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RSA_PSS_SHA256,
    RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair, RsaParameters, UnparsedPublicKey,
};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912;
use der::asn1::{Any, AnyRef, BitStringRef, OctetStringRef};
use der::{Decode, Encode, Sequence};
use pkcs8::PrivateKeyInfoRef;
use spki::{AlgorithmIdentifierOwned, AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use zeroize::Zeroizing;

use super::signature::unencodable;
use super::{Error, Problem};

/// A digest for the message, for the mask, and as long as the salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PssDigest {
    Sha256,
    Sha384,
    Sha512,
}

use PssDigest::{Sha256, Sha384, Sha512};

impl PssDigest {
    pub(crate) const ALL: [Self; 3] = [Sha256, Sha384, Sha512];

    const fn oid(self) -> ObjectIdentifier {
        match self {
            Sha256 => rfc5912::ID_SHA_256,
            Sha384 => rfc5912::ID_SHA_384,
            Sha512 => rfc5912::ID_SHA_512,
        }
    }

    const fn len(self) -> u8 {
        match self {
            Sha256 => 32,
            Sha384 => 48,
            Sha512 => 64,
        }
    }

    /// As an AlgorithmIdentifier of a signature: with a salt as long as the digest.
    pub(super) fn algorithm(self) -> Result<AlgorithmIdentifierOwned, Error> {
        let null = Some(AnyRef::NULL);
        let hash = AlgorithmIdentifierRef { oid: self.oid(), parameters: null };
        let encoded = hash.to_der().map_err(|e| unencodable(&e))?;
        let inner = AnyRef::from_der(&encoded).map_err(|e| unencodable(&e))?;
        let mask = AlgorithmIdentifierRef { oid: rfc5912::ID_MGF_1, parameters: Some(inner) };
        let all = Parameters {
            hash: Some(hash),
            mask: Some(mask),
            salt: Some(self.len().into()),
            trailer: None,
        };
        let parameters = Any::encode_from(&all).map_err(|e| unencodable(&e))?;
        Ok(AlgorithmIdentifierOwned { oid: rfc5912::ID_RSASSA_PSS, parameters: Some(parameters) })
    }
}

/// RSASSA-PSS-params. What is left out is SHA-1, and a salt of 20 bytes.
#[derive(Sequence)]
struct Parameters<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    hash: Option<AlgorithmIdentifierRef<'a>>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    mask: Option<AlgorithmIdentifierRef<'a>>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    salt: Option<u16>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    trailer: Option<u8>,
}

/// By which digests a key with such parameters may sign, best first.
fn allowed(parameters: Option<AnyRef<'_>>) -> Result<Vec<PssDigest>, Error> {
    let Some(parameters) = parameters else { return Ok(PssDigest::ALL.to_vec()) };
    let malformed = |e| Error::new(Problem::Malformed, format!("the RSA-PSS parameters: {e}"));
    let parameters: Parameters<'_> = parameters.decode_as().map_err(malformed)?;
    let not_here = |what: &str| {
        let what = format!(
            "this RSA-PSS key is restricted to signatures with {what}, which are not supported"
        );
        Error::new(Problem::Unsupported, what)
    };
    let named = parameters.hash.map(|hash| hash.oid);
    let digest = PssDigest::ALL.into_iter().find(|digest| Some(digest.oid()) == named);
    let digest =
        digest.ok_or_else(|| not_here("another digest than SHA-256, SHA-384 or SHA-512"))?;
    let mask = parameters.mask.and_then(|mask| mask.parameters);
    let mask = mask.and_then(|it| it.decode_as::<AlgorithmIdentifierRef<'_>>().ok());
    if mask.map(|mask| mask.oid) != named {
        return Err(not_here("a mask by another digest"));
    }
    if parameters.salt.unwrap_or(20) > digest.len().into() {
        return Err(not_here("a salt longer than the digest"));
    }
    Ok(vec![digest])
}

/// Whether a signature with these parameters is one of SHA-2, and what a key with `limits` may make.
pub(super) fn is_kept(parameters: Option<AnyRef<'_>>, limits: Option<AnyRef<'_>>) -> bool {
    let read = |any: AnyRef<'_>| -> Option<(ObjectIdentifier, ObjectIdentifier, u16)> {
        let it: Parameters<'_> = any.decode_as().ok()?;
        let mask = match it.mask {
            Some(mask) => mask.parameters?.decode_as::<AlgorithmIdentifierRef<'_>>().ok()?.oid,
            None => rfc5912::ID_SHA_1,
        };
        Some((it.hash.map_or(rfc5912::ID_SHA_1, |hash| hash.oid), mask, it.salt.unwrap_or(20)))
    };
    let Some((hash, mask, salt)) = parameters.and_then(read) else { return false };
    let is_sha2 = hash == rfc5912::ID_SHA_224 || PssDigest::ALL.iter().any(|one| one.oid() == hash);
    is_sha2
        && match limits.map(read) {
            None => true,
            Some(Some(limits)) => (hash, mask) == (limits.0, limits.1) && salt >= limits.2,
            Some(None) => false,
        }
}

/// A private key, ready to sign.
pub(crate) struct PssKey {
    pair: RsaKeyPair,
    digests: Vec<PssDigest>,
}

impl PssKey {
    /// `None`: it is a key of another kind.
    pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Option<Self>, Error> {
        let malformed = |e| Error::new(Problem::Malformed, format!("the key: {e}"));
        let info = PrivateKeyInfoRef::from_der(der).map_err(malformed)?;
        if info.algorithm.oid != rfc5912::ID_RSASSA_PSS {
            return Ok(None);
        }
        let digests = allowed(info.algorithm.parameters)?;
        let pair = RsaKeyPair::from_der(info.private_key.as_bytes()).map_err(|e| {
            Error::new(Problem::Unsupported, format!("signing with an RSA-PSS key failed: {e}"))
        })?;
        Ok(Some(Self { pair, digests }))
    }

    pub(crate) fn digests(&self) -> &[PssDigest] {
        &self.digests
    }

    /// For certificates, requests and lists: the first that it may use.
    pub(super) fn digest(&self) -> PssDigest {
        self.digests[0]
    }

    pub(crate) fn sign(&self, digest: PssDigest, message: &[u8]) -> Result<Vec<u8>, Error> {
        let encoding: &'static dyn RsaEncoding = match digest {
            Sha256 => &RSA_PSS_SHA256,
            Sha384 => &RSA_PSS_SHA384,
            Sha512 => &RSA_PSS_SHA512,
        };
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(encoding, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| Error::new(Problem::Internal, "signing failed"))?;
        Ok(signature)
    }
}

/// Whether `signature` is the key's, if it is a key of this kind that may sign so.
pub(crate) fn is_signed(spki: &[u8], digest: PssDigest, message: &[u8], signature: &[u8]) -> bool {
    let Ok(spki) = SubjectPublicKeyInfoRef::from_der(spki) else { return false };
    let fits = spki.algorithm.oid == rfc5912::ID_RSASSA_PSS
        && allowed(spki.algorithm.parameters).is_ok_and(|all| all.contains(&digest));
    let parameters: &RsaParameters = match digest {
        Sha256 => &RSA_PSS_2048_8192_SHA256,
        Sha384 => &RSA_PSS_2048_8192_SHA384,
        Sha512 => &RSA_PSS_2048_8192_SHA512,
    };
    let key = UnparsedPublicKey::new(parameters, spki.subject_public_key.raw_bytes());
    fits && key.verify(message, signature).is_ok()
}

/// PKCS#8 and SubjectPublicKeyInfo of a key of this kind: those of an RSA key with the other name and
/// the parameters of `of`.
pub(super) fn encodings(
    of: AlgorithmIdentifierRef<'_>,
    pkcs1: &[u8],
    rsa_spki: &[u8],
) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), Error> {
    let key = OctetStringRef::new(pkcs1).map_err(|e| unencodable(&e))?;
    let private = PrivateKeyInfoRef::new(of, key);
    let pkcs8 = Zeroizing::new(private.to_der().map_err(|e| unencodable(&e))?);
    let public = SubjectPublicKeyInfoRef::from_der(rsa_spki).map_err(|e| unencodable(&e))?;
    let bits = BitStringRef::from_bytes(public.subject_public_key.raw_bytes());
    let bits = bits.map_err(|e| unencodable(&e))?;
    let public = SubjectPublicKeyInfoRef { algorithm: of, subject_public_key: bits };
    Ok((pkcs8, public.to_der().map_err(|e| unencodable(&e))?))
}
