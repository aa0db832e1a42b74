//! Making and reading keys, requests, certificates, PFX files and root sets.

mod ber;
mod certificate;
mod chain;
mod constraint;
mod content;
mod crl;
mod csr;
mod elsewhere;
mod encrypted;
mod extension;
mod fingerprint;
mod issuer;
mod key;
mod legacy;
mod lint;
mod ml_dsa;
mod name;
mod pbe;
mod pfx;
mod pkcs7;
mod pss;
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

use pkcs7::Bundle;

pub use crate::words::Moment;
pub use certificate::{CertificateBuilder, self_signed};
pub use chain::ChainCheck;
pub(crate) use chain::issuers;
pub use constraint::NameConstraint;
pub use content::Content;
pub use crl::{CrlBuilder, CrlNumber, RevocationReason, Revoked};
pub use csr::{Csr, CsrBuilder};
pub use elsewhere::OtherForm;
pub use encrypted::KeyEncryption;
pub use fingerprint::{sha1_fingerprint, sha256_fingerprint, sha512_fingerprint, spki_pin};
pub use issuer::Issuer;
pub use key::{KeyAlgorithm, PrivateKey, key_text};
pub use legacy::LegacyCertificate;
pub use lint::{Lint, Severity, lint, lint_file, lint_key};
pub use ml_dsa::MlDsaForm;
pub use name::SubjectAltName;
pub(crate) use pfx::at_file as pfx_at_file;
pub use pfx::{Pfx, PfxCertificate, PfxContents};
pub(crate) use pss::{PssDigest, PssKey, is_signed as is_signed_by_pss_key};
// What the fence reads. Its verifier stays inside: `ChainCheck` and connections are the only ones
// to accept a chain, with a security level and a name.
pub use sealwire_x509::{
    Attribute, Certificate, CertificatePolicies, Crl, CrlScope, Error, GeneralName, Irregularity,
    KeyType, KeyUsage, KeyUsages, Name, OcspAnswer, OcspResponder, OcspResponse, OcspSigner,
    OcspStatus, Problem, PublicKey, Purpose, RsaPublicKey, SignatureAlgorithm, Subtree,
    ocsp_request, pem,
};
pub use store::{CaStore, Entry};
pub use subject::Subject;
pub use trust::TrustStore;
pub use usage::ExtendedKeyUsage;
pub use validity::Validity;

/// Reads the certificates of a file, at least one: PEM (all of them), DER, or PKCS#7 in either
/// (`.p7b`). Errors name the file.
pub fn certificates_from_file(path: &Path) -> Result<Vec<Certificate>, Error> {
    let one = |der: &[u8]| Certificate::from_der(der).map(|one| vec![one]);
    let in_bundle = |bundle: Bundle| bundle.certificates;
    let bytes = std::fs::read(path).map_err(|e| Error::io(path, &e))?;
    all_in(&bytes, path, Content::Certificate, Certificate::all_from_pem, one, in_bundle)
}

/// Reads the revocation lists of a file, at least one: PEM, DER, or PKCS#7 in either. Errors name
/// the file.
pub fn crls_from_file(path: &Path) -> Result<Vec<Crl>, Error> {
    let bytes = std::fs::read(path).map_err(|e| Error::io(path, &e))?;
    crls_in(&bytes, path)
}

/// The same of what was read from `path`.
pub(crate) fn crls_in(bytes: &[u8], path: &Path) -> Result<Vec<Crl>, Error> {
    let one = |der: &[u8]| Crl::from_der(der).map(|one| vec![one]);
    all_in(bytes, path, Content::Crl, Crl::all_from_pem, one, |bundle| bundle.crls)
}

/// The certificates and revocation lists of a PKCS#7 bundle (`.p7b`), PEM or DER; either may be empty.
///
/// # Errors
/// [`Problem::Malformed`] when it cannot be read, [`Problem::NoPemBlock`] when it is not such a bundle.
pub fn in_pkcs7(bytes: &[u8]) -> Result<(Vec<Certificate>, Vec<Crl>), Error> {
    match Bundle::find(bytes)? {
        Some(bundle) => Ok((bundle.certificates, bundle.crls)),
        None => Err(Error::new(Problem::NoPemBlock, "no PKCS#7 with certificates")),
    }
}

fn all_in<T>(
    bytes: &[u8],
    path: &Path,
    wanted: Content,
    from_pem: impl Fn(&[u8]) -> Result<Vec<T>, Error>,
    from_der: impl Fn(&[u8]) -> Result<Vec<T>, Error>,
    in_bundle: impl Fn(Bundle) -> Vec<T>,
) -> Result<Vec<T>, Error> {
    let read = if pem::is_pem(bytes) { from_pem(bytes) } else { from_der(bytes) };
    // Looked for last, so that the usual files are read once.
    let read = read.or_else(|error| match Bundle::find(bytes)? {
        Some(bundle) => Ok(in_bundle(bundle)).and_then(|all| match all.is_empty() {
            true => Err(Error::new(Problem::NoPemBlock, format!("no {wanted} in the PKCS#7"))),
            false => Ok(all),
        }),
        None => Err(error),
    });
    read.map_err(|e| content::explained(e, bytes, &[wanted]).at(path.display().to_string()))
}

/// Says what is wrong with a file that should hold a certificate, as far as its bytes tell.
pub(crate) fn no_certificate(error: Error, bytes: &[u8]) -> Error {
    content::explained(error, bytes, &[Content::Certificate])
}

/// The same for a private key.
pub(crate) fn no_key(error: Error, bytes: &[u8]) -> Error {
    content::explained(error, bytes, &[Content::PrivateKey, Content::EncryptedPrivateKey])
}
