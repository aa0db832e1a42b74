//! OpenSSL's security levels, as far as certificates are concerned. They only ever refuse.

use sealwire_x509::{Certificate, ChainError, KeyType};

/// What the security level has against the chain `chain` (leaf first).
///
/// The levels are those of OpenSSL's `SSL_CTX_set_security_level`: security bits of a level,
/// and what key sizes and digests give. The signature of the chain's top is not looked at, as in
/// OpenSSL's `check_auth_level`: nothing above it was used to verify it.
pub(super) fn findings(chain: &[Certificate], level: u8) -> Vec<ChainError> {
    let required = required_bits(level);
    let mut found = Vec::new();
    for (depth, certificate) in chain.iter().enumerate() {
        let mut find = |code| {
            found.push(ChainError { code, depth, certificate: Some(certificate.clone()) });
        };
        if key_bits(certificate) < required {
            find(if depth == 0 { EE_KEY_TOO_SMALL } else { CA_KEY_TOO_SMALL });
        }
        let is_top = depth + 1 == chain.len();
        if !is_top && digest_bits(certificate) < required {
            find(CA_MD_TOO_WEAK);
        }
    }
    found
}

// OpenSSL's X509_V_ERR_* numbers.
const EE_KEY_TOO_SMALL: i32 = 66;
const CA_KEY_TOO_SMALL: i32 = 67;
const CA_MD_TOO_WEAK: i32 = 68;

/// Security bits that a level asks of every algorithm.
pub(crate) fn required_bits(level: u8) -> u32 {
    match level {
        0 => 0,
        1 => 80,
        2 => 112,
        3 => 128,
        4 => 192,
        _ => 256,
    }
}

/// Security bits of the public key (NIST SP 800-57, as OpenSSL's `EVP_PKEY_get_security_bits`).
pub(crate) fn key_bits(certificate: &Certificate) -> u32 {
    let Ok(key) = certificate.public_key() else { return 0 };
    match key.key_type {
        KeyType::Rsa => match key.bits {
            0..1024 => 0,
            1024..2048 => 80,
            2048..3072 => 112,
            3072..7680 => 128,
            7680..15360 => 192,
            _ => 256,
        },
        KeyType::Ec { .. } => key.bits / 2,
        KeyType::Ed25519 => 128,
        _ => 0,
    }
}

/// Security bits of the digest in the certificate's signature: half its output, less for the
/// two that are broken (OpenSSL counts SHA-1 as 63 and MD5 as 39).
pub(crate) fn digest_bits(certificate: &Certificate) -> u32 {
    match certificate.signature_algorithm().digest.as_deref() {
        Some("md5") => 39,
        Some("sha1") => 63,
        Some("sha224") => 112,
        Some("sha256") => 128,
        Some("sha384") => 192,
        Some("sha512") => 256,
        // Ed25519 and the like sign the message itself.
        _ => 128,
    }
}
