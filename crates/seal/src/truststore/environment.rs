//! The files and the variables by which programs are told of a root, whatever they are written in.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fs};

use sealwire::pki::{self, Certificate, Error};
use sealwire_files::{Access, Existing, write_file};

use super::runtimes::{Effect, VARIABLES, Variable};
use super::{Kind, Places, jks};
use crate::files::ca_folder::data_folder;
use crate::files::material::{Anchor, public_roots, trust_in};
use crate::say::failure::Failure;
use crate::say::report;

/// The added roots alone, and those with the base.
const ADDED: &str = "ca.pem";
const BUNDLE: &str = "bundle.pem";
/// The same as the bundle, for Java.
const KEY_STORE: &str = "truststore.jks";
const WGETRC: &str = "wgetrc";
/// What wget reads where `SYSTEM_WGETRC` names nothing else.
const SYSTEM_WGETRC: &str = "/etc/wgetrc";

/// A variable that is set, and what to.
pub(crate) struct Set {
    pub(crate) variable: &'static Variable,
    pub(crate) value: OsString,
}

/// Files that hold roots, in one folder.
pub(crate) struct TrustFiles {
    /// Where their readers see the folder.
    seen_at: PathBuf,
}

impl TrustFiles {
    /// Writes into `folder` what programs need that are to trust `added` beside the `base`, and that see
    /// the folder at `seen_at`.
    ///
    /// # Errors
    /// With the file that cannot be written.
    pub(crate) fn write(
        folder: &Path,
        seen_at: &Path,
        base: &[Certificate],
        added: &[Certificate],
    ) -> Result<Self, Failure> {
        let mut seen = HashSet::new();
        let all: Vec<_> =
            added.iter().chain(base).filter(|one| seen.insert(one.der().to_vec())).collect();
        let bundle: String = all.iter().map(|one| one.to_pem()).collect();
        let alone: String = added.iter().map(Certificate::to_pem).collect();
        // It is read in place of the system's.
        let mut wgetrc = fs::read_to_string(SYSTEM_WGETRC).unwrap_or_default();
        wgetrc += &format!("\nca_certificate = {}\n", seen_at.join(BUNDLE).display());
        let store = jks::of(all.iter().copied());
        for (name, content) in [
            (ADDED, alone.as_bytes()),
            (BUNDLE, bundle.as_bytes()),
            (KEY_STORE, &store),
            (WGETRC, wgetrc.as_bytes()),
        ] {
            let path = folder.join(name);
            // A current reader is not disturbed.
            if fs::read(&path).is_ok_and(|there| there == content) {
                continue;
            }
            write_file(&path, content, Access::Public, Existing::Replace)?;
        }
        Ok(Self { seen_at: seen_at.to_owned() })
    }

    /// What to set. Java's options go behind `java`, what is there already.
    pub(crate) fn variables(&self, java: Option<&str>) -> Vec<Set> {
        let set = |variable| Set { variable, value: self.value(variable, java) };
        VARIABLES.iter().map(set).collect()
    }

    fn value(&self, variable: &Variable, java: Option<&str>) -> OsString {
        let file = match variable.effect {
            Effect::Adds => ADDED,
            Effect::Replaces => BUNDLE,
            Effect::Wgetrc => WGETRC,
            Effect::Word(word) => return word.into(),
            Effect::JavaOptions => {
                let before = java.filter(|there| !there.is_empty());
                let before = before.map(|there| format!("{there} ")).unwrap_or_default();
                return (before + &self.java_options()).into();
            }
        };
        self.seen_at.join(file).into()
    }

    fn java_options(&self) -> String {
        let mut store =
            format!("-Djavax.net.ssl.trustStore={}", self.seen_at.join(KEY_STORE).display());
        if store.contains(char::is_whitespace) {
            store = format!("\"{store}\"");
        }
        format!(
            "{store} -Djavax.net.ssl.trustStoreType=JKS -Djavax.net.ssl.trustStorePassword={}",
            jks::PASSWORD
        )
    }
}

/// Java's options, without those by which an earlier call of ours named a key store.
pub(crate) fn java_options() -> Option<String> {
    let there = env::var("JAVA_TOOL_OPTIONS").ok()?;
    let ours = ours()?.display().to_string();
    match there.find("-Djavax.net.ssl.trustStore=").filter(|_| there.contains(&ours)) {
        Some(start) => Some(there[..start].trim_end_matches(['"', ' ']).to_owned()),
        None => Some(there),
    }
}

/// Where such files are kept.
pub(crate) fn ours() -> Option<PathBuf> {
    Some(data_folder()?.join("sealwire").join("trust"))
}

/// The roots that programs have beside those that are added: the ones given; or those of the file that
/// they are told of now, unless we wrote it; or the system's.
///
/// # Errors
/// When one that is given cannot be read.
pub(crate) fn base(given: &[Anchor]) -> Result<Vec<Certificate>, Failure> {
    if let Some(given) = trust_in(given)? {
        return Ok(given.certificates().to_vec());
    }
    let ours = ours();
    let told = env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let told = told.filter(|path| !ours.is_some_and(|ours| path.starts_with(ours)));
    if let Some(path) = told {
        match pki::certificates_from_file(&path) {
            Ok(roots) => return Ok(roots),
            Err(error) => report::note(format_args!(
                "SSL_CERT_FILE: {error}; the system's roots are taken in place of it"
            )),
        }
    }
    let places = Places { system_root: None, nss_profiles: Vec::new(), java_keystores: Vec::new() };
    let stores = super::find(&[Kind::System], &places);
    let bundle = stores.iter().find_map(|store| store.bundle());
    let found = bundle.and_then(|path| pki::certificates_from_file(&path).ok());
    Ok(found.unwrap_or_else(|| public_roots().certificates().to_vec()))
}

/// Makes the folder of such files.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn make_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|e| Error::io(folder, &e).into())
}
