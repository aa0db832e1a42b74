//! Handshakes that take their time, or never end: they delay nobody, and somebody ends them. And what the last of
//! a handshake leaves goes out with something else.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use sealwire::{
    Acceptor, Connector, Error, Identity, Listener, SecureContext, TlsStream, TrustStore,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
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
            b'x' => Err(io::ErrorKind::BrokenPipe.into()),
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

/// A transport that counts what is written on it.
struct Counting(DuplexStream, Arc<AtomicUsize>);

impl AsyncRead for Counting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Then {
    Answers,
    SpeaksFirst,
    Waits,
    Flushes,
    Ends,
}

#[tokio::test]
async fn tickets_go_out_with_the_first_data_or_before_the_server_waits() {
    for then in [Then::Answers, Then::SpeaksFirst, Then::Waits, Then::Flushes, Then::Ends] {
        let (acceptor, connector) = both_sides();
        let (near, far) = tokio::io::duplex(64 * 1024);
        let written = Arc::new(AtomicUsize::new(0));
        let near = Counting(near, written.clone());
        let connecting = async {
            let name = "localhost".parse().unwrap();
            let mut client = connector.clone().keep_session(true).connect(name, far).await.unwrap();
            if then == Then::Answers {
                client.write_all(b"?").await.unwrap();
            }
            client
        };
        let both = async { tokio::join!(acceptor.accept(near), connecting) };
        let (server, mut client) = in_time(both).await;
        let mut server = server.unwrap();
        let before = written.load(Ordering::Relaxed);
        match then {
            Then::Answers => {
                assert_eq!(server.read_u8().await.unwrap(), b'?');
                assert_eq!(written.load(Ordering::Relaxed), before, "not yet");
                server.write_all(b"!").await.unwrap();
            }
            Then::SpeaksFirst => server.write_all(b"!").await.unwrap(),
            Then::Waits => {
                let waiting = std::future::poll_fn(|cx| {
                    let mut room = [0; 1];
                    let read = Pin::new(&mut server).poll_read(cx, &mut ReadBuf::new(&mut room));
                    Poll::Ready(read.is_pending())
                });
                assert!(waiting.await);
            }
            Then::Flushes => server.flush().await.unwrap(),
            Then::Ends => server.shutdown().await.unwrap(),
        }
        assert_eq!(written.load(Ordering::Relaxed) - before, 1, "{then:?}");
        // They have come whole.
        let mut rest = Vec::new();
        if then != Then::Ends {
            server.shutdown().await.unwrap();
        }
        in_time(client.read_to_end(&mut rest)).await.unwrap();
        assert!(client.take_session().is_some(), "{then:?}");
    }
}
