//! The echo server of a few lines that all libraries are measured in.
//!
//! `bench/newest` compiles this file too: it names nothing else of this crate.

use std::future::Future;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The first byte of a connection that wants to be fed; any other is echoed, but for [`GET`].
pub(crate) const FEED: u8 = 0xfd;

/// The first byte of a request over HTTP, which a load generator of others sends.
const GET: u8 = b'G';

/// How much at once.
pub(crate) const FED: usize = 64 * 1024;

/// Serves on loopback until it is killed; `accept` does the handshake.
pub(crate) fn run<A, F, S, E>(port: u16, threads: usize, accept: A) -> std::io::Result<()>
where
    A: Fn(TcpStream) -> F,
    F: Future<Output = Result<S, E>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    E: Send,
{
    let mut builder = match threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    builder.enable_all();
    if threads > 1 {
        builder.worker_threads(threads);
    }
    builder.build()?.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        loop {
            let (tcp, _) = listener.accept().await?;
            tcp.set_nodelay(true)?;
            let accepting = accept(tcp);
            tokio::spawn(async move {
                // Clients that have what they wanted hang up without a word.
                if let Ok(stream) = accepting.await {
                    let _ = echo(stream).await;
                }
            });
        }
    })
}

async fn echo<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> std::io::Result<()> {
    // A connection that waits for its first byte takes no buffer of ours.
    let first = stream.read_u8().await?;
    if first == GET {
        return answer(stream).await;
    }
    stream.write_all(&[first]).await?;
    stream.flush().await?;
    if first == FEED {
        let food = vec![7; FED];
        loop {
            stream.write_all(&food).await?;
        }
    }
    let (mut reader, mut writer) = tokio::io::split(stream);
    // Once much is coming, the buffer is as large as two records and a half; until then, small.
    let mut buffer = vec![0; 4096];
    loop {
        let count = reader.read(&mut buffer).await?;
        if count == 0 {
            return writer.shutdown().await;
        }
        writer.write_all(&buffer[..count]).await?;
        writer.flush().await?;
        if count == buffer.len() && count < 64 * 1024 {
            buffer = vec![0; 64 * 1024];
        }
    }
}

/// Answers requests without bodies, each after the one before, until one says that it is the last.
async fn answer<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> std::io::Result<()> {
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nhello, world\n";
    const LAST: &[u8] = b"Connection: close";
    let mut request = Vec::with_capacity(1024);
    loop {
        while !request.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut request).await? == 0 {
                return stream.shutdown().await;
            }
        }
        stream.write_all(ANSWER).await?;
        stream.flush().await?;
        if request.windows(LAST.len()).any(|part| part == LAST) {
            return stream.shutdown().await;
        }
        request.clear();
    }
}
