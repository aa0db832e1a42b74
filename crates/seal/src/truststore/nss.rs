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

    /// What the database calls this certificate. NSS keeps a certificate once, under the name
    /// that it was given first, which need not be ours.
    fn nickname(&self, root: &Root) -> Result<Option<String>, Failure> {
        if !self.folder.join("cert9.db").exists() {
            return Ok(None);
        }
        let listing = self.certutil(&["-L"]).stdout()?;
        let ours_first = std::iter::once(root.label.as_str());
        for name in ours_first.chain(nicknames(&listing).filter(|name| *name != root.label)) {
            let shown = self.certutil(&["-L", "-n", name, "-a"]).stdout();
            if shown.is_ok_and(|pem| root.is_in(&pem)) {
                return Ok(Some(name.to_owned()));
            }
        }
        Ok(None)
    }
}

impl TrustStore for Profile {
    fn name(&self) -> String {
        format!("nss {}", self.folder.display())
    }

    fn check_ready(&self, _: &Root) -> Result<(), Failure> {
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
        let Some(name) = self.nickname(root)? else { return Ok(false) };
        // "Is it good as a CA for TLS": asked of NSS itself.
        let (good, _) = self.certutil(&["-V", "-u", "L", "-n", &name]).output()?;
        Ok(good)
    }

    fn holds(&self, root: &Root) -> Result<bool, Failure> {
        Ok(self.nickname(root)?.is_some())
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

    fn uninstall(&self, root: &Root) -> Result<Vec<Step>, Failure> {
        let name = self.nickname(root)?;
        Ok(name.iter().map(|name| Step::Run(self.certutil(&["-D", "-n", name]))).collect())
    }
}

/// The nicknames in what `certutil -L` prints: a heading, and lines of a name and three sets of
/// trust flags, such as `Some CA    CT,C,`.
fn nicknames(listing: &str) -> impl Iterator<Item = &str> {
    listing.lines().filter_map(|line| {
        let (name, flags) = line.trim_end().rsplit_once(' ')?;
        let is_flags = flags.matches(',').count() == 2
            && flags.chars().all(|c| c == ',' || "pPcCTuwG".contains(c));
        is_flags.then(|| name.trim_end())
    })
}
