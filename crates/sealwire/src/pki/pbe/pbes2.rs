//! PBES2 ([RFC 8018, section 6.2](https://www.rfc-editor.org/rfc/rfc8018#section-6.2)):
//! a key derivation and a cipher, each of its own.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, InnerIvInit as _};
use const_oid::ObjectIdentifier;
use der::asn1::{AnyRef, OctetStringRef};
use der::{Decode, Encode, Sequence};
use pkcs5::EncryptionScheme;
use pkcs5::pbes2::{self, Kdf, Pbkdf2Params, Pbkdf2Prf};
use rc2::Rc2;
use spki::{AlgorithmIdentifierOwned, AlgorithmIdentifierRef};
use zeroize::Zeroizing;

use super::oid;
use crate::pki::signature::name_of;
use crate::pki::{Error, Problem};

const RC2_CBC: ObjectIdentifier = oid("1.2.840.113549.3.2");
/// scrypt fills this much and no more.
const MOST_SCRYPT_MEMORY: u64 = 256 << 20;

pub(super) enum Parameters {
    /// What pkcs5 has: PBKDF2 and scrypt with AES, 3DES and DES.
    Usual(pbes2::Parameters),
    Rc2 {
        kdf: Pbkdf2Params,
        effective_bits: usize,
        iv: [u8; 8],
    },
}

/// Both algorithms, with parameters of any kind.
#[derive(Sequence)]
struct Pair<'a> {
    kdf: AlgorithmIdentifierRef<'a>,
    cipher: AlgorithmIdentifierRef<'a>,
}

/// RC2-CBC-Parameter ([RFC 8018, appendix B.2.3](https://www.rfc-editor.org/rfc/rfc8018#appendix-B.2.3)).
#[derive(Sequence)]
struct Rc2Parameters<'a> {
    #[asn1(optional = "true")]
    version: Option<u16>,
    iv: &'a OctetStringRef,
}

impl Parameters {
    /// The parameters, or the name of an unsupported algorithm.
    pub(super) fn of(algorithm: &AlgorithmIdentifierOwned) -> Result<Self, String> {
        let der = algorithm.to_der().map_err(|e| e.to_string())?;
        if let Ok(EncryptionScheme::Pbes2(parameters)) = EncryptionScheme::from_der(&der) {
            return Ok(Self::Usual(parameters));
        }
        let unreadable = || "PBES2 with parameters that cannot be read".to_owned();
        let parameters = algorithm.parameters.as_ref().ok_or_else(unreadable)?;
        let parameters = parameters.to_der().map_err(|_| unreadable())?;
        let pair = Pair::from_der(&parameters).map_err(|_| unreadable())?;
        Self::rc2(&pair).ok_or_else(|| {
            // The digest is what people have to change, so it is told too.
            let prf = pair.prf().map(|prf| format!(", {}", name_of(&prf))).unwrap_or_default();
            format!("PBES2 ({}{prf}, {})", name_of(&pair.kdf.oid), name_of(&pair.cipher.oid))
        })
    }

    fn rc2(pair: &Pair<'_>) -> Option<Self> {
        if pair.cipher.oid != RC2_CBC {
            return None;
        }
        let Ok(Kdf::Pbkdf2(kdf)) = Kdf::from_der(&pair.kdf.to_der().ok()?) else { return None };
        let parameters: Rc2Parameters<'_> = pair.cipher.parameters?.decode_as().ok()?;
        let effective_bits = match parameters.version {
            None => 32,
            Some(160) => 40,
            Some(120) => 64,
            Some(58) => 128,
            Some(bits @ 256..=1024) => usize::from(bits),
            Some(_) => return None,
        };
        let iv = parameters.iv.as_bytes().try_into().ok()?;
        Some(Self::Rc2 { kdf, effective_bits, iv })
    }

    /// In rounds of HMAC-SHA-256.
    pub(super) fn cost(&self) -> u64 {
        match self {
            Self::Usual(pbes2::Parameters { kdf: Kdf::Pbkdf2(kdf), encryption }) => {
                cost(kdf, encryption.key_size())
            }
            Self::Usual(pbes2::Parameters { kdf: Kdf::Scrypt(kdf), .. }) => {
                let blocks = u64::from(kdf.block_size).saturating_mul(kdf.cost_parameter);
                if blocks.saturating_mul(128) > MOST_SCRYPT_MEMORY {
                    return u64::MAX;
                }
                // Measured: 16 MiB and one round of them take 50 ms.
                blocks.saturating_mul(u64::from(kdf.parallelization)).saturating_mul(3) / 2
            }
            Self::Usual(_) => u64::MAX,
            Self::Rc2 { kdf, .. } => cost(kdf, 16),
        }
    }

    /// `None` when the padding is invalid, as after a wrong passphrase.
    pub(super) fn decrypt(
        &self,
        passphrase: &[u8],
        ciphertext: &[u8],
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        match self {
            Self::Usual(parameters) => match parameters.decrypt(passphrase, ciphertext) {
                Ok(plain) => Ok(Some(Zeroizing::new(plain))),
                Err(pkcs5::Error::DecryptFailed) => Ok(None),
                Err(e) => Err(Error::new(Problem::Unsupported, format!("PBES2: {e}"))),
            },
            Self::Rc2 { kdf, effective_bits, iv } => {
                let length = kdf.key_length.map_or(effective_bits / 8, usize::from);
                let key = derive(kdf, passphrase, length)?;
                let cipher = Rc2::new_with_eff_key_len(&key, *effective_bits);
                let cipher = Decryptor::inner_iv_slice_init(cipher, iv).ok();
                let plain = cipher.and_then(|it| it.decrypt_padded_vec::<Pkcs7>(ciphertext).ok());
                Ok(plain.map(Zeroizing::new))
            }
        }
    }
}

impl Pair<'_> {
    /// The digest of PBKDF2, when it is said.
    fn prf(&self) -> Option<ObjectIdentifier> {
        let parameters = self.kdf.parameters?.to_der().ok()?;
        let fields: Vec<AnyRef<'_>> = Vec::from_der(&parameters).ok()?;
        let prf: AlgorithmIdentifierRef<'_> = fields.last()?.decode_as().ok()?;
        Some(prf.oid)
    }
}

fn cost(kdf: &Pbkdf2Params, key_size: usize) -> u64 {
    let digest = match kdf.prf {
        Pbkdf2Prf::HmacWithSha1 => 20,
        Pbkdf2Prf::HmacWithSha384 => 48,
        Pbkdf2Prf::HmacWithSha512 => 64,
        _ => 32,
    };
    // SHA-512 has no instructions of its own, SHA-256 has.
    let weight = if digest > 32 { 2 } else { 1 };
    let blocks = u64::try_from(key_size.max(1).div_ceil(digest)).unwrap_or(u64::MAX);
    u64::from(kdf.iteration_count).saturating_mul(blocks).saturating_mul(weight)
}

/// PBKDF2 by AWS-LC.
fn derive(
    kdf: &Pbkdf2Params,
    passphrase: &[u8],
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let algorithm = prf_of(kdf.prf)
        .ok_or_else(|| Error::new(Problem::Unsupported, "PBKDF2 with an unsupported digest"))?;
    let rounds = NonZeroU32::new(kdf.iteration_count)
        .ok_or_else(|| Error::new(Problem::Malformed, "PBKDF2 without iterations"))?;
    let mut key = Zeroizing::new(vec![0; length.clamp(1, 128)]);
    pbkdf2::derive(algorithm, rounds, kdf.salt.as_ref(), passphrase, &mut key);
    Ok(key)
}

/// AWS-LC's PBKDF2 with this digest.
pub(in crate::pki) fn prf_of(prf: Pbkdf2Prf) -> Option<pbkdf2::Algorithm> {
    Some(match prf {
        Pbkdf2Prf::HmacWithSha1 => pbkdf2::PBKDF2_HMAC_SHA1,
        Pbkdf2Prf::HmacWithSha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        Pbkdf2Prf::HmacWithSha384 => pbkdf2::PBKDF2_HMAC_SHA384,
        Pbkdf2Prf::HmacWithSha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        _ => return None,
    })
}
