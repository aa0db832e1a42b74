//! Signatures over what has the shape of a certificate: what is signed, how, and the signature.
//! Requests, and revocation lists too large to be parsed by AWS-LC.

use aws_lc_sys as c;

use crate::der::{CONTEXT_0, Element, Elements, INTEGER, OBJECT_IDENTIFIER, SEQUENCE};
use crate::error::{Error, ErrorQueue, Problem};
use crate::owned::{Owned, no_memory};

const BIT_STRING: u8 = 0x03;
/// `[1]`, constructed.
const CONTEXT_1: u8 = 0xA1;
/// `[2]`, constructed.
const CONTEXT_2: u8 = 0xA2;

/// The three parts of a signed structure, in its own bytes.
#[derive(Clone, Copy)]
pub(crate) struct Signed<'a> {
    /// What is signed, with its tag and length.
    pub(crate) content: &'a [u8],
    /// The encoding of the AlgorithmIdentifier.
    pub(crate) algorithm: &'a [u8],
    pub(crate) signature: &'a [u8],
}

/// How something is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// A digest of it, by the numeric id.
    Digest(i32),
    /// A digest, with RSASSA-PSS.
    Pss(Pss),
    /// All of it (Ed25519).
    Whole,
}

/// The parameters of RSASSA-PSS: digests by their numeric ids, and a salt of so many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pss {
    pub(crate) digest: i32,
    /// The digest of MGF1.
    pub(crate) mask: i32,
    pub(crate) salt: i32,
}

impl<'a> Signed<'a> {
    pub(crate) fn read(der: &'a [u8]) -> Option<Self> {
        let mut parts = Elements::of(der).enter(SEQUENCE)?;
        let content = parts.element(SEQUENCE)?.encoding;
        let algorithm = parts.element(SEQUENCE)?.encoding;
        let signature = parts.element(BIT_STRING)?.contents.strip_prefix(&[0])?;
        parts.next().is_none().then_some(Self { content, algorithm, signature })
    }
}

impl Method {
    /// The method of an AlgorithmIdentifier; `None` when it is not known here.
    pub(crate) fn of(algorithm: &[u8]) -> Option<Self> {
        let mut algorithm = Elements::of(algorithm).enter(SEQUENCE)?;
        let oid = algorithm.element(OBJECT_IDENTIFIER)?.contents;
        Some(match oid {
            // rsassaPss, 1.2.840.113549.1.1.10
            [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 0x0A] => Self::pss(algorithm)?,
            // Ed25519, 1.3.101.112
            [0x2B, 0x65, 0x70] => Self::Whole,
            // 1.2.840.113549.1.1: with RSA
            [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, with] => Self::Digest(match with {
                5 => c::NID_sha1,
                11 => c::NID_sha256,
                12 => c::NID_sha384,
                13 => c::NID_sha512,
                14 => c::NID_sha224,
                _ => return None,
            }),
            // 1.2.840.10045.4: with ECDSA
            [0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 1] => Self::Digest(c::NID_sha1),
            [0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, with] => Self::Digest(match with {
                1 => c::NID_sha224,
                2 => c::NID_sha256,
                3 => c::NID_sha384,
                4 => c::NID_sha512,
                _ => return None,
            }),
            // 1.2.840.10040.4.3 and 2.16.840.1.101.3.4.3: with DSA
            [0x2A, 0x86, 0x48, 0xCE, 0x38, 4, 3] => Self::Digest(c::NID_sha1),
            [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 1] => Self::Digest(c::NID_sha224),
            [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 2] => Self::Digest(c::NID_sha256),
            _ => return None,
        })
    }

    /// RSASSA-PSS-params ([RFC 4055 section 3.1](https://www.rfc-editor.org/rfc/rfc4055#section-3.1)).
    /// What is left out is SHA-1, and a salt of 20 bytes.
    fn pss(mut algorithm: Elements<'_>) -> Option<Self> {
        let mut fields = algorithm.enter(SEQUENCE)?;
        let digest = match fields.enter(CONTEXT_0) {
            Some(mut hash) => digest_of(hash.enter(SEQUENCE)?.element(OBJECT_IDENTIFIER)?)?,
            None => c::NID_sha1,
        };
        let mask = match fields.enter(CONTEXT_1) {
            Some(mut mask) => {
                let mut mask = mask.enter(SEQUENCE)?;
                // MGF1, 1.2.840.113549.1.1.8; there is no other.
                let mgf1 = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 8];
                mask.element(OBJECT_IDENTIFIER).filter(|oid| oid.contents == mgf1)?;
                digest_of(mask.enter(SEQUENCE)?.element(OBJECT_IDENTIFIER)?)?
            }
            None => c::NID_sha1,
        };
        let salt = match fields.enter(CONTEXT_2) {
            Some(mut salt) => salt.element(INTEGER)?.number()?,
            None => 20,
        };
        Some(Self::Pss(Pss { digest, mask, salt: i32::try_from(salt).ok()? }))
    }

    /// The digest of what is signed; empty when all of it is.
    pub(crate) fn digest(self, content: &[u8]) -> Result<Vec<u8>, Error> {
        let (Self::Digest(nid) | Self::Pss(Pss { digest: nid, .. })) = self else {
            return Ok(Vec::new());
        };
        let mut digest = vec![0; c::EVP_MAX_MD_SIZE as usize];
        let mut len = 0;
        // SAFETY: readable bytes as said, room for the longest digest, and a writable length; the
        // digest is a static method table, as the numbers above are known.
        let done = unsafe {
            c::EVP_Digest(
                content.as_ptr().cast(),
                content.len(),
                digest.as_mut_ptr(),
                &raw mut len,
                c::EVP_get_digestbynid(nid),
                std::ptr::null_mut(),
            )
        };
        if done != 1 {
            return Err(no_memory());
        }
        digest.truncate(len as usize);
        Ok(digest)
    }

    /// Whether the signature is by this key, over what has this digest. `content` is looked at only
    /// where there is no digest.
    ///
    /// # Safety
    /// `key` is live.
    pub(crate) unsafe fn verify(
        self,
        key: *mut c::EVP_PKEY,
        digest: &[u8],
        content: &[u8],
        signature: &[u8],
    ) -> bool {
        let _queue = ErrorQueue::new();
        let (nid, pss) = match self {
            // SAFETY: a live key, by the caller's promise.
            Self::Whole => return unsafe { verify_whole(key, content, signature) },
            Self::Digest(nid) => (nid, None),
            Self::Pss(pss) => (pss.digest, Some(pss)),
        };
        // SAFETY: as above.
        unsafe { verify_digest(key, nid, pss, digest, signature) }
    }
}

/// The digest that an OBJECT IDENTIFIER names.
fn digest_of(oid: Element<'_>) -> Option<i32> {
    Some(match oid.contents {
        [0x2B, 0x0E, 3, 2, 0x1A] => c::NID_sha1,
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 4] => c::NID_sha224,
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1] => c::NID_sha256,
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2] => c::NID_sha384,
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3] => c::NID_sha512,
        _ => return None,
    })
}

/// # Safety
/// `key` is live.
unsafe fn verify_whole(key: *mut c::EVP_PKEY, content: &[u8], signature: &[u8]) -> bool {
    // SAFETY: takes no argument; the new context is ours.
    let Some(context) = (unsafe { Owned::new(c::EVP_MD_CTX_new()) }) else { return false };
    let null = std::ptr::null_mut();
    // SAFETY: a live context and a live key; readable bytes as the lengths say.
    unsafe {
        c::EVP_DigestVerifyInit(context.as_ptr(), std::ptr::null_mut(), std::ptr::null(), null, key)
            == 1
            && c::EVP_DigestVerify(
                context.as_ptr(),
                signature.as_ptr(),
                signature.len(),
                content.as_ptr(),
                content.len(),
            ) == 1
    }
}

/// # Safety
/// `key` is live.
unsafe fn verify_digest(
    key: *mut c::EVP_PKEY,
    nid: i32,
    pss: Option<Pss>,
    digest: &[u8],
    signature: &[u8],
) -> bool {
    // SAFETY: a live key, of which the new context, which is ours, takes a reference.
    let context = unsafe { Owned::new(c::EVP_PKEY_CTX_new(key, std::ptr::null_mut())) };
    let Some(context) = context else { return false };
    // SAFETY: a live context; the digest is a static method table; readable bytes as said.
    unsafe {
        let method = c::EVP_get_digestbynid(nid);
        let ready = c::EVP_PKEY_verify_init(context.as_ptr()) == 1
            && pss.is_none_or(|_| {
                c::EVP_PKEY_CTX_set_rsa_padding(context.as_ptr(), c::RSA_PKCS1_PSS_PADDING) == 1
            })
            && c::EVP_PKEY_CTX_set_signature_md(context.as_ptr(), method) == 1
            && pss.is_none_or(|Pss { mask, salt, .. }| {
                let mask = c::EVP_get_digestbynid(mask);
                c::EVP_PKEY_CTX_set_rsa_pss_saltlen(context.as_ptr(), salt) == 1
                    && c::EVP_PKEY_CTX_set_rsa_mgf1_md(context.as_ptr(), mask) == 1
            });
        ready
            && c::EVP_PKEY_verify(
                context.as_ptr(),
                signature.as_ptr(),
                signature.len(),
                digest.as_ptr(),
                digest.len(),
            ) == 1
    }
}

/// Whether a signed structure (a certificate, a request, a revocation list), DER, is signed by the
/// key of a SubjectPublicKeyInfo, DER.
///
/// # Errors
/// [`Problem::Malformed`] when either cannot be read; [`Problem::Unsupported`] when the algorithm
/// of the key or of the signature is not known.
pub fn is_signed_by(signed: &[u8], spki: &[u8]) -> Result<bool, Error> {
    let parts = Signed::read(signed)
        .ok_or_else(|| Error::fact(Problem::Malformed, "not a signed structure"))?;
    let method = Method::of(parts.algorithm).ok_or_else(|| {
        let algorithm = Elements::of(parts.algorithm).enter(SEQUENCE);
        let name = algorithm.map(crate::der::algorithm_names).unwrap_or_default();
        Error::fact(
            Problem::Unsupported,
            format!("a signature with {}", crate::der::join_names(name)),
        )
    })?;
    let queue = ErrorQueue::new();
    let mut rest = spki.as_ptr();
    let len = spki.len().try_into().map_err(|_| no_memory())?;
    // SAFETY: `len` readable bytes; on success a new key.
    let key = unsafe { Owned::new(c::d2i_PUBKEY(std::ptr::null_mut(), &raw mut rest, len)) };
    let key = key.ok_or_else(|| queue.error(Problem::Unsupported))?;
    let digest = method.digest(parts.content)?;
    // SAFETY: a live key.
    Ok(unsafe { method.verify(key.as_ptr(), &digest, parts.content, parts.signature) })
}
