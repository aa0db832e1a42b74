//! Certificates as people make them: one process for a key and a certificate for localhost.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use sealwire::pki::{Certificate, PrivateKey};

use crate::absent::Absent;
use crate::contestant::Failure;
use crate::report::chart::{Better, Chart};
use crate::servers::{How, npm_module, seal};

/// Ours first. The packages of npm sign with the new key, the others with that of a CA.
const MAKERS: [&str; 5] = ["seal", "openssl", "mkcert", "selfsigned", "node-forge"];

/// RSA keys take as long as luck has it: enough of them for a median.
const TIMES_AS_MANY: usize = 5;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    P256,
    Rsa,
}

/// Milliseconds from the start of a process to its end; all take turns.
pub(crate) fn measure(how: &How, absent: &Absent) -> Result<Vec<Chart>, Failure> {
    let title = "Certificates: a key and a certificate, one process each".to_owned();
    let mut chart = Chart::new(title, "ms", Better::Lower, "key");
    let folder = tempfile::tempdir()?;
    let mut makers = Vec::new();
    for name in MAKERS.into_iter().filter(|name| *name == MAKERS[0] || how.wants(name)) {
        let maker = Maker { name, folder: folder.path().join(name) };
        match maker.begin() {
            Ok(()) => makers.push(maker),
            Err(e) if name == MAKERS[0] => return Err(e),
            Err(e) => absent.note(&format!("{name} (Certificates)"), &e.to_string()),
        }
    }
    let rounds = how.rounds() * TIMES_AS_MANY;
    for (label, kind) in [("P-256", Kind::P256), ("RSA-2048", Kind::Rsa)] {
        for round in 0..=rounds {
            makers.retain(|maker| {
                let Some(command) = maker.command(kind) else { return true };
                match maker.make(command) {
                    Ok(milliseconds) if round > 0 => chart.add(maker.name, label, milliseconds),
                    Ok(_) => {}
                    Err(e) => {
                        absent.note(&format!("{} (Certificates)", maker.name), &e.to_string());
                        return false;
                    }
                }
                true
            });
            eprint!("\rcertificates, {label} {round}/{rounds}\x1b[K");
        }
    }
    eprintln!();
    Ok(vec![chart])
}

/// Rows for the table of contestants.
pub(crate) fn versions() -> String {
    let row = |name: &&'static str| {
        let version = Maker { name, folder: PathBuf::new() }.version();
        let version = version.as_deref().unwrap_or("**not on this machine**");
        format!("| {name} (Certificates) | {version} |\n")
    };
    MAKERS.iter().map(row).collect()
}

/// One that makes certificates, and its folder.
struct Maker {
    name: &'static str,
    folder: PathBuf,
}

impl Maker {
    /// Makes its CA, where it has one.
    fn begin(&self) -> Result<(), Failure> {
        self.version().ok_or("not on this machine; see bench/setup")?;
        fs::create_dir_all(&self.folder)?;
        let commands: Vec<Command> = match self.name {
            "seal" => vec![self.seal(&["ca", "init"])],
            "openssl" => vec![self.program(
                "openssl",
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 \
                 -subj /CN=CA -out ca.pem -keyout ca-key.pem",
            )],
            // mkcert makes its CA with the first certificate.
            "mkcert" => self.command(Kind::P256).into_iter().collect(),
            _ => Vec::new(),
        };
        commands.into_iter().try_for_each(finish)
    }

    /// What makes one; `None` where it has no such keys.
    fn command(&self, kind: Kind) -> Option<Command> {
        let p256 = kind == Kind::P256;
        Some(match self.name {
            "seal" => {
                let mut command =
                    self.seal(&["ca", "issue", "localhost", "--days", "90", "--force"]);
                command.args(["--key-kind", if p256 { "p256" } else { "rsa:2048" }]);
                command.args(["--cert-file", "cert.pem", "--key-file", "key.pem"]);
                command
            }
            "openssl" => {
                let key = match kind {
                    Kind::P256 => "ec -pkeyopt ec_paramgen_curve:P-256",
                    Kind::Rsa => "rsa:2048",
                };
                let arguments = format!(
                    "req -x509 -newkey {key} -nodes -days 90 -CA ca.pem -CAkey ca-key.pem \
                     -subj /CN=localhost -addext subjectAltName=DNS:localhost -out cert.pem \
                     -keyout key.pem"
                );
                self.program("openssl", &arguments)
            }
            "mkcert" => {
                let ecdsa = if p256 { "-ecdsa " } else { "" };
                let arguments = format!("{ecdsa}-cert-file cert.pem -key-file key.pem localhost");
                let mut command = self.program("mkcert", &arguments);
                command.env("CAROOT", &self.folder);
                command
            }
            "node-forge" if p256 => return None,
            package => {
                let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("node/certificate.js");
                let kind = if p256 { "ec" } else { "rsa" };
                let mut command = self.program("node", "");
                command.arg(script).args([package, kind, "cert.pem", "key.pem"]);
                command
            }
        })
    }

    /// Milliseconds; what was made is read afterwards.
    fn make(&self, command: Command) -> Result<f64, Failure> {
        let (cert, key) = (self.folder.join("cert.pem"), self.folder.join("key.pem"));
        for old in [&cert, &key] {
            let _ = fs::remove_file(old);
        }
        let begin = Instant::now();
        finish(command)?;
        let taken = begin.elapsed();
        let made = Certificate::all_from_pem(&fs::read(cert)?)?;
        let made = made.first().ok_or("no certificate was made")?;
        if !made.subject_alt_names()?.iter().any(|name| format!("{name:?}").contains("localhost")) {
            return Err("the certificate is not for localhost".into());
        }
        PrivateKey::from_pem(&fs::read(key)?, None)?;
        Ok(taken.as_secs_f64() * 1e3)
    }

    fn version(&self) -> Option<String> {
        let said = match self.name {
            "seal" => Command::new(seal()).arg("--version").output(),
            "openssl" => Command::new("openssl").arg("version").output(),
            "mkcert" => Command::new("mkcert").arg("-version").output(),
            package => {
                let manifest = fs::read_to_string(npm_module(package).join("package.json")).ok()?;
                let line = manifest.lines().find(|line| line.contains("\"version\""))?;
                return line.split('"').nth(3).map(str::to_owned);
            }
        };
        let said = said.ok().filter(|said| said.status.success())?;
        Some(String::from_utf8_lossy(&said.stdout).trim().to_owned())
    }

    fn seal(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(seal(), "");
        command.args(arguments).env("SEAL_CA_DIR", self.folder.join("ca"));
        command
    }

    fn program(&self, program: impl AsRef<std::ffi::OsStr>, arguments: &str) -> Command {
        let mut command = Command::new(program);
        command.args(arguments.split_whitespace()).current_dir(&self.folder).stdin(Stdio::null());
        command
    }
}

fn finish(mut command: Command) -> Result<(), Failure> {
    let said = command.output()?;
    match said.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&said.stderr).into_owned().into()),
    }
}
