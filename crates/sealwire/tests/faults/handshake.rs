//! Handshakes with peers that are slow, silent, gone, or speak another language.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use sealwire::{Error, PeerVerification, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::time::Instant;

use crate::peers::{in_time, present};
use crate::{VERSIONS, acceptor, connector};

fn localhost() -> ServerName {
    "localhost".parse().unwrap()
}

/// The clock stands still but for waiting, so that the timeouts are exact and take no time.
#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_given_up_in_time() {
    if !present("openssl") {
        return;
    }
    let version = VERSIONS[1];
    for (set, after) in [(None, 30), (Some(2), 2)] {
        let (near, mut far) = tokio::io::duplex(1 << 16);
        let start = Instant::now();
        let acceptor = match set {
            Some(seconds) => acceptor().handshake_timeout(Duration::from_secs(seconds)),
            None => acceptor(),
        };
        let error = acceptor.accept(near).await.expect_err("nobody spoke");
        assert!(matches!(error, Error::HandshakeTimedOut), "{error:?}");
        assert_eq!(error.code(), "ERR_TLS_HANDSHAKE_TIMEOUT");
        assert_eq!(start.elapsed(), Duration::from_secs(after));
        assert_eq!(far.read(&mut [0]).await.unwrap(), 0, "the transport is closed");

        let (near, mut far) = tokio::io::duplex(1 << 16);
        let start = Instant::now();
        let connector = match set {
            Some(seconds) => connector(version).handshake_timeout(Duration::from_secs(seconds)),
            None => connector(version),
        };
        let error = connector.connect(localhost(), near).await.expect_err("nobody answered");
        assert!(matches!(error, Error::HandshakeTimedOut), "{error:?}");
        assert_eq!(start.elapsed(), Duration::from_secs(after));
        let mut hello = Vec::new();
        far.read_to_end(&mut hello).await.unwrap();
        assert_eq!(hello[0], 22, "our hello, and the end");
    }
}

/// A byte now and then does not buy more time.
#[tokio::test(start_paused = true)]
async fn a_dripping_peer_is_given_up_as_well() {
    if !present("openssl") {
        return;
    }
    let (near, mut far) = tokio::io::duplex(1 << 16);
    let drip = tokio::spawn(async move {
        for byte in [22, 3, 1, 2, 0, 1, 0, 1, 252].into_iter().chain([3; 500]) {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if far.write_all(&[byte]).await.is_err() {
                return;
            }
        }
    });
    let start = Instant::now();
    let error = acceptor().accept(near).await.expect_err("never a hello");
    assert!(matches!(error, Error::HandshakeTimedOut), "{error:?}");
    assert_eq!(start.elapsed(), Duration::from_secs(30));
    drip.await.unwrap();
}

/// A peer that takes nothing keeps us no longer than one that says nothing.
#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_is_given_up() {
    if !present("openssl") {
        return;
    }
    let (near, _far) = tokio::io::duplex(10);
    let start = Instant::now();
    let error = connector(VERSIONS[0]).connect(localhost(), near).await.expect_err("stuck");
    assert!(matches!(error, Error::HandshakeTimedOut), "{error:?}");
    assert_eq!(start.elapsed(), Duration::from_secs(30));
}

#[tokio::test]
async fn what_is_no_tls_is_named() {
    if !present("openssl") {
        return;
    }
    for (banner, looks_like, code) in [
        (&b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], Some("HTTP"), "ERR_SSL_HTTP_REQUEST"),
        (b"POST /x HTTP/1.1\r\n\r\n", Some("HTTP"), "ERR_SSL_HTTP_REQUEST"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", Some("SSH"), "ERR_SSL_WRONG_VERSION_NUMBER"),
        (
            b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n",
            Some("PROXY protocol"),
            "ERR_SSL_WRONG_VERSION_NUMBER",
        ),
        (b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00", Some("SSL 2"), "ERR_SSL_WRONG_VERSION_NUMBER"),
        (b"EHLO client.example\r\n", None, "ERR_SSL_WRONG_VERSION_NUMBER"),
        (&[0; 100], None, "ERR_SSL_WRONG_VERSION_NUMBER"),
    ] {
        let (near, mut far) = tokio::io::duplex(1 << 16);
        far.write_all(banner).await.unwrap();
        let error = in_time(acceptor().accept(near)).await.expect_err("not TLS");
        let Error::NotTls(found) = &error else { panic!("{error:?}") };
        assert_eq!(found.looks_like(), looks_like, "{banner:?}");
        assert_eq!(error.code(), code);
        assert!(error.to_string().starts_with("the client does not speak TLS"), "{error}");
        // As OpenSSL, we say nothing to somebody who would not understand.
        let mut answer = Vec::new();
        far.read_to_end(&mut answer).await.unwrap();
        assert!(answer.is_empty(), "{answer:?}");
    }
    for (banner, looks_like) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], Some("HTTP")),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", Some("SSH")),
        (b"220 mail.example ESMTP\r\n", Some("SMTP or FTP")),
        (b"* OK IMAP4rev1 ready\r\n", Some("IMAP")),
        (b"+OK POP3 ready\r\n", Some("POP3")),
        (b"hello there\r\n", None),
    ] {
        let (near, mut far) = tokio::io::duplex(1 << 16);
        far.write_all(banner).await.unwrap();
        let connector = connector(VERSIONS[1]);
        let error = in_time(connector.connect(localhost(), near)).await.expect_err("not TLS");
        let Error::NotTls(found) = &error else { panic!("{error:?}") };
        assert_eq!(found.looks_like(), looks_like, "{banner:?}");
        assert!(error.to_string().starts_with("the server does not speak TLS"), "{error}");
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidData);
    }
}

/// Carries `count` bytes between two ends, whoever sends them, and hangs up.
async fn carry(mut client: DuplexStream, mut server: DuplexStream, mut count: usize) {
    let (mut from_client, mut from_server) = ([0; 97], [0; 97]);
    while count > 0 {
        tokio::select! {
            read = client.read(&mut from_client) => {
                let read = read.unwrap().min(count);
                count -= read;
                if read == 0 || server.write_all(&from_client[..read]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut from_server) => {
                let read = read.unwrap().min(count);
                count -= read;
                if read == 0 || client.write_all(&from_server[..read]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// The connection breaks after any number of bytes: both sides are told, and neither hangs.
#[tokio::test]
async fn the_peer_vanishes_in_every_state_of_the_handshake() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let (mut complete, mut cut) = (0, 0);
        for count in (0..6000).step_by(61) {
            let (client, near) = tokio::io::duplex(1 << 16);
            let (server, far) = tokio::io::duplex(1 << 16);
            let client = async {
                let connector = connector(version).peer_verification(PeerVerification::Recorded);
                connector.connect(localhost(), client).await
            };
            let acceptor = acceptor();
            let handshakes = async { tokio::join!(client, acceptor.accept(server)) };
            let carrying = async {
                carry(near, far, count).await;
                std::future::pending::<()>().await;
            };
            let (client, server) = in_time(async {
                tokio::select! {
                    ended = handshakes => ended,
                    () = carrying => unreachable!("it is pending"),
                }
            })
            .await;
            for error in [client.err(), server.err()] {
                match error {
                    None => complete += 1,
                    Some(Error::ClosedInHandshake) => cut += 1,
                    // It can be our own message that finds nobody there.
                    Some(Error::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                        cut += 1;
                    }
                    Some(other) => panic!("{version} after {count} bytes: {other:?}"),
                }
            }
        }
        assert!(complete > 10 && cut > 10, "{version}: {complete} complete, {cut} cut");
    }
}

/// A transport that takes what is written, and fails when it is read.
#[derive(Debug)]
struct Failing;

impl AsyncRead for Failing {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
    }
}

impl AsyncWrite for Failing {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn errors_of_the_transport_are_told_as_they_are() {
    if !present("openssl") {
        return;
    }
    let connector = connector(VERSIONS[1]);
    let error = connector.connect(localhost(), Failing).await.expect_err("broken");
    let Error::Io(error) = error else { panic!("{error:?}") };
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(Error::Io(error).code(), "ECONNRESET");
}
