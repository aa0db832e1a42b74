//! PFX files (PKCS#12, [RFC 7292](https://www.rfc-editor.org/rfc/rfc7292)):
//! a key, its certificate and the chain in one encrypted file.

mod mac;
mod read;
mod structure;
mod write;

use std::path::Path;

use super::{Certificate, Content, Error, PrivateKey, Problem, content, encrypted};

/// A key, its certificate, and the certificates that lead from it to a root.
#[derive(Debug, Clone)]
pub struct Pfx {
    key: PrivateKey,
    certificate: Certificate,
    chain: Vec<Certificate>,
    friendly_name: Option<String>,
}

impl Pfx {
    /// Combines a key, its certificate and the rest of the chain. Fails when the key does not
    /// belong to the certificate.
    pub fn new(
        key: PrivateKey,
        certificate: Certificate,
        chain: Vec<Certificate>,
    ) -> Result<Self, Error> {
        if !key.matches(&certificate) {
            return Err(Error::new(
                Problem::KeyMismatch,
                "the key does not belong to the certificate",
            ));
        }
        Ok(Self { key, certificate, chain, friendly_name: None })
    }

    /// As [`all_from_der`](Self::all_from_der), from a file. Errors name the file.
    pub fn all_from_file(path: &Path, passphrase: Option<&str>) -> Result<Vec<Self>, Error> {
        let bytes = std::fs::read(path).map_err(|e| Error::io(path, &e))?;
        Self::all_from_der(&bytes, passphrase).map_err(|e| at_file(e, &bytes, path))
    }

    /// The name that Windows, Java and Firefox show (`openssl pkcs12 -name`).
    #[must_use]
    pub fn friendly_name(mut self, name: impl Into<String>) -> Self {
        self.friendly_name = Some(name.into());
        self
    }

    /// Reads a PFX with one key. `None` and an empty passphrase open the same files.
    ///
    /// With several keys the error is [`Problem::SeveralKeys`] and names them; see
    /// [`all_from_der`](Self::all_from_der).
    pub fn from_der(der: &[u8], passphrase: Option<&str>) -> Result<Self, Error> {
        let mut all = Self::all_from_der(der, passphrase)?;
        match all.pop() {
            Some(only) if all.is_empty() => Ok(only),
            Some(last) => {
                let names: Vec<_> = all.iter().chain([&last]).map(Self::label).collect();
                let what = format!("the PFX has several keys: {}", names.join(", "));
                Err(Error::new(Problem::SeveralKeys, what))
            }
            None => Err(Error::new(Problem::NoPrivateKey, "the PFX contains no private key")),
        }
    }

    /// Reads every key of a PFX with its certificate and chain: a Java key store may have many.
    /// Fails without a key; see [`PfxContents`] for files without a key.
    pub fn all_from_der(der: &[u8], passphrase: Option<&str>) -> Result<Vec<Self>, Error> {
        let contents = PfxContents::from_der(der, passphrase)?;
        if !contents.lone_keys.is_empty() {
            let what = "the PFX contains a key without its certificate";
            return Err(Error::new(Problem::KeyMismatch, what));
        }
        if contents.entries.is_empty() {
            let what = match contents.certificates.len() {
                0 => "the PFX contains no key and no certificate".to_owned(),
                1 => "the PFX contains no private key (1 certificate)".to_owned(),
                count => format!("the PFX contains no private key ({count} certificates)"),
            };
            return Err(Error::new(Problem::NoPrivateKey, what));
        }
        Ok(contents.entries)
    }

    /// Reads a PFX file. Errors name the file.
    pub fn from_file(path: &Path, passphrase: Option<&str>) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|e| Error::io(path, &e))?;
        Self::from_der(&bytes, passphrase).map_err(|e| at_file(e, &bytes, path))
    }

    /// The name that Windows, Java and Firefox show, if the file has one.
    pub fn name(&self) -> Option<&str> {
        self.friendly_name.as_deref()
    }

    fn label(&self) -> String {
        match self.name() {
            Some(name) => format!("{name:?}"),
            None => self.certificate.subject().to_string(),
        }
    }

    /// Writes it as OpenSSL 3 does: PBES2 with PBKDF2-HMAC-SHA256 and AES-256-CBC, MAC with
    /// SHA-256; 600 000 iterations. Read by OpenSSL 1.1 and later, Node, Java 8u301 and later,
    /// Windows since Server 2019, and Firefox.
    pub fn to_der(&self, passphrase: &str) -> Result<Vec<u8>, Error> {
        self.to_der_with_iterations(passphrase, encrypted::ITERATIONS)
    }

    /// As [`to_der`](Self::to_der), with an iteration count of your own.
    pub fn to_der_with_iterations(
        &self,
        passphrase: &str,
        iterations: u32,
    ) -> Result<Vec<u8>, Error> {
        write::write(self, passphrase, write::Form::Modern { iterations })
    }

    /// Writes it for programs from before 2018 (Windows 7 and Server 2016, macOS up to 14, Java 8
    /// before update 301): 3DES and SHA-1 with 2048 iterations. Anyone with the file can guess
    /// passphrases quickly.
    pub fn to_der_legacy(&self, passphrase: &str) -> Result<Vec<u8>, Error> {
        write::write(self, passphrase, write::Form::Legacy)
    }

    /// The private key.
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// The certificate of the key.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The other certificates, in the file's order.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }
}

/// Everything in a PFX: not only keys with their certificates, but also what trust stores hold
/// (Java's, trust-manager's, `openssl pkcs12 -export -nokeys`), keys alone, and what is not read.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct PfxContents {
    /// The keys with their certificates.
    pub entries: Vec<Pfx>,
    /// The keys without a certificate, each with its name.
    pub lone_keys: Vec<(PrivateKey, Option<String>)>,
    /// The certificates that belong to no key and to no key's chain.
    pub certificates: Vec<PfxCertificate>,
    /// Other content, in words: `a secret key "x"`.
    pub others: Vec<String>,
}

/// A certificate in a PFX that stands for itself.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PfxCertificate {
    /// The certificate.
    pub certificate: Certificate,
    /// Its name in the file: Java's alias.
    pub name: Option<String>,
    /// Whether it is marked as trusted by Java (`-jdktrust`).
    pub trusted: bool,
}

impl PfxContents {
    /// Writes a trust store: these certificates without a key, each marked as trusted, so that Java
    /// takes them for roots (without the mark it lists 0 entries). Encrypted as [`Pfx::to_der`] does.
    pub fn trust_store(certificates: &[Certificate], passphrase: &str) -> Result<Vec<u8>, Error> {
        let form = write::Form::Modern { iterations: encrypted::ITERATIONS };
        write::write_trusted(certificates, passphrase, form)
    }

    /// Reads all that is in a PFX.
    pub fn from_der(der: &[u8], passphrase: Option<&str>) -> Result<Self, Error> {
        read::read(der, passphrase)
    }

    /// As [`from_der`](Self::from_der), from a file. Errors name the file.
    pub fn from_file(path: &Path, passphrase: Option<&str>) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|e| Error::io(path, &e))?;
        Self::from_der(&bytes, passphrase).map_err(|e| at_file(e, &bytes, path))
    }
}

/// Names the file, and says what it is instead of a PFX.
pub(crate) fn at_file(error: Error, bytes: &[u8], path: &Path) -> Error {
    content::explained(error, bytes, &[Content::Pfx]).at(path.display().to_string())
}
