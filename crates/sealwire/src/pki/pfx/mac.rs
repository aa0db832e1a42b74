//! The MAC over a PFX, which tells a wrong passphrase and a changed file.

use std::num::NonZeroU32;

use aws_lc_rs::digest::{self, Algorithm};
use aws_lc_rs::{hmac, pbkdf2};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912;
use der::Sequence;
use pkcs5::pbes2::{Kdf, Pbkdf2Params};
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use super::structure::MacData;
use crate::pki::pbe::kdf::{self, Purpose};
use crate::pki::pbe::{Opener, prf_of};
use crate::pki::signature::name_of;
use crate::pki::{Error, Problem};

/// PBMAC1 ([RFC 9579](https://www.rfc-editor.org/rfc/rfc9579)):
/// the key by PBKDF2 instead of PKCS#12's own derivation.
const PBMAC1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.14");

const HMAC_WITH_SHA256_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");
const HMAC_WITH_SHA384_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.10");
const HMAC_WITH_SHA512_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.11");

/// PBMAC1-params ([RFC 8018, appendix A.5](https://www.rfc-editor.org/rfc/rfc8018#appendix-A.5)).
#[derive(Sequence)]
struct Pbmac1 {
    kdf: AlgorithmIdentifierOwned,
    mac: AlgorithmIdentifierOwned,
}

/// The work of checking it, in rounds of HMAC-SHA-256.
pub(super) fn cost(mac: &MacData) -> u64 {
    match pbmac1(mac) {
        Ok(Some((kdf, ..))) => u64::from(kdf.iteration_count) * 2,
        _ => u64::from(mac.iterations),
    }
}

/// Checks the MAC of the authenticated safe.
pub(super) fn check(mac: &MacData, content: &[u8], opener: &mut Opener) -> Result<(), Error> {
    let (key, algorithm) = match pbmac1(mac)? {
        Some((kdf, derivation, algorithm)) => {
            opener.spend(cost(mac))?;
            let rounds = NonZeroU32::new(kdf.iteration_count).ok_or_else(|| broken("PBMAC1"))?;
            let length = kdf.key_length.ok_or_else(|| broken("PBMAC1 without a key length"))?;
            let mut key = Zeroizing::new(vec![0; usize::from(length)]);
            pbkdf2::derive(derivation, rounds, kdf.salt.as_ref(), opener.utf8(), &mut key);
            (key, algorithm)
        }
        None => {
            let (digest, algorithm) = digest_of(&mac.mac.algorithm.oid)?;
            opener.spend(cost(mac))?;
            let salt = mac.salt.as_bytes();
            let length = digest.output_len();
            let bmp = opener.bmp()?;
            (kdf::derive(digest, Purpose::MacKey, bmp, salt, mac.iterations, length), algorithm)
        }
    };
    let key = hmac::Key::new(algorithm, &key);
    hmac::verify(&key, content, mac.mac.digest.as_bytes()).map_err(|_| opener.wrong_passphrase())
}

type Pbmac1Parts = (Pbkdf2Params, pbkdf2::Algorithm, hmac::Algorithm);

fn pbmac1(mac: &MacData) -> Result<Option<Pbmac1Parts>, Error> {
    if mac.mac.algorithm.oid != PBMAC1 {
        return Ok(None);
    }
    let parameters = mac.mac.algorithm.parameters.as_ref();
    let parameters: Pbmac1 = parameters
        .and_then(|any| any.decode_as().ok())
        .ok_or_else(|| broken("PBMAC1 without parameters"))?;
    let der = der::Encode::to_der(&parameters.kdf).map_err(|e| broken(&e.to_string()))?;
    let Ok(Kdf::Pbkdf2(kdf)) = <Kdf as der::Decode<'_>>::from_der(&der) else {
        return Err(unsupported(&format!("PBMAC1 ({})", name_of(&parameters.kdf.oid))));
    };
    let name = name_of(&parameters.mac.oid);
    let algorithm = match parameters.mac.oid {
        HMAC_WITH_SHA256_OID => hmac::HMAC_SHA256,
        HMAC_WITH_SHA384_OID => hmac::HMAC_SHA384,
        HMAC_WITH_SHA512_OID => hmac::HMAC_SHA512,
        _ => return Err(unsupported(&format!("PBMAC1 ({name})"))),
    };
    let derivation = prf_of(kdf.prf).ok_or_else(|| unsupported(&format!("PBMAC1 ({name})")))?;
    Ok(Some((kdf, derivation, algorithm)))
}

fn digest_of(oid: &ObjectIdentifier) -> Result<(&'static Algorithm, hmac::Algorithm), Error> {
    Ok(match *oid {
        rfc5912::ID_SHA_1 => {
            (&digest::SHA1_FOR_LEGACY_USE_ONLY, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY)
        }
        rfc5912::ID_SHA_224 => (&digest::SHA224, hmac::HMAC_SHA224),
        rfc5912::ID_SHA_256 => (&digest::SHA256, hmac::HMAC_SHA256),
        rfc5912::ID_SHA_384 => (&digest::SHA384, hmac::HMAC_SHA384),
        rfc5912::ID_SHA_512 => (&digest::SHA512, hmac::HMAC_SHA512),
        other => return Err(unsupported(&name_of(&other))),
    })
}

fn unsupported(name: &str) -> Error {
    Error::new(Problem::Unsupported, format!("the PFX has a MAC with {name}"))
}

fn broken(why: &str) -> Error {
    Error::new(Problem::Malformed, format!("the PFX is broken: {why}"))
}
