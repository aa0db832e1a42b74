//! Identity and trust: from options to identities and trust stores.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use sealwire::live::WatchedBuilder;
use sealwire::pki::{Certificate, Content, Error, PfxContents};
use sealwire::{Identity, TrustStore, Watched};
use zeroize::Zeroizing;

use super::passphrase::{self, Source};
use crate::say::failure::Failure;
use crate::words::clock;

/// Identity and trust, the same for every verb that speaks TLS.
#[derive(Args, Debug)]
pub(crate) struct Material {
    /// Own certificate in PEM, the leaf first, then its intermediates; may be repeated, each with
    /// its --key
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Vec<PathBuf>,

    /// Private key in PEM, plain or encrypted; the first for the first --cert, and so on
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Vec<PathBuf>,

    /// Own certificate and key in a PFX (PKCS#12) file; may be repeated
    #[arg(long, value_name = "FILE")]
    pfx: Vec<PathBuf>,

    /// Read the passphrase of the keys and PFX files from FILE, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<Source>,

    /// Trust only these CAs: a PEM file, `system`, or `bundled` for Mozilla's roots; may be
    /// repeated
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
    /// OCSP responses to staple: the first to the first of the pairs, and so on, then to those in PFX
    /// files.
    pub(crate) ocsp: Vec<PathBuf>,
}

/// The trusted certificates.
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
        self.check_pairs()?;
        self.files().load()
    }

    fn check_pairs(&self) -> Result<(), Failure> {
        let (certs, keys) = (self.cert.len(), self.key.len());
        if certs == keys {
            return Ok(());
        }
        let fact = format!("--cert is given {certs} times, --key {keys} times");
        Err(Failure::usage(fact).advise("each certificate needs its own key"))
    }

    /// The files that our identities are read from.
    pub(crate) fn files(&self) -> IdentityFiles {
        IdentityFiles {
            pairs: self.cert.iter().cloned().zip(self.key.iter().cloned()).collect(),
            pfx: self.pfx.clone(),
            passphrase: self.passphrase_file.clone(),
            ocsp: Vec::new(),
        }
    }

    /// The trust that was given; `None` leaves it to the command's default.
    pub(crate) fn trust(&self) -> Result<Option<TrustStore>, Failure> {
        trust_opened_by(&self.ca, self.passphrase_source())
    }

    /// A context that follows the files of our identities, with these OCSP responses stapled to them, and
    /// of the trusted CAs, as far as they are given.
    ///
    /// # Errors
    /// As [`identities`](Self::identities) and [`trust`](Self::trust).
    pub(crate) fn watched(&self, ocsp: &[PathBuf]) -> Result<WatchedBuilder, Failure> {
        self.check_pairs()?;
        let files = IdentityFiles { ocsp: ocsp.to_vec(), ..self.files() };
        files.check_staples().map_err(Failure::usage)?;
        let mut builder = files.watched(Watched::builder())?;
        for anchor in &self.ca {
            builder = match anchor {
                Anchor::File(path) => builder.trust_file(path),
                Anchor::System => builder.trust(TrustStore::system()?),
                Anchor::Bundled => builder.trust(TrustStore::bundled()),
            };
        }
        Ok(builder)
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
        pairs.chain(&self.pfx).chain(&self.ocsp).map(PathBuf::as_path).chain(passphrase)
    }

    /// Whether each OCSP response has its certificate.
    ///
    /// # Errors
    /// When there are more of them.
    pub(crate) fn check_staples(&self) -> Result<(), String> {
        let (responses, ours) = (self.ocsp.len(), self.pairs.len() + self.pfx.len());
        if responses <= ours {
            return Ok(());
        }
        Err(format!("ocsp: {responses} responses for {ours} of our certificates"))
    }

    /// Those that hold secrets.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Path> {
        let certificates: Vec<_> = self.pairs.iter().map(|(cert, _)| cert.as_path()).collect();
        let responses: Vec<_> = self.ocsp.iter().map(PathBuf::as_path).collect();
        let public = move |path: &&Path| certificates.contains(path) || responses.contains(path);
        self.paths().filter(move |path| !public(path))
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
        for (identity, path) in identities.iter_mut().zip(&self.ocsp) {
            let stapled = identity.clone().stapling(&super::read(path)?, clock::now());
            *identity = stapled.map_err(|e| e.at(path.display().to_string()))?;
        }
        Ok(identities)
    }
}

impl IdentityFiles {
    /// Adds them to what is watched. A passphrase is prompted for now, once.
    fn watched(&self, mut builder: WatchedBuilder) -> Result<WatchedBuilder, Failure> {
        let passphrase = |file: &Path, open: &dyn Fn(Option<&str>) -> Result<Identity, Error>| {
            let what = file.display().to_string();
            passphrase::open(self.passphrase.as_ref(), &what, |passphrase| {
                open(passphrase).map(|_| passphrase.map(|text| Zeroizing::new(text.to_owned())))
            })
        };
        let mut ocsp = self.ocsp.iter();
        let mut stapled = |builder: WatchedBuilder| match ocsp.next() {
            Some(path) => builder.ocsp_file(path),
            None => builder,
        };
        for (cert, key) in &self.pairs {
            let needed = passphrase(key, &|passphrase| match passphrase {
                Some(passphrase) => Identity::from_encrypted_pem_files(cert, key, passphrase),
                None => Identity::from_pem_files(cert, key),
            })?;
            builder = match needed {
                Some(passphrase) => builder.encrypted_pem_files(cert, key, passphrase.as_bytes()),
                None => builder.pem_files(cert, key),
            };
            builder = stapled(builder);
        }
        for pfx in &self.pfx {
            let needed = passphrase(pfx, &|passphrase| {
                Identity::from_pkcs12_file(pfx, passphrase.unwrap_or_default())
            })?;
            builder = stapled(builder.pkcs12_file(pfx, needed.unwrap_or_default().as_bytes()));
        }
        Ok(builder)
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
    trust_opened_by(anchors, None)
}

/// The same; a PFX among them is opened with this passphrase.
fn trust_opened_by(
    anchors: &[Anchor],
    passphrase: Option<&Source>,
) -> Result<Option<TrustStore>, Failure> {
    let mut all: Option<TrustStore> = None;
    for anchor in anchors {
        let more = match anchor {
            Anchor::File(path) => match trusted_in_pfx(path, passphrase)? {
                Some(certificates) => TrustStore::from_certificates(certificates)?,
                None => TrustStore::from_pem_file(path)?,
            },
            Anchor::System => TrustStore::system()?,
            Anchor::Bundled => TrustStore::bundled(),
        };
        all = Some(all.map_or_else(|| more.clone(), |all| all.and(&more)));
    }
    Ok(all)
}

/// The certificates that stand for themselves in a PFX (Java's trust stores, `openssl pkcs12 -export
/// -nokeys`), and the chains of its keys; `None` when it is not a PFX.
pub(crate) fn trusted_in_pfx(
    path: &Path,
    passphrase: Option<&Source>,
) -> Result<Option<Vec<Certificate>>, Failure> {
    // What can be read once only (a pipe) is left to the PEM reader.
    if !path.is_file() {
        return Ok(None);
    }
    let bytes = std::fs::read(path).map_err(|e| Error::io(path, &e))?;
    if !matches!(Content::of(&bytes).as_deref(), Ok([Content::Pfx])) {
        return Ok(None);
    }
    let name = path.display().to_string();
    let contents =
        passphrase::open(passphrase, &name, |passphrase| PfxContents::from_file(path, passphrase))?;
    let alone = contents.certificates.into_iter().map(|one| one.certificate);
    let chains = contents.entries.iter().flat_map(|pfx| pfx.chain().to_vec());
    let all: Vec<Certificate> = alone.chain(chains).collect();
    if all.is_empty() {
        let what = format!("{name}: the PFX contains no certificate besides that of its key");
        return Err(Failure::refused(what));
    }
    Ok(Some(all))
}

/// The roots that a client trusts by default: Mozilla's roots and the system's. A system without
/// roots of its own still has Mozilla's.
pub(crate) fn public_roots() -> TrustStore {
    super::upki::refusing_revoked(match TrustStore::system() {
        Ok(system) => TrustStore::bundled().and(&system),
        Err(_) => TrustStore::bundled(),
    })
}
