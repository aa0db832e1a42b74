//! The options that `serve` and `connect` share: who we are and whom we trust.

use std::path::{Path, PathBuf};

use clap::Args;
use sealwire::pki::Error;
use sealwire::{Identity, TrustStore};

use crate::failure::Failure;
use crate::passphrase::{self, Source};

/// Who we are and whom we trust.
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

    /// Where the passphrase of the keys and PFX files is: a file, `-` for stdin, or `env:NAME`
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<Source>,

    /// Whom to trust: PEM certificates; nobody else is trusted then [default: Mozilla's roots]
    #[arg(long, value_name = "FILE")]
    ca: Vec<PathBuf>,
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
        let read = |file: &Path, open: &dyn Fn(Option<&str>) -> Result<Identity, Error>| {
            passphrase::open(self.passphrase_file.as_ref(), &file.display().to_string(), open)
        };
        let mut identities = Vec::new();
        for (cert, key) in self.cert.iter().zip(&self.key) {
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

    /// The trust that was given; `None` leaves it to the command's default.
    pub(crate) fn trust(&self) -> Result<Option<TrustStore>, Failure> {
        let mut trust: Option<TrustStore> = None;
        for file in &self.ca {
            let more = TrustStore::from_pem_file(file)?;
            trust = Some(trust.map_or_else(|| more.clone(), |trust| trust.and(&more)));
        }
        Ok(trust)
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

/// Whom a client trusts unless told otherwise: Mozilla's roots and the system's. A system without
/// roots of its own still has Mozilla's.
pub(crate) fn public_roots() -> TrustStore {
    match TrustStore::system() {
        Ok(system) => TrustStore::bundled().and(&system),
        Err(_) => TrustStore::bundled(),
    }
}
