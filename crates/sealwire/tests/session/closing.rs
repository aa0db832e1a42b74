//! How connections end: with a word, without one, and by force.

use std::io;

use sealwire::session::Event;
use sealwire::{Error, ServerOptions};

use crate::pair::{End, Pair, records};
use crate::peers::credentials::context;
use crate::peers::present;
use crate::{VERSIONS, to};

/// An open connection in each version.
fn open() -> Vec<Pair> {
    let open = |version| {
        let client = context("", "ca").versions(version..=version).build().unwrap();
        let server = context("p256", "").build().unwrap();
        let mut pair = Pair::new((&client, &to("localhost")), (&server, &ServerOptions::new()));
        pair.settle();
        assert!(pair.client.complete && pair.server.complete);
        pair
    };
    VERSIONS.map(open).into()
}

fn close(end: &mut End) -> Vec<u8> {
    end.session.send_close_notify();
    end.output()
}

#[test]
fn both_sides_close() {
    if !present("openssl") {
        return;
    }
    for mut pair in open() {
        let bye = close(&mut pair.client);
        assert_eq!(records(&bye).len(), 1);
        pair.server.receive(&bye);
        assert!(pair.server.peer_closed && pair.server.session.peer_has_closed());
        assert!(!pair.client.peer_closed);
        let bye = close(&mut pair.server);
        pair.client.receive(&bye);
        assert!(pair.client.peer_closed);
        for end in [&mut pair.client, &mut pair.server] {
            assert!(close(end).is_empty(), "once is enough");
            assert!(end.session.receive_eof().is_ok());
            end.process();
            assert!(end.error.is_none() && end.session.poll_event().is_none());
        }
    }
}

#[test]
fn who_has_closed_may_still_listen_and_who_was_told_may_still_talk() {
    if !present("openssl") {
        return;
    }
    for mut pair in open() {
        let bye = close(&mut pair.client);
        pair.server.receive(&bye);
        for part in [&b"a late "[..], b"answer"] {
            let data = pair.server.send(part);
            pair.client.receive(&data);
        }
        assert_eq!(pair.client.plaintext, b"a late answer");
        let bye = close(&mut pair.server);
        pair.client.receive(&bye);
        assert!(pair.client.peer_closed && pair.client.error.is_none());
    }
    // The same with the roles exchanged.
    for mut pair in open() {
        let bye = close(&mut pair.server);
        pair.client.receive(&bye);
        for part in [&b"a late "[..], b"question"] {
            let data = pair.client.send(part);
            pair.server.receive(&data);
        }
        assert_eq!(pair.server.plaintext, b"a late question");
    }
}

#[test]
fn after_our_close_notify_there_is_nothing_to_say() {
    if !present("openssl") {
        return;
    }
    for mut pair in open() {
        for end in [&mut pair.client, &mut pair.server] {
            close(end);
            let mut out = Vec::new();
            let late = end.session.encrypt(b"late", &mut out);
            assert!(matches!(late, Err(Error::Misused(_))), "{late:?}");
            assert!(out.is_empty());
        }
    }
}

#[test]
fn data_before_close_notify_are_ours_and_bytes_after_it_are_the_callers() {
    if !present("openssl") {
        return;
    }
    for mut pair in open() {
        let mut wire = pair.client.send(b"the last words");
        wire.extend(close(&mut pair.client));
        wire.extend(b"250 back in clear\r\n");
        pair.server.receive(&wire);
        assert_eq!(pair.server.plaintext, b"the last words");
        assert!(pair.server.peer_closed && pair.server.error.is_none());
        assert_eq!(pair.server.received, b"250 back in clear\r\n");
        pair.server.receive(b"more");
        assert_eq!(pair.server.received, b"250 back in clear\r\nmore");
        assert_eq!(pair.server.plaintext, b"the last words");
        let data = pair.server.send(b"answer");
        pair.client.receive(&data);
        assert_eq!(pair.client.plaintext, b"answer");
    }
}

/// Records of the same keys after close_notify are not data any more.
#[test]
fn records_after_close_notify_are_not_read() {
    if !present("openssl") {
        return;
    }
    for mut pair in open() {
        let mut wire = close(&mut pair.client);
        let record = [23, 3, 3, 0, 4, 1, 2, 3, 4];
        wire.extend(record);
        pair.server.receive(&wire);
        assert!(pair.server.peer_closed && pair.server.error.is_none());
        assert_eq!(pair.server.received, record);
    }
}

#[test]
fn an_end_without_close_notify_is_a_truncation() {
    if !present("openssl") {
        return;
    }
    for mut pair in open() {
        let wire = pair.client.send(&[7; 100]);
        pair.server.receive(&wire[..wire.len() - 1]);
        assert!(pair.server.plaintext.is_empty());
        let error = pair.server.session.receive_eof().expect_err("cut short");
        assert!(matches!(error, Error::Truncated));
        assert_eq!(error.code(), "ECONNRESET");
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::UnexpectedEof);
        // The other direction is not concerned.
        let data = pair.server.send(b"still here");
        pair.client.receive(&data);
        assert_eq!(pair.client.plaintext, b"still here");
    }
}

#[test]
fn an_end_in_the_handshake_is_an_error_in_every_state() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        for steps in 0.. {
            let client = context("", "ca").versions(version..=version).build().unwrap();
            let server = context("p256", "").build().unwrap();
            let mut pair = Pair::new((&client, &to("localhost")), (&server, &ServerOptions::new()));
            for _ in 0..steps {
                let there = pair.client.output();
                pair.server.receive(&there);
                let back = pair.server.output();
                pair.client.receive(&back);
            }
            for end in [&mut pair.client, &mut pair.server] {
                if end.complete {
                    continue;
                }
                let error = end.session.receive_eof().expect_err("in the handshake");
                assert!(matches!(error, Error::ClosedInHandshake), "{version} {steps}: {error:?}");
                end.process();
                assert!(matches!(end.error, Some(Error::ClosedInHandshake)), "sticky");
                let data = end.session.encrypt(b"x", &mut Vec::new());
                assert!(matches!(data, Err(Error::ClosedInHandshake)), "sticky");
            }
            if pair.client.complete && pair.server.complete {
                assert!(steps >= 2, "{version}");
                break;
            }
        }
    }
}

#[test]
fn errors_are_told_again_and_nothing_else_happens() {
    if !present("openssl") {
        return;
    }
    for mut pair in open() {
        let mut wire = pair.client.send(b"tampered with");
        *wire.last_mut().unwrap() ^= 1;
        pair.server.receive(&wire);
        let alert = pair.server.output();
        let code = "ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC";
        assert_eq!(pair.server.error.as_ref().map(Error::code), Some(code));
        assert!(matches!(pair.server.error, Some(Error::Misbehaved(_))));
        // Even when good bytes follow.
        let good = pair.client.send(b"untouched");
        pair.server.error = None;
        pair.server.receive(&good);
        assert_eq!(pair.server.error.as_ref().map(Error::code), Some(code));
        assert!(pair.server.plaintext.is_empty());
        let data = pair.server.session.encrypt(b"x", &mut Vec::new());
        assert_eq!(data.unwrap_err().code(), code);
        assert_eq!(pair.server.session.receive_eof().unwrap_err().code(), code);
        assert!(close(&mut pair.server).is_empty() && pair.server.session.poll_event().is_none());

        pair.client.receive(&alert);
        assert_eq!(pair.client.alert(), Some("bad_record_mac"));
        let data = pair.client.session.encrypt(b"x", &mut Vec::new());
        assert!(matches!(data, Err(Error::AlertReceived { .. })), "{data:?}");
    }
}

/// Closing before the handshake is complete means: complete it and say nothing more.
#[test]
fn close_notify_waits_for_the_end_of_the_handshake() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = context("", "ca").versions(version..=version).build().unwrap();
        let server = context("p256", "").build().unwrap();
        let mut pair = Pair::new((&client, &to("localhost")), (&server, &ServerOptions::new()));
        pair.client.session.send_close_notify();
        pair.settle();
        assert!(pair.client.complete && pair.server.complete, "{version}");
        assert!(pair.server.peer_closed, "{version}");
        let data = pair.server.send(b"said anyway");
        pair.client.receive(&data);
        assert_eq!(pair.client.plaintext, b"said anyway");
    }
}

#[test]
fn the_peer_closes_only_once() {
    if !present("openssl") {
        return;
    }
    for mut pair in open() {
        let bye = close(&mut pair.client);
        pair.server.received.extend_from_slice(&bye);
        let (mut events, mut sink) = (0, Vec::new());
        for _ in 0..3 {
            let consumed =
                pair.server.session.receive(&mut pair.server.received, &mut sink).unwrap();
            pair.server.received.drain(..consumed);
            while let Some(event) = pair.server.session.poll_event() {
                assert!(matches!(event, Event::PeerClosed));
                events += 1;
            }
        }
        assert_eq!(events, 1);
    }
}
