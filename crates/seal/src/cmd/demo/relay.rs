//! Part four: a relay between client and server that keeps what it sees.

use std::fmt::{self, Display};
use std::io;
use std::net::SocketAddr;

use serde::{Serialize, Serializer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::make::Material;
use super::talk::{acceptor, broken, connector, greet, listen};
use crate::cmd::serve::greet_and_echo;
use crate::say::failure::Failure;

/// What went by, and whether the words could be read in it.
#[derive(Serialize)]
pub(super) struct Seen {
    client_to_server: Bytes,
    server_to_client: Bytes,
    pub(super) words_readable: bool,
    /// Whether the server's name could be read: TLS asks for it in the open (SNI).
    pub(super) name_readable: bool,
}

/// The same conversation without TLS.
pub(super) async fn over_plain_tcp(words: &str) -> Result<Seen, Failure> {
    let listener = listen().await?;
    let server_address = listener.local_addr().map_err(|e| broken(&e))?;
    let server = async {
        let (mut tcp, _) = listener.accept().await?;
        let (mut reader, mut writer) = tcp.split();
        writer.write_all(b"Hello World !\n").await?;
        tokio::io::copy(&mut reader, &mut writer).await?;
        writer.shutdown().await
    };
    let client = |relay: SocketAddr| async move {
        let mut tcp = TcpStream::connect(relay).await?;
        tcp.write_all(words.as_bytes()).await?;
        tcp.shutdown().await?;
        tcp.read_to_end(&mut Vec::new()).await.map(|_| ())
    };
    listen_in(server_address, server, client, words).await
}

/// The same conversation with mutual TLS.
pub(super) async fn over_tls(material: &Material, words: &str) -> Result<Seen, Failure> {
    let listener = listen().await?;
    let server_address = listener.local_addr().map_err(|e| broken(&e))?;
    let acceptor = acceptor(material)?;
    let connector = connector(material, material.trust.clone())?;
    let server = async {
        let (tcp, _) = listener.accept().await?;
        let tls = acceptor.accept(tcp).await?;
        greet_and_echo(tls, std::future::pending()).await.map(|_| ())
    };
    let client = |relay: SocketAddr| async move {
        let tcp = TcpStream::connect(relay).await?;
        let name = "localhost".parse().expect("localhost is a name");
        greet(&mut connector.connect(name, tcp).await?, words).await.map(|_| ())
    };
    listen_in(server_address, server, client, words).await
}

/// Runs both sides with the relay between them.
async fn listen_in<C: Future<Output = io::Result<()>>>(
    server_address: SocketAddr,
    server: impl Future<Output = io::Result<()>>,
    client: impl FnOnce(SocketAddr) -> C,
    words: &str,
) -> Result<Seen, Failure> {
    let listener = listen().await?;
    let relay_address = listener.local_addr().map_err(|e| broken(&e))?;
    let relay = async {
        let (client, _) = listener.accept().await?;
        let server = TcpStream::connect(server_address).await?;
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::try_join!(pass_on(from_client, to_server), pass_on(from_server, to_client))
    };
    let ((), (), (client_to_server, server_to_client)) =
        tokio::try_join!(server, client(relay_address), relay).map_err(|e| broken(&e))?;
    let readable = |text: &str| {
        let within = |bytes: &[u8]| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        within(&client_to_server) || within(&server_to_client)
    };
    Ok(Seen {
        words_readable: readable(words),
        name_readable: readable("localhost"),
        client_to_server: Bytes(client_to_server),
        server_to_client: Bytes(server_to_client),
    })
}

/// Passes bytes on until the sender ends, and keeps a copy.
async fn pass_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
) -> io::Result<Vec<u8>> {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            // The other side may have closed the connection already.
            let _ = to.shutdown().await;
            return Ok(seen);
        }
        seen.extend_from_slice(&buffer[..count]);
        to.write_all(&buffer[..count]).await?;
    }
}

impl Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "    client to server, {} bytes", self.client_to_server.0.len())?;
        write!(f, "{}", self.client_to_server)?;
        writeln!(f, "    server to client, {} bytes", self.server_to_client.0.len())?;
        write!(f, "{}", self.server_to_client)?;
        let answer = if self.words_readable { "yes" } else { "no" };
        writeln!(f, "    Can the words be read? {answer}.")?;
        if self.name_readable {
            writeln!(
                f,
                "    What it still sees: both addresses, the name asked for, times and amounts."
            )?;
        }
        Ok(())
    }
}

/// Bytes that went by. Shown as a hex dump: the last of them, where the data are.
struct Bytes(Vec<u8>);

/// How many bytes are shown.
const SHOWN: usize = 48;

impl Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[self.0.len().saturating_sub(SHOWN)..];
        if shown.len() < self.0.len() {
            writeln!(f, "      ... the last {SHOWN} of them:")?;
        }
        for line in shown.chunks(16) {
            let hex: String = line.iter().map(|byte| format!("{byte:02x} ")).collect();
            writeln!(f, "      {hex:<48} {}", ascii(line))?;
        }
        Ok(())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let hex: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&hex)
    }
}

fn ascii(bytes: &[u8]) -> String {
    bytes.iter().map(|&b| if matches!(b, 0x20..=0x7e) { char::from(b) } else { '.' }).collect()
}
