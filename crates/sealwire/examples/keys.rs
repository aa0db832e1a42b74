//! A private key in every form: made, encrypted, read back, and matched with a certificate.
//!
//! `cargo run --example keys`

use sealwire::pki::{CertificateBuilder, KeyAlgorithm, KeyEncryption, PrivateKey, Problem};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;

    // PKCS#8, encrypted with AES-256-CBC under PBKDF2 with 600,000 rounds: openssl pkey reads it.
    let encrypted = key.to_encrypted_pem(b"secret", KeyEncryption::default())?;
    let missing = PrivateKey::from_pem(encrypted.as_bytes(), None);
    assert_eq!(missing.map_err(|e| e.problem()).err(), Some(Problem::PassphraseNeeded));
    let wrong = PrivateKey::from_pem(encrypted.as_bytes(), Some(b"guess"));
    assert_eq!(wrong.map_err(|e| e.problem()).err(), Some(Problem::WrongPassphrase));
    let again = PrivateKey::from_pem(encrypted.as_bytes(), Some(b"secret"))?;

    // The form from before PKCS#8, which old programs want, and the public half.
    print!("{}{}", *again.to_traditional_pem()?, again.public_pem());

    // Whose key is it?
    let names = vec!["localhost".parse()?];
    let certificate = CertificateBuilder::for_names(names)?.self_signed(&key)?;
    assert!(again.matches(&certificate));
    assert!(!PrivateKey::generate(KeyAlgorithm::Ed25519)?.matches(&certificate));
    println!("{} key of {}", again.algorithm(), certificate.subject());
    Ok(())
}
