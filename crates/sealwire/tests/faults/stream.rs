//! Streams that carry much, little, or not all of it.

use std::future::poll_fn;
use std::io::{ErrorKind, IoSlice};
use std::pin::pin;
use std::task::Poll;

use sealwire::{ClientOptions, Error, Session, TlsStream};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, split};

use crate::peers::credentials::context;
use crate::peers::{in_time, present};
use crate::{VERSIONS, acceptor, join};

fn pattern(length: usize, salt: u8) -> Vec<u8> {
    (0..length).map(|i| (i * 31 + (i >> 8)) as u8 ^ salt).collect()
}

/// Sends and receives at once, in tasks of their own, as programs do that split a stream.
async fn exchange(stream: TlsStream<DuplexStream>, length: usize, salt: u8) -> Vec<u8> {
    let (mut reader, mut writer) = split(stream);
    let sender = tokio::spawn(async move {
        writer.write_all(&pattern(length, salt)).await?;
        writer.shutdown().await
    });
    let receiver = tokio::spawn(async move {
        let mut received = Vec::with_capacity(length);
        reader.read_to_end(&mut received).await.map(|_| received)
    });
    sender.await.unwrap().expect("everything is sent");
    receiver.await.unwrap().expect("everything is received")
}

#[tokio::test(flavor = "multi_thread")]
async fn much_both_ways_at_once_through_a_needle() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        for (length, room) in [(16 * 1024 * 1024, 16_000), (512 * 1024, 997), (32 * 1024, 1)] {
            let (client, server) = join(version, room).await;
            let (by_client, by_server) = in_time(async {
                tokio::join!(
                    tokio::spawn(exchange(client, length, 1)),
                    tokio::spawn(exchange(server, length, 2))
                )
            })
            .await;
            assert!(by_client.unwrap() == pattern(length, 2), "{version} {room}");
            assert!(by_server.unwrap() == pattern(length, 1), "{version} {room}");
        }
    }
}

/// A reader that helps to send takes the writer's place in the transport's memory. When it loses
/// interest, the writer has to be woken all the same.
#[tokio::test]
async fn a_reader_does_not_put_the_writer_to_sleep() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let (client, mut server) = join(version, 1000).await;
        let (mut reader, mut writer) = split(client);
        let data = pattern(300_000, 0);
        let sent = data.clone();
        let sender = tokio::spawn(async move {
            writer.write_all(&sent).await.expect("written");
            writer.flush().await.expect("flushed");
        });
        // The runtime has one thread: the writer goes on until the pipe is full.
        tokio::task::yield_now().await;
        let mut buf = [0; 10];
        let mut read = Box::pin(reader.read(&mut buf));
        assert!(poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx).is_pending())).await);
        drop(read);
        let mut received = vec![0; data.len()];
        in_time(server.read_exact(&mut received)).await.expect("everything comes");
        in_time(sender).await.expect("the writer ends");
        assert!(received == data, "{version}");
    }
}

/// Who writes and then only reads has no need to flush.
#[tokio::test]
async fn what_was_written_goes_out_while_we_read() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let (mut client, server) = join(version, 100).await;
        let (mut from_client, mut to_client) = split(server);
        let echo =
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_client).await });
        client.write_all(&pattern(30_000, 3)).await.expect("taken");
        let mut answer = vec![0; 30_000];
        in_time(client.read_exact(&mut answer)).await.expect("the answer");
        assert!(answer == pattern(30_000, 3), "{version}");
        echo.abort();
    }
}

#[tokio::test]
async fn pieces_are_written_together_and_in_order() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let (mut client, mut server) = join(version, 1 << 20).await;
        assert!(client.is_write_vectored());
        let pieces = [&b"one "[..], b"", b"two ", b"three"];
        let slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        assert_eq!(client.write_vectored(&slices).await.unwrap(), 13);
        assert_eq!(client.write(b"").await.unwrap(), 0);
        // More than is taken at once: the number says how much was.
        let large = pattern(50_000, 1);
        let slices = [IoSlice::new(&large), IoSlice::new(&large), IoSlice::new(&large)];
        let taken = client.write_vectored(&slices).await.unwrap();
        assert!(taken > 0 && taken <= 150_000);
        client.shutdown().await.unwrap();
        let mut received = Vec::new();
        in_time(server.read_to_end(&mut received)).await.unwrap();
        let all = [&pieces.concat()[..], &large, &large, &large].concat();
        assert!(received == all[..13 + taken], "{version}: {} of {taken}", received.len());
    }
}

#[tokio::test]
async fn a_reader_with_little_room_and_one_that_changes_its_mind() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let (mut client, mut server) = join(version, 100).await;
        let data = pattern(20_000, 5);
        let sent = data.clone();
        let sender = tokio::spawn(async move {
            client.write_all(&sent).await.unwrap();
            client.shutdown().await.unwrap();
        });
        let mut received = Vec::new();
        let mut one = [0; 1];
        assert_eq!(server.read(&mut []).await.unwrap(), 0, "no room is not the end");
        loop {
            // A read that is dropped before it is done must not take anything with it.
            let read = tokio::select! {
                biased;
                read = server.read(&mut one) => read.unwrap(),
                () = tokio::task::yield_now() => continue,
            };
            if read == 0 {
                break;
            }
            received.extend(one);
        }
        assert!(received == data, "{version}");
        in_time(sender).await.unwrap();
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_is_no_whole_stream() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let (mut client, mut server) = join(version, 1 << 16).await;
        client.write_all(b"half of the st").await.unwrap();
        client.flush().await.unwrap();
        drop(client); // no close_notify
        let mut received = Vec::new();
        for _ in 0..2 {
            let error = in_time(server.read_to_end(&mut received)).await.expect_err("cut");
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{version}");
            assert!(matches!(Error::from(error), Error::Truncated));
            assert_eq!(received, b"half of the st");
        }
        let error = server.write_all(b"to nobody").await.expect_err("nobody is there");
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }
}

#[tokio::test]
async fn the_end_is_told_once_and_for_all() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let (mut client, mut server) = join(version, 1 << 16).await;
        client.shutdown().await.unwrap();
        client.shutdown().await.unwrap();
        let late = client.write_all(b"late").await.expect_err("after the end");
        assert!(matches!(Error::from(late), Error::Misused(_)));
        let mut buf = [0; 10];
        for _ in 0..3 {
            assert_eq!(in_time(server.read(&mut buf)).await.unwrap(), 0);
        }
        // Half-closed: the other direction goes on.
        server.write_all(b"still").await.unwrap();
        server.shutdown().await.unwrap();
        let mut rest = String::new();
        in_time(client.read_to_string(&mut rest)).await.unwrap();
        assert_eq!(rest, "still");
        // The peer is gone, and shutting down again is no error.
        drop(client);
        server.shutdown().await.unwrap();
    }
}

/// A protocol that ends TLS and goes on in clear: its bytes came in the same packet.
#[tokio::test]
async fn what_follows_close_notify_is_handed_over() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let (mut near, far) = tokio::io::duplex(1 << 16);
        let client = context("", "ca").versions(version..=version).build().unwrap();
        let options = ClientOptions::new("localhost".parse().unwrap());
        let mut session = Session::client(&client, &options).unwrap();
        let acceptor = acceptor();
        let mut server = pin!(acceptor.accept(far));
        let mut received = Vec::new();
        let mut server = loop {
            let mut out = Vec::new();
            session.take_output(&mut out);
            near.write_all(&out).await.unwrap();
            tokio::select! {
                biased;
                server = &mut server => break server.expect("a good client"),
                count = near.read_buf(&mut received) => assert!(count.unwrap() > 0),
            }
            let consumed = session.receive(&mut received, &mut Vec::new()).unwrap();
            received.drain(..consumed);
        };
        // In TLS 1.2 the server's Finished is still on its way to us.
        while session.is_handshaking() {
            assert!(near.read_buf(&mut received).await.unwrap() > 0);
            let consumed = session.receive(&mut received, &mut Vec::new()).unwrap();
            received.drain(..consumed);
        }
        let mut wire = Vec::new();
        session.encrypt(b"the last secret", &mut wire).unwrap();
        session.send_close_notify();
        session.take_output(&mut wire);
        wire.extend(b"220 in clear again\r\n");
        near.write_all(&wire).await.unwrap();

        let mut secret = [0; 8];
        in_time(server.read_exact(&mut secret)).await.unwrap();
        assert_eq!(secret, *b"the last");
        // Tickets wait for something to go out with.
        in_time(server.flush()).await.unwrap();
        let parts = server.into_inner();
        assert_eq!(parts.unread, b" secret");
        assert_eq!(parts.received, b"220 in clear again\r\n", "{version}");
        assert!(parts.unsent.is_empty() && parts.session.peer_has_closed());
    }
}

/// One flipped bit: the reader is told, so is the peer, and nothing is delivered any more.
#[tokio::test]
async fn damage_is_an_error_on_both_sides() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let (client, mut server) = join(version, 1 << 16).await;
        let mut raw = client.into_inner().io;
        raw.write_all(&[23, 3, 3, 0, 20]).await.unwrap();
        raw.write_all(&[0; 20]).await.unwrap();
        let mut buf = [0; 10];
        for _ in 0..2 {
            let error = in_time(server.read(&mut buf)).await.expect_err("not of these keys");
            assert_eq!(error.kind(), ErrorKind::InvalidData);
            assert!(matches!(Error::from(error), Error::Misbehaved(_)), "{version}");
        }
        let error = server.write_all(b"anything").await.expect_err("it has failed");
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{version}");
        drop(server);
        let mut wire = Vec::new();
        raw.read_to_end(&mut wire).await.unwrap();
        assert!(!wire.is_empty(), "an alert");
    }
}

/// A transport that takes nothing any more does not take memory either.
#[tokio::test]
async fn a_peer_that_does_not_read_stops_the_writer() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let (mut client, _server) = join(version, 1000).await;
        let data = pattern(100_000, 0);
        let mut taken = 0;
        poll_fn(|cx| {
            while let Poll::Ready(written) = pin!(&mut client).poll_write(cx, &data) {
                taken += written.expect("an open stream");
                assert!(taken < 1_000_000, "memory grows");
            }
            Poll::Ready(())
        })
        .await;
        assert!(taken > 0, "{version}");
    }
}
