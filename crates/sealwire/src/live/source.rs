//! Where identity, trust and revocation lists come from, read as one.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use sealwire_x509::{Certificate, Crl};
use zeroize::Zeroizing;

use super::known::KnownFiles;
use super::staples::Staples;
use super::watched::LoadError;
use crate::context::{Identity, SecureContextBuilder};
use crate::pki::{Error, TrustStore};
use crate::words::{SystemClock, now};

/// The result of a function of the program's: current identities, trust and revocation lists.
#[derive(Debug, Clone, Default)]
pub struct Material {
    /// The identity.
    pub identities: Vec<Identity>,
    /// Trust anchors in addition to those of the context; `None` adds none.
    pub trust: Option<TrustStore>,
    /// Revocation lists, besides others.
    pub crls: Vec<Crl>,
}

/// One source of many.
pub(super) enum Source {
    Pem {
        chain: PathBuf,
        key: PathBuf,
        passphrase: Option<Zeroizing<Vec<u8>>>,
        /// An OCSP response.
        staple: Option<PathBuf>,
    },
    Pfx {
        path: PathBuf,
        passphrase: Zeroizing<Vec<u8>>,
        staple: Option<PathBuf>,
    },
    TrustFile(PathBuf),
    Trust(TrustStore),
    CrlFile(PathBuf),
    Program(Box<Function>),
}

pub(super) type Function =
    dyn Fn() -> Result<Material, Box<dyn StdError + Send + Sync>> + Send + Sync;

/// All sources, as they were at one moment. Each file is read once, so that what is built is what was
/// compared; but for revocation lists, which may be large, and are compared by their digests.
pub(super) struct Snapshot {
    files: BTreeMap<PathBuf, Result<Zeroizing<Vec<u8>>, Error>>,
    known: Arc<KnownFiles>,
    given: Vec<Result<Material, LoadError>>,
    staples: Staples,
    pub(super) digest: [u8; 32],
}

impl Source {
    pub(super) fn files(&self) -> Vec<&Path> {
        match self {
            Self::Pem { chain, key, staple, .. } => {
                [chain, key].into_iter().chain(staple).map(PathBuf::as_path).collect()
            }
            Self::Pfx { path, staple, .. } => {
                [path].into_iter().chain(staple).map(PathBuf::as_path).collect()
            }
            Self::TrustFile(path) | Self::CrlFile(path) => vec![path],
            Self::Trust(_) | Self::Program(_) => Vec::new(),
        }
    }

    /// Adds what it has to a builder, with the trust so far.
    fn add(
        &self,
        snapshot: &Snapshot,
        given: &mut impl Iterator<Item = Result<Material, LoadError>>,
        mut builder: SecureContextBuilder,
        trust: &mut Option<TrustStore>,
        with_identities: bool,
    ) -> Result<SecureContextBuilder, LoadError> {
        let at = |path: &Path| path.display().to_string();
        match self {
            Self::Pem { chain, key, passphrase, staple } => {
                let (chain_pem, key_pem) = (snapshot.bytes(chain)?, snapshot.bytes(key)?);
                let passphrase = passphrase.as_ref().map(|one| one.as_slice());
                let pair = ((chain_pem, chain.as_path()), (key_pem, key.as_path()));
                let identity = Identity::of_read_files(pair.0, pair.1, passphrase)?;
                builder = builder.identity(snapshot.stapled(identity, staple.as_deref())?);
            }
            Self::Pfx { path, passphrase, staple } => {
                let der = snapshot.bytes(path)?;
                let identity = Identity::from_pkcs12(der, passphrase.as_slice());
                let identity = identity.map_err(|e| crate::pki::pfx_at_file(e, der, path))?;
                builder = builder.identity(snapshot.stapled(identity, staple.as_deref())?);
            }
            Self::TrustFile(path) => {
                let bytes = snapshot.bytes(path)?;
                let more = TrustStore::from_pem(bytes)
                    .map_err(|e| crate::pki::no_certificate(e, bytes).at(at(path)))?;
                add_trust(trust, &more);
            }
            Self::Trust(more) => add_trust(trust, more),
            Self::CrlFile(path) => builder = builder.crls(snapshot.known.crls(path)?),
            Self::Program(_) => {
                let Material { identities, trust: more, crls } =
                    given.next().unwrap_or_else(|| Ok(Material::default()))?;
                if with_identities {
                    let identities =
                        identities.into_iter().map(|one| snapshot.staples.stapled(one));
                    builder = identities.fold(builder, SecureContextBuilder::identity);
                }
                if let Some(more) = more {
                    add_trust(trust, &more);
                }
                builder = builder.crls(crls);
            }
        }
        Ok(builder)
    }
}

fn add_trust(trust: &mut Option<TrustStore>, more: &TrustStore) {
    *trust = Some(trust.as_ref().map_or_else(|| more.clone(), |trust| trust.and(more)));
}

impl Snapshot {
    pub(super) fn take(sources: &[Source], staples: &Staples, known: &Arc<KnownFiles>) -> Self {
        let mut files = BTreeMap::new();
        let mut lists = Vec::new();
        let mut given = Vec::new();
        for source in sources {
            match source {
                Source::CrlFile(path) => lists.push(known.digest(path)),
                Source::Program(ask) => {
                    given.push(ask().map_err(|e| LoadError::Program(e.into())));
                }
                _ => {
                    for path in source.files() {
                        files.entry(path.to_path_buf()).or_insert_with(|| read(path));
                    }
                }
            }
        }
        let digest = digest(&files, &lists, &given, staples.changes());
        Self { files, known: known.clone(), given, staples: staples.clone(), digest }
    }

    /// What a context is built of; with `ours`, those are the identities, whatever the sources have.
    pub(super) fn add_to(
        &self,
        sources: &[Source],
        mut builder: SecureContextBuilder,
        ours: Option<&[Identity]>,
    ) -> Result<SecureContextBuilder, LoadError> {
        let mut trust = None;
        let mut given = self.given.iter().cloned();
        for source in sources {
            builder = match (source, ours) {
                (Source::Pem { .. } | Source::Pfx { .. }, Some(_)) => builder,
                _ => source.add(self, &mut given, builder, &mut trust, ours.is_none())?,
            };
        }
        for identity in ours.unwrap_or_default() {
            builder = builder.identity(identity.clone());
        }
        Ok(match trust {
            Some(trust) => builder.trust(trust),
            None => builder,
        })
    }

    /// An identity with the response in this file, or with what was fetched.
    fn stapled(&self, identity: Identity, staple: Option<&Path>) -> Result<Identity, Error> {
        let Some(path) = staple else { return Ok(self.staples.stapled(identity)) };
        let stapled = identity.stapling(self.bytes(path)?, now(&SystemClock));
        stapled.map_err(|e| e.at(path.display().to_string()))
    }

    fn bytes(&self, path: &Path) -> Result<&[u8], Error> {
        match self.files.get(path) {
            Some(Ok(bytes)) => Ok(bytes),
            Some(Err(error)) => Err(error.clone()),
            None => Ok(&[]),
        }
    }
}

/// Reads a file that may hold a secret.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    fs::read(path).map(Zeroizing::new).map_err(|e| Error::io(path, &e))
}

fn digest(
    files: &BTreeMap<PathBuf, Result<Zeroizing<Vec<u8>>, Error>>,
    lists: &[Option<[u8; 32]>],
    given: &[Result<Material, LoadError>],
    staples: u64,
) -> [u8; 32] {
    let mut digest = Context::new(&SHA256);
    digest.update(&staples.to_be_bytes());
    let mut put = |bytes: Option<&[u8]>| {
        let length = bytes.map_or(u64::MAX, |bytes| bytes.len() as u64);
        digest.update(&length.to_be_bytes());
        digest.update(bytes.unwrap_or_default());
    };
    for content in files.values() {
        put(content.as_ref().ok().map(|bytes| bytes.as_slice()));
    }
    for list in lists {
        put(list.as_ref().map(<[u8; 32]>::as_slice));
    }
    for material in given {
        let Ok(Material { identities, trust, crls }) = material else {
            put(None);
            continue;
        };
        let trusted = trust.as_ref().map_or(&[][..], TrustStore::certificates);
        let chains = identities.iter().flat_map(Identity::chain);
        chains.chain(trusted).map(Certificate::der).for_each(|der| put(Some(der)));
        crls.iter().map(Crl::der).for_each(|der| put(Some(der)));
        put(None);
    }
    let mut out = [0; 32];
    out.copy_from_slice(digest.finish().as_ref());
    out
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trust(_) => f.write_str("trust"),
            Self::Program(_) => f.write_str("function"),
            files => f.debug_list().entries(files.files()).finish(),
        }
    }
}
