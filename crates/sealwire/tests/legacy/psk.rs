//! Keys that both knew before they met.

use sealwire::session::Question;
use sealwire::{Legacy, ProtocolVersion, Psk, SecureContext, ServerOptions};

use crate::pair::{End, Pair};
use crate::peers::credentials::context;
use crate::{Tls12, Tls13, old_with, ready, to};

const KEY: [u8; 16] = [7; 16];

/// Settles, and answers what is asked: as a client by this key, as a server for `known` only.
pub(crate) fn settle(pair: &mut Pair, client: Option<&Psk>) {
    pair.client.process();
    loop {
        pair.settle();
        let asked = answer(&mut pair.client, |_| client.cloned());
        let also = answer(&mut pair.server, |identity| {
            (identity == b"known").then(|| Psk::new("known", KEY))
        });
        if !asked && !also {
            return;
        }
    }
}

fn answer(end: &mut End, find: impl Fn(&[u8]) -> Option<Psk>) -> bool {
    let answered = match end.session.question() {
        Some(Question::Psk(asked)) => {
            let key = find(asked.identity().unwrap_or_default());
            asked.answer(key)
        }
        _ => return false,
    };
    end.go_on(answered);
    true
}

fn contexts(version: ProtocolVersion, hint: Option<&str>) -> (SecureContext, SecureContext) {
    let list =
        if version == Tls13 { "" } else { "PSK-AES128-GCM-SHA256:DHE-PSK-AES128-GCM-SHA256" };
    let legacy = Legacy::new().psk(true);
    let client = old_with(context("", "ca"), legacy.clone(), version, list);
    let legacy = hint.into_iter().fold(legacy, Legacy::psk_hint);
    (client, old_with(context("", "ca"), legacy, version, list))
}

#[test]
fn both_are_authorized_by_the_key() {
    if !ready() {
        return;
    }
    for version in [Tls12, Tls13] {
        for split in [1, usize::MAX] {
            let (client, server) = contexts(version, None);
            let mut pair = Pair::new((&client, &to("localhost")), (&server, &ServerOptions::new()));
            pair.split = split;
            settle(&mut pair, Some(&Psk::new("known", KEY)));
            for end in [&pair.client, &pair.server] {
                assert!(end.complete, "{version} {split}: {:?}", end.error);
                let peer = end.session.peer().unwrap();
                assert!(peer.authorized(), "{version}");
                assert_eq!(peer.psk_identity(), Some(&b"known"[..]), "{version}");
                assert!(peer.certificate().is_none() && !peer.is_resumed(), "{version}");
            }
            pair.converse();
        }
    }
}

#[test]
fn a_hint_is_told() {
    if !ready() {
        return;
    }
    let (client, server) = contexts(Tls12, Some("try known"));
    let mut pair = Pair::new((&client, &to("localhost")), (&server, &ServerOptions::new()));
    pair.settle();
    let Some(Question::Psk(asked)) = pair.client.session.question() else { panic!("no question") };
    assert_eq!(asked.hint(), Some(&b"try known"[..]));
    drop(asked);
    settle(&mut pair, Some(&Psk::new("known", KEY)));
    assert!(pair.client.complete && pair.server.complete);
}

#[test]
fn who_has_no_key_or_another_gets_no_further() {
    if !ready() {
        return;
    }
    for version in [Tls12, Tls13] {
        for (case, given) in [
            ("nobody", Some(Psk::new("unknown", KEY))),
            ("another key", Some(Psk::new("known", [8; 16]))),
            ("no key", None),
        ] {
            let (client, server) = contexts(version, None);
            let mut pair = Pair::new((&client, &to("localhost")), (&server, &ServerOptions::new()));
            settle(&mut pair, given.as_ref());
            assert!(!pair.client.complete && !pair.server.complete, "{version} {case}");
            let error = pair.server.error.as_ref().or(pair.client.error.as_ref());
            let error = error.unwrap_or_else(|| panic!("{version} {case}: no error"));
            assert!(error.code().starts_with("ERR_SSL_"), "{version} {case}: {error}");
        }
    }
}

#[test]
fn who_is_known_by_a_key_is_known_besides_those_with_certificates() {
    if !ready() {
        return;
    }
    // A server with both, in TLS 1.3: one client has a key, another goes by the certificate.
    let legacy = Legacy::new().psk(true);
    // OpenSSL takes such a key with SHA-256 only, and a server with a certificate chooses first.
    let list = "TLS_AES_128_GCM_SHA256";
    let with = |identity| context(identity, "ca").legacy(legacy.clone()).cipher_list(list).unwrap();
    let server = with("rsa").build().unwrap();
    for (key, by_key) in [(Some(Psk::new("known", KEY)), true), (None, false)] {
        let client = with("").build().unwrap();
        let mut pair = Pair::new((&client, &to("localhost")), (&server, &ServerOptions::new()));
        settle(&mut pair, key.as_ref());
        assert!(
            pair.client.complete && pair.server.complete,
            "{:?} {:?}",
            pair.client.error,
            pair.server.error
        );
        assert!(pair.client.authorized());
        assert_eq!(pair.client.session.peer().unwrap().psk_identity().is_some(), by_key);
        assert_eq!(pair.server.authorized(), by_key);
        pair.converse();
    }
}
