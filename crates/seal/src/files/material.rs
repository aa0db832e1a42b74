//! Who we are and whom we trust: from options to identities and trust stores.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use sealwire::pki::Error;
use sealwire::{Identity, TrustStore};

use super::passphrase::{self, Source};
use crate::say::failure::Failure;

/// Who we are and whom we trust, the same for every verb that speaks TLS.
#[derive(Args, Debug)]
pub(crate) struct Material {
    /// Our certificate: PEM, the leaf first, then its intermediates; may be repeated, each with
    /// its --key
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Vec<PathBuf>,

    /// Our private key: PEM, plain or encrypted; the first for the first --cert, and so on
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Vec<PathBuf>,

    /// Our certificate and key in one PFX (PKCS#12) file; may be repeated
    #[arg(long, value_name = "FILE")]
    pfx: Vec<PathBuf>,

    /// The passphrase of the keys and PFX files: a file, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<Source>,

    /// Whom to trust: a PEM file, `system` or `bundled` (Mozilla's roots); nobody else is trusted
    /// then; may be repeated
    #[arg(long, value_name = "FILE")]
    ca: Vec<Anchor>,
}

/// The files of our identities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct IdentityFiles {
    /// Certificate chains and their keys, PEM.
    pub(crate) pairs: Vec<(PathBuf, PathBuf)>,
    pub(crate) pfx: Vec<PathBuf>,
    pub(crate) passphrase: Option<Source>,
}

/// Whom to believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Anchor {
    File(PathBuf),
    /// The operating system's roots.
    System,
    /// Mozilla's, as built in.
    Bundled,
}

impl Material {
    /// Our identities, in the order given: those of --cert and --key, then those of --pfx.
    pub(crate) fn identities(&self) -> Result<Vec<Identity>, Failure> {
        if self.cert.len() != self.key.len() {
            let (certs, keys) = (self.cert.len(), self.key.len());
            return Err(Failure::usage(format!(
                "--cert is given {certs} times, --key {keys} times"
            ))
            .advise("each certificate needs its own key"));
        }
        self.files().load()
    }

    /// The files that our identities are read from.
    pub(crate) fn files(&self) -> IdentityFiles {
        IdentityFiles {
            pairs: self.cert.iter().cloned().zip(self.key.iter().cloned()).collect(),
            pfx: self.pfx.clone(),
            passphrase: self.passphrase_file.clone(),
        }
    }

    /// The trust that was given; `None` leaves it to the command's default.
    pub(crate) fn trust(&self) -> Result<Option<TrustStore>, Failure> {
        trust_in(&self.ca)
    }

    /// Where the passphrase comes from, if it was said.
    pub(crate) fn passphrase_source(&self) -> Option<&Source> {
        self.passphrase_file.as_ref()
    }

    /// Whether trust was given.
    pub(crate) fn has_trust(&self) -> bool {
        !self.ca.is_empty()
    }
}

impl IdentityFiles {
    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty() && self.pfx.is_empty()
    }

    /// Every file in it.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        let passphrase = match &self.passphrase {
            Some(Source::File(path)) => Some(Path::new(path)),
            _ => None,
        };
        let pairs = self.pairs.iter().flat_map(|(cert, key)| [cert, key]);
        pairs.chain(&self.pfx).map(PathBuf::as_path).chain(passphrase)
    }

    /// Those that hold secrets.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Path> {
        let certificates: Vec<_> = self.pairs.iter().map(|(cert, _)| cert.as_path()).collect();
        self.paths().filter(move |path| !certificates.contains(path))
    }

    /// Reads them: the pairs first.
    ///
    /// # Errors
    /// With the file at fault.
    pub(crate) fn load(&self) -> Result<Vec<Identity>, Failure> {
        let read = |file: &Path, open: &dyn Fn(Option<&str>) -> Result<Identity, Error>| {
            passphrase::open(self.passphrase.as_ref(), &file.display().to_string(), open)
        };
        let mut identities = Vec::new();
        for (cert, key) in &self.pairs {
            identities.push(read(key, &|passphrase| match passphrase {
                Some(passphrase) => Identity::from_encrypted_pem_files(cert, key, passphrase),
                None => Identity::from_pem_files(cert, key),
            })?);
        }
        for pfx in &self.pfx {
            identities.push(read(pfx, &|passphrase| {
                Identity::from_pkcs12_file(pfx, passphrase.unwrap_or_default())
            })?);
        }
        Ok(identities)
    }
}

impl FromStr for Anchor {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "system" => Self::System,
            "bundled" => Self::Bundled,
            path => Self::File(path.into()),
        })
    }
}

/// All of these together; `None` for none.
///
/// # Errors
/// With the file at fault.
pub(crate) fn trust_in(anchors: &[Anchor]) -> Result<Option<TrustStore>, Failure> {
    let mut all: Option<TrustStore> = None;
    for anchor in anchors {
        let more = match anchor {
            Anchor::File(path) => TrustStore::from_pem_file(path)?,
            Anchor::System => TrustStore::system()?,
            Anchor::Bundled => TrustStore::bundled(),
        };
        all = Some(all.map_or_else(|| more.clone(), |all| all.and(&more)));
    }
    Ok(all)
}

/// Whom a client trusts unless told otherwise: Mozilla's roots and the system's. A system without
/// roots of its own still has Mozilla's.
pub(crate) fn public_roots() -> TrustStore {
    match TrustStore::system() {
        Ok(system) => TrustStore::bundled().and(&system),
        Err(_) => TrustStore::bundled(),
    }
}
