//! The transport of a server, besides reading and writing.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// A transport of a server's connection.
///
/// A socket that is closed while something of the peer's is unread is reset, and the alert that says
/// why the peer is refused may be lost with it. So the sending side is shut down alone, and what
/// still comes is read for a while (as [`wire::FAREWELL`](crate::wire::FAREWELL) has it). That can be
/// done with the sockets of the standard library. For a transport of your own, an empty
/// `impl Transport` will do: it is closed at once then.
pub trait Transport: Read + Write {
    /// Ends the side that sends, and lets no later read last longer than `limit`.
    ///
    /// # Errors
    /// When that cannot be done. Nothing is read then.
    fn end_sending(&mut self, limit: Duration) -> io::Result<()> {
        let _ = limit;
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// For a socket, whose methods want no `mut`.
macro_rules! socket {
    ($($socket:ty)*) => {$(
        impl Transport for $socket {
            fn end_sending(&mut self, limit: Duration) -> io::Result<()> {
                self.shutdown(Shutdown::Write)?;
                self.set_read_timeout(Some(limit))
            }
        }
    )*};
}

socket!(TcpStream & TcpStream);
#[cfg(unix)]
socket!(UnixStream & UnixStream);

impl<T: Transport + ?Sized> Transport for &mut T {
    fn end_sending(&mut self, limit: Duration) -> io::Result<()> {
        (**self).end_sending(limit)
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn end_sending(&mut self, limit: Duration) -> io::Result<()> {
        (**self).end_sending(limit)
    }
}
