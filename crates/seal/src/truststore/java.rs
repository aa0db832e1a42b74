//! Java's roots: the `cacerts` of each installation, changed with its own keytool, since the file
//! is JKS in some and PKCS#12 in others.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::step::{Run, on_path};
use super::{Root, Step, TrustStore};
use crate::files::sudo;
use crate::say::failure::Failure;

/// The passphrase that Java ships with; `SEAL_JAVA_STOREPASS` has another.
const STOREPASS: &str = "changeit";
const STOREPASS_VARIABLE: &str = "SEAL_JAVA_STOREPASS";

/// One `cacerts`.
pub(super) struct KeyStore {
    file: PathBuf,
    keytool: String,
}

/// The key stores given, or that of `JAVA_HOME`, or that of the java on the path.
pub(super) fn find(given: &[PathBuf]) -> Vec<KeyStore> {
    if !given.is_empty() {
        let store = |file: &PathBuf| KeyStore { file: file.clone(), keytool: "keytool".to_owned() };
        return given.iter().map(store).collect();
    }
    let home = env::var_os("JAVA_HOME").map(PathBuf::from).or_else(java_on_path);
    let Some(home) = home else { return Vec::new() };
    let keytool = home.join("bin").join(if cfg!(windows) { "keytool.exe" } else { "keytool" });
    // Java 9 and later; Java 8, alone and inside a JDK.
    ["lib/security/cacerts", "jre/lib/security/cacerts"]
        .iter()
        .map(|name| home.join(name))
        .find(|file| file.exists())
        .map(|file| KeyStore { file, keytool: keytool.display().to_string() })
        .into_iter()
        .collect()
}

/// The folder of the java that would be run, behind the links that distributions put in front.
fn java_on_path() -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    let java =
        env::split_paths(&folders).map(|folder| folder.join("java")).find(|p| p.is_file())?;
    let real = fs::canonicalize(java).ok()?;
    Some(real.parent()?.parent()?.to_owned())
}

impl KeyStore {
    fn keytool(&self, arguments: &[&str]) -> Run {
        let file = self.file.display().to_string();
        let common = ["-keystore", &file, "-storepass:env", STOREPASS_VARIABLE];
        let all: Vec<_> = arguments.iter().copied().chain(common).collect();
        let storepass = env::var(STOREPASS_VARIABLE).unwrap_or_else(|_| STOREPASS.to_owned());
        Run::new(&self.keytool, &all).with_environment(STOREPASS_VARIABLE, &storepass)
    }

    /// Under which names the store has this certificate. Debian's hook, other programs and people
    /// give it names of their own, so the certificate itself is looked for.
    fn aliases(&self, root: &Root) -> Result<Vec<String>, Failure> {
        let english = ["-J-Duser.language=en", "-J-Duser.country=US"];
        let list = self.keytool(&[&["-list", "-rfc"][..], &english].concat());
        let listing = list.stdout()?.replace("\r\n", "\n");
        let entries = trusted_entries(&listing).filter(|(_, pem)| root.is_in(pem));
        Ok(entries.map(|(alias, _)| alias.to_owned()).collect())
    }
}

impl TrustStore for KeyStore {
    fn name(&self) -> String {
        format!("java {}", self.file.display())
    }

    fn check_ready(&self, root: &Root) -> Result<(), Failure> {
        if !Path::new(&self.keytool).exists() && !on_path(&self.keytool) {
            return Err(Failure::usage(format!("{} is not installed", self.keytool))
                .advise("leave it out with --store system --store nss"));
        }
        let opened = fs::OpenOptions::new().append(true).open(&self.file);
        opened.map(drop).map_err(|e| {
            let advice = sudo::advice("java", &root.option, "--store system --store nss");
            Failure::usage(format!("{}: cannot be written: {e}", self.file.display()))
                .advise(advice)
        })
    }

    fn trusts(&self, root: &Root) -> Result<bool, Failure> {
        Ok(!self.aliases(root)?.is_empty())
    }

    fn install(&self, root: &Root) -> Vec<Step> {
        let import = ["-importcert", "-noprompt", "-alias", &root.label];
        vec![Step::Run(self.keytool(&import).with_input(root.certificate.to_pem()))]
    }

    fn uninstall(&self, root: &Root) -> Result<Vec<Step>, Failure> {
        let delete = |alias: &String| Step::Run(self.keytool(&["-delete", "-alias", alias]));
        Ok(self.aliases(root)?.iter().map(delete).collect())
    }
}

/// The trusted certificates in what `keytool -list -rfc` prints: alias and PEM. Keys of the
/// store's own, which also have certificates, are left out.
fn trusted_entries(listing: &str) -> impl Iterator<Item = (&str, &str)> {
    listing.split("\nAlias name: ").skip(1).filter_map(|entry| {
        let (alias, rest) = entry.split_once('\n')?;
        let kind = rest.lines().find_map(|line| line.strip_prefix("Entry type: "))?;
        let pem = &rest[rest.find("-----BEGIN CERTIFICATE-----")?..];
        (kind.trim() == "trustedCertEntry").then_some((alias.trim_end(), pem))
    })
}
