//! Revocation of the public web, without online queries: the data that the program `upki` of the
//! rustls project keeps on a machine (CRLite filters, made by Mozilla of the revocation lists of
//! all public CAs).
//!
//! A filter answers about the certificates that certain logs of Certificate Transparency had entered up to a
//! certain time, so a certificate tells by its timestamps (SCTs) which filter knows of it. One that is too new, is
//! in no log, or is of a CA that is not enrolled is *not covered*, and nothing is said of it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use clubcard_crlite::{CRLiteClubcard, CRLiteKey, CRLiteStatus, IssuerSpkiHash};
use sealwire_x509::{Certificate, Error, Problem};

use super::index::{self, Index};
use super::timestamps;

/// The folder of `upki`'s revocation data. Cheap to clone; the files are read when a certificate is asked about,
/// so what `upki fetch` brings is used at once.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicRevocations {
    folder: Arc<Path>,
}

/// The status of a certificate in the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicStatus {
    /// It is revoked.
    Revoked,
    /// It was not revoked when the data were made.
    NotRevoked,
    /// The data do not know: it is not of a public CA, newer than they are, or in no log.
    NotCovered,
}

impl PublicStatus {
    /// `revoked`, `not revoked`, `not covered`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::NotRevoked => "not revoked",
            Self::NotCovered => "not covered",
        }
    }
}

impl PublicRevocations {
    /// Where upki keeps its data: of this user (`$XDG_CACHE_HOME/upki`, `~/.cache/upki`), or else of the system
    /// (`/var/cache/upki`). `None` where neither exists. A `config.toml` that names another folder is not read:
    /// [`open`](Self::open) takes it.
    pub fn find() -> Option<Self> {
        places().into_iter().find_map(|place| Self::open(place.join("revocation")).ok())
    }

    /// The data in this folder, which has an `index.bin`.
    ///
    /// # Errors
    /// When it is missing, or cannot be read.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, Error> {
        let found = Self { folder: Arc::from(folder.into()) };
        Index::read(&found.folder)?;
        Ok(found)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// When the newest of the data were fetched, by the time of the index: the filters are complete as of then
    /// at the latest.
    ///
    /// # Errors
    /// When it cannot be determined.
    pub fn fetched(&self) -> Result<SystemTime, Error> {
        let path = self.folder.join(index::FILE);
        std::fs::metadata(&path)
            .and_then(|there| there.modified())
            .map_err(|e| Error::io(&path, &e))
    }

    /// The status of `leaf`, which `issuer` has signed.
    ///
    /// # Errors
    /// When a file is missing or not what it should be.
    pub fn status(&self, leaf: &Certificate, issuer: &Certificate) -> Result<PublicStatus, Error> {
        let timestamps = timestamps::of(leaf);
        if timestamps.is_empty() {
            return Ok(PublicStatus::NotCovered);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &issuer.spki_der()).as_ref());
        let issuer = IssuerSpkiHash(hash);
        let serial = leaf.serial_number().unwrap_or_default();
        let mut both = [0; 32];
        both.copy_from_slice(digest(&SHA256, &[&hash[..], serial].concat()).as_ref());
        let key = CRLiteKey::with_hash(&issuer, serial, both);
        let mut status = PublicStatus::NotCovered;
        for name in Index::read(&self.folder)?.files_about(&timestamps)? {
            let path = self.folder.join(&name);
            let bytes = std::fs::read(&path).map_err(|e| Error::io(&path, &e))?;
            let filter = CRLiteClubcard::from_bytes(&bytes).map_err(|e| {
                Error::new(Problem::Malformed, format!("not a CRLite filter: {e:?}"))
                    .at(path.display().to_string())
            })?;
            match filter.contains(&key, timestamps.iter().copied()) {
                CRLiteStatus::Revoked => return Ok(PublicStatus::Revoked),
                CRLiteStatus::Good => status = PublicStatus::NotRevoked,
                CRLiteStatus::NotCovered | CRLiteStatus::NotEnrolled => {}
            }
        }
        Ok(status)
    }
}

impl fmt::Debug for PublicRevocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublicRevocations").field(&self.folder).finish()
    }
}

/// As the crate `upki` looks for its cache.
fn places() -> Vec<PathBuf> {
    let variable =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = variable("HOME");
    let (user, system) = if cfg!(target_os = "macos") {
        let user = home.map(|home| home.join("Library/Caches/dev.rustls.upki"));
        (user, Some(PathBuf::from("/Library/Caches/dev.rustls.upki")))
    } else if cfg!(windows) {
        let user = variable("LOCALAPPDATA").map(|data| data.join("rustls\\upki\\cache"));
        (user, variable("ProgramData").map(|data| data.join("rustls\\upki\\cache")))
    } else {
        let cache = variable("XDG_CACHE_HOME").or_else(|| Some(home?.join(".cache")));
        (cache.map(|cache| cache.join("upki")), Some(PathBuf::from("/var/cache/upki")))
    };
    user.into_iter().chain(system).collect()
}
