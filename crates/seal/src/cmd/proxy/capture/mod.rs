//! All TCP connections of a command, whether it reads proxy variables or not: it runs in a network
//! namespace of its own, from which the only way out is the proxy. Linux only; no root where the kernel
//! lets every user create namespaces.
//!
//! Outside, the proxy has a Unix socket, which is reached from every namespace. Inside, this program is
//! started again ([`inside`]), sends every connection there, and runs the command.

mod inside;
mod names;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) use inside::{InsideArgs, run};
use tokio::net::{TcpStream, UnixListener};

use crate::say::failure::Failure;

/// How a namespace of the network is made, in which this user is root.
const NAMESPACES: [&str; 4] = ["--user", "--map-root-user", "--net", "--"];

/// The way out of the namespace, as long as it is not dropped.
pub(super) struct Outside {
    socket: PathBuf,
    bridging: tokio::task::JoinHandle<()>,
}

impl Outside {
    /// Looks if it can be done here, and opens the way to the proxy at `address`. The socket lies in
    /// `folder`, which no other user can enter.
    pub(super) fn new(folder: &Path, address: SocketAddr) -> Result<Self, Failure> {
        check()?;
        let socket = folder.join("way-out");
        let listener = UnixListener::bind(&socket)
            .map_err(|e| Failure::usage(format!("--capture-all: {}: {e}", socket.display())))?;
        let bridging = tokio::spawn(async move {
            while let Ok((mut inside, _)) = listener.accept().await {
                tokio::spawn(async move {
                    if let Ok(mut proxy) = TcpStream::connect(address).await {
                        let _ = tokio::io::copy_bidirectional(&mut inside, &mut proxy).await;
                    }
                });
            }
        });
        Ok(Self { socket, bridging })
    }

    /// The command, as it is run inside.
    pub(super) fn command(&self, command: &[OsString]) -> Result<Vec<OsString>, Failure> {
        let ourselves = std::env::current_exe()
            .map_err(|e| Failure::usage(format!("--capture-all: this program's file: {e}")))?;
        let mut all: Vec<OsString> = vec!["unshare".into()];
        all.extend(NAMESPACES.map(OsString::from));
        all.extend([ourselves.into(), "proxy".into(), "captured".into()]);
        all.extend(["--way-out".into(), self.socket.clone().into()]);
        let (user, group) = (nix::unistd::getuid(), nix::unistd::getgid());
        all.extend(["--uid".into(), user.to_string().into()]);
        all.extend(["--gid".into(), group.to_string().into(), "--".into()]);
        all.extend_from_slice(command);
        Ok(all)
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.bridging.abort();
    }
}

/// Whether this machine can do it.
fn check() -> Result<(), Failure> {
    for (name, package) in [("unshare", "util-linux"), ("ip", "iproute2"), ("nft", "nftables")] {
        let found = Command::new(program(name)).arg("--version").output();
        if found.is_err_and(|e| e.kind() == ErrorKind::NotFound) {
            let fact = format!("--capture-all needs the program {name}, which is not installed");
            return Err(Failure::usage(fact).advise(format!("install {package}")));
        }
    }
    let tried = Command::new("unshare").args(NAMESPACES).arg("true").output();
    let tried = tried.map_err(|e| Failure::usage(format!("--capture-all: unshare: {e}")))?;
    if tried.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&tried.stderr);
    let fact = format!("--capture-all: cannot create a namespace: {}", said.trim());
    Err(Failure::usage(fact).advise(
        "the kernel keeps them from users (sysctl kernel.apparmor_restrict_unprivileged_userns, \
         kernel.unprivileged_userns_clone or user.max_user_namespaces), or a container does; as root it \
         may do",
    ))
}

/// A program of the system's. Some lie where the search path of an ordinary user does not lead.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let mut files = folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join(name));
    files.find(|file| file.is_file()).unwrap_or_else(|| name.into())
}
