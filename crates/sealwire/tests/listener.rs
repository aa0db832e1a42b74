//! Handshakes that take their time, or never end: they delay nobody, and somebody ends them.

use std::time::Duration;

use sealwire::{
    Acceptor, Connector, Error, Identity, Listener, SecureContext, TlsStream, TrustStore,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An acceptor and a connector that trusts it.
fn both_sides() -> (Acceptor, Connector) {
    let identity = Identity::self_signed(["localhost"]).unwrap();
    let trust = TrustStore::from_certificates([identity.leaf().clone()]).unwrap();
    let server = SecureContext::builder().identity(identity).build().unwrap();
    let client = SecureContext::builder().trust(trust).build().unwrap();
    (Acceptor::new(server), Connector::new(client))
}

async fn connect(connector: &Connector, listener: std::net::SocketAddr) -> TlsStream<TcpStream> {
    let tcp = TcpStream::connect(listener).await.unwrap();
    connector.connect("localhost".parse().unwrap(), tcp).await.expect("a good server")
}

/// Ends a test that hangs.
async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("the test hangs")
}

#[tokio::test]
async fn silent_clients_delay_nobody() {
    let (acceptor, connector) = both_sides();
    let mut listener = Listener::bind("127.0.0.1:0", acceptor).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    // The queue is in order: when this one is served, the silent ones have been accepted.
    let served = in_time(async { tokio::join!(listener.accept(), connect(&connector, address)) });
    let (accepted, mut client) = served.await;
    let (mut server, _) = accepted.unwrap();
    server.write_all(b"served").await.unwrap();
    let mut heard = [0; 6];
    in_time(client.read_exact(&mut heard)).await.unwrap();
    assert_eq!(&heard, b"served");
}

#[tokio::test]
async fn the_limit_makes_others_wait_until_there_is_room() {
    let (acceptor, connector) = both_sides();
    let (told, mut failures) = tokio::sync::mpsc::unbounded_channel();
    let mut listener = Listener::bind("127.0.0.1:0", acceptor)
        .await
        .unwrap()
        .handshake_limit(1)
        .on_handshake_error(move |_, error| told.send(error.code()).unwrap());
    let address = listener.local_addr().unwrap();
    let silent = TcpStream::connect(address).await.unwrap();
    let waiting = async {
        let tcp = TcpStream::connect(address).await.unwrap();
        // The one before has the only place; when it hangs up, this one is served.
        drop(silent);
        connector.connect("localhost".parse().unwrap(), tcp).await.expect("a good server")
    };
    let (accepted, _client) = in_time(async { tokio::join!(listener.accept(), waiting) }).await;
    accepted.unwrap();
    assert_eq!(failures.recv().await, Some("ECONNRESET"));
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_never_ends_is_ended() {
    let (acceptor, connector) = both_sides();
    let start = tokio::time::Instant::now();
    let (near, _far) = tokio::io::duplex(64 * 1024);
    let accepted = acceptor.handshake_timeout(Duration::from_secs(7)).accept(near).await;
    assert!(matches!(accepted, Err(Error::HandshakeTimedOut)), "{accepted:?}");
    assert_eq!(start.elapsed().as_secs(), 7);

    let (near, _far) = tokio::io::duplex(64 * 1024);
    let connected = connector
        .handshake_timeout(Duration::from_secs(5))
        .connect("localhost".parse().unwrap(), near)
        .await;
    let error = connected.expect_err("nobody answers");
    assert_eq!(error.code(), "ERR_TLS_HANDSHAKE_TIMEOUT");
    assert_eq!(start.elapsed().as_secs(), 12);
}

/// What is done before the handshake is done for each client by itself: one that is dealt with is
/// not handed out, another's address is the one that was found, and a silent one delays nobody.
#[tokio::test]
async fn clients_are_prepared_before_their_handshake() {
    let (acceptor, connector) = both_sides();
    let (told, mut failures) = tokio::sync::mpsc::unbounded_channel();
    let mut listener = Listener::bind("127.0.0.1:0", acceptor)
        .await
        .unwrap()
        .on_handshake_error(move |_, error| told.send(error.code()).unwrap())
        .before_handshake(async |mut tcp: TcpStream, _| match tcp.read_u8().await? {
            b'p' => {
                tcp.write_all(b"plain").await?;
                Ok(None)
            }
            b'x' => Err(std::io::ErrorKind::BrokenPipe.into()),
            last => Ok(Some((tcp, ([192, 0, 2, last], 7).into()))),
        });
    let address = listener.local_addr().unwrap();
    let _silent = TcpStream::connect(address).await.unwrap();
    let clients = async {
        let mut plain = TcpStream::connect(address).await.unwrap();
        plain.write_all(b"p").await.unwrap();
        let mut heard = String::new();
        plain.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "plain");
        let mut broken = TcpStream::connect(address).await.unwrap();
        broken.write_all(b"x").await.unwrap();
        assert_eq!(failures.recv().await, Some("EPIPE"));
        let mut tcp = TcpStream::connect(address).await.unwrap();
        tcp.write_all(&[9]).await.unwrap();
        connector.connect("localhost".parse().unwrap(), tcp).await.expect("a good server")
    };
    let (accepted, _client) = in_time(async { tokio::join!(listener.accept(), clients) }).await;
    assert_eq!(accepted.unwrap().1, ([192, 0, 2, 9], 7).into());
}
