//! Who takes part, and how each is started.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sealwire::pki::{CertificateBuilder, Issuer, KeyAlgorithm, PrivateKey, Subject};

use super::Group;
use super::process::{Running, free_port};
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

/// One that is on this machine.
pub(crate) struct Contestant {
    name: String,
    kind: Kind,
}

enum Kind {
    /// `bench serve` with this library.
    Ours(&'static str),
    Program(&'static str),
    /// A JavaScript runtime, and the module that it takes TLS from.
    Script(String, String),
}

/// The contestants of a group that this machine has. The first is ours, and others are compared with
/// the second.
pub(crate) fn present(group: Group) -> Vec<Contestant> {
    let named = |name: &str, kind| Contestant { name: name.to_owned(), kind };
    let all = match group {
        Group::Library => {
            super::serve::LIBRARIES.iter().map(|&name| named(name, Kind::Ours(name))).collect()
        }
        Group::Tunnel => ["seal tunnel", "haproxy", "hitch", "stunnel", "nginx"]
            .map(|name| named(name, Kind::Program(name)))
            .into(),
        Group::Node => scripts(),
    };
    let mut present: Vec<Contestant> = Vec::new();
    for contestant in all {
        match contestant.version() {
            Some(_) => present.push(contestant),
            None => {
                eprintln!("!!! {} is not on this machine: left out (bench/setup)", contestant.name);
            }
        }
    }
    present
}

/// Our package and the runtimes' own `tls`, all with the same program.
fn scripts() -> Vec<Contestant> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/node");
    let own = |runtime: &str| (format!("{runtime} tls"), runtime.to_owned(), "node:tls".to_owned());
    let ours = ("sealwire".to_owned(), "node".to_owned(), package.display().to_string());
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("node/node_modules/.bin");
    let installed = |runtime: &str| modules.join(runtime).display().to_string();
    let others = ["deno", "bun"]
        .map(|runtime| (format!("{runtime} tls"), installed(runtime), "node:tls".to_owned()));
    [vec![ours, own("node")], others.into()]
        .concat()
        .into_iter()
        .filter(|(_, _, module)| module == "node:tls" || Path::new(module).exists())
        .map(|(name, runtime, module)| Contestant { name, kind: Kind::Script(runtime, module) })
        .collect()
}

impl Contestant {
    /// What it says about its version; `None` when it is not there.
    pub(crate) fn version(&self) -> Option<String> {
        let (program, argument) = match &self.kind {
            Kind::Ours(library) => return super::serve::version(library),
            Kind::Program("seal tunnel") => {
                let seal = seal();
                let has_it =
                    Command::new(&seal).args(["tunnel", "server", "--help"]).output().ok()?;
                return has_it.status.success().then(|| env!("CARGO_PKG_VERSION").to_owned());
            }
            Kind::Program("haproxy") => ("haproxy".to_owned(), "-v"),
            Kind::Program("nginx") => ("nginx".to_owned(), "-v"),
            Kind::Program("stunnel") => ("stunnel4".to_owned(), "-version"),
            Kind::Program(program) => ((*program).to_owned(), "--version"),
            Kind::Script(runtime, module) => {
                if module != "node:tls" && !loads(runtime, module) {
                    return None;
                }
                (runtime.clone(), "--version")
            }
        };
        let output = Command::new(program).arg(argument).stdin(Stdio::null()).output().ok()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        said.lines().find(|line| line.contains(|c: char| c.is_ascii_digit())).map(str::to_owned)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it speaks no TLS at all: the limit.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.kind, Kind::Ours("plain TCP"))
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
            Kind::Script(runtime, module) => {
                let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("node/echo.js");
                let mut command = Command::new(runtime);
                if runtime.ends_with("deno") {
                    command.args(["run", "-A"]);
                }
                command.arg(script).arg(module).arg(port.to_string());
                command.arg(file("cert")).arg(file("key"));
                Running::start(&self.name, &command, port, cores, None)
            }
            Kind::Program(program) => {
                // The backend shares the load generator's core: it is no part of what is measured.
                let backend = Box::new(plain_backend()?);
                let folder = tempfile::tempdir()?;
                let command = tunnel(program, folder.path(), port, backend.port, cores, &file)?;
                let kept = Some((backend, folder));
                Running::start(&self.name, &command, port, cores, kept)
            }
        }
    }
}

/// Whether our package is built, with its native part.
fn loads(runtime: &str, module: &str) -> bool {
    let program = format!("require({module:?})");
    let mut command = Command::new(runtime);
    command.args(["-e", &program]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn plain_backend() -> Result<Running, Failure> {
    let port = free_port()?;
    let mut command = Command::new("taskset");
    command.args(["-c", "1"]).arg(std::env::current_exe()?);
    command.args(["serve", "plain TCP", "--port", &port.to_string()]);
    Running::start("backend", &command, port, 2, None)
}

fn seal() -> PathBuf {
    let beside = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join("seal")));
    beside.filter(|path| path.exists()).unwrap_or_else(|| PathBuf::from("seal"))
}

/// Each as its manual has it, without logs, with as many workers as cores, and for as many
/// connections as 20,000 descriptors are enough for.
fn tunnel(
    program: &str,
    folder: &Path,
    port: u16,
    backend: u16,
    cores: usize,
    file: &dyn Fn(&'static str) -> PathBuf,
) -> Result<Command, Failure> {
    let config = folder.join("config");
    let (both, cert, key) = (file("both"), file("cert"), file("key"));
    let (both, cert, key) = (both.display(), cert.display(), key.display());
    let here = folder.display();
    let mut command;
    match program {
        "seal tunnel" => {
            command = Command::new(seal());
            command.args(["tunnel", "server", "--listen", &format!("127.0.0.1:{port}")]);
            command.args(["--target", &format!("127.0.0.1:{backend}"), "--log", "warn"]);
            command.args(["--cert", &cert.to_string(), "--key", &key.to_string()]);
            command.args(["--workers", &cores.to_string()]);
        }
        "haproxy" => {
            let text = format!(
                "global\n  nbthread {cores}\n  maxconn 9900\n  tune.ssl.default-dh-param 2048\n\
                 defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 600s\n  \
                 timeout server 600s\n  maxconn 9900\n\
                 frontend f\n  bind 127.0.0.1:{port} ssl crt {both}\n  default_backend b\n\
                 backend b\n  server s 127.0.0.1:{backend}\n"
            );
            fs::write(&config, text)?;
            command = Command::new("haproxy");
            command.arg("-db").arg("-f").arg(&config);
        }
        "hitch" => {
            command = Command::new("hitch");
            command.arg(format!("--frontend=[127.0.0.1]:{port}"));
            command.arg(format!("--backend=[127.0.0.1]:{backend}"));
            command.args([format!("--workers={cores}"), "--quiet".to_owned()]);
            command.args(["--user=nobody", "--tls-protos=TLSv1.2 TLSv1.3"]);
            command.arg(both.to_string());
        }
        "stunnel" => {
            let text = format!(
                "foreground = yes\npid =\nsyslog = no\ndebug = 0\n[s]\n\
                 accept = 127.0.0.1:{port}\nconnect = 127.0.0.1:{backend}\ncert = {both}\n"
            );
            fs::write(&config, text)?;
            command = Command::new("stunnel4");
            command.arg(&config);
        }
        "nginx" => {
            let module = "/usr/lib/nginx/modules/ngx_stream_module.so";
            let text = format!(
                "load_module {module};\ndaemon off;\nworker_processes {cores};\n\
                 worker_rlimit_nofile 20000;\npid {here}/pid;\nerror_log stderr emerg;\n\
                 events {{ worker_connections 19800; }}\nstream {{\n  server {{\n    \
                 listen 127.0.0.1:{port} ssl;\n    ssl_certificate {cert};\n    \
                 ssl_certificate_key {key};\n    ssl_protocols TLSv1.2 TLSv1.3;\n    \
                 ssl_session_cache shared:s:10m;\n    proxy_pass 127.0.0.1:{backend};\n  }}\n}}\n"
            );
            fs::write(&config, text)?;
            command = Command::new("nginx");
            command.arg("-c").arg(&config);
        }
        other => return Err(format!("no such tunnel: {other}").into()),
    }
    Ok(command)
}
