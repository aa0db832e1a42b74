//! Who takes part, each configured for the same work.

use std::fmt;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sealwire::pki::{
    CertificateBuilder, Issuer, KeyAlgorithm, PrivateKey, Subject, SubjectAltName,
};

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    EcdsaP256,
    Rsa2048,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EcdsaP256 => "P-256",
            Self::Rsa2048 => "RSA-2048",
        })
    }
}

/// A CA, and a leaf of it in files.
pub(crate) struct Material {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) ca: Vec<u8>,
}

impl Material {
    pub(crate) fn new(key: Key) -> Result<Self, Failure> {
        let dir = tempfile::tempdir()?;
        let ca_key = PrivateKey::generate(KeyAlgorithm::EcdsaP256)?;
        let name = Subject::from_common_name("Bench CA")?;
        let ca = CertificateBuilder::new(name).authority(None).self_signed(&ca_key)?;
        let issuer = Issuer::new(ca.clone(), ca_key)?;
        let key = PrivateKey::generate(match key {
            Key::EcdsaP256 => KeyAlgorithm::EcdsaP256,
            Key::Rsa2048 => KeyAlgorithm::Rsa { bits: 2048 },
        })?;
        let localhost: SubjectAltName = "localhost".parse()?;
        let leaf =
            CertificateBuilder::for_names(vec![localhost])?.signed_by(&issuer, key.spki_der())?;
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text);
        write("cert.pem", &leaf.to_pem())?;
        write("key.pem", &key.to_pem())?;
        write("both.pem", &format!("{}{}", *key.to_pem(), leaf.to_pem()))?;
        Ok(Self { dir, ca: ca.der().to_vec() })
    }
}

/// A tunnel that runs; ended when dropped.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    child: Child,
}

impl Drop for Contestant {
    fn drop(&mut self) {
        for child in children(self.child.id()) {
            let _ = Command::new("kill").arg(child.to_string()).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Contestant {
    /// The processor time that all its processes have used, in seconds.
    pub(crate) fn processor_time(&self) -> Result<f64, Failure> {
        const TICKS: f64 = 100.0; // USER_HZ, the same on every Linux that people run
        let mut sum = 0;
        for process in std::iter::once(self.child.id()).chain(children(self.child.id())) {
            sum += ticks(process)?;
        }
        Ok(sum as f64 / TICKS)
    }

    /// The resident memory of all its processes, in bytes; what they share is counted once for
    /// each.
    pub(crate) fn memory(&self) -> Result<u64, Failure> {
        let mut sum = 0;
        for process in std::iter::once(self.child.id()).chain(children(self.child.id())) {
            let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
            let line = status.lines().find(|line| line.starts_with("VmRSS:"));
            let kib = line.and_then(|line| line.split_whitespace().nth(1)).unwrap_or("0");
            sum += kib.parse::<u64>()? * 1024;
        }
        Ok(sum)
    }
}

/// The processor time of a process, in the clock ticks of `/proc`.
fn ticks(process: u32) -> Result<u64, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in parentheses, may hold blanks; after it, utime and stime are the 12th and 13th.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .try_fold(0, |sum, field| Ok(sum + field.parse::<u64>()?))
}

/// All that are installed, running.
pub(crate) fn all(
    seal: &Path,
    material: &Material,
    origin: SocketAddr,
    cores: usize,
) -> Result<Vec<Contestant>, Failure> {
    let dir = material.dir.path();
    let path = |name: &str| dir.join(name).display().to_string();
    let (cert, key, both) = (path("cert.pem"), path("key.pem"), path("both.pem"));
    let mut all = Vec::new();

    let port = free_port()?;
    let mut command = Command::new(seal);
    command.args(["tunnel", "server", "--listen", &format!("127.0.0.1:{port}")]);
    command.args(["--target", &origin.to_string(), "--cert", &cert, "--key", &key]);
    command.args(["--workers", &cores.to_string(), "--log", "warn"]);
    all.extend(start("seal", port, command)?);

    let port = free_port()?;
    let file = path("haproxy.cfg");
    std::fs::write(
        &file,
        format!(
            "global\n  nbthread {cores}\n  maxconn 9000\n  ssl-default-bind-options ssl-min-ver TLSv1.2\n\
             defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 10m\n  timeout server 10m\n\
             listen t\n  bind 127.0.0.1:{port} ssl crt {both}\n  server s {origin}\n"
        ),
    )?;
    let mut command = Command::new("haproxy");
    command.args(["-db", "-f", &file]);
    all.extend(start("haproxy", port, command)?);

    let port = free_port()?;
    let mut command = Command::new("hitch");
    command.args(["-f", &format!("[127.0.0.1]:{port}"), "-n", &cores.to_string(), "--quiet"]);
    command.args([
        "-b",
        &format!("[{}]:{}", origin.ip(), origin.port()),
        "--tls-protos=TLSv1.2 TLSv1.3",
    ]);
    command.args(["--user=nobody", "--log-level=0", &both]);
    all.extend(start("hitch", port, command)?);

    let port = free_port()?;
    let file = path("stunnel.conf");
    std::fs::write(
        &file,
        format!(
            "foreground = yes\npid =\ndebug = 3\n[t]\naccept = 127.0.0.1:{port}\nconnect = {origin}\n\
             cert = {cert}\nkey = {key}\n"
        ),
    )?;
    let mut command = Command::new("stunnel4");
    command.arg(&file);
    all.extend(start("stunnel", port, command)?);
    Ok(all)
}

/// Starts one and waits until it listens; none when it is not installed.
fn start(
    name: &'static str,
    port: u16,
    mut command: Command,
) -> Result<Option<Contestant>, Failure> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = match command.spawn() {
        Ok(child) => child,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && name != "seal" => {
            println!("{name} is not installed, and left out");
            return Ok(None);
        }
        Err(e) => return Err(format!("{name}: {e}").into()),
    };
    let mut contestant = Contestant { name, port, child };
    let until = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Some(status) = contestant.child.try_wait()? {
            return Err(format!("{name} ended at once: {status}").into());
        }
        if Instant::now() > until {
            return Err(format!("{name} does not listen").into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(Some(contestant))
}

fn free_port() -> Result<u16, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn children(of: u32) -> Vec<u32> {
    let listed = std::fs::read_to_string(format!("/proc/{of}/task/{of}/children"));
    let direct: Vec<u32> =
        listed.unwrap_or_default().split_whitespace().flat_map(str::parse).collect();
    direct.iter().flat_map(|&child| std::iter::once(child).chain(children(child))).collect()
}
