//! OpenSSL's security levels, as far as certificates are concerned. They only ever refuse.

use sealwire_x509::{Certificate, ChainError};

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
            found.push(ChainError::new(code, depth, Some(certificate.clone())));
        };
        // An unknown kind of key needs no finding about its size:
        // X509_verify_cert refuses it.
        if key_bits(certificate).is_some_and(|bits| bits < required) {
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

/// Security bits of the public key; `None` when its kind is not known or it cannot be read.
pub(crate) fn key_bits(certificate: &Certificate) -> Option<u32> {
    certificate.public_key().ok()?.security_bits()
}

/// Security bits of the digest in the certificate's signature: half its output, less for the
/// two that are broken (OpenSSL counts SHA-1 as 63 and MD5 as 39).
pub(crate) fn digest_bits(certificate: &Certificate) -> u32 {
    let algorithm = certificate.signature_algorithm();
    match algorithm.digest.as_deref() {
        Some("md5") => 39,
        Some("sha1") => 63,
        Some("sha224") => 112,
        Some("sha256") => 128,
        Some("sha384") => 192,
        Some("sha512") => 256,
        // Ed25519 and the like sign the message itself.
        _ => match &*algorithm.name {
            "ML-DSA-65" => 192,
            "ML-DSA-87" => 256,
            _ => 128,
        },
    }
}
