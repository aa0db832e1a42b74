//! Whom to believe: sets of trusted certificates.

use std::fmt;
use std::path::Path;
use std::sync::{LazyLock, OnceLock};

use sealwire_x509::{Certificate, TrustSet};

use crate::pki::{self, Error, Problem};

/// A set of certificates that are trusted to say who others are.
///
/// Whole certificates are kept, so that validity, key usage and constraints of a root count as
/// they do for OpenSSL. An empty set is legal: every chain fails against it. Cheap to clone.
#[derive(Clone)]
pub struct TrustStore {
    set: TrustSet,
    partial_chain: bool,
}

impl TrustStore {
    /// Nobody.
    pub fn empty() -> Self {
        static EMPTY: LazyLock<TrustStore> = LazyLock::new(|| {
            TrustStore::from_certificates([]).expect("an empty set needs no input")
        });
        EMPTY.clone()
    }

    /// Mozilla's roots as they were when this library was built (crate `webpki-root-certs`): the
    /// same set on every machine. Node's default.
    pub fn bundled() -> Self {
        static BUNDLED: LazyLock<TrustStore> = LazyLock::new(|| {
            let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS
                .iter()
                .filter_map(|der| Certificate::from_der(der).ok());
            TrustStore::from_certificates(roots).expect("the bundled roots are whole")
        });
        BUNDLED.clone()
    }

    /// The roots of the operating system, read once for the process. `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR` name others.
    ///
    /// # Errors
    /// When the system's roots cannot be read at all.
    pub fn system() -> Result<Self, Error> {
        static SYSTEM: OnceLock<Result<TrustStore, Error>> = OnceLock::new();
        SYSTEM.get_or_init(load_system).clone()
    }

    /// Exactly these.
    ///
    /// # Errors
    /// Only when memory runs out.
    pub fn from_certificates(
        certificates: impl IntoIterator<Item = Certificate>,
    ) -> Result<Self, Error> {
        let set = TrustSet::new(certificates)?;
        Ok(Self { set, partial_chain: false })
    }

    /// Every certificate of a PEM text; other blocks and text between are passed over.
    ///
    /// # Errors
    /// When there is no certificate in it, or one that cannot be read.
    pub fn from_pem(pem: impl AsRef<[u8]>) -> Result<Self, Error> {
        Self::from_certificates(Certificate::all_from_pem(pem.as_ref())?)
    }

    /// As [`from_pem`](Self::from_pem), from a file.
    ///
    /// # Errors
    /// Those of [`from_pem`](Self::from_pem), and when the file cannot be read; both name it.
    pub fn from_pem_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let pem = std::fs::read(path).map_err(|e| Error::io(path, &e))?;
        Self::from_pem(&pem)
            .map_err(|e| pki::no_certificate(e, &pem).at(path.display().to_string()))
    }

    /// The union of two sets: the company's root besides the bundled ones, say.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let both = self.certificates().iter().chain(other.certificates()).cloned();
        let set = TrustSet::new(both).expect("certificates of existing sets make a set");
        Self { set, partial_chain: self.partial_chain || other.partial_chain }
    }

    /// Whether a trusted certificate that is not self-signed ends a chain
    /// (`X509_V_FLAG_PARTIAL_CHAIN`, Node's `allowPartialTrustChain`). Off by default.
    #[must_use]
    pub fn allow_partial_chain(mut self, allow: bool) -> Self {
        self.partial_chain = allow;
        self
    }

    /// The certificates of the set.
    pub fn certificates(&self) -> &[Certificate] {
        self.set.certificates()
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.certificates().is_empty()
    }

    pub(crate) fn set(&self) -> &TrustSet {
        &self.set
    }

    pub(crate) fn allows_partial_chain(&self) -> bool {
        self.partial_chain
    }
}

impl fmt::Debug for TrustStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustStore")
            .field("certificates", &self.certificates().len())
            .field("partial_chain", &self.partial_chain)
            .finish()
    }
}

fn load_system() -> Result<TrustStore, Error> {
    let found = rustls_native_certs::load_native_certs();
    // One broken file among hundreds must not take the rest away; none at all is an error.
    if found.certs.is_empty() {
        let reasons: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        let detail = match reasons.is_empty() {
            true => "the operating system has no trusted roots".to_owned(),
            false => reasons.join("; "),
        };
        return Err(
            Error::new(Problem::Io(std::io::ErrorKind::NotFound), detail).at("system trust store")
        );
    }
    TrustStore::from_certificates(
        found.certs.iter().filter_map(|der| Certificate::from_der(der).ok()),
    )
}
