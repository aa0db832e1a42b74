//! Servers that are bad below TLS, or before it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

/// The header of a record: its type, a version, its length.
const HEADER: usize = 5;
/// A ClientHello that does not fit into one packet of Ethernet any longer.
const ONE_PACKET: usize = 1400;

/// Reads until the client leaves.
pub(super) async fn ignore(tcp: &mut TcpStream) -> io::Result<()> {
    let mut room = [0; 4096];
    while tcp.read(&mut room).await? > 0 {}
    Ok(())
}

/// Ends our side in good order, and waits for the client to end its own: what it has sent unread would make
/// a reset of it.
pub(super) async fn close(tcp: &mut TcpStream) -> io::Result<()> {
    tcp.shutdown().await?;
    ignore(tcp).await
}

/// Reads the client's first record.
pub(super) async fn hello(tcp: &mut TcpStream) -> io::Result<()> {
    let mut header = [0; HEADER];
    tcp.read_exact(&mut header).await?;
    let mut record = vec![0; length(header)];
    tcp.read_exact(&mut record).await?;
    Ok(())
}

/// Whether the client's first record is more than a packet holds. It stays unread.
pub(super) async fn is_big(tcp: &TcpStream) -> io::Result<bool> {
    let mut header = [0; HEADER];
    // The header comes with the first packet, but for clients that dribble.
    while tcp.peek(&mut header).await? < HEADER {
        tcp.readable().await?;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(HEADER + length(header) > ONE_PACKET)
}

fn length(header: [u8; HEADER]) -> usize {
    usize::from(u16::from_be_bytes([header[3], header[4]]))
}

/// Ends the connection by a reset.
pub(super) fn reset(tcp: TcpStream) -> io::Result<()> {
    SockRef::from(&tcp).set_linger(Some(Duration::ZERO))?;
    drop(tcp);
    Ok(())
}

/// Says over plain HTTP that this is plain HTTP.
pub(super) async fn answer_in_plain(tcp: &mut TcpStream) -> io::Result<()> {
    let mut room = [0; 4096];
    if tcp.read(&mut room).await? == 0 {
        return Ok(());
    }
    let text = "this is plain HTTP\n";
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    tcp.write_all(answer.as_bytes()).await?;
    close(tcp).await
}

/// Sends a record of handshake data that is four times as long as one may be (RFC 8446, 5.1).
pub(super) async fn long_record(tcp: &mut TcpStream) -> io::Result<()> {
    let mut record = vec![0; HEADER + 65535];
    record[..HEADER].copy_from_slice(&[22, 3, 3, 0xff, 0xff]);
    tcp.write_all(&record).await?;
    close(tcp).await
}

/// A transport that passes one record on, and swallows what follows.
pub(super) struct OneRecord {
    tcp: TcpStream,
    header: Vec<u8>,
    /// What of the record, with its header, has not passed.
    left: Option<usize>,
}

impl OneRecord {
    pub(super) fn new(tcp: TcpStream) -> Self {
        Self { tcp, header: Vec::new(), left: None }
    }

    /// How much of these bytes passes.
    fn passing(&mut self, bytes: &[u8]) -> usize {
        let left = match self.left {
            Some(left) => left,
            None => {
                let missing = HEADER - self.header.len();
                self.header.extend(&bytes[..missing.min(bytes.len())]);
                match <[u8; HEADER]>::try_from(self.header.as_slice()) {
                    Ok(header) => {
                        // What has passed of the header already is not left.
                        let passed = HEADER - missing;
                        let left = HEADER + length(header) - passed;
                        self.left = Some(left);
                        left
                    }
                    Err(_) => bytes.len(),
                }
            }
        };
        left.min(bytes.len())
    }
}

impl AsyncRead for OneRecord {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buffer)
    }
}

impl AsyncWrite for OneRecord {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let passing = self.passing(bytes);
        if passing == 0 {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = std::task::ready!(Pin::new(&mut self.tcp).poll_write(cx, &bytes[..passing]))?;
        if let Some(left) = &mut self.left {
            *left -= written;
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
