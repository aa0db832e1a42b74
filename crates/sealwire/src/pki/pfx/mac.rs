//! The MAC over a PFX, which tells a wrong passphrase and a changed file.

use aws_lc_rs::digest::{self, Algorithm};
use aws_lc_rs::hmac;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912;

use super::cipher::{Opener, wrong_passphrase};
use super::kdf::{self, Purpose};
use super::structure::MacData;
use crate::pki::signature::name_of;
use crate::pki::{Error, Problem};

/// PBMAC1 (RFC 9579).
const PBMAC1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.14");

/// Checks the MAC of the authenticated safe.
pub(super) fn check(mac: &MacData, content: &[u8], opener: &mut Opener) -> Result<(), Error> {
    let (digest, algorithm) = digest_of(&mac.mac.algorithm.oid)?;
    opener.spend(u64::from(mac.iterations))?;
    let key = kdf::derive(
        digest,
        Purpose::MacKey,
        opener.bmp(),
        mac.salt.as_bytes(),
        mac.iterations,
        digest.output_len(),
    );
    let key = hmac::Key::new(algorithm, &key);
    hmac::verify(&key, content, mac.mac.digest.as_bytes()).map_err(|_| wrong_passphrase())
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
        other => {
            let name = if other == PBMAC1 { "PBMAC1".to_owned() } else { name_of(&other) };
            return Err(Error::new(Problem::Unsupported, format!("the PFX has a MAC with {name}")));
        }
    })
}
