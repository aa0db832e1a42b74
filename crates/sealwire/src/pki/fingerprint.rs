//! Short names for certificates and keys: fingerprints and pins.

use aws_lc_rs::digest::{self, Algorithm};

use crate::words::Pin;

/// The SHA-256 of a certificate's DER as OpenSSL and browsers show it: `AB:CD:..`.
pub fn sha256_fingerprint(der: &[u8]) -> String {
    colons(&digest::SHA256, der)
}

/// The SHA-1 of a certificate's DER, for programs that still ask for it.
pub fn sha1_fingerprint(der: &[u8]) -> String {
    colons(&digest::SHA1_FOR_LEGACY_USE_ONLY, der)
}

/// The SHA-512 of a certificate's DER, as Node's `fingerprint512`.
pub fn sha512_fingerprint(der: &[u8]) -> String {
    colons(&digest::SHA512, der)
}

/// The pin of a public key: SHA-256 of the SubjectPublicKeyInfo's DER in base64
/// ([RFC 7469](https://www.rfc-editor.org/rfc/rfc7469#section-2.4),
/// section 2.4; curl's `--pinnedpubkey sha256//..`). It stays when a certificate is renewed with
/// the same key.
pub fn spki_pin(spki: &[u8]) -> String {
    Pin::of_spki(spki).to_base64()
}

fn colons(algorithm: &'static Algorithm, der: &[u8]) -> String {
    let digest = digest::digest(algorithm, der);
    let bytes: Vec<_> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}
