//! The founding document's two programs, large transfers and half-closed connections.

use aws_lc_rs::digest::{SHA256, digest};
use sealwire::verify::NameCheck;
use sealwire::{Acceptor, Connector, Listener, TlsStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::peers::credentials::{context, credentials};
use crate::peers::{Peer, in_time};
use crate::{VERSIONS, present, script};

async fn dial(port: u16, connector: &Connector) -> TlsStream<TcpStream> {
    let tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    in_time(connector.connect("localhost".parse().unwrap(), tcp)).await.unwrap()
}

/// The certificate that the document makes: X.509 v1, self-signed, and its own CA.
#[tokio::test(flavor = "multi_thread")]
async fn the_founding_documents_programs() {
    if !present() {
        return;
    }
    let files = credentials().files("tutorial");
    let founding = |role: &str| {
        let mut command = script("founding.js");
        command.arg(role).arg(&files.key).arg(&files.cert).arg(&files.cert);
        command
    };
    let ours = context("tutorial", "tutorial").build().unwrap();

    let mut server = Peer::start(&mut founding("server"));
    let port = server.port("PORT");
    let connector = Connector::new(ours.clone()).name_check(NameCheck::Node);
    let mut stream = dial(port, &connector).await;
    assert!(stream.peer().authorized());
    let mut greeting = [0; 14];
    in_time(stream.read_exact(&mut greeting)).await.unwrap();
    assert_eq!(&greeting, b"Hello World !\n");
    stream.write_all(b"what goes in").await.unwrap();
    let mut echo = [0; 12];
    in_time(stream.read_exact(&mut echo)).await.unwrap();
    assert_eq!(&echo, b"what goes in");
    stream.shutdown().await.unwrap();
    assert_eq!(in_time(stream.read(&mut echo)).await.unwrap(), 0);

    let mut listener = Listener::bind("127.0.0.1:0", Acceptor::new(ours)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut client = Peer::start(founding("client").arg(port.to_string()));
    let (mut stream, _) = in_time(listener.accept()).await.unwrap();
    stream.write_all(b"Hello World !\n").await.unwrap();
    let mut rest = Vec::new();
    in_time(stream.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.is_empty());
    stream.shutdown().await.unwrap();
    client.line("authorized");
    client.line("data: Hello World !");
    assert!(client.finish().1);
}

/// 5 MiB and a bit, of a pattern that notices what is missing or out of place.
const LENGTH: usize = 5 * 1024 * 1024 + 12_345;

fn pattern() -> Vec<u8> {
    (0..LENGTH).map(|i| (i * 31 + (i >> 8)) as u8).collect()
}

/// Sends the pattern while receiving all that comes, each way to its end.
async fn transfer(stream: TlsStream<TcpStream>) -> Vec<u8> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let sender = tokio::spawn(async move {
        writer.write_all(&pattern()).await.unwrap();
        writer.shutdown().await.unwrap();
    });
    let mut received = Vec::new();
    in_time(reader.read_to_end(&mut received)).await.unwrap();
    in_time(sender).await.unwrap();
    received
}

#[tokio::test(flavor = "multi_thread")]
async fn large_transfers_both_ways_at_once() {
    if !present() {
        return;
    }
    let hex = |data: &[u8]| -> String {
        digest(&SHA256, data).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let expected = format!("{LENGTH} {}", hex(&pattern()));
    let files = credentials().files("p256");
    for version in VERSIONS {
        let mut command = script("transfer.js");
        command.args(["server", &LENGTH.to_string()]).arg(&files.cert).arg(&files.key);
        let mut server = Peer::start(&mut command);
        let port = server.port("PORT");
        let client = context("", "ca").versions(version..=version).build().unwrap();
        let received = transfer(dial(port, &Connector::new(client)).await).await;
        assert!(received == pattern(), "{version}: {} bytes came", received.len());
        assert_eq!(server.line("RECEIVED "), expected, "{version}");

        let ours = context("p256", "").versions(version..=version).build().unwrap();
        let mut listener = Listener::bind("127.0.0.1:0", Acceptor::new(ours)).await.unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let mut command = script("transfer.js");
        command.args(["client", &LENGTH.to_string()]).arg(credentials().files("ca").cert).arg(port);
        let mut client = Peer::start(&mut command);
        let (stream, _) = in_time(listener.accept()).await.unwrap();
        let received = transfer(stream).await;
        assert!(received == pattern(), "{version}: {} bytes came", received.len());
        assert_eq!(client.line("RECEIVED "), expected, "{version}");
        assert!(client.finish().1);
    }
}

/// Whoever ends first is still answered: the transfer programs allow half-open connections.
#[tokio::test(flavor = "multi_thread")]
async fn half_closed_connections_go_on_in_the_other_direction() {
    if !present() {
        return;
    }
    let files = credentials().files("p256");
    let ca = credentials().files("ca").cert;
    for version in VERSIONS {
        // We end at once, and Node's server sends after that.
        let mut command = script("transfer.js");
        command.args(["server", "300000"]).arg(&files.cert).arg(&files.key);
        let mut server = Peer::start(&mut command);
        let port = server.port("PORT");
        let client = context("", "ca").versions(version..=version).build().unwrap();
        let mut stream = dial(port, &Connector::new(client)).await;
        stream.shutdown().await.unwrap();
        assert!(server.line("RECEIVED ").starts_with("0 "));
        let mut received = Vec::new();
        in_time(stream.read_to_end(&mut received)).await.unwrap();
        assert!(received == pattern()[..300_000], "{version}");

        // Node's client ends at once, and we send after that.
        let ours = context("p256", "").versions(version..=version).build().unwrap();
        let mut listener = Listener::bind("127.0.0.1:0", Acceptor::new(ours)).await.unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let mut client =
            Peer::start(script("transfer.js").args(["client", "0"]).arg(&ca).arg(port));
        let (mut stream, _) = in_time(listener.accept()).await.unwrap();
        let mut nothing = Vec::new();
        in_time(stream.read_to_end(&mut nothing)).await.unwrap();
        assert!(nothing.is_empty(), "{version}");
        stream.write_all(&pattern()[..300_000]).await.unwrap();
        stream.shutdown().await.unwrap();
        assert!(client.line("RECEIVED ").starts_with("300000 "), "{version}");
        assert!(client.finish().1);
    }
}
