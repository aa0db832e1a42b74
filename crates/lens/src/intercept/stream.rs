//! A connection whose data can be read, with TLS around them or without.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use sealwire::{Peer, TlsStream};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::ahead::Ahead;
use super::wire::Wire;

pub(crate) struct Stream {
    ahead: Ahead,
    kind: Kind,
}

enum Kind {
    Plain(Wire),
    Tls(Box<TlsStream<Wire>>),
    /// Within this process: to what composes requests.
    Memory(DuplexStream),
}

/// What bytes go by.
trait Connection: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Connection for T {}

impl Stream {
    pub(crate) fn plain(wire: Wire) -> Self {
        Self { ahead: Ahead::default(), kind: Kind::Plain(wire) }
    }

    pub(crate) fn tls(tls: TlsStream<Wire>) -> Self {
        Self { ahead: Ahead::default(), kind: Kind::Tls(Box::new(tls)) }
    }

    pub(crate) fn memory(end: DuplexStream) -> Self {
        Self { ahead: Ahead::default(), kind: Kind::Memory(end) }
    }

    /// What TLS knows of the other side.
    pub(crate) fn peer(&self) -> Option<&Peer> {
        match &self.kind {
            Kind::Plain(_) | Kind::Memory(_) => None,
            Kind::Tls(tls) => Some(tls.peer()),
        }
    }

    /// The protocol that ALPN chose.
    pub(crate) fn alpn(&self) -> Option<&[u8]> {
        self.peer()?.alpn()
    }

    pub(crate) fn is_tls(&self) -> bool {
        matches!(self.kind, Kind::Tls(_))
    }

    /// Puts data before what comes.
    pub(crate) fn put_back(&mut self, data: impl Into<Bytes>) {
        self.ahead.put_before(data.into());
    }

    /// The connection below, when there is no TLS on it.
    pub(crate) fn into_wire(mut self) -> Option<Wire> {
        match self.kind {
            Kind::Plain(mut wire) => {
                wire.put_back(self.ahead.take());
                Some(wire)
            }
            Kind::Tls(_) | Kind::Memory(_) => None,
        }
    }

    fn connection(self: Pin<&mut Self>) -> Pin<&mut dyn Connection> {
        match &mut self.get_mut().kind {
            Kind::Plain(wire) => Pin::new(wire),
            Kind::Tls(tls) => Pin::new(tls),
            Kind::Memory(end) => Pin::new(end),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.read(buf) {
            return Poll::Ready(Ok(()));
        }
        self.connection().poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.connection().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.connection().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection().poll_shutdown(cx)
    }
}
