//! Which CA a command works with.

use std::env;
use std::path::{Path, PathBuf};

use clap::Args;
use sealwire::pki::{CaStore, Error, Issuer};

use crate::files::passphrase::{self, Source};
use crate::files::sudo;
use crate::say::failure::Failure;

/// `--ca-dir`, the same for every command that works with a CA of ours.
#[derive(Args)]
pub(crate) struct CaFolder {
    /// Folder of the CA [default: sealwire/ca in the user's data folder]
    #[arg(long, alias = "dir", value_name = "DIR", env = "SEAL_CA_DIR")]
    ca_dir: Option<PathBuf>,
}

/// The passphrase of the CA's key.
#[derive(Args)]
pub(crate) struct CaPassphrase {
    /// Read the passphrase of the CA's key from FILE, `-` for standard input, or env:NAME
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<Source>,
}

/// Fails when something would be written over what the CA itself keeps: its certificate, its key, its
/// index, its copies of what it has signed.
pub(crate) fn check_outside(store: &CaStore, paths: &[&PathBuf]) -> Result<(), Failure> {
    match paths.iter().find(|path| store.owns(path)) {
        None => Ok(()),
        Some(own) => Err(Failure::usage(format!("{}: belongs to the CA", own.display()))
            .advise("choose a file outside the CA's folder")),
    }
}

impl CaFolder {
    /// This folder; without one, that of `SEAL_CA_DIR` or the usual one.
    pub(crate) fn new(dir: Option<PathBuf>) -> Self {
        let ca_dir = dir.or_else(|| env::var_os("SEAL_CA_DIR").map(PathBuf::from));
        Self { ca_dir }
    }

    /// The folder, whether there is a CA in it or not.
    pub(crate) fn path(&self) -> Result<PathBuf, Failure> {
        match (&self.ca_dir, data_folder()) {
            (Some(dir), _) => Ok(dir.clone()),
            (None, Some(data)) => Ok(data.join("sealwire").join("ca")),
            (None, None) => {
                Err(Failure::usage("no home folder")
                    .advise("give the folder of the CA with --ca-dir"))
            }
        }
    }

    /// The option that names the folder to another command, where it is not the usual one.
    pub(crate) fn as_option(&self) -> String {
        self.ca_dir.as_ref().map_or_else(String::new, |dir| format!(" --ca-dir {}", dir.display()))
    }

    /// The CA in the folder.
    pub(crate) fn open(&self) -> Result<CaStore, Failure> {
        let path = self.path()?;
        CaStore::open(&path).map_err(|e| {
            let advice = match (&self.ca_dir, of_the_caller()) {
                (None, Some((user, folder))) => {
                    format!("under sudo, name the CA of {user}: --ca-dir {}", folder.display())
                }
                _ => "create one with `seal ca init`, or name its folder with --ca-dir".to_owned(),
            };
            Failure::usage(e.to_string()).advise(advice)
        })
    }
}

impl CaPassphrase {
    /// The CA with its key.
    pub(crate) fn unlock(&self, store: &CaStore) -> Result<Issuer, Failure> {
        self.open(store, |passphrase| store.issuer(passphrase))
    }

    /// Something of the CA that its passphrase opens.
    pub(crate) fn open<T>(
        &self,
        store: &CaStore,
        read: impl Fn(Option<&[u8]>) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        let what = format!("the CA in {}", store.folder().display());
        passphrase::open(self.passphrase_file.as_ref(), &what, |passphrase| {
            read(passphrase.map(str::as_bytes))
        })
    }
}

/// The CA in the usual folder of the user who called `sudo`.
fn of_the_caller() -> Option<(String, PathBuf)> {
    let (user, home) = sudo::caller()?;
    let folder = data_folder_in(&home).join("sealwire").join("ca");
    folder.is_dir().then_some((user, folder))
}

/// Where programs of this user keep what is not to be lost.
pub(crate) fn data_folder() -> Option<PathBuf> {
    let variable = |name: &str| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if cfg!(windows) {
        return variable("LOCALAPPDATA");
    }
    let home = variable("HOME").map(|home| data_folder_in(&home));
    if cfg!(target_os = "macos") {
        return home;
    }
    variable("XDG_DATA_HOME").filter(|path| path.is_absolute()).or(home)
}

fn data_folder_in(home: &Path) -> PathBuf {
    if cfg!(target_os = "macos") {
        home.join("Library/Application Support")
    } else {
        home.join(".local/share")
    }
}
