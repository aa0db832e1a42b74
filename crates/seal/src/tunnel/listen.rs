//! Opening the places that services listen on: before privileges are dropped, so by the standard
//! library; each worker then has a handle of its own.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use listenfd::ListenFd;
use socket2::{Domain, Protocol, SockAddr, SockRef, Type};

use super::endpoint::Listen;
use super::socket::{self, Listener};
use crate::say::failure::Failure;

/// A socket that is listened on.
#[derive(Debug)]
pub(crate) struct Open {
    socket: Kind,
    /// The address, as a client would connect to it.
    pub(crate) shown: String,
    /// A socket file of ours, removed at the end.
    _file: Option<SocketFile>,
}

#[derive(Debug)]
enum Kind {
    Tcp(std::net::TcpListener),
    Unix(UnixListener),
}

/// Removes the file of a Unix socket when dropped.
#[derive(Debug)]
struct SocketFile(PathBuf);

/// The sockets that systemd gave us, by name.
pub(crate) struct FromSystemd {
    sockets: ListenFd,
    names: Vec<Option<String>>,
}

/// How many connections wait in the system's queue while we are busy. The kernel caps it
/// (`net.core.somaxconn`, 4096 by default).
const BACKLOG: i32 = 4096;

impl Open {
    /// Opens a place.
    ///
    /// # Errors
    /// With the place, and what to do.
    pub(crate) fn at(listen: &Listen, systemd: &mut FromSystemd) -> Result<Self, Failure> {
        let opened = match listen {
            Listen::Tcp(address) => Self::tcp(*address),
            Listen::Unix(path) => Self::unix(path),
            Listen::Systemd(name) => return systemd.take(name.as_deref()),
        };
        opened.map_err(|e| cannot_listen(listen, &e))
    }

    /// Whether only this machine can come in.
    pub(crate) fn is_local(&self) -> bool {
        match &self.socket {
            Kind::Tcp(tcp) => tcp.local_addr().is_ok_and(|a| a.ip().to_canonical().is_loopback()),
            Kind::Unix(_) => true,
        }
    }

    /// A handle for the runtime of the calling thread.
    pub(crate) fn listener(&self) -> io::Result<Listener> {
        match &self.socket {
            Kind::Tcp(tcp) => {
                tokio::net::TcpListener::from_std(tcp.try_clone()?).map(Listener::Tcp)
            }
            Kind::Unix(unix) => {
                tokio::net::UnixListener::from_std(unix.try_clone()?).map(Listener::Unix)
            }
        }
    }

    fn tcp(address: SocketAddr) -> io::Result<Self> {
        let domain = Domain::for_address(address);
        let socket = socket2::Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        // A restart need not wait for the connections of before.
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            // `[::]` means every address, whatever the system's default.
            socket.set_only_v6(false)?;
        }
        socket.bind(&SockAddr::from(address))?;
        socket.listen(BACKLOG)?;
        Self::of_tcp(socket.into())
    }

    fn of_tcp(tcp: std::net::TcpListener) -> io::Result<Self> {
        tcp.set_nonblocking(true)?;
        socket::tune(&SockRef::from(&tcp));
        let shown = tcp.local_addr()?.to_string();
        Ok(Self { socket: Kind::Tcp(tcp), shown, _file: None })
    }

    fn unix(path: &Path) -> io::Result<Self> {
        let unix = match UnixListener::bind(path) {
            Err(e) if e.kind() == io::ErrorKind::AddrInUse && is_left_over(path) => {
                std::fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            bound => bound?,
        };
        let file = Some(SocketFile(path.to_path_buf()));
        Self::of_unix(unix, format!("unix:{}", path.display()), file)
    }

    fn of_unix(unix: UnixListener, shown: String, file: Option<SocketFile>) -> io::Result<Self> {
        unix.set_nonblocking(true)?;
        Ok(Self { socket: Kind::Unix(unix), shown, _file: file })
    }
}

impl FromSystemd {
    /// What `LISTEN_FDS` and `LISTEN_FDNAMES` name.
    pub(crate) fn from_env() -> Self {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let sockets = ListenFd::from_env();
        let mut names: Vec<_> = names.split(':').map(|name| Some(name.to_owned())).collect();
        names.resize(sockets.len(), None);
        Self { sockets, names }
    }

    /// The socket of this name, or the next one.
    fn take(&mut self, name: Option<&str>) -> Result<Open, Failure> {
        let wanted = || name.map_or_else(|| "systemd".to_owned(), |name| format!("systemd:{name}"));
        let free = |taken: &Option<String>| match name {
            Some(name) => taken.as_deref() == Some(name),
            None => taken.is_some(),
        };
        let Some(index) = self.names.iter().position(free) else {
            let given: Vec<_> = self.names.iter().flatten().map(String::as_str).collect();
            let fact = match self.sockets.len() {
                0 => "no socket from systemd (LISTEN_FDS)".to_owned(),
                _ => format!("no such socket among those of systemd: {given:?}"),
            };
            return Err(Failure::usage(format!("{}: {fact}", wanted()))
                .advise("a .socket unit names them by FileDescriptorName="));
        };
        self.names[index] = None;
        let bad = |e: io::Error| Failure::usage(format!("{}: {e}", wanted()));
        if let Ok(Some(tcp)) = self.sockets.take_tcp_listener(index) {
            return Open::of_tcp(tcp).map_err(bad);
        }
        match self.sockets.take_unix_listener(index) {
            Ok(Some(unix)) => {
                let path =
                    unix.local_addr().ok().and_then(|a| a.as_pathname().map(Path::to_path_buf));
                let shown = path.map_or_else(wanted, |path| format!("unix:{}", path.display()));
                Open::of_unix(unix, shown, None).map_err(bad)
            }
            Ok(None) => Err(bad(io::ErrorKind::NotFound.into())),
            Err(e) => Err(bad(e)),
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Without the right to, it is removed at the next start.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Whether a stale socket file is there.
fn is_left_over(path: &Path) -> bool {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket());
    is_socket
        && std::os::unix::net::UnixStream::connect(path)
            .is_err_and(|e| e.kind() == io::ErrorKind::ConnectionRefused)
}

fn cannot_listen(listen: &Listen, error: &io::Error) -> Failure {
    let fact = |fact: &str| Failure::usage(format!("{listen}: {fact}"));
    match error.kind() {
        io::ErrorKind::AddrInUse => fact("the address is in use"),
        io::ErrorKind::PermissionDenied => fact("permission denied")
            .advise("ports under 1024 need privileges, or a socket from systemd"),
        io::ErrorKind::AddrNotAvailable => fact("not an address of this machine"),
        _ => fact(&format!("cannot listen: {error}")),
    }
}
