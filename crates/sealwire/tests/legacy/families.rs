//! Every family of suites in every version that has it.

use sealwire::{ClientAuth, SecureContext, ServerOptions};

use crate::peers::credentials::context;
use crate::{
    FAMILIES, Legacy, OLD, Pair, Tls10, Tls12, Tls13, client_of, old, ready, server, settled, to,
};

#[test]
fn each_in_each_version_with_and_without_a_client_certificate() {
    if !ready() {
        return;
    }
    for (suite, key, oldest) in FAMILIES {
        for version in OLD.into_iter().filter(|version| *version >= oldest) {
            for client_auth in [ClientAuth::None, ClientAuth::Require] {
                let case = format!("{suite} {version} {client_auth:?}");
                let client = old(context(client_of(suite), "ca"), version, suite);
                let options = ServerOptions::new().client_auth(client_auth);
                let mut pair = settled(&client, &server(key), &options);
                assert!(
                    pair.client.complete,
                    "{case}: {:?} {:?}",
                    pair.client.error, pair.server.error
                );
                assert!(pair.server.complete, "{case}: {:?}", pair.server.error);
                let [ours, theirs] =
                    [&pair.client, &pair.server].map(|end| end.session.peer().unwrap());
                for peer in [ours, theirs] {
                    assert_eq!((peer.protocol(), peer.cipher().openssl_name()), (version, suite));
                    assert!(!peer.is_resumed(), "{case}");
                }
                assert!(ours.authorized(), "{case}");
                assert_eq!(theirs.authorized(), client_auth == ClientAuth::Require, "{case}");
                assert_eq!(ours.dh_bits().is_some(), suite.starts_with("DHE"), "{case}");
                assert_eq!(ours.group().is_some(), suite.starts_with("ECDHE"), "{case}");
                assert_eq!(theirs.server_name(), Some("localhost"), "{case}");
                let shown = theirs.local_certificates().first().map(|leaf| leaf.der().to_vec());
                assert_eq!(shown.as_deref(), ours.certificate().map(|leaf| leaf.der()), "{case}");
                both_know_the_same(&pair, &case);
                pair.converse();
            }
        }
    }
}

/// Finished values and keying material.
fn both_know_the_same(pair: &Pair, case: &str) {
    let (client, server) = (&pair.client.session, &pair.server.session);
    assert_eq!(client.finished(), server.peer_finished(), "{case}");
    assert_eq!(client.peer_finished(), server.finished(), "{case}");
    assert_eq!(client.tls_unique(), server.tls_unique(), "{case}");
    assert!(client.tls_unique().is_some(), "{case}");
    let [one, other] = [client, server].map(|session| {
        let mut material = [0; 32];
        session.export_keying_material(&mut material, "EXPORTER-test", Some(b"context")).unwrap();
        material
    });
    assert_eq!(one, other, "{case}");
    assert_ne!(one, [0; 32], "{case}");
}

#[test]
fn any_split_of_the_bytes_comes_to_the_same() {
    if !ready() {
        return;
    }
    for version in OLD {
        for split in [1, 2, 5, 7, 100, 1000] {
            let client = old(context("client", "ca"), version, "AES128-SHA");
            let server = server("rsa");
            let options = ServerOptions::new().client_auth(ClientAuth::Require);
            let mut pair = Pair::new((&client, &to("localhost")), (&server, &options));
            pair.split = split;
            pair.settle();
            assert!(pair.client.complete && pair.server.complete, "{version} {split}");
            pair.converse();
        }
    }
}

#[test]
fn data_behind_the_handshake_stay_encrypted_until_the_peer_is_judged() {
    if !ready() {
        return;
    }
    for version in OLD {
        let client = old(context("", "ca"), version, "AES128-SHA");
        let (server, options) = (server("rsa"), ServerOptions::new());
        let asking = to("localhost").ask_about_peer(true);
        let mut pair = Pair::new((&client, &asking), (&server, &options));
        // The server's last flight and its first data come in one piece.
        let hello = pair.client.output();
        pair.server.receive(&hello);
        let flight = pair.server.output();
        pair.client.receive(&flight);
        let keys = pair.client.output();
        pair.server.receive(&keys);
        assert!(pair.server.complete, "{version}: {:?}", pair.server.error);
        let mut last = pair.server.output();
        last.extend(pair.server.send(b"secret"));
        pair.client.receive(&last);
        assert!(pair.client.asks_about_peer(), "{version}");
        assert!(!pair.client.received.is_empty(), "{version}: the record stays");
        assert!(pair.client.plaintext.is_empty(), "{version}");
        let mut out = Vec::new();
        assert!(pair.client.session.encrypt(b"early", &mut out).is_err(), "{version}");
        pair.client.answer_peer(Ok(()));
        assert_eq!(pair.client.plaintext, b"secret", "{version}");
    }
}

#[test]
fn much_data_goes_both_ways_in_records_of_any_size() {
    if !ready() {
        return;
    }
    let data: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
    for version in OLD {
        let client = old(context("", "ca"), version, "ECDHE-RSA-AES128-SHA");
        let mut pair = settled(&client, &server("rsa"), &ServerOptions::new());
        for fragment in [512, 4096, 16384] {
            pair.client.session.set_max_fragment_size(fragment).unwrap();
            let wire = pair.client.send(&data);
            pair.server.plaintext.clear();
            for part in wire.chunks(999) {
                pair.server.receive(part);
            }
            assert_eq!(pair.server.plaintext, data, "{version} {fragment}");
        }
        pair.client.session.send_close_notify();
        pair.settle();
        assert!(pair.server.peer_closed, "{version}");
    }
}

#[test]
fn the_first_engine_keeps_what_it_can_speak() {
    if !ready() {
        return;
    }
    let both = || context("rsa", "ca").legacy(Legacy::new()).versions(Tls12..=Tls13);
    let plain = || context("rsa", "ca");
    let contexts: [SecureContext; 2] = [both().build().unwrap(), plain().build().unwrap()];
    // What its tickets look like tells who speaks: the first engine's clients are given sessions.
    for version in [Tls12, Tls13] {
        let client = context("", "ca").legacy(Legacy::new()).versions(version..=version);
        let client = client.build().unwrap();
        for server in &contexts {
            let mut pair = settled(&client, server, &ServerOptions::new());
            pair.converse();
            assert!(!pair.client.sessions.is_empty(), "{version}");
        }
    }
    // A server that is asked for TLS 1.0 says what it said before, if it does not speak it.
    let client = old(context("", "ca"), Tls10, "AES128-SHA");
    let pair = settled(&client, &contexts[0], &ServerOptions::new());
    assert_eq!(pair.client.alert(), Some("protocol_version"));
    assert_eq!(pair.server.error.as_ref().unwrap().code(), "ERR_SSL_UNSUPPORTED_PROTOCOL");
}

#[test]
fn a_name_and_a_protocol_are_agreed_on() {
    if !ready() {
        return;
    }
    for version in OLD {
        let client = old(context("", "ca"), version, "AES128-SHA");
        for (ours, theirs, agreed) in [
            (&["h2", "http/1.1"][..], &["http/1.1"][..], Some(&b"http/1.1"[..])),
            (&["a", "b"], &["b", "a"], Some(b"b")),
            (&[], &["b"], None),
            (&["a"], &[], None),
        ] {
            let asking = to("localhost").alpn(ours.iter().copied());
            let options = ServerOptions::new().alpn(theirs.iter().copied());
            let mut pair = Pair::new((&client, &asking), (&server("rsa"), &options));
            pair.settle();
            for end in [&pair.client, &pair.server] {
                assert_eq!(end.session.peer().expect("a peer").alpn(), agreed, "{version}");
            }
        }
        let asking = to("localhost").alpn(["a"]);
        let options = ServerOptions::new().alpn(["b"]);
        let mut pair = Pair::new((&client, &asking), (&server("rsa"), &options));
        pair.settle();
        assert_eq!(pair.client.alert(), Some("no_application_protocol"), "{version}");
        assert_eq!(pair.server.error.unwrap().code(), "ERR_SSL_NO_APPLICATION_PROTOCOL");
    }
}

#[test]
fn the_key_log_tells_the_master_secret() {
    if !ready() {
        return;
    }
    for version in OLD {
        let client = old(context("", "ca"), version, "AES128-SHA");
        let asking = to("localhost").key_log(true);
        let options = ServerOptions::new().key_log(true);
        let mut pair = Pair::new((&client, &asking), (&server("rsa"), &options));
        pair.settle();
        // With RSA key exchange a client tells what it has encrypted, too.
        let last = pair.client.key_log.last().expect("a line");
        assert_eq!(Some(last), pair.server.key_log.last(), "{version}");
        assert!(last.starts_with("CLIENT_RANDOM "), "{version}");
    }
}
