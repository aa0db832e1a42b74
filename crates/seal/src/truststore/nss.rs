//! NSS databases: Chromium's and Firefox's profiles.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::step::{Run, on_path};
use super::{Root, Step, TrustStore};
use crate::say::failure::Failure;

/// Where profiles are, below the home folder. `*` is any one folder.
const PROFILES: &[&str] = &[
    ".pki/nssdb",
    "snap/chromium/current/.pki/nssdb",
    ".var/app/org.chromium.Chromium/data/pki/nssdb",
    ".mozilla/firefox/*",
    ".config/mozilla/firefox/*",
    "snap/firefox/common/.mozilla/firefox/*",
    ".var/app/org.mozilla.firefox/.mozilla/firefox/*",
    ".var/app/org.mozilla.firefox/config/mozilla/firefox/*",
    "Library/Application Support/Firefox/Profiles/*",
    "AppData/Roaming/Mozilla/Firefox/Profiles/*",
];

const CHROMIUMS: &[&str] =
    &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "brave-browser"];

/// One profile.
pub(super) struct Profile {
    folder: PathBuf,
}

/// The profiles of this user, or those given. A Chromium that was never started has no profile
/// yet; its folder is then made.
pub(super) fn find(given: &[PathBuf]) -> Vec<Profile> {
    let profile = |folder: &PathBuf| Profile { folder: folder.clone() };
    if !given.is_empty() {
        return given.iter().map(profile).collect();
    }
    let Some(home) = env::var_os("HOME").or_else(|| env::var_os("USERPROFILE")) else {
        return Vec::new();
    };
    let home = PathBuf::from(home);
    let mut folders: Vec<PathBuf> =
        PROFILES.iter().flat_map(|pattern| folders(&home, pattern)).collect();
    folders.retain(|folder| folder.join("cert9.db").exists());
    let chromium = home.join(".pki/nssdb");
    if cfg!(target_os = "linux")
        && !folders.contains(&chromium)
        && CHROMIUMS.iter().any(|program| on_path(program))
    {
        folders.push(chromium);
    }
    folders.iter().map(profile).collect()
}

fn folders(home: &Path, pattern: &str) -> Vec<PathBuf> {
    match pattern.strip_suffix("/*") {
        None => vec![home.join(pattern)],
        Some(parent) => {
            let entries = fs::read_dir(home.join(parent)).into_iter().flatten().flatten();
            let mut found: Vec<_> = entries.map(|entry| entry.path()).collect();
            found.sort();
            found
        }
    }
}

impl Profile {
    fn database(&self) -> String {
        format!("sql:{}", self.folder.display())
    }

    fn certutil(&self, arguments: &[&str]) -> Run {
        let database = self.database();
        let all: Vec<_> = ["-d", &database].into_iter().chain(arguments.iter().copied()).collect();
        Run::new("certutil", &all)
    }
}

impl TrustStore for Profile {
    fn name(&self) -> String {
        format!("nss {}", self.folder.display())
    }

    fn check_ready(&self) -> Result<(), Failure> {
        if on_path("certutil") {
            return Ok(());
        }
        Err(Failure::usage(
            "certutil is not installed, which changes Chromium's and Firefox's stores",
        )
        .advise(
            "it is in libnss3-tools (Debian), nss-tools (Fedora), nss (Arch, Homebrew); or \
                 leave it out with --store system --store java",
        ))
    }

    fn trusts(&self, root: &Root) -> Result<bool, Failure> {
        if !self.folder.join("cert9.db").exists() {
            return Ok(false);
        }
        // "Is it good as a CA for TLS": asked of NSS itself.
        let (good, _) = self.certutil(&["-V", "-u", "L", "-n", &root.label]).output()?;
        Ok(good)
    }

    fn holds(&self, root: &Root) -> Result<bool, Failure> {
        if !self.folder.join("cert9.db").exists() {
            return Ok(false);
        }
        let (there, _) = self.certutil(&["-L", "-n", &root.label]).output()?;
        Ok(there)
    }

    fn install(&self, root: &Root) -> Vec<Step> {
        let mut steps = Vec::new();
        if !self.folder.join("cert9.db").exists() {
            steps.push(Step::MakeFolder { path: self.folder.clone() });
            steps.push(Step::Run(self.certutil(&["-N", "--empty-password"])));
        }
        let add = ["-A", "-t", "C,,", "-n", &root.label, "-a"];
        steps.push(Step::Run(self.certutil(&add).with_input(root.certificate.to_pem())));
        steps
    }

    fn uninstall(&self, root: &Root) -> Vec<Step> {
        vec![Step::Run(self.certutil(&["-D", "-n", &root.label]))]
    }
}
