//! What is known of a connection, told alike on both sides.

use std::collections::BTreeSet;

use sealwire::session::{ByteCount, HelloReply};
use sealwire::{
    ClientAuth, ClientOptions, Error, PeerVerification, ProtocolVersion, SecureContext,
    ServerOptions,
};

use crate::pair::Pair;
use crate::peers::credentials::{context, credentials};
use crate::peers::present;
use crate::{VERSIONS, to};

/// A client that has a certificate and a server that shows a P-256 one.
fn contexts(version: ProtocolVersion) -> (SecureContext, SecureContext) {
    let client = context("client", "ca").versions(version..=version).build().unwrap();
    (client, context("p256", "ca").build().unwrap())
}

fn settled(
    contexts: &(SecureContext, SecureContext),
    client: &ClientOptions,
    server: &ServerOptions,
) -> Pair {
    let mut pair = Pair::new((&contexts.0, client), (&contexts.1, server));
    pair.settle();
    assert!(pair.client.complete && pair.server.complete);
    pair
}

/// A first connection, and one that resumes it.
fn first_and_resumed(version: ProtocolVersion) -> [Pair; 2] {
    let contexts = contexts(version);
    let pairs = [(); 2].map(|()| settled(&contexts, &to("localhost"), &ServerOptions::new()));
    let [first, second] = &pairs;
    assert!(!first.client.session.peer().unwrap().is_resumed());
    assert!(second.client.session.peer().unwrap().is_resumed());
    pairs
}

#[test]
fn finished_values_are_told_on_both_sides() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let mut seen = BTreeSet::new();
        for pair in first_and_resumed(version) {
            let (client, server) = (&pair.client.session, &pair.server.session);
            let of_client = client.finished().expect("complete");
            let of_server = server.finished().expect("complete");
            assert_eq!(server.peer_finished(), Some(of_client), "{version}");
            assert_eq!(client.peer_finished(), Some(of_server), "{version}");
            assert!(seen.insert(of_client.to_vec()) && seen.insert(of_server.to_vec()));
            let resumed = client.peer().unwrap().is_resumed();
            let (len, unique) = match version {
                ProtocolVersion::Tls12 => (12, Some(if resumed { of_server } else { of_client })),
                _ => (48, None),
            };
            assert_eq!((of_client.len(), of_server.len()), (len, len));
            assert_eq!((client.tls_unique(), server.tls_unique()), (unique, unique));
        }
    }
}

#[test]
fn nothing_is_known_before_the_handshake_is_complete() {
    if !present("openssl") {
        return;
    }
    let contexts = contexts(ProtocolVersion::Tls13);
    let pair = Pair::new((&contexts.0, &to("localhost")), (&contexts.1, &ServerOptions::new()));
    for session in [&pair.client.session, &pair.server.session] {
        assert!(session.finished().is_none() && session.peer_finished().is_none());
        assert!(session.ocsp_response().is_none() && session.ephemeral_key().is_none());
        assert!(session.local_certificates().is_empty());
        assert!(session.shared_signature_schemes().is_empty());
        let error = session.export_keying_material(&mut [0; 8], "EXPERIMENTAL", None);
        assert!(matches!(error, Err(Error::Misused(_))), "{error:?}");
    }
}

fn exported(session: &sealwire::Session, label: &str, context: Option<&[u8]>) -> [u8; 100] {
    let mut material = [0; 100];
    session.export_keying_material(&mut material, label, context).expect("an open session");
    material
}

#[test]
fn keying_material_is_the_same_on_both_sides_and_no_other() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let mut seen = BTreeSet::new();
        for mut pair in first_and_resumed(version) {
            pair.converse();
            for label in ["EXPERIMENTAL-a", "EXPERIMENTAL-b"] {
                for context in [None, Some(&b""[..]), Some(b"context")] {
                    let material = exported(&pair.client.session, label, context);
                    assert_eq!(material, exported(&pair.server.session, label, context));
                    let new = seen.insert(material);
                    // TLS 1.3 has no difference between no context and an empty one.
                    assert_eq!(new, version == ProtocolVersion::Tls12 || context != Some(b""));
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_exported_is_an_error() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let pair = settled(&contexts(version), &to("localhost"), &ServerOptions::new());
        let session = &pair.client.session;
        let export = |len, label: &str, context: Option<&[u8]>| {
            session.export_keying_material(&mut vec![0; len], label, context)
        };
        let long = "x".repeat(300);
        match version {
            ProtocolVersion::Tls12 => {
                for reserved in ["client finished", "master secret", "key expansion and more"] {
                    export(8, reserved, None).expect_err(reserved);
                }
                export(8, "", None).expect_err("no label");
                export(0, "EXPERIMENTAL", None).expect_err("no length");
                export(8, "EXPERIMENTAL", Some(&[0; 65_536])).expect_err("a long context");
                export(8, &long, Some(&[0; 65_535])).expect("TLS 1.2 has room");
            }
            _ => {
                export(8, &long, None).expect_err("a long label");
                export(48 * 255 + 1, "EXPERIMENTAL", None).expect_err("more than HKDF gives");
                export(48 * 255, "EXPERIMENTAL", Some(&[0; 65_536])).expect("as much as it gives");
            }
        }
    }
}

#[test]
fn the_key_log_is_told_when_asked_for() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let contexts = contexts(version);
        let silent = settled(&contexts, &to("localhost"), &ServerOptions::new());
        assert!(silent.client.key_log.is_empty() && silent.server.key_log.is_empty());
        for resumed in [false, true] {
            let options = to("localhost").resume(resumed).key_log(true);
            let pair = settled(&contexts, &options, &ServerOptions::new().key_log(true));
            assert_eq!(pair.client.session.peer().unwrap().is_resumed(), resumed);
            let lines: BTreeSet<_> = pair.client.key_log.iter().collect();
            assert_eq!(lines, pair.server.key_log.iter().collect(), "{version}");
            assert_eq!(lines.len(), pair.client.key_log.len(), "each is told once");
            let mut labels: Vec<_> =
                lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
            labels.sort_unstable();
            match version {
                ProtocolVersion::Tls12 => assert_eq!(labels, ["CLIENT_RANDOM"]),
                _ => assert_eq!(
                    labels,
                    [
                        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
                        "CLIENT_TRAFFIC_SECRET_0",
                        "EXPORTER_SECRET",
                        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                        "SERVER_TRAFFIC_SECRET_0",
                    ]
                ),
            }
            // The client's random is in the clear: behind two headers, in the first record.
            let random: String =
                pair.client.sent[11..43].iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(lines.iter().all(|line| line.split(' ').nth(1) == Some(&random)));
        }
    }
}

#[test]
fn the_keys_of_a_handshake_that_fails_are_told_too() {
    if !present("openssl") {
        return;
    }
    let client = context("", "other-ca").build().unwrap();
    let server = context("p256", "").build().unwrap();
    let options = to("localhost").key_log(true);
    let mut pair = Pair::new((&client, &options), (&server, &ServerOptions::new()));
    pair.settle();
    assert!(pair.client.error.is_some());
    assert_eq!(pair.client.key_log.len(), 2, "{:?}", pair.client.key_log);
}

#[test]
fn a_stapled_response_is_told_to_who_asked() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let contexts = contexts(version);
        let connect = |request: bool, staple: Option<&[u8]>| {
            let options = to("localhost").request_ocsp(request);
            let server = ServerOptions::new().ask_client_hello(true);
            let mut pair = Pair::new((&contexts.0, &options), (&contexts.1, &server));
            pair.settle();
            assert!(pair.server.hello().requests_ocsp(), "the engine asks in any case");
            let reply = HelloReply::new();
            let reply = staple.into_iter().fold(reply, |reply, der| reply.ocsp_staple(der));
            pair.server.answer_hello(reply);
            pair.settle();
            assert!(pair.client.complete, "{version}");
            (pair.client.ocsp.clone(), pair)
        };
        let staple = b"any bytes".to_vec();
        let (told, pair) = connect(true, Some(&staple));
        assert_eq!(told, [Some(staple.clone())], "{version}");
        assert_eq!(pair.client.session.ocsp_response(), Some(&staple[..]));
        assert_eq!(pair.server.session.ocsp_response(), None);

        // Resumed: no certificate comes, and nothing is stapled to it. As in Node.
        let (told, pair) = connect(true, Some(&staple));
        assert!(pair.client.session.peer().unwrap().is_resumed());
        assert_eq!(told, if version == ProtocolVersion::Tls12 { vec![] } else { vec![None] });

        let (told, pair) = connect(false, Some(&staple));
        assert_eq!((told, pair.client.session.ocsp_response()), (vec![], None), "{version}");
    }
    // An identity may bring its response along.
    for version in VERSIONS {
        let identity = credentials().identity("rsa").with_ocsp_response(b"of the identity");
        let server = SecureContext::builder().identity(identity).build().unwrap();
        for (request, told) in [(true, vec![Some(b"of the identity".to_vec())]), (false, vec![])] {
            let contexts = (contexts(version).0, server.clone());
            let options = to("localhost").request_ocsp(request);
            let pair = settled(&contexts, &options, &ServerOptions::new());
            assert_eq!(pair.client.ocsp, told, "{version}");
        }
        let plain = (contexts(version).0, context("rsa", "").build().unwrap());
        let pair = settled(&plain, &to("localhost").request_ocsp(true), &ServerOptions::new());
        assert_eq!(pair.client.ocsp, [None], "{version}");
    }
}

#[test]
fn schemes_that_both_have_are_known_where_a_list_was_received() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        for client_auth in [ClientAuth::None, ClientAuth::Require] {
            let contexts = contexts(version);
            let options = ServerOptions::new().client_auth(client_auth);
            let pair = settled(&contexts, &to("localhost"), &options);
            let names = |session: &sealwire::Session| -> Vec<_> {
                let schemes = session.shared_signature_schemes();
                schemes.iter().map(|scheme| scheme.openssl_name()).collect()
            };
            let of_server = names(&pair.server.session);
            for name in ["ECDSA+SHA256", "RSA-PSS+SHA512", "Ed25519+UNDEF", "RSA+SHA256"] {
                assert!(of_server.contains(&name), "{of_server:?}");
            }
            let asked = client_auth == ClientAuth::Require;
            assert_eq!(names(&pair.client.session).contains(&"ECDSA+SHA256"), asked);
            assert_eq!(names(&pair.client.session).is_empty(), !asked);
        }
        let [_, resumed] = first_and_resumed(version);
        assert!(resumed.server.session.shared_signature_schemes().is_empty());
    }
}

#[test]
fn our_own_certificates_are_known() {
    if !present("openssl") {
        return;
    }
    // The CA that is trusted is sent too.
    let chain = |name: &str| [credentials().certificate(name), credentials().certificate("ca")];
    for version in VERSIONS {
        for client_auth in [ClientAuth::None, ClientAuth::Require] {
            let contexts = contexts(version);
            let options = ServerOptions::new().client_auth(client_auth);
            for resumed in [false, true] {
                let pair = settled(&contexts, &to("localhost"), &options);
                assert_eq!(pair.client.session.peer().unwrap().is_resumed(), resumed);
                assert_eq!(pair.client.session.local_certificates(), chain("client"));
                assert_eq!(pair.server.session.local_certificates(), chain("p256"));
            }
        }
        // Of several, the one that was shown.
        let client = context("", "ca").versions(version..=version).build().unwrap();
        let server = context("deep-chain", "").identity(credentials().identity("rsa"));
        let pair = settled(
            &(client.clone(), server.build().unwrap()),
            &to("localhost"),
            &ServerOptions::new(),
        );
        let shown = pair.client.session.peer().unwrap().certificates();
        assert_eq!(pair.server.session.local_certificates(), shown);
        assert!(pair.client.session.local_certificates().is_empty());
    }
}

#[test]
fn issuers_are_found_in_what_was_sent_and_in_what_is_trusted() {
    if !present("openssl") {
        return;
    }
    for (shown, trusted, above) in [
        ("p256", "ca", &["ca"][..]),
        ("p256", "other-ca", &[]),
        ("deep", "inter ca", &["inter", "ca"]),
        ("deep-chain", "ca", &["inter", "ca"]),
        ("deep-chain", "other-ca", &["inter"]),
        ("deep-shuffled", "other-ca", &["inter", "ca"]),
        ("tutorial", "tutorial", &[]),
    ] {
        let client = context("", trusted).build().unwrap();
        let server = context(shown, "").build().unwrap();
        let options = to("localhost").verification(PeerVerification::Recorded);
        let pair = settled(&(client, server), &options, &ServerOptions::new());
        let found = pair.client.session.peer().unwrap().issuers(&credentials().trust(trusted));
        let above: Vec<_> =
            above.iter().map(|name| credentials().trust(name).certificates()[0].clone()).collect();
        assert_eq!(found, above, "{shown} to a client that trusts {trusted}");
    }
}

#[test]
fn bytes_are_counted() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let mut pair = settled(&contexts(version), &to("localhost"), &ServerOptions::new());
        pair.converse();
        let wire = pair.client.send(&[7; 40_000]);
        // Not all of it has arrived: what waits is not counted.
        pair.server.receive(&wire[..wire.len() - 1]);
        let (sent, received) = (pair.client.session.bytes_sent(), pair.server.session);
        let at_server = received.bytes_received();
        assert_eq!(sent.plaintext, 40_015, "{version}");
        assert_eq!(sent.tls, pair.client.sent.len() as u64);
        assert_eq!(at_server.plaintext, pair.server.plaintext.len() as u64);
        assert_eq!(at_server.tls + pair.server.received.len() as u64 + 1, sent.tls);
        assert_eq!(received.bytes_sent().tls, pair.server.sent.len() as u64);
        assert_eq!(
            pair.client.session.bytes_received(),
            ByteCount { tls: pair.server.sent.len() as u64, plaintext: 15 }
        );
    }
}

#[test]
fn suites_and_groups_have_their_names() {
    if !present("openssl") {
        return;
    }
    for (version, groups, kind, name, bits) in [
        (ProtocolVersion::Tls12, "X25519", "ECDH", "X25519", Some(253)),
        (ProtocolVersion::Tls12, "P-256", "ECDH", "prime256v1", Some(256)),
        (ProtocolVersion::Tls13, "P-384", "ECDH", "secp384r1", Some(384)),
        (ProtocolVersion::Tls13, "auto", "TLSGroup", "X25519MLKEM768", None),
    ] {
        let client = context("", "ca").versions(version..=version).groups(groups).unwrap();
        let contexts = (client.build().unwrap(), contexts(version).1);
        let pair = settled(&contexts, &to("localhost"), &ServerOptions::new());
        for session in [&pair.client.session, &pair.server.session] {
            let group = session.ephemeral_key().expect("agreed");
            assert_eq!((group.kind(), group.openssl_name(), group.bits()), (kind, name, bits));
            assert_eq!(session.peer().unwrap().cipher().protocol(), version);
        }
    }
}
