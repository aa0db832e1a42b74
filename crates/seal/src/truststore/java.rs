//! Java's roots: the `cacerts` of each installation, changed with its own keytool, since the file
//! is JKS in some and PKCS#12 in others.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::step::{Run, on_path};
use super::{Root, Step, TrustStore};
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
}

impl TrustStore for KeyStore {
    fn name(&self) -> String {
        format!("java {}", self.file.display())
    }

    fn check_ready(&self) -> Result<(), Failure> {
        if !Path::new(&self.keytool).exists() && !on_path(&self.keytool) {
            return Err(Failure::usage(format!("{} is not installed", self.keytool))
                .advise("leave it out with --store system --store nss"));
        }
        let opened = fs::OpenOptions::new().append(true).open(&self.file);
        opened.map(drop).map_err(|e| {
            Failure::usage(format!("{}: cannot be written: {e}", self.file.display())).advise(
                "run this with sudo and --cert FILE --store java; or leave it out with --store \
                 system --store nss",
            )
        })
    }

    fn trusts(&self, root: &Root) -> Result<bool, Failure> {
        let list = self.keytool(&["-list", "-alias", &root.label]);
        Ok(list.output()?.0)
    }

    fn install(&self, root: &Root) -> Vec<Step> {
        let import = ["-importcert", "-noprompt", "-alias", &root.label];
        vec![Step::Run(self.keytool(&import).with_input(root.certificate.to_pem()))]
    }

    fn uninstall(&self, root: &Root) -> Vec<Step> {
        vec![Step::Run(self.keytool(&["-delete", "-alias", &root.label]))]
    }
}
