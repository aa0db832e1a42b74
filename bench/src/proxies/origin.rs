//! What is behind the proxies: a server of HTTP/1.1, in plain on one port and over TLS on another, which
//! has as many bytes as its path says, and counts those that it gets.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::client::{Head, head};
use crate::contestant::{Failure, Stream};
use crate::servers::rustls_config;

/// Serve as what is behind debugging proxies.
#[derive(clap::Args)]
pub(crate) struct ServeOrigin {
    plain: u16,
    tls: u16,
    cert: PathBuf,
    key: PathBuf,
}

/// How much is sent at once.
const PIECE: usize = 64 * 1024;

pub(crate) fn serve(args: &ServeOrigin) -> Result<(), Failure> {
    let acceptor = rustls_config(&args.cert, &args.key)?;
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(acceptor));
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let plain = TcpListener::bind(("127.0.0.1", args.plain)).await?;
        let tls = TcpListener::bind(("127.0.0.1", args.tls)).await?;
        loop {
            let (tcp, acceptor) = tokio::select! {
                accepted = plain.accept() => (accepted?.0, None),
                accepted = tls.accept() => (accepted?.0, Some(acceptor.clone())),
            };
            tcp.set_nodelay(true)?;
            tokio::spawn(async move {
                // A proxy that hangs up has had what it wanted.
                let _ = match acceptor {
                    Some(acceptor) => answer(acceptor.accept(tcp).await?).await,
                    None => answer(tcp).await,
                };
                Ok::<(), Failure>(())
            });
        }
    })
}

/// Answers one request after another.
async fn answer(mut stream: impl Stream) -> Result<(), Failure> {
    let (mut room, piece) = (Vec::with_capacity(4096), vec![b'x'; PIECE]);
    loop {
        let Some(Head { first, length }) = head(&mut stream, &mut room).await? else {
            return Ok(());
        };
        let mut left = length.unwrap_or(0).saturating_sub(room.len() as u64);
        room.clear();
        let mut taken = vec![0; if left > 0 { PIECE } else { 0 }];
        while left > 0 {
            match stream.read(&mut taken).await? {
                0 => return Ok(()),
                count => left = left.saturating_sub(count as u64),
            }
        }
        let path = first.split(' ').nth(1).unwrap_or_default();
        let mut left: usize = path.trim_start_matches('/').parse()?;
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {left}\r\n\r\n"
        );
        let first = left.min(PIECE);
        stream.write_all(&[head.as_bytes(), &piece[..first]].concat()).await?;
        left -= first;
        while left > 0 {
            let count = left.min(PIECE);
            stream.write_all(&piece[..count]).await?;
            left -= count;
        }
        stream.flush().await?;
    }
}
