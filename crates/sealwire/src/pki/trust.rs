//! Sets of trusted certificates.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::sync::{LazyLock, OnceLock};

use sealwire_x509::{Certificate, CertificatePolicies, TrustSet};

use super::{self as pki, Error, Problem};
use crate::verify::Public;
#[cfg(feature = "upki")]
use crate::verify::PublicRevocations;

/// A set of trusted certificates.
///
/// Whole certificates are kept, so that validity, key usage and constraints of a root count as
/// they do for OpenSSL. An empty set is legal: every chain fails against it. Cheap to clone.
#[derive(Clone)]
pub struct TrustStore {
    set: TrustSet,
    partial_chain: bool,
    policies: CertificatePolicies,
    public: Public,
}

impl TrustStore {
    /// The empty set: trusts no certificate.
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
        let policies = CertificatePolicies::default();
        Ok(Self { set, partial_chain: false, policies, public: Public::default() })
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

    /// The set that Node trusts by default in the same environment: [`bundled`](Self::bundled), with
    /// [`system`](Self::system) when `NODE_USE_SYSTEM_CA` is `1`, and the certificates of the file
    /// that `NODE_EXTRA_CA_CERTS` names. Read on every call.
    ///
    /// As in Node, a set that cannot be read is left out; unlike there, the caller hears
    /// of it. Show the errors, one line each, or give up: the connections that need the missing
    /// certificates will fail without another hint.
    pub fn from_env() -> (Self, Vec<Error>) {
        Self::from_variables(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> (Self, Vec<Error>) {
        let system = variable("NODE_USE_SYSTEM_CA").filter(|value| value == "1");
        let extra = variable("NODE_EXTRA_CA_CERTS");
        let asked = [system.map(|_| Self::system()), extra.map(Self::from_pem_file)];
        let (mut trust, mut errors) = (Self::bundled(), Vec::new());
        for set in asked.into_iter().flatten() {
            match set {
                Ok(set) => trust = trust.and(&set),
                Err(error) => errors.push(error),
            }
        }
        (trust, errors)
    }

    /// The union of two sets, each certificate once: the company's root besides the bundled ones, say.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let both = self.certificates().iter().chain(other.certificates()).cloned();
        let set = TrustSet::new(both).expect("certificates of existing sets make a set");
        Self {
            set,
            partial_chain: self.partial_chain || other.partial_chain,
            policies: self.policies.and(&other.policies),
            public: self.public.or(&other.public),
        }
    }

    /// Whether a trusted certificate that is not self-signed ends a chain
    /// (`X509_V_FLAG_PARTIAL_CHAIN`, Node's `allowPartialTrustChain`). Off by default.
    #[must_use]
    pub fn allow_partial_chain(mut self, allow: bool) -> Self {
        self.partial_chain = allow;
        self
    }

    /// The certificate policies that a chain must be valid for
    /// ([RFC 5280, section 6.1.1](https://www.rfc-editor.org/rfc/rfc5280#section-6.1.1)), besides
    /// what its certificates demand themselves. By default nothing is asked for.
    #[must_use]
    pub fn require_policies(mut self, policies: CertificatePolicies) -> Self {
        self.policies = policies;
        self
    }

    /// Refuses certificates that these data of the public web list as revoked. They cover leaves of public CAs, and only
    /// refuse; other certificates are unaffected. Unreadable data refuse every chain. A verdict
    /// reads one or two files of a few megabytes then, and is not remembered.
    #[cfg(feature = "upki")]
    #[must_use]
    pub fn public_revocations(mut self, data: PublicRevocations) -> Self {
        self.public = Public { data: Some(data) };
        self
    }

    pub(crate) fn public(&self) -> &Public {
        &self.public
    }

    /// The certificates of the set.
    pub fn certificates(&self) -> &[Certificate] {
        self.set.certificates()
    }

    /// The certificates as one PEM text, in their order; empty without trust anchors.
    pub fn to_pem(&self) -> String {
        self.certificates().iter().map(Certificate::to_pem).collect()
    }

    /// Whether there are no trust anchors.
    pub fn is_empty(&self) -> bool {
        self.certificates().is_empty()
    }

    pub(crate) fn set(&self) -> &TrustSet {
        &self.set
    }

    pub(crate) fn policies(&self) -> &CertificatePolicies {
        &self.policies
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
    let found = native_certs::load_native_certs();
    // One broken file among hundreds must not take the rest away; none at all is an error.
    if found.certs.is_empty() {
        let reasons: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        let detail = if reasons.is_empty() {
            "the operating system has no trusted roots".to_owned()
        } else {
            reasons.join("; ")
        };
        return Err(
            Error::new(Problem::Io(std::io::ErrorKind::NotFound), detail).at("system trust store")
        );
    }
    TrustStore::from_certificates(
        found.certs.iter().filter_map(|der| Certificate::from_der(der).ok()),
    )
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::TrustStore;
    use crate::pki;

    /// What the environment gives with these variables.
    fn with(variables: &[(&str, OsString)]) -> (TrustStore, Vec<String>) {
        let named = |name: &str| variables.iter().find(|(known, _)| *known == name);
        let (trust, errors) =
            TrustStore::from_variables(|name| named(name).map(|(_, value)| value.clone()));
        (trust, errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_environment_adds_to_the_bundled_roots() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("extra.pem");
        let (own, _) = pki::self_signed(["extra.example"]).unwrap();
        // A root that is bundled already, twice in the file, is there once.
        let bundled = TrustStore::bundled();
        let root = bundled.certificates()[0].to_pem();
        std::fs::write(&file, own.to_pem() + &root + &root).unwrap();

        assert_eq!(with(&[]).0.certificates(), bundled.certificates());
        let (trust, errors) = with(&[("NODE_EXTRA_CA_CERTS", file.clone().into())]);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(trust.certificates().len(), bundled.certificates().len() + 1);
        assert_eq!(trust.certificates().last(), Some(&own));
        let (off, _) = with(&[("NODE_USE_SYSTEM_CA", "0".into())]);
        assert_eq!(off.certificates().len(), bundled.certificates().len());
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told_and_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let [missing, empty, broken] =
            ["missing.pem", "empty.pem", "broken.pem"].map(|name| folder.path().join(name));
        std::fs::write(&empty, "nothing here").unwrap();
        std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
            .unwrap();
        for file in [missing, empty, broken] {
            let (trust, errors) = with(&[("NODE_EXTRA_CA_CERTS", file.clone().into())]);
            assert_eq!(trust.certificates(), TrustStore::bundled().certificates());
            let [error] = errors.as_slice() else { panic!("{errors:?}") };
            assert!(error.starts_with(&format!("{}: ", file.display())), "{error}");
        }
    }

    #[test]
    fn a_set_is_written_as_it_is_read() {
        let bundled = TrustStore::bundled();
        let again = TrustStore::from_pem(bundled.to_pem()).unwrap();
        assert_eq!(again.certificates(), bundled.certificates());
        // All of Mozilla's are whole certificates that AWS-LC reads.
        assert_eq!(bundled.certificates().len(), webpki_root_certs::TLS_SERVER_ROOT_CERTS.len());
        assert_eq!(TrustStore::empty().to_pem(), "");
    }
}
