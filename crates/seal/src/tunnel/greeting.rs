//! Asking a target for TLS by its protocol, and keeping its greeting for the client: a client that
//! speaks the protocol in plaintext waits for one, and after TLS the target gives no other.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::socket::Socket;
use sealwire::starttls::{self, Protocol};

/// Asks for TLS. Gives the socket, on which TLS begins now, and what the target said first.
///
/// # Errors
/// When the target does not want TLS, or speaks another protocol.
pub(super) async fn ask(
    socket: Socket,
    protocol: Protocol,
    name: &str,
) -> Result<(Socket, Vec<u8>), starttls::Error> {
    let mut heard = Heard { socket, first: Vec::new(), spoken: false };
    starttls::ask(&mut heard, protocol, name).await?;
    Ok((heard.socket, heard.first))
}

/// Remembers what was heard before anything was said.
struct Heard {
    socket: Socket,
    first: Vec<u8>,
    spoken: bool,
}

impl AsyncRead for Heard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(self.socket.poll_read(cx, buf))?;
        if !self.spoken {
            self.first.extend_from_slice(&buf.filled()[before..]);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Heard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.spoken = true;
        self.socket.poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.socket.shutdown())
    }
}
