//! What no server should have any longer, and what this program makes only here: an RSA key of 1024 bits, and
//! signatures with it and with SHA-1.
//!
//! A certificate is made with an RSA key of 2048 bits and SHA-256 first, and its signature replaced.

use sealwire::pki::{
    Certificate, CertificateBuilder, Error, Issuer, KeyAlgorithm, PrivateKey, Subject,
};
use sealwire_x509::PrivateKey as Key;

/// sha256WithRSAEncryption and sha1WithRSAEncryption with their NULL (RFC 8017, appendix C).
const SHA256_RSA: [u8; 15] =
    [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00];
const SHA1_RSA: [u8; 15] =
    [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05, 0x05, 0x00];

/// A new RSA key of 1024 bits.
pub(super) fn rsa_1024() -> Result<PrivateKey, Error> {
    PrivateKey::from_der(&Key::generate_rsa(1024)?.to_pkcs8_der()?, None)
}

/// SEQUENCE and its length, before what is signed; the signature of 2048 bits, and what stands before it: BIT
/// STRING, its length and the count of unused bits.
const HEAD: usize = 4;
const SIGNATURE: usize = 256;
const BITS: usize = 5;

/// The same certificate, signed with SHA-1 by its issuer, whose key is of RSA and 2048 bits: so all lengths stay
/// what they are.
pub(super) fn signed_with_sha1(
    certificate: &Certificate,
    issuer: &Issuer,
) -> Result<Certificate, Error> {
    let mut der = certificate.der().to_vec();
    for at in 0..der.len() - SHA256_RSA.len() {
        let place = &mut der[at..at + SHA256_RSA.len()];
        if place == SHA256_RSA {
            place.copy_from_slice(&SHA1_RSA);
        }
    }
    let signature = der.len() - SIGNATURE;
    let signed = HEAD..signature - BITS - SHA1_RSA.len();
    let key = Key::from_der(issuer.key().to_pkcs8_der())?;
    let again = key.sign_as(&SHA1_RSA, &der[signed])?;
    der[signature..].copy_from_slice(&again);
    Certificate::from_der(&der)
}

/// A certificate that says what `builder` does, signed by an issuer with a key of 1024 bits.
pub(super) fn signed_with_1024(
    builder: &CertificateBuilder,
    issuer: &Issuer,
    spki: &[u8],
) -> Result<Certificate, Error> {
    let stand_in = PrivateKey::generate(KeyAlgorithm::Rsa { bits: 2048 })?;
    // Of X.509 v1, so that it has no key identifier of its own, which the certificate would name.
    let subject = Subject::from_der(issuer.certificate().subject().der())?;
    let certificate = CertificateBuilder::new(subject).openssl_compat().self_signed(&stand_in)?;
    let made = builder.signed_by(&Issuer::new(certificate, stand_in)?, spki)?;
    let der = made.der();
    let signed = &der[HEAD..der.len() - SIGNATURE - BITS - SHA256_RSA.len()];
    let key = Key::from_der(issuer.key().to_pkcs8_der())?;
    let signature = key.sign_as(&SHA256_RSA, signed)?;
    let content = [signed, &SHA256_RSA, &[0x03, 0x81, 0x81, 0x00], &signature].concat();
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
    Certificate::from_der(&[&[0x30, 0x82], &length[..], &content].concat())
}
