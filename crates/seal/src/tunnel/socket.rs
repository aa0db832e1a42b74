//! A connected socket of either kind, and the listeners that give them out.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// A TCP or Unix connection.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A listening socket in the hands of one worker.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A connection that is between two workers.
#[derive(Debug)]
pub(crate) enum Parked {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

impl Socket {
    /// Connects over TCP.
    pub(crate) async fn tcp(address: SocketAddr) -> io::Result<Self> {
        Ok(Self::of_tcp(TcpStream::connect(address).await?))
    }

    /// Connects to a Unix socket.
    pub(crate) async fn unix(path: &std::path::Path) -> io::Result<Self> {
        UnixStream::connect(path).await.map(Self::Unix)
    }

    fn of_tcp(tcp: TcpStream) -> Self {
        tune(&SockRef::from(&tcp));
        Self::Tcp(tcp)
    }

    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Unix(unix) => Pin::new(unix).poll_read(cx, buf),
        }
    }

    /// What has come since the last read, without waiting: `None` is nothing. tokio takes a read that
    /// did not fill its buffer for the last, and asks the system for events before the next.
    pub(crate) fn read_now(&mut self, buf: &mut [u8]) -> io::Result<Option<usize>> {
        let read = match self {
            Self::Tcp(tcp) => (&*SockRef::from(&*tcp)).read(buf),
            Self::Unix(unix) => (&*SockRef::from(&*unix)).read(buf),
        };
        match read {
            Err(e)
                if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) =>
            {
                Ok(None)
            }
            read => read.map(Some),
        }
    }

    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Unix(unix) => Pin::new(unix).poll_write(cx, buf),
        }
    }

    /// Says that nothing more is sent. Never waits.
    pub(crate) fn shutdown(&mut self) -> io::Result<()> {
        let done = match self {
            Self::Tcp(tcp) => SockRef::from(&*tcp).shutdown(std::net::Shutdown::Write),
            Self::Unix(unix) => SockRef::from(&*unix).shutdown(std::net::Shutdown::Write),
        };
        match done {
            // The peer has closed the connection already: there is nothing left to end.
            Err(e) if e.kind() == io::ErrorKind::NotConnected => Ok(()),
            done => done,
        }
    }

    /// Closing will be a reset, so that the peer does not take it for a regular end.
    pub(crate) fn reset_on_close(&self) {
        if let Self::Tcp(tcp) = self {
            let _ = SockRef::from(tcp).set_linger(Some(Duration::ZERO));
        }
    }

    /// Our own address on this connection.
    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(tcp) => tcp.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }
}

/// How our TCP sockets behave, and those that a listener gives out.
pub(crate) fn tune(tcp: &SockRef<'_>) {
    // What is written is whole; waiting for more only adds delay.
    let _ = tcp.set_tcp_nodelay(true);
    // A peer whose machine is gone is noticed, though nothing is sent to it.
    let alive = TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(15));
    let _ = tcp.set_tcp_keepalive(&alive);
}

/// For what is said before a relay begins: STARTTLS.
impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Self::poll_read(self.get_mut(), cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Self::poll_write(self.get_mut(), cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.get_mut().shutdown())
    }
}

impl Listener {
    /// The next connection, and where it comes from (no address on a Unix socket).
    pub(crate) async fn accept(&self) -> io::Result<(Socket, Option<SocketAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (tcp, source) = listener.accept().await?;
                // On Linux it has what was set on its listener.
                let socket = match cfg!(target_os = "linux") {
                    true => Socket::Tcp(tcp),
                    false => Socket::of_tcp(tcp),
                };
                Ok((socket, Some(source)))
            }
            Self::Unix(listener) => {
                let (unix, _) = listener.accept().await?;
                Ok((Socket::Unix(unix), None))
            }
        }
    }
}

impl Parked {
    /// Takes a connection out of this thread's runtime.
    pub(crate) fn park(socket: Socket) -> io::Result<Self> {
        match socket {
            Socket::Tcp(tcp) => tcp.into_std().map(Self::Tcp),
            Socket::Unix(unix) => unix.into_std().map(Self::Unix),
        }
    }

    /// Puts it into the runtime of the calling thread.
    pub(crate) fn unpark(self) -> io::Result<Socket> {
        match self {
            Self::Tcp(tcp) => TcpStream::from_std(tcp).map(Socket::Tcp),
            Self::Unix(unix) => UnixStream::from_std(unix).map(Socket::Unix),
        }
    }
}
