//! A connection whose data can be read, with TLS around them or without.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use sealwire::{Peer, TlsStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::wire::Wire;

pub(crate) struct Stream {
    /// Data that were read and not taken.
    ahead: Bytes,
    kind: Kind,
}

enum Kind {
    Plain(Wire),
    Tls(Box<TlsStream<Wire>>),
}

impl Stream {
    pub(crate) fn plain(wire: Wire) -> Self {
        Self { ahead: Bytes::new(), kind: Kind::Plain(wire) }
    }

    pub(crate) fn tls(tls: TlsStream<Wire>) -> Self {
        Self { ahead: Bytes::new(), kind: Kind::Tls(Box::new(tls)) }
    }

    /// What TLS knows of the other side.
    pub(crate) fn peer(&self) -> Option<&Peer> {
        match &self.kind {
            Kind::Plain(_) => None,
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
        let data = data.into();
        if self.ahead.is_empty() {
            self.ahead = data;
        } else if !data.is_empty() {
            self.ahead = [&data[..], &self.ahead[..]].concat().into();
        }
    }

    /// The connection below, when there is no TLS on it.
    pub(crate) fn into_wire(self) -> Option<Wire> {
        match self.kind {
            Kind::Plain(mut wire) => {
                wire.put_back(self.ahead);
                Some(wire)
            }
            Kind::Tls(_) => None,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.ahead.is_empty() {
            let count = this.ahead.len().min(buf.remaining());
            buf.put_slice(&this.ahead[..count]);
            this.ahead.advance(count);
            return Poll::Ready(Ok(()));
        }
        match &mut this.kind {
            Kind::Plain(wire) => Pin::new(wire).poll_read(cx, buf),
            Kind::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().kind {
            Kind::Plain(wire) => Pin::new(wire).poll_write(cx, buf),
            Kind::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().kind {
            Kind::Plain(wire) => Pin::new(wire).poll_write_vectored(cx, bufs),
            Kind::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().kind {
            Kind::Plain(wire) => Pin::new(wire).poll_flush(cx),
            Kind::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().kind {
            Kind::Plain(wire) => Pin::new(wire).poll_shutdown(cx),
            Kind::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
