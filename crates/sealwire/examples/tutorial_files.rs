//! The four steps of every OpenSSL tutorial: a key, a request, a certificate, a PFX.
//!
//! `cargo run --example tutorial_files -- FOLDER`, then for instance
//! `openssl pkcs12 -info -in FOLDER/amit.pfx -passin pass:secret -nodes`

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use sealwire::pki::{CertificateBuilder, Csr, Error, KeyAlgorithm, Pfx, PrivateKey, Subject};

const PRIVATE: u32 = 0o600;
const PUBLIC: u32 = 0o644;

fn main() -> Result<(), Error> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| ".".to_owned()));
    let write = |name: &str, bytes: &[u8], mode| write_new(&folder.join(name), bytes, mode);

    // openssl genrsa -out amit-key.pem 2048
    let key = PrivateKey::generate(KeyAlgorithm::Rsa { bits: 2048 })?;
    write("amit-key.pem", key.to_pem().as_bytes(), PRIVATE)?;

    // openssl req -new -sha256 -key amit-key.pem -out amit-csr.pem
    let subject: Subject = "/C=IN/O=Example/CN=localhost".parse()?;
    let csr = Csr::new(&key, &subject)?;
    write("amit-csr.pem", csr.to_pem().as_bytes(), PUBLIC)?;

    // openssl x509 -req -in amit-csr.pem -signkey amit-key.pem -out amit-cert.pem
    csr.verify()?;
    let certificate = CertificateBuilder::for_csr(&csr).openssl_compat().self_signed(&key)?;
    write("amit-cert.pem", certificate.to_pem().as_bytes(), PUBLIC)?;

    // openssl pkcs12 -export -in amit-cert.pem -inkey amit-key.pem -out amit.pfx
    let pfx = Pfx::new(key, certificate, vec![])?.friendly_name("amit");
    write("amit.pfx", &pfx.to_der("secret")?, PRIVATE)
}

/// A key is nobody else's to read, not for a moment: the mode is there from the first byte.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let written = options.open(path).and_then(|mut file| file.write_all(bytes));
    written.map_err(|e| Error::io(path, &e))
}
