//! The founding document's server: it greets, then echoes.

use std::io;

use sealwire::TlsStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Greets, then sends back what comes until the client has no more, or `stop` says so. Gives the
/// number of bytes sent back.
pub(crate) async fn greet_and_echo(
    stream: TlsStream<TcpStream>,
    stop: impl Future<Output = ()>,
) -> io::Result<u64> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    writer.write_all(b"Hello World !\n").await?;
    tokio::pin!(stop);
    let mut buffer = vec![0; 16 * 1024];
    let mut bytes = 0;
    loop {
        let read = tokio::select! {
            read = reader.read(&mut buffer) => read?,
            () = &mut stop => 0,
        };
        if read == 0 {
            break;
        }
        writer.write_all(&buffer[..read]).await?;
        bytes += read as u64;
    }
    writer.shutdown().await?;
    Ok(bytes)
}
