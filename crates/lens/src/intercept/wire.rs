//! A TCP connection whose first bytes may have been read already, which counts, and whose bytes are
//! recorded on request.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::ahead::Ahead;
use super::recorder::ConnectionRecorder;
use crate::flow::{Direction, Leg};

pub(crate) struct Wire {
    tcp: TcpStream,
    ahead: Ahead,
    leg: Leg,
    /// Only when the bytes are wanted.
    recorder: Option<ConnectionRecorder>,
    counts: Arc<Counts>,
}

/// Bytes on the wire: read from the other side, written to it.
#[derive(Default)]
pub(crate) struct Counts([AtomicU64; 2]);

impl Counts {
    pub(crate) fn get(&self) -> [u64; 2] {
        [self.0[0].load(Ordering::Relaxed), self.0[1].load(Ordering::Relaxed)]
    }
}

impl Wire {
    pub(crate) fn new(tcp: TcpStream, leg: Leg, recorder: &ConnectionRecorder) -> Self {
        // What is written is whole; waiting for more would only delay it.
        let _ = tcp.set_nodelay(true);
        let recorder = recorder.wants_wire().then(|| recorder.clone());
        Self { tcp, ahead: Ahead::default(), leg, recorder, counts: Arc::default() }
    }

    pub(crate) fn peer_addr(&self) -> Option<SocketAddr> {
        self.tcp.peer_addr().ok()
    }

    /// Reads more, without taking it: what has come so far. It does not grow when the other side has
    /// ended.
    pub(crate) async fn look_ahead(&mut self) -> io::Result<&Bytes> {
        let mut more = BytesMut::with_capacity(4096);
        self.tcp.read_buf(&mut more).await?;
        self.told(true, &more);
        self.ahead.put_behind(more.freeze());
        Ok(self.ahead.get())
    }

    /// What has come and is not taken.
    pub(crate) fn ahead(&self) -> &Bytes {
        self.ahead.get()
    }

    /// Takes what has come.
    pub(crate) fn take_ahead(&mut self) -> Bytes {
        self.ahead.take()
    }

    /// Puts bytes before what comes.
    pub(crate) fn put_back(&mut self, bytes: impl Into<Bytes>) {
        self.ahead.put_before(bytes.into());
    }

    pub(crate) fn counts(&self) -> Arc<Counts> {
        self.counts.clone()
    }

    fn told(&self, read: bool, bytes: &[u8]) {
        self.counts.0[usize::from(!read)].fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if let Some(recorder) = &self.recorder
            && !bytes.is_empty()
        {
            let direction = match (self.leg, read) {
                (Leg::Client, true) | (Leg::Origin, false) => Direction::Request,
                _ => Direction::Response,
            };
            recorder.wire(self.leg, direction, bytes);
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.ahead.read(buf) {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.tcp).poll_read(cx, buf))?;
        this.told(true, &buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.tcp).poll_write(cx, buf))?;
        this.told(false, &buf[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.tcp).poll_write_vectored(cx, bufs))?;
        let mut left = written;
        for piece in bufs {
            let taken = piece.len().min(left);
            this.told(false, &piece[..taken]);
            left -= taken;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(cx)
    }
}
