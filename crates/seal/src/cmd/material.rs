//! The options that `serve` and `connect` share: who we are and whom we trust.

use std::path::PathBuf;

use clap::Args;
use sealwire::{Identity, TrustStore};

use crate::failure::Failure;
use crate::passphrase::{self, Source};

/// Who we are and whom we trust.
#[derive(Args, Debug)]
pub(crate) struct Material {
    /// Our certificate: PEM, the leaf first, then its intermediates
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with = "pfx")]
    cert: Option<PathBuf>,

    /// Our private key: PEM, plain or encrypted
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,

    /// Our certificate and key in one PFX (PKCS#12) file
    #[arg(long, value_name = "FILE")]
    pfx: Option<PathBuf>,

    /// Where the passphrase of the key or PFX is: a file, `-` for stdin, or `env:NAME`
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<Source>,

    /// Whom to trust: PEM certificates; nobody else is trusted then [default: Mozilla's roots]
    #[arg(long, value_name = "FILE")]
    ca: Vec<PathBuf>,
}

impl Material {
    /// Our identity, if one was given.
    pub(crate) fn identity(&self) -> Result<Option<Identity>, Failure> {
        let source = self.passphrase_file.as_ref();
        let identity = match (&self.pfx, &self.cert, &self.key) {
            (Some(pfx), ..) => {
                passphrase::open(source, &pfx.display().to_string(), |passphrase| {
                    Identity::from_pkcs12_file(pfx, passphrase.unwrap_or_default())
                })?
            }
            (None, Some(cert), Some(key)) => passphrase::open(
                source,
                &key.display().to_string(),
                |passphrase| match passphrase {
                    Some(passphrase) => Identity::from_encrypted_pem_files(cert, key, passphrase),
                    None => Identity::from_pem_files(cert, key),
                },
            )?,
            _ => return Ok(None),
        };
        Ok(Some(identity))
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
