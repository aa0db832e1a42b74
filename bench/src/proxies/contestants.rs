//! Who takes part, and how each is started: all of them verify the origin by the same CA.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sealwire::pki::{CertificateBuilder, Issuer, KeyAlgorithm, PrivateKey, Subject};

use crate::contestant::Failure;
use crate::machine;
use crate::servers::{Running, beside, free_port, npm_module, seal};

/// The origin's certificate, the CA that signed it, and a CA for those that make none of their own.
pub(super) struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    pub(super) fn make() -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let keep = |name: &str, pem: &[u8]| fs::write(folder.path().join(name), pem);
        let mut issuers = Vec::new();
        for (name, subject) in [("origin-ca", "Origin CA"), ("proxy-ca", "Proxy CA")] {
            let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
            let subject = Subject::from_common_name(subject)?;
            let ca = CertificateBuilder::new(subject).authority(None).self_signed(&key)?;
            keep(&format!("{name}.pem"), ca.to_pem().as_bytes())?;
            keep(&format!("{name}-key.pem"), key.to_pem().as_bytes())?;
            issuers.push(Issuer::new(ca, key)?);
        }
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
        let leaf = CertificateBuilder::for_names(vec!["localhost".parse()?])?
            .signed_by(&issuers[0], key.spki_der())?;
        keep("origin.pem", leaf.to_pem().as_bytes())?;
        keep("origin-key.pem", key.to_pem().as_bytes())?;
        Ok(Self { folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// The origin, as it runs.
pub(super) struct Behind {
    pub(super) plain: u16,
    pub(super) tls: u16,
    _server: Running,
}

impl Behind {
    pub(super) fn start(files: &Files) -> Result<Self, Failure> {
        let (plain, tls) = (free_port()?, free_port()?);
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve-origin", &plain.to_string(), &tls.to_string()]);
        command.arg(files.path("origin.pem")).arg(files.path("origin-key.pem"));
        let server = Running::start("origin", &command, plain, machine::cores(), None)?;
        Ok(Self { plain, tls, _server: server })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Contestant {
    Seal,
    Hudsucker,
    Mitmdump,
    Mockttp,
    NoProxy,
}

impl Contestant {
    /// Ours first; the limit last.
    pub(super) fn all() -> [Self; 5] {
        [Self::Seal, Self::Hudsucker, Self::Mitmdump, Self::Mockttp, Self::NoProxy]
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Seal => "seal proxy",
            Self::Hudsucker => "hudsucker",
            Self::Mitmdump => "mitmdump",
            Self::Mockttp => "mockttp",
            Self::NoProxy => "no proxy",
        }
    }

    pub(super) fn is_ours(self) -> bool {
        self == Self::Seal
    }

    /// Its version, and what it keeps; `None` when it is not there.
    pub(super) fn version(self) -> Option<String> {
        match self {
            Self::Seal => said(seal().as_os_str(), &["proxy", "--help"])
                .map(|_| format!("{}, recording to disk", env!("CARGO_PKG_VERSION"))),
            Self::Hudsucker => {
                beside("hudsucker-noop").exists().then(|| "0.25.0, keeps nothing".to_owned())
            }
            Self::Mitmdump => said(mitmdump().as_os_str(), &["--version"])
                .and_then(|said| Some(format!("{}, keeps nothing", said.lines().next()?))),
            Self::Mockttp => {
                let package =
                    fs::read_to_string(npm_module("mockttp").join("package.json")).ok()?;
                let version = package.lines().find_map(|line| {
                    line.trim().strip_prefix("\"version\": \"")?.split('"').next()
                })?;
                Some(format!("{version}, keeps what passes in memory"))
            }
            Self::NoProxy => Some("the limit".to_owned()),
        }
    }

    /// `None` where there is no proxy.
    pub(super) fn start(self, files: &Files) -> Result<Option<Running>, Failure> {
        let port = free_port()?;
        let folder = tempfile::tempdir()?;
        let (ca, ca_key) = (files.path("proxy-ca.pem"), files.path("proxy-ca-key.pem"));
        let origin_ca = files.path("origin-ca.pem");
        let mut command;
        match self {
            Self::Seal => {
                command = Command::new(seal());
                command.args(["proxy", "--quiet", "--listen", &format!("127.0.0.1:{port}")]);
                command.arg("--session").arg(folder.path().join("session.db"));
                command.args(["--keep", "4096"]).arg("--ca").arg(origin_ca);
            }
            Self::Hudsucker => {
                command = Command::new(beside("hudsucker-noop"));
                command.arg(port.to_string()).args([ca, ca_key, origin_ca]);
            }
            Self::Mitmdump => {
                command = Command::new(mitmdump());
                command.args(["--quiet", "--listen-host", "127.0.0.1"]);
                command.args(["--listen-port", &port.to_string()]);
                let set = |name: &str, value: &Path| format!("{name}={}", value.display());
                command.args(["--set", &set("confdir", folder.path())]);
                command.args(["--set", &set("ssl_verify_upstream_trusted_ca", &origin_ca)]);
            }
            Self::Mockttp => {
                command = Command::new("node");
                command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("node/mockttp.js"));
                command.arg(port.to_string()).args([ca, ca_key, origin_ca]);
            }
            Self::NoProxy => return Ok(None),
        }
        Running::start(self.name(), &command, port, machine::cores(), Some((None, folder)))
            .map(Some)
    }
}

/// What `bench/setup` installs from PyPI.
fn mitmdump() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python/bin/mitmdump")
}

fn said(program: &std::ffi::OsStr, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
