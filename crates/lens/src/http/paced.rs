//! A connection of HTTP/2 that is read in turns, and not without end where no window holds it back.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::PREFACE;
use super::empty::EmptyFrames;

/// So much is read before others get their turn: small frames take many times their bytes in memory
/// until the task of their stream has run.
const TURN: usize = 64 * 1024;

/// Why a connection could not be read on. `h2` keeps the words of an error alone.
pub(super) type Failure = Arc<OnceLock<sealwire::Error>>;

/// Reads at most [`TURN`] bytes, then yields to the tasks that what was read has woken. Fails when
/// [`EmptyFrames`] do not end.
pub(super) struct Paced<S> {
    stream: S,
    left: usize,
    empty: EmptyFrames,
    failure: Failure,
}

impl<S> Paced<S> {
    /// Data from a server, and the reason of its end.
    pub(super) fn origin(stream: S) -> (Self, Failure) {
        let paced = Self::new(stream, 0);
        let failure = paced.failure.clone();
        (paced, failure)
    }

    /// What comes from a client, its preface first.
    pub(super) fn client(stream: S) -> Self {
        Self::new(stream, PREFACE.len())
    }

    fn new(stream: S, frames_after: usize) -> Self {
        let empty = EmptyFrames::after(frames_after);
        Self { stream, left: TURN, empty, failure: Failure::default() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            self.left = TURN;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_pending() {
            self.left = TURN;
        }
        if let Err(error) = ready!(read) {
            let error = self.failure.get_or_init(|| error.into()).clone();
            return Poll::Ready(Err(error.into()));
        }
        let read = &buf.filled()[before..];
        self.left = self.left.saturating_sub(read.len());
        Poll::Ready(self.empty.hear(read))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
