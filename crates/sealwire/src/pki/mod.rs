//! Making and reading keys, requests, certificates, PFX files and root sets.

mod certificate;
mod chain;
mod constraint;
mod content;
mod crl;
mod csr;
mod encrypted;
mod extension;
mod fingerprint;
mod issuer;
mod key;
mod legacy;
mod lint;
mod name;
mod pbes1;
mod pfx;
mod renew;
mod signature;
mod store;
mod subject;
mod tbs;
mod traditional;
mod trust;
mod usage;
mod validity;

use std::path::Path;

pub use certificate::{CertificateBuilder, self_signed};
pub use chain::ChainCheck;
pub(crate) use chain::issuers;
pub use constraint::NameConstraint;
pub use content::Content;
pub use crl::{CrlBuilder, RevocationReason, Revoked};
pub use csr::{Csr, CsrBuilder};
pub use encrypted::KeyEncryption;
pub use fingerprint::{sha1_fingerprint, sha256_fingerprint, sha512_fingerprint, spki_pin};
pub use issuer::Issuer;
pub use key::{KeyAlgorithm, PrivateKey};
pub use legacy::LegacyCertificate;
pub use lint::{Lint, Severity, lint, lint_file};
pub use name::SubjectAltName;
pub use pfx::Pfx;
pub(crate) use pfx::at_file as pfx_at_file;
// What the fence reads. Its verifier stays inside: `ChainCheck` and connections are the only ones
// who say yes to a chain, with a security level and a name.
pub use sealwire_x509::{
    Attribute, Certificate, CertificatePolicies, Crl, Error, GeneralName, KeyType, KeyUsage,
    KeyUsages, Name, OcspAnswer, OcspResponder, OcspResponse, OcspSigner, OcspStatus, Problem,
    PublicKey, Purpose, RsaPublicKey, SignatureAlgorithm, pem,
};
pub use store::{CaStore, Entry};
pub use subject::Subject;
pub use trust::TrustStore;
pub use usage::ExtendedKeyUsage;
pub use validity::Validity;
pub(crate) use validity::time_text;

/// Reads the certificates of a file, at least one: PEM (all of them) or DER. Errors name the file.
pub fn certificates_from_file(path: &Path) -> Result<Vec<Certificate>, Error> {
    let wanted = Content::Certificate;
    all_from_file(path, wanted, Certificate::all_from_pem, Certificate::from_der)
}

/// Reads the revocation lists of a file, at least one: PEM or DER. Errors name the file.
pub fn crls_from_file(path: &Path) -> Result<Vec<Crl>, Error> {
    all_from_file(path, Content::Crl, Crl::all_from_pem, Crl::from_der)
}

fn all_from_file<T>(
    path: &Path,
    wanted: Content,
    from_pem: impl Fn(&[u8]) -> Result<Vec<T>, Error>,
    from_der: impl Fn(&[u8]) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let bytes = std::fs::read(path).map_err(|e| Error::io(path, &e))?;
    let read =
        if pem::is_pem(&bytes) { from_pem(&bytes) } else { from_der(&bytes).map(|one| vec![one]) };
    read.map_err(|e| content::explained(e, &bytes, &[wanted]).at(path.display().to_string()))
}

/// Says what is wrong with a file that should hold a certificate, as far as its bytes tell.
pub(crate) fn no_certificate(error: Error, bytes: &[u8]) -> Error {
    content::explained(error, bytes, &[Content::Certificate])
}

/// The same for a private key.
pub(crate) fn no_key(error: Error, bytes: &[u8]) -> Error {
    content::explained(error, bytes, &[Content::PrivateKey, Content::EncryptedPrivateKey])
}
