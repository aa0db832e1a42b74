//! One program: does it reach the server, and what decides that?
//!
//! A program cannot be asked which roots it uses, so it is tried: as it is, without the variables that it reads,
//! with one of them at a time, and with those that `seal trust env` would set.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{env, fs, io};

use sealwire::TrustStore;
use sealwire::pki::{self, Certificate};
use tokio::process::Command;
use tokio::time::timeout;

use super::report::{Decided, Examined, Other, Variable};
use super::runtimes::{Bare, Runtime, Store};
use super::server::Server;
use crate::truststore::environment::Set;
use crate::truststore::runtimes::PROXY_VARIABLES;

/// What all examinations have in common.
pub(super) struct Scene {
    pub(super) ours: Server,
    /// One whose root stands for the public ones.
    pub(super) beside: Option<Server>,
    pub(super) root: Certificate,
    /// What `seal trust env` would set.
    pub(super) would_set: Vec<Set>,
    pub(super) patience: Duration,
}

/// How one attempt differs from the program as it is.
#[derive(Default)]
struct Without<'a> {
    variables: &'a [&'static str],
    set: &'a [&'a Set],
    bare: Option<&'a Bare>,
}

impl Scene {
    /// `None` where the program is not installed.
    pub(super) async fn examine(&self, runtime: &Runtime) -> Option<Examined> {
        let version = self.version(runtime).await?;
        let mut examined = Examined::new(runtime.name, version);
        let set: Vec<&'static str> =
            runtime.reads.iter().copied().filter(|name| env::var_os(name).is_some()).collect();
        examined.variables = set.iter().map(|name| self.variable(name)).collect();
        let (reached, said) = self.attempt(runtime, &self.ours, &Without::default()).await;
        examined.reached = reached;
        if reached {
            examined.by = Some(self.decided(runtime, &set).await);
        } else {
            examined.reason = Some(said);
            examined.with = self.with(runtime, &set).await;
        }
        if let Some(beside) = &self.beside {
            let (reached, said) = self.attempt(runtime, beside, &Without::default()).await;
            examined.beside = Some(Other { reached, reason: (!reached).then_some(said) });
        }
        Some(examined)
    }

    async fn version(&self, runtime: &Runtime) -> Option<String> {
        let asked = Command::new(runtime.program).args(runtime.version).output();
        let output = timeout(self.patience, asked).await.ok()?.ok()?;
        if !output.status.success() {
            return None;
        }
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        // Java tells first which options it has picked up.
        let line = said.lines().find(|line| !line.starts_with("Picked up "))?;
        let number = |word: &&str| {
            let word = word.trim_start_matches(['v', '"', 'g', 'o']);
            word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.')
        };
        let word = line.split_whitespace().find(number).unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-_+".contains(c);
        Some(word.trim_start_matches(['v', '"', 'g', 'o']).chars().filter(|c| plain(*c)).collect())
    }

    /// What decides that it is reached.
    async fn decided(&self, runtime: &Runtime, set: &[&'static str]) -> Decided {
        let without = |variables: &[&'static str]| {
            let variables = variables.to_vec();
            async move {
                let without = Without { variables: &variables, ..Without::default() };
                self.attempt(runtime, &self.ours, &without).await.0
            }
        };
        if set.is_empty() || without(set).await {
            let bare = Without { variables: set, bare: runtime.bare.as_ref(), set: &[] };
            return match &runtime.bare {
                Some(files) if !self.attempt(runtime, &self.ours, &bare).await.0 => {
                    Decided::Files(files.files)
                }
                _ => Decided::Store(self.store(runtime).await),
            };
        }
        for name in set {
            let others: Vec<_> = set.iter().copied().filter(|other| other != name).collect();
            if without(&others).await {
                return Decided::Variables(vec![name]);
            }
        }
        Decided::Variables(set.to_vec())
    }

    /// By which variables of ours it would be reached.
    async fn with(&self, runtime: &Runtime, set: &[&'static str]) -> Vec<&'static str> {
        // In the order in which the program looks at them.
        let ours = runtime
            .reads
            .iter()
            .filter_map(|name| self.would_set.iter().find(|set| set.variable.name == *name));
        let ours: Vec<&Set> = ours.collect();
        let reached = |set_to: Vec<&Set>| {
            let set = set.to_vec();
            let set_to: Vec<Set> = set_to
                .iter()
                .map(|set| Set { variable: set.variable, value: set.value.clone() })
                .collect();
            async move {
                let refs: Vec<&Set> = set_to.iter().collect();
                // Those that it reads first would hide ours.
                let hidden: Vec<_> = set
                    .into_iter()
                    .filter(|name| refs.iter().any(|set| set.variable.name == *name))
                    .collect();
                let without = Without { variables: &hidden, set: &refs, bare: None };
                self.attempt(runtime, &self.ours, &without).await.0
            }
        };
        if !reached(ours.clone()).await {
            return Vec::new();
        }
        for one in &ours {
            if reached(vec![one]).await {
                return vec![one.variable.name];
            }
        }
        ours.iter().map(|set| set.variable.name).collect()
    }

    async fn store(&self, runtime: &Runtime) -> String {
        let asks = match runtime.store {
            Store::Words(words) => return words.to_owned(),
            Store::Ask(asks) => asks,
        };
        let asked = Command::new(runtime.program)
            .args(asks)
            .env_remove("SSL_CERT_FILE")
            .env_remove("SSL_CERT_DIR")
            .output();
        let said = timeout(self.patience, asked).await.ok().and_then(Result::ok);
        let said = said.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        said.filter(|path| !path.is_empty()).unwrap_or_else(|| "the system's store".to_owned())
    }

    /// What is in the file that a variable names.
    fn variable(&self, name: &'static str) -> Variable {
        let value = env::var_os(name).unwrap_or_default();
        let path = PathBuf::from(&value);
        let value = value.to_string_lossy().into_owned();
        let roots = path.is_file().then(|| pki::certificates_from_file(&path).unwrap_or_default());
        let has = |roots: &Vec<Certificate>| roots.iter().any(|one| one.der() == self.root.der());
        let public = TrustStore::bundled();
        let known: HashSet<&[u8]> = public.certificates().iter().map(Certificate::der).collect();
        let is_public =
            |roots: &Vec<Certificate>| roots.iter().any(|one| known.contains(one.der()));
        Variable {
            name,
            roots: roots.as_ref().map(Vec::len),
            has_the_root: roots.as_ref().map(has),
            has_public_roots: roots.as_ref().map(is_public),
            missing: path.is_absolute() && !path.exists(),
            value,
        }
    }

    /// Whether the server hears of it, and the last words of the program.
    async fn attempt(
        &self,
        runtime: &Runtime,
        server: &Server,
        without: &Without<'_>,
    ) -> (bool, String) {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let token = format!("seal-doctor-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let Ok(folder) = tempfile::Builder::new().prefix("seal-doctor-").tempdir() else {
            return (false, "no temporary folder".to_owned());
        };
        let said = match self.run(runtime, &server.url(&token), folder.path(), without).await {
            Ok(said) => said,
            Err(why) => why,
        };
        (server.was_asked(&token), said)
    }

    async fn run(
        &self,
        runtime: &Runtime,
        url: &str,
        folder: &Path,
        without: &Without<'_>,
    ) -> Result<String, String> {
        let filled = |text: &str| {
            text.replace("{url}", url).replace("{folder}", &folder.display().to_string())
        };
        let mut command = Command::new(runtime.program);
        prepare(runtime, folder).map_err(|e| e.to_string())?;
        if let Some(bare) = without.bare {
            command.args(bare.first).envs(bare.environment.iter().copied());
        }
        command.args(runtime.get.iter().map(|text| filled(text)));
        command.envs(runtime.environment.iter().map(|(name, value)| (name, filled(value))));
        // The server is on this machine.
        for proxy in PROXY_VARIABLES {
            command.env_remove(proxy.name);
        }
        for name in without.variables {
            command.env_remove(name);
        }
        command.envs(without.set.iter().map(|set| (set.variable.name, &set.value)));
        command.current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        match timeout(self.patience, command.output()).await {
            Err(_) => Err(format!("still running after {} s", self.patience.as_secs())),
            Ok(Err(error)) => Err(format!("cannot be started: {error}")),
            Ok(Ok(output)) => Ok(telling(&String::from_utf8_lossy(&output.stderr))),
        }
    }
}

/// What a program needs in its folder.
fn prepare(runtime: &Runtime, folder: &Path) -> io::Result<()> {
    match runtime.name {
        "java" => fs::write(folder.join("Get.java"), super::runtimes::JAVA),
        // A home of its own, since another cargo may have locked the user's; but what the user says of roots there
        // counts.
        "cargo" => {
            let home = env::var_os("CARGO_HOME").map(PathBuf::from);
            let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
            let own = folder.join("cargo");
            fs::create_dir(&own)?;
            match home.map(|home| fs::copy(home.join("config.toml"), own.join("config.toml"))) {
                Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// The line that tells most of why a program failed: the first about certificates, or else the last.
fn telling(said: &str) -> String {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let about = |line: &&str| {
        let line = line.to_ascii_lowercase();
        ["certificate", "pkix", "unknownissuer", "unable_to", "x509"]
            .iter()
            .any(|word| line.contains(word))
    };
    let line = lines().find(about).or_else(|| lines().next_back()).unwrap_or("no output");
    line.chars().take(160).collect()
}
