//! An identity: a certificate chain and its private key.

use std::fmt;
use std::fs;
use std::path::Path;

use sealwire_x509::Certificate;
use zeroize::Zeroizing;

use crate::engine::Credential;
use crate::pki::{
    self, Error, KeyAlgorithm, OcspAnswer, OcspResponse, OcspStatus, Pfx, PrivateKey, Problem,
};

/// A certificate chain (leaf first) and the leaf's private key. Cheap to clone.
///
/// PEM is read in every form that OpenSSL writes (PKCS#8, PKCS#1 and SEC1 keys, plain or encrypted),
/// and PFX files. That the key is the certificate's is checked when the identity is made.
#[derive(Clone)]
pub struct Identity(Credential);

impl Identity {
    /// From PEM texts: the chain (leaf first) and the key, which must not be encrypted.
    ///
    /// # Errors
    /// When there is no certificate or not exactly one key, when either cannot be read, or when
    /// the key is not the certificate's.
    pub fn from_pem(chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Self, Error> {
        Self::read_pem(chain.as_ref(), key.as_ref(), None)
    }

    /// As [`from_pem`](Self::from_pem), with a key that may be encrypted.
    ///
    /// # Errors
    /// Those of [`from_pem`](Self::from_pem), and a wrong passphrase.
    pub fn from_encrypted_pem(
        chain: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
        passphrase: impl AsRef<[u8]>,
    ) -> Result<Self, Error> {
        Self::read_pem(chain.as_ref(), key.as_ref(), Some(passphrase.as_ref()))
    }

    /// As [`from_pem`](Self::from_pem), from two files (which may be one and the same).
    ///
    /// # Errors
    /// Those of [`from_pem`](Self::from_pem) and of reading the files; each names its file.
    pub fn from_pem_files(chain: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, Error> {
        Self::read_pem_files(chain.as_ref(), key.as_ref(), None)
    }

    /// As [`from_pem_files`](Self::from_pem_files), with a key that may be encrypted.
    ///
    /// # Errors
    /// Those of [`from_pem_files`](Self::from_pem_files), and a wrong passphrase.
    pub fn from_encrypted_pem_files(
        chain: impl AsRef<Path>,
        key: impl AsRef<Path>,
        passphrase: impl AsRef<[u8]>,
    ) -> Result<Self, Error> {
        Self::read_pem_files(chain.as_ref(), key.as_ref(), Some(passphrase.as_ref()))
    }

    /// A new key with a self-signed certificate for these names, for tests and development
    /// servers. Peers that shall trust it need [`leaf`](Self::leaf).
    ///
    /// # Errors
    /// When a name is not valid, or there are no names.
    pub fn self_signed<I>(names: I) -> Result<Self, Error>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let (certificate, key) = pki::self_signed(names)?;
        Self::new(vec![certificate], &key)
    }

    /// From a PFX (PKCS#12) file's bytes. An empty passphrase and an absent one are the same.
    ///
    /// # Errors
    /// When it is not a PFX, the passphrase is wrong or not UTF-8, an algorithm is not supported,
    /// or it does not hold exactly one key with its certificate.
    pub fn from_pkcs12(der: impl AsRef<[u8]>, passphrase: impl AsRef<[u8]>) -> Result<Self, Error> {
        let passphrase = std::str::from_utf8(passphrase.as_ref())
            .map_err(|_| Error::new(Problem::InvalidValue, "the passphrase is not UTF-8"))?;
        let given = (!passphrase.is_empty()).then_some(passphrase);
        let pfx = Pfx::from_der(der.as_ref(), given)?;
        // PFX files keep their certificates in any order; certificates outside the leaf's chain are not sent.
        let mut chain = vec![pfx.certificate().clone()];
        chain.extend(pki::issuers(pfx.certificate(), pfx.chain()));
        Self::new(chain, pfx.key())
    }

    /// As [`from_pkcs12`](Self::from_pkcs12), from a file.
    ///
    /// # Errors
    /// Those of [`from_pkcs12`](Self::from_pkcs12) and of reading the file; both name it.
    pub fn from_pkcs12_file(
        path: impl AsRef<Path>,
        passphrase: impl AsRef<[u8]>,
    ) -> Result<Self, Error> {
        let path = path.as_ref();
        let der = read(path)?;
        Self::from_pkcs12(&*der, passphrase).map_err(|e| pki::pfx_at_file(e, &der, path))
    }

    /// From a chain (leaf first) and its key.
    ///
    /// # Errors
    /// When the chain is empty, the key is not the leaf's, or of a kind that TLS cannot use here.
    pub fn new(chain: impl Into<Vec<Certificate>>, key: &PrivateKey) -> Result<Self, Error> {
        let chain: Vec<Certificate> = chain.into();
        let Some(leaf) = chain.first() else {
            return Err(Error::new(Problem::NoPemBlock, "no certificate"));
        };
        if !key.matches(leaf) {
            let detail = format!(
                "the private key does not belong to the certificate \"{}\"",
                leaf.subject()
            );
            return Err(Error::new(Problem::KeyMismatch, detail));
        }
        let credential = Credential::new(chain, key.to_pkcs8_der());
        credential.map(Self).ok_or_else(|| match key.algorithm() {
            KeyAlgorithm::Rsa { bits } => {
                let small = bits < 2048;
                let problem = if small { Problem::KeyTooSmall } else { Problem::Unsupported };
                let detail = format!(
                    "an RSA key of {bits} bits cannot be used for TLS: the engine signs with 2048 \
                     to 8192 bits"
                );
                Error::new(problem, detail)
            }
            other => {
                Error::new(Problem::Unsupported, format!("{other} keys cannot be used for TLS"))
            }
        })
    }

    /// The same identity with an OCSP response (DER;
    /// [RFC 6066, section 8](https://www.rfc-editor.org/rfc/rfc6066#section-8)), which a server staples
    /// to the certificate for each client that requests it. It is sent unchanged: that it is about this
    /// certificate, and fresh, is the program's to see to.
    #[must_use]
    pub fn with_ocsp_response(self, response: impl Into<Vec<u8>>) -> Self {
        Self(self.0.with_ocsp_response(response.into()))
    }

    /// The same with a response that is looked at first: that it is one, about this certificate, of today
    /// (seconds since 1970), and says `good`; and, where the chain has the issuer's certificate, that the
    /// issuer or its delegate signed it.
    ///
    /// # Errors
    /// The fault of the response.
    pub fn stapling(self, response: &[u8], today: i64) -> Result<Self, Error> {
        let bad =
            |what: &str| Error::new(Problem::InvalidValue, format!("the OCSP response: {what}"));
        let read = OcspResponse::from_der(response)?;
        if let Some(refusal) = read.refusal() {
            return Err(bad(&format!("the responder did not answer: {refusal}")));
        }
        let answer = self.answer_in(&read);
        let answer = answer.ok_or_else(|| bad("it is for another certificate"))?;
        if let Some(issuer) = self.issuer() {
            let verified = read.verify(self.leaf(), issuer, today);
            verified.map_err(|e| bad(&format!("not verified: {e}")))?;
        }
        match answer.status {
            OcspStatus::Good if answer.is_current(today) => {}
            OcspStatus::Good => return Err(bad("it is expired, or not valid yet")),
            OcspStatus::Revoked { .. } => return Err(bad("the certificate is revoked")),
            OcspStatus::Unknown => return Err(bad("the responder does not know the certificate")),
        }
        Ok(self.with_ocsp_response(response))
    }

    /// The status in the stapled response; `None` without one, or when it is about
    /// others.
    pub fn ocsp_answer(&self) -> Option<OcspAnswer> {
        let response = OcspResponse::from_der(self.ocsp_response()?).ok()?;
        self.answer_in(&response)
    }

    fn answer_in(&self, response: &OcspResponse) -> Option<OcspAnswer> {
        match self.issuer() {
            Some(issuer) => response.answer(self.leaf(), issuer),
            None => response.answer_unverified(self.leaf()),
        }
    }

    /// The issuer's certificate, where the chain contains it.
    pub fn issuer(&self) -> Option<&Certificate> {
        self.chain().iter().find(|one| one.subject() == self.leaf().issuer())
    }

    /// The OCSP response that is stapled, if there is one.
    pub fn ocsp_response(&self) -> Option<&[u8]> {
        self.0.ocsp_response()
    }

    /// The chain, leaf first.
    pub fn chain(&self) -> &[Certificate] {
        self.0.chain()
    }

    /// The certificate that is ours.
    pub fn leaf(&self) -> &Certificate {
        &self.0.chain()[0]
    }

    pub(crate) fn credential(&self) -> &Credential {
        &self.0
    }

    fn read_pem(chain: &[u8], key: &[u8], passphrase: Option<&[u8]>) -> Result<Self, Error> {
        let chain = Certificate::all_from_pem(chain)?;
        let key = PrivateKey::from_pem(key, passphrase)?;
        Self::new(chain, &key)
    }

    fn read_pem_files(
        chain_path: &Path,
        key_path: &Path,
        passphrase: Option<&[u8]>,
    ) -> Result<Self, Error> {
        let (chain, key) = (read(chain_path)?, read(key_path)?);
        Self::of_read_files((&chain, chain_path), (&key, key_path), passphrase)
    }

    /// From the contents of a chain's file and of a key's. Errors name the file at fault.
    pub(crate) fn of_read_files(
        (chain, chain_path): (&[u8], &Path),
        (key, key_path): (&[u8], &Path),
        passphrase: Option<&[u8]>,
    ) -> Result<Self, Error> {
        let at = |path: &Path| path.display().to_string();
        let chain = Certificate::all_from_pem(chain)
            .map_err(|e| pki::no_certificate(e, chain).at(at(chain_path)))?;
        let key = PrivateKey::from_pem(key, passphrase)
            .map_err(|e| pki::no_key(e, key).at(at(key_path)))?;
        Self::new(chain, &key).map_err(|e| e.at(at(key_path)))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("chain", &self.chain()).finish_non_exhaustive()
    }
}

/// Reads a file that may hold a secret; the bytes are wiped when dropped.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    fs::read(path).map(Zeroizing::new).map_err(|e| Error::io(path, &e))
}
