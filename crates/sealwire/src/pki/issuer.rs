//! A CA as it signs: its certificate and its key, from files of any origin.

use std::path::Path;

use super::{Certificate, Error, PrivateKey, Problem};

/// A certificate authority: its certificate and the key that signs.
///
/// Loaded from what OpenSSL, mkcert, step or we wrote; it is used unchanged, so what it
/// signs chains to the certificate as it is installed.
#[derive(Debug, Clone)]
pub struct Issuer {
    certificate: Certificate,
    key: PrivateKey,
    subject: Vec<u8>,
    key_identifier: Option<Vec<u8>>,
}

impl Issuer {
    /// Takes a CA's certificate and key. Refuses a key of another certificate, and a certificate
    /// that says it is not a CA (a v1 certificate says nothing, and is taken).
    pub fn new(certificate: Certificate, key: PrivateKey) -> Result<Self, Error> {
        if !key.matches(&certificate) {
            return Err(Error::new(
                Problem::KeyMismatch,
                "the key does not belong to the CA certificate",
            ));
        }
        match certificate.basic_constraints() {
            Some((true, _)) => {}
            None if certificate.version() == 1 => {}
            _ => {
                return Err(Error::new(
                    Problem::InvalidValue,
                    "the certificate is not one of a CA (basicConstraints)",
                ));
            }
        }
        let subject = certificate.subject().der().to_vec();
        let key_identifier = certificate.subject_key_id();
        Ok(Self { certificate, key, subject, key_identifier })
    }

    /// Loads a CA from two files, each PEM or DER.
    pub fn from_files(
        certificate: &Path,
        key: &Path,
        passphrase: Option<&[u8]>,
    ) -> Result<Self, Error> {
        let certificate_from = super::certificates_from_file(certificate)?.swap_remove(0);
        let key_from = PrivateKey::from_file(key, passphrase)?;
        Self::new(certificate_from, key_from).map_err(|e| match e.problem() {
            Problem::KeyMismatch => e.at(key.display().to_string()),
            _ => e.at(certificate.display().to_string()),
        })
    }

    /// The CA's certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The CA's key.
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    pub(super) fn subject_der(&self) -> &[u8] {
        &self.subject
    }

    pub(super) fn key_identifier(&self) -> Option<&[u8]> {
        self.key_identifier.as_deref()
    }
}
