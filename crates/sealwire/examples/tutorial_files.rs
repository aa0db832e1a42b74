//! The four steps of every OpenSSL tutorial: a key, a request, a certificate, a PFX.
//!
//! `cargo run --example tutorial_files -- FOLDER`, then for instance
//! `openssl pkcs12 -info -in FOLDER/amit.pfx -passin pass:secret -nodes`

use std::path::PathBuf;

use sealwire::pki::{CertificateBuilder, Csr, Error, KeyAlgorithm, Pfx, PrivateKey, Subject};

fn main() -> Result<(), Error> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| ".".to_owned()));
    let write = |name: &str, bytes: &[u8], access| {
        write_file(&folder.join(name), bytes, access, Existing::Keep)
    };

    // openssl genrsa -out amit-key.pem 2048
    let key = PrivateKey::generate(KeyAlgorithm::Rsa { bits: 2048 })?;
    write("amit-key.pem", key.to_pem().as_bytes(), Access::Private)?;

    // openssl req -new -sha256 -key amit-key.pem -out amit-csr.pem
    let subject: Subject = "/C=IN/O=Example/CN=localhost".parse()?;
    let csr = Csr::new(&key, &subject)?;
    write("amit-csr.pem", csr.to_pem().as_bytes(), Access::Public)?;

    // openssl x509 -req -in amit-csr.pem -signkey amit-key.pem -out amit-cert.pem
    csr.verify()?;
    let certificate = CertificateBuilder::for_csr(&csr).openssl_compat().self_signed(&key)?;
    write("amit-cert.pem", certificate.to_pem().as_bytes(), Access::Public)?;

    // openssl pkcs12 -export -in amit-cert.pem -inkey amit-key.pem -out amit.pfx
    let pfx = Pfx::new(key, certificate, vec![])?.friendly_name("amit");
    write("amit.pfx", &pfx.to_der("secret")?, Access::Private)
}
