//! The folder of a client: accounts, certificates, and when each is due.
//!
//! ```text
//! accounts/SERVER.json     the key of the account at each CA (mode 0600)
//! live/NAME/               a link to the certificate that is in use:
//!     fullchain.pem        the certificate and its intermediates (nginx, Apache)
//!     privkey.pem          its key
//!     combined.pem         both in one (haproxy)
//! archive/NAME/NUMBER/     those files, for each renewal; the last three are kept
//! renewal/NAME.json        what was asked for, and when it is due
//! shown/NAME               what a CA that checks a name is to be shown, while it does
//! lock                     held during any change
//! ```
//!
//! Key and certificate change together, by moving the link: a reader of the files sees the old
//! pair or the new. Several processes, and machines that share the folder, may use it at once.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sealwire::pki::{Certificate, PrivateKey};
use serde::{Deserialize, Serialize};

use super::{Error, Schedule};
use crate::clock::Seconds;

/// A folder.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

/// What is wanted, so that it can be renewed without being told again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewalConfig {
    /// Names and addresses; the first is what the certificate goes by.
    pub names: Vec<String>,
    /// The CA's directory.
    pub server: String,
    /// The profile, when it is not the CA's usual.
    pub profile: Option<String>,
    /// How names are validated, in the form of the code that does it.
    pub proof: serde_json::Value,
    /// Run after each renewal.
    pub run: Option<String>,
    /// When it is due.
    #[serde(default)]
    pub schedule: Schedule,
}

impl RenewalConfig {
    /// What stands for [`proof`](Self::proof) where a service proves its names at its own port.
    pub(super) fn service() -> serde_json::Value {
        serde_json::json!({ "way": "service" })
    }

    /// Whether the service that it is for fetches and renews it; no other program can validate its names.
    #[must_use]
    pub fn is_renewed_by_service(&self) -> bool {
        self.proof == Self::service()
    }
}

/// A certificate that is held.
#[derive(Debug, Clone)]
pub struct Held {
    /// The certificate and its intermediates.
    pub chain: Vec<Certificate>,
    /// Where its files are.
    pub folder: PathBuf,
}

/// Renewals that are kept.
const KEPT: u32 = 3;

/// Holds the lock of the folder until dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held until dropped")] File);

impl Folder {
    /// Opens a folder; creates it when missing, for its owner only.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(root: &Path) -> Result<Self, Error> {
        for part in ["accounts", "archive", "live", "renewal", "shown"] {
            make_private(&root.join(part)).map_err(|e| Error::at(root.display(), e))?;
        }
        Ok(Self { root: root.to_owned() })
    }

    /// A folder that need not be there yet.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Waits for the lock of the folder. A lock ends with its process, however that ends.
    ///
    /// # Errors
    /// When the file of the lock cannot be written.
    pub fn lock(&self) -> Result<Lock, Error> {
        let path = self.root.join("lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let locked = options.open(&path).and_then(|file| file.lock().map(|()| file));
        locked.map(Lock).map_err(|e| Error::at(path.display(), e))
    }

    /// The same, without waiting: `None` when another process holds it.
    ///
    /// # Errors
    /// When the file of the lock cannot be written.
    pub fn try_lock(&self) -> Result<Option<Lock>, Error> {
        let path = self.root.join("lock");
        let failed = |e: &dyn std::fmt::Display| Error::at(path.display(), e);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let file = options.open(&path).map_err(|e| failed(&e))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock(file))),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(e)) => Err(failed(&e)),
        }
    }

    /// Where what a CA looks for is shown, for all machines that share the folder: its connection
    /// may come to any of them.
    pub(super) fn shown(&self, name: &str) -> PathBuf {
        self.root.join("shown").join(file_name(name))
    }

    pub(super) fn show(&self, name: &str, text: &str) -> Result<(), Error> {
        write(&self.shown(name), text.as_bytes())
    }

    /// What is wanted, by the names that certificates go by.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn names(&self) -> Result<Vec<String>, Error> {
        let folder = self.root.join("renewal");
        let entries = fs::read_dir(&folder).map_err(|e| Error::at(folder.display(), e))?;
        let name = |entry: io::Result<fs::DirEntry>| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            name.strip_suffix(".json").map(str::to_owned)
        };
        let mut names: Vec<_> = entries.filter_map(name).collect();
        names.sort();
        Ok(names)
    }

    /// What is wanted by this name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn renewal_config(&self, name: &str) -> Result<Option<RenewalConfig>, Error> {
        let path = self.wish_file(name);
        let Some(text) = read(&path)? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|e| Error::at(path.display(), e))
    }

    /// Keeps what is wanted.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn store_renewal_config(&self, config: &RenewalConfig) -> Result<(), Error> {
        let name = config.names.first().map_or("", String::as_str);
        let text = serde_json::to_string_pretty(config).map_err(|e| Error::new(e.to_string()))?;
        write(&self.wish_file(name), text.as_bytes())
    }

    /// Stops renewing this name. The files stay.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn forget(&self, name: &str) -> Result<(), Error> {
        let path = self.wish_file(name);
        fs::remove_file(&path).map_err(|e| Error::at(path.display(), e))
    }

    /// The certificate in use by this name.
    ///
    /// # Errors
    /// When its files cannot be read.
    pub fn held(&self, name: &str) -> Result<Option<Held>, Error> {
        let folder = self.live(name);
        let Some(text) = read(&folder.join("fullchain.pem"))? else { return Ok(None) };
        let chain = Certificate::all_from_pem(text.as_bytes())?;
        Ok((!chain.is_empty()).then_some(Held { chain, folder }))
    }

    /// Where the files in use are.
    #[must_use]
    pub fn live(&self, name: &str) -> PathBuf {
        self.root.join("live").join(file_name(name))
    }

    /// Puts a new certificate to use: its files are written aside, and the link is moved.
    ///
    /// # Errors
    /// When something cannot be written; the old one stays in use.
    pub fn install(&self, name: &str, chain: &str, key: &PrivateKey) -> Result<PathBuf, Error> {
        let archive = self.root.join("archive").join(file_name(name));
        let number = numbers(&archive).last().map_or(1, |last| last + 1);
        let folder = archive.join(number.to_string());
        make_private(&folder).map_err(|e| Error::at(folder.display(), e))?;
        let key = key.to_pem();
        write(&folder.join("privkey.pem"), key.as_bytes())?;
        write(&folder.join("fullchain.pem"), chain.as_bytes())?;
        let both = zeroize::Zeroizing::new(format!("{}{chain}", key.as_str()));
        write(&folder.join("combined.pem"), both.as_bytes())?;
        let live = self.live(name);
        let target = Path::new("../archive").join(file_name(name)).join(number.to_string());
        point(&live, &target, &folder).map_err(|e| Error::at(live.display(), e))?;
        for old in numbers(&archive).into_iter().filter(|old| old + KEPT <= number) {
            // A superfluous one does no harm.
            let _ = fs::remove_dir_all(archive.join(old.to_string()));
        }
        Ok(live)
    }

    pub(super) fn account(&self, server: &str) -> Result<Option<String>, Error> {
        read(&self.account_file(server))
    }

    pub(super) fn keep_account(&self, server: &str, text: &str) -> Result<(), Error> {
        write(&self.account_file(server), text.as_bytes())
    }

    pub(super) fn forget_account(&self, server: &str) -> Result<(), Error> {
        let path = self.account_file(server);
        fs::remove_file(&path).map_err(|e| Error::at(path.display(), e))
    }

    /// The file of the account at a CA.
    #[must_use]
    pub fn account_file(&self, server: &str) -> PathBuf {
        let name = server.strip_prefix("https://").unwrap_or(server);
        self.root.join("accounts").join(format!("{}.json", file_name(name)))
    }

    fn wish_file(&self, name: &str) -> PathBuf {
        self.root.join("renewal").join(format!("{}.json", file_name(name)))
    }
}

impl Held {
    /// From when to when it is valid.
    #[must_use]
    pub fn validity(&self) -> (Seconds, Seconds) {
        let leaf = &self.chain[0];
        (leaf.not_before(), leaf.not_after())
    }
}

/// A name without path characters.
fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let text: String = name.replace('*', "_wildcard").chars().map(safe).collect();
    match text.trim_start_matches('.') {
        "" => "_".to_owned(),
        text => text.to_owned(),
    }
}

fn numbers(folder: &Path) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut numbers: Vec<u32> =
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

fn read(path: &Path) -> Result<Option<String>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::at(path.display(), e)),
    }
}

/// Writes a file in one step, for its owner only.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let written = || {
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(bytes)?;
        new.as_file().sync_all()?;
        new.persist(path).map_err(|e| e.error)?;
        Ok::<_, io::Error>(())
    };
    written().map_err(|e| Error::at(path.display(), e))
}

/// Makes `link` lead to `target`, in one step.
#[cfg(unix)]
fn point(link: &Path, target: &Path, _: &Path) -> io::Result<()> {
    let mut aside = link.as_os_str().to_owned();
    aside.push(".new");
    let _ = fs::remove_file(&aside);
    std::os::unix::fs::symlink(target, &aside)?;
    fs::rename(&aside, link)
}

/// Where links need privileges, the files are copied: the certificate last.
#[cfg(not(unix))]
fn point(link: &Path, _: &Path, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(link)?;
    for name in ["privkey.pem", "combined.pem", "fullchain.pem"] {
        fs::copy(folder.join(name), link.join(name))?;
    }
    Ok(())
}

#[cfg(unix)]
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_private(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(test)]
mod tests {
    use sealwire::pki;

    use super::*;

    #[test]
    fn key_and_certificate_change_together_and_old_ones_go() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        for round in 1..=5 {
            let (certificate, key) = pki::self_signed(["*.app.test"]).unwrap();
            let live = folder.install("*.app.test", &certificate.to_pem(), &key).unwrap();
            let held = folder.held("*.app.test").unwrap().unwrap();
            assert_eq!(held.chain, std::slice::from_ref(&certificate), "round {round}");
            let kept = PrivateKey::from_file(&live.join("privkey.pem"), None).unwrap();
            assert!(kept.matches(&certificate));
        }
        let archive = dir.path().join("archive/_wildcard.app.test");
        assert_eq!(numbers(&archive), [3, 4, 5]);
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        for name in ["../../etc/passwd", "/etc", "..", "", ".", "a/b", "C:\\x"] {
            let safe = file_name(name);
            assert!(!safe.contains(['/', '\\']) && !safe.starts_with('.') && !safe.is_empty());
        }
    }
}
