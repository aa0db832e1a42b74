//! The two questions a session asks, and what does not move before they are answered.

use sealwire::session::{HelloAnswer, HelloReply, PeerAnswer, Question};
use sealwire::{
    Alert, ClientAuth, ClientOptions, Error, PeerVerification, ProtocolVersion, ServerOptions,
};

use crate::pair::Pair;
use crate::peers::credentials::context;
use crate::peers::present;
use crate::{VERSIONS, to};

fn asking() -> ServerOptions {
    ServerOptions::new().ask_client_hello(true)
}

#[test]
fn the_hello_chooses_context_and_protocols() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = context("", "ca").versions(version..=version).build().unwrap();
        let outer = context("rsa", "").build().unwrap();
        let inner = context("wrong-name", "").build().unwrap();
        let options = to("elsewhere.example").alpn(["h2", "http/1.1"]);
        let mut pair = Pair::new((&client, &options), (&outer, &asking().alpn(["smtp"])));
        pair.settle();
        assert!(pair.server.sent.is_empty(), "nothing is said before the answer");
        assert!(!pair.server.received.is_empty(), "nothing is consumed before the answer");
        let hello = pair.server.hello();
        assert_eq!(hello.server_name(), Some("elsewhere.example"));
        assert_eq!(hello.alpn(), [b"h2".to_vec(), b"http/1.1".to_vec()]);
        assert_eq!(hello.supported_versions().contains(&0x0304), version == ProtocolVersion::Tls13);
        assert!(hello.cipher_suites().len() >= 3 && !hello.signature_schemes().is_empty());
        assert!(hello.named_groups().contains(&29) && !hello.offers_ticket());

        let reply = HelloReply::new().context(inner).alpn(["http/1.1"]);
        pair.server.answer_hello(reply);
        pair.settle();
        assert!(pair.client.authorized() && pair.server.complete, "{version}");
        for end in [&pair.client, &pair.server] {
            assert_eq!(end.session.peer().unwrap().alpn(), Some(&b"http/1.1"[..]));
        }
        pair.converse();
    }
}

#[test]
fn proceed_keeps_what_the_session_has() {
    if !present("openssl") {
        return;
    }
    for answer in [HelloAnswer::Serve(HelloReply::new()), Some(HelloReply::new()).into()] {
        let client = context("", "ca").build().unwrap();
        let server = context("p256", "").build().unwrap();
        let options = to("localhost").alpn(["h2"]);
        let mut pair = Pair::new((&client, &options), (&server, &asking().alpn(["h2"])));
        pair.settle();
        pair.server.answer_hello(answer);
        pair.settle();
        assert_eq!(pair.server.session.peer().unwrap().alpn(), Some(&b"h2"[..]));
        pair.converse();
    }
}

/// The trust of the chosen context judges the client, not that of the session.
#[test]
fn the_chosen_context_judges_the_client() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = context("client", "ca").versions(version..=version).build().unwrap();
        let outer = context("p256", "ca").build().unwrap();
        let inner = context("p256", "other-ca").build().unwrap();
        let options = asking().client_auth(ClientAuth::Require);
        let mut pair = Pair::new((&client, &to("localhost")), (&outer, &options));
        pair.settle();
        pair.server.answer_hello(HelloReply::new().context(inner));
        pair.settle();
        assert_eq!(pair.server.findings().last(), Some(&"SELF_SIGNED_CERT_IN_CHAIN"));
        assert_eq!(pair.client.alert(), Some("unknown_ca"));
    }
}

#[test]
fn refusing_the_hello_ends_the_session() {
    if !present("openssl") {
        return;
    }
    let client = context("", "ca").build().unwrap();
    let server = context("p256", "").build().unwrap();
    let mut pair = Pair::new((&client, &to("localhost")), (&server, &asking()));
    pair.settle();
    pair.server.answer_hello(None);
    assert!(matches!(pair.server.error, Some(Error::RefusedByProgram)));
    pair.server.process();
    assert!(matches!(pair.server.error, Some(Error::RefusedByProgram)));
    assert!(!pair.server.complete && !pair.server.session.is_handshaking());
}

#[test]
fn application_protocols() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = context("", "ca").versions(version..=version).build().unwrap();
        let server = context("p256", "").build().unwrap();
        // (offered, spoken, agreed): the server's order counts.
        for (offered, spoken, agreed) in [
            (&["a", "b"][..], &["b", "a"][..], Some("b")),
            (&["a"], &["c", "a"], Some("a")),
            (&[], &["a"], None),
            (&["a"], &[], None),
            (&[], &[], None),
        ] {
            let options = to("localhost").alpn(offered.to_vec());
            let spoken_by_server = ServerOptions::new().alpn(spoken.to_vec());
            let mut pair = Pair::new((&client, &options), (&server, &spoken_by_server));
            pair.settle();
            let agreed = agreed.map(str::as_bytes);
            for end in [&pair.client, &pair.server] {
                let peer = end.session.peer().expect("complete");
                assert_eq!(peer.alpn(), agreed, "{version} {offered:?} {spoken:?}");
            }
        }
        let options = to("localhost").alpn(["a"]);
        let mut pair = Pair::new((&client, &options), (&server, &ServerOptions::new().alpn(["b"])));
        pair.settle();
        let error = pair.server.error.as_ref().expect("nothing in common");
        assert_eq!(error.code(), "ERR_SSL_NO_APPLICATION_PROTOCOL");
        assert!(matches!(error, Error::Incompatible(_)));
        assert_eq!(pair.client.alert(), Some("no_application_protocol"), "{version}");
        let alert = pair.client.error.as_ref().and_then(Error::alert).expect("an alert");
        assert_eq!(alert.number(), 120);
    }
}

#[test]
fn no_version_in_common() {
    if !present("openssl") {
        return;
    }
    use ProtocolVersion::{Tls12, Tls13};
    for (ours, theirs) in [(Tls12, Tls13), (Tls13, Tls12)] {
        let client = context("", "ca").versions(ours..=ours).build().unwrap();
        let server = context("p256", "").versions(theirs..=theirs).build().unwrap();
        let mut pair = Pair::new((&client, &to("localhost")), (&server, &ServerOptions::new()));
        pair.settle();
        let error = pair.server.error.as_ref().expect("nothing in common");
        assert_eq!(error.code(), "ERR_SSL_UNSUPPORTED_PROTOCOL", "{ours} to {theirs}: {error}");
        assert_eq!(pair.client.alert(), Some("protocol_version"), "{ours} to {theirs}");
    }
}

fn judging(mode: PeerVerification) -> ClientOptions {
    to("localhost").verification(mode).ask_about_peer(true)
}

/// Data in the same flight as the client's Finished wait for the server's verdict and answer.
#[test]
fn a_server_holds_data_until_the_client_is_approved() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        for (identity, authorized) in [("client", true), ("expired", false)] {
            let client = context(identity, "ca").versions(version..=version).build().unwrap();
            let server = context("p256", "ca").build().unwrap();
            let options =
                ServerOptions::new().client_auth(ClientAuth::Request).ask_about_peer(true);
            let mut pair = Pair::new((&client, &to("localhost")), (&server, &options));
            let mut flight = pair.client.output();
            while !pair.client.complete && pair.server.session.question().is_none() {
                pair.server.receive(&flight);
                pair.client.receive(&pair.server.output());
                flight = pair.client.output();
            }
            if version == ProtocolVersion::Tls13 {
                flight.extend(pair.client.send(b"early"));
            }
            pair.server.receive(&flight);
            assert!(pair.server.asks_about_peer(), "{version}");
            assert!(pair.server.plaintext.is_empty() && !pair.server.complete, "{version}");
            assert_eq!(pair.server.authorized(), authorized, "{version}");
            assert!(pair.server.session.is_handshaking());
            let early = pair.server.session.encrypt(b"early", &mut Vec::new());
            assert!(matches!(early, Err(Error::Misused(_))), "{version}: {early:?}");

            pair.server.answer_peer(PeerAnswer::Accept);
            pair.settle();
            assert!(pair.server.complete && pair.client.complete, "{version}");
            if version == ProtocolVersion::Tls13 {
                assert_eq!(std::mem::take(&mut pair.server.plaintext), b"early");
            }
            pair.converse();
        }
    }
}

/// In TLS 1.2 it is the server that may send data in the flight of its Finished.
#[test]
fn a_client_holds_data_until_the_server_is_approved() {
    if !present("openssl") {
        return;
    }
    for (mode, trusted) in [(PeerVerification::Required, "ca"), (PeerVerification::Recorded, "")] {
        let client = context("", trusted)
            .versions(ProtocolVersion::Tls12..=ProtocolVersion::Tls12)
            .build()
            .unwrap();
        let server = context("p256", "").build().unwrap();
        let mut pair = Pair::new((&client, &judging(mode)), (&server, &ServerOptions::new()));
        let mut flight = Vec::new();
        while !pair.server.complete {
            pair.client.receive(&flight);
            pair.server.receive(&pair.client.output());
            flight = pair.server.output();
        }
        flight.extend(pair.server.send(b"held "));
        flight.extend(pair.server.send(b"back"));
        pair.client.receive(&flight);
        assert!(pair.client.asks_about_peer(), "{mode:?}");
        assert_eq!(pair.client.authorized(), mode == PeerVerification::Required);
        assert!(pair.client.plaintext.is_empty() && !pair.client.complete);
        pair.client.answer_peer(PeerAnswer::Accept);
        assert!(pair.client.complete);
        assert_eq!(pair.client.plaintext, b"held back");
    }
}

/// Right after the answer, before anything else is received, data follow the handshake messages.
#[test]
fn data_may_be_sent_as_soon_as_the_peer_is_approved() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = context("client", "ca").versions(version..=version).build().unwrap();
        let server = context("p256", "ca").build().unwrap();
        let options = ServerOptions::new().client_auth(ClientAuth::Require);
        let judging = judging(PeerVerification::Required);
        let mut pair = Pair::new((&client, &judging), (&server, &options));
        pair.settle();
        assert!(!pair.client.complete && pair.client.asks_about_peer());
        match pair.client.session.question() {
            Some(Question::VerifyPeer(asked)) => asked.answer(PeerAnswer::Accept).unwrap(),
            other => panic!("{other:?}"),
        }
        let mut wire = pair.client.send(b"at once");
        pair.client.session.send_close_notify();
        wire.extend(pair.client.output());
        pair.server.receive(&wire);
        assert!(pair.server.complete && pair.server.authorized(), "{version}");
        assert_eq!(pair.server.plaintext, b"at once", "{version}");
        assert!(pair.server.peer_closed);
    }
}

#[test]
fn refusing_the_peer_drops_what_was_held() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = context("", "").versions(version..=version).build().unwrap();
        let server = context("p256", "").build().unwrap();
        let options = judging(PeerVerification::Recorded);
        let mut pair = Pair::new((&client, &options), (&server, &ServerOptions::new()));
        pair.settle();
        assert!(pair.client.asks_about_peer(), "{version}");
        if pair.server.complete {
            let data = pair.server.send(b"never seen");
            pair.client.receive(&data);
        }
        pair.client.answer_peer(PeerAnswer::Close);
        pair.client.process();
        assert!(matches!(pair.client.error, Some(Error::RefusedByProgram)), "{version}");
        assert!(pair.client.plaintext.is_empty() && !pair.client.complete, "{version}");
        let data = pair.client.session.encrypt(b"no", &mut Vec::new());
        assert!(matches!(data, Err(Error::RefusedByProgram)), "{data:?}");
    }
}

/// The alert that the program chose reaches the peer, whichever side refuses, in the last flight or
/// behind it. A full handshake that is refused leaves the client no session.
#[test]
fn refusing_the_peer_tells_it_why() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = context("client", "ca").versions(version..=version).build().unwrap();
        let server = context("p256", "ca").build().unwrap();
        let asking = ServerOptions::new().client_auth(ClientAuth::Request).ask_about_peer(true);
        let connect = || {
            let mut pair = Pair::new((&client, &to("localhost")), (&server, &asking));
            pair.settle();
            pair
        };
        // A full handshake first, and then one that would resume a session.
        for resumed in [false, true] {
            let mut pair = connect();
            assert_eq!(pair.server.session.peer().unwrap().is_resumed(), resumed, "{version}");
            pair.server.answer_peer(Err(Alert::ACCESS_DENIED));
            assert!(matches!(pair.server.error, Some(Error::RefusedByProgram)), "{version}");
            pair.settle();
            assert_eq!(pair.client.alert(), Some("access_denied"), "{version} {resumed}");
            if !resumed {
                assert!(pair.client.sessions.is_empty(), "{version}");
                let mut pair = connect();
                assert!(!pair.server.session.peer().unwrap().is_resumed(), "no ticket: {version}");
                pair.server.answer_peer(PeerAnswer::Accept);
                pair.settle();
                pair.converse();
            }
        }
        for client_auth in [ClientAuth::None, ClientAuth::Request] {
            let judging = judging(PeerVerification::Recorded);
            let options = ServerOptions::new().client_auth(client_auth);
            for _ in ["full", "resumed"] {
                let mut pair = Pair::new((&client, &judging), (&server, &options));
                pair.settle();
                pair.client.answer_peer(Err(Alert::ACCESS_DENIED));
                pair.settle();
                assert_eq!(pair.server.alert(), Some("access_denied"), "{version} {client_auth:?}");
            }
        }
    }
}

#[test]
fn a_question_that_is_looked_at_stays_open() {
    if !present("openssl") {
        return;
    }
    let client = context("", "ca").build().unwrap();
    let server = context("p256", "").build().unwrap();
    let mut pair = Pair::new((&client, &to("localhost")), (&server, &asking()));
    assert!(pair.server.session.question().is_none(), "nothing was heard");
    pair.settle();
    for _ in 0..2 {
        let question = pair.server.session.question();
        assert!(matches!(question, Some(Question::ClientHello(_))), "{question:?}");
    }
    assert!(pair.server.session.is_handshaking());
    pair.server.answer_hello(HelloReply::new());
    assert!(pair.server.session.question().is_none(), "it is answered");
    pair.settle();
    pair.converse();
}

#[test]
fn no_question_is_open_that_was_not_asked() {
    if !present("openssl") {
        return;
    }
    let client = context("", "ca").build().unwrap();
    let server = context("p256", "").build().unwrap();
    let mut pair = Pair::new((&client, &to("localhost")), (&server, &ServerOptions::new()));
    assert!(pair.client.session.question().is_none());
    let early = pair.client.session.encrypt(b"early", &mut Vec::new());
    assert!(matches!(early, Err(Error::Misused(_))));
    pair.settle();
    assert!(pair.server.session.question().is_none());
    pair.converse();
}
