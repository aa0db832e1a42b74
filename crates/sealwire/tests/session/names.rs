//! Is it the server that was asked for? Each rule, in a handshake.

use std::sync::Arc;

use sealwire::verify::{NameCheck, Pin};
use sealwire::{PeerVerification, ServerOptions, TrustStore};

use crate::pair::Pair;
use crate::peers::credentials::{context, credentials};
use crate::peers::present;
use crate::{VERSIONS, to};

/// What a client that checks by `rules` finds against the server `shown`, asked for as `host`.
fn findings(shown: &str, trusted: &str, host: &str, rules: NameCheck) -> Vec<&'static str> {
    let client = context("", trusted).build().unwrap();
    let server = context(shown, "").build().unwrap();
    let mut pair =
        Pair::new((&client, &to(host).name_check(rules)), (&server, &ServerOptions::new()));
    pair.settle();
    assert_eq!(pair.client.complete, pair.client.findings().is_empty());
    assert_eq!(pair.client.complete, pair.server.complete);
    pair.client.findings()
}

const MISMATCH: [&str; 1] = ["ERR_TLS_CERT_ALTNAME_INVALID"];

#[test]
fn the_common_name_counts_for_node_only() {
    if !present("openssl") {
        return;
    }
    for (shown, trusted) in [("no-san", "ca"), ("v1-leaf", "ca"), ("tutorial", "tutorial")] {
        assert!(findings(shown, trusted, "localhost", NameCheck::Node).is_empty(), "{shown}");
        assert_eq!(findings(shown, trusted, "localhost", NameCheck::Rfc9525), MISMATCH, "{shown}");
        assert_eq!(findings(shown, trusted, "example.com", NameCheck::Node), MISMATCH, "{shown}");
        // An address is never compared with a common name.
        assert_eq!(findings(shown, trusted, "127.0.0.1", NameCheck::Node), MISMATCH, "{shown}");
    }
}

#[test]
fn names_and_addresses() {
    if !present("openssl") {
        return;
    }
    for rules in [NameCheck::Rfc9525, NameCheck::Node] {
        for host in ["localhost", "LOCALHOST", "localhost.", "127.0.0.1"] {
            assert!(findings("p256", "ca", host, rules.clone()).is_empty(), "{host} {rules:?}");
        }
        for host in ["127.0.0.2", "::1", "[::1]", "localhost.example", "elsewhere.example"] {
            assert_eq!(findings("p256", "ca", host, rules.clone()), MISMATCH, "{host} {rules:?}");
        }
    }
}

#[test]
fn the_default_is_rfc_9525() {
    if !present("openssl") {
        return;
    }
    let client = context("", "ca").build().unwrap();
    let server = context("no-san", "").build().unwrap();
    let mut pair = Pair::new((&client, &to("localhost")), (&server, &ServerOptions::new()));
    pair.settle();
    assert_eq!(pair.client.findings(), MISMATCH);
    let refusal = pair.client.error.as_ref().and_then(|error| error.refusal()).expect("refused");
    assert_eq!(refusal.evidence(), "Cert does not contain a DNS name");
}

#[test]
fn without_a_check_any_certificate_of_the_ca_passes_and_no_other() {
    if !present("openssl") {
        return;
    }
    for shown in ["p256", "wrong-name", "no-san"] {
        assert!(findings(shown, "ca", "example.com", NameCheck::DangerousNone).is_empty());
    }
    let others = findings("p256", "other-ca", "example.com", NameCheck::DangerousNone);
    assert_eq!(others.last(), Some(&"UNABLE_TO_VERIFY_LEAF_SIGNATURE"));
}

#[test]
fn a_custom_check_sees_name_and_leaf_and_gives_the_reason() {
    if !present("openssl") {
        return;
    }
    let rule = NameCheck::Custom(Arc::new(|name, leaf| {
        let subject = leaf.subject();
        match subject.common_name() {
            Some("elsewhere.example") if name.as_str() == "here.example" => Ok(()),
            other => Err(format!("{name} is not {other:?}")),
        }
    }));
    assert!(findings("wrong-name", "ca", "here.example", rule.clone()).is_empty());
    assert_eq!(findings("p256", "ca", "here.example", rule.clone()), MISMATCH);
    // It can refuse a good chain, not accept a bad one.
    let untrusted = findings("wrong-name", "other-ca", "here.example", rule.clone());
    assert_eq!(untrusted.last(), Some(&"UNABLE_TO_VERIFY_LEAF_SIGNATURE"));

    let client = context("", "ca").build().unwrap();
    let server = context("p256", "").build().unwrap();
    let options = to("here.example").name_check(rule);
    let mut pair = Pair::new((&client, &options), (&server, &ServerOptions::new()));
    pair.settle();
    let refusal = pair.client.error.as_ref().and_then(|error| error.refusal()).expect("refused");
    assert_eq!(refusal.evidence(), "here.example is not Some(\"localhost\")");
}

#[test]
fn a_wrong_name_is_told_beside_a_bad_chain_whose_code_counts() {
    if !present("openssl") {
        return;
    }
    let found = |rules| findings("p256", "other-ca", "elsewhere.example", rules);
    let chain = "UNABLE_TO_VERIFY_LEAF_SIGNATURE";
    for rules in [NameCheck::Rfc9525, NameCheck::Node] {
        let found = found(rules);
        assert_eq!((found[0], found.last()), (MISMATCH[0], Some(&chain)), "{found:?}");
    }
    // A rule of the caller's is asked about good chains only.
    let never = NameCheck::Custom(Arc::new(|_, _| panic!("asked about a bad chain")));
    assert_eq!(found(never).last(), Some(&chain));
}

#[test]
fn sni_is_sent_for_names_when_wanted() {
    if !present("openssl") {
        return;
    }
    let client = context("", "ca").build().unwrap();
    let server = context("p256", "").build().unwrap();
    for (options, sent) in [
        (to("localhost"), Some("localhost")),
        (to("LocalHost."), Some("localhost")),
        (to("localhost").send_sni(false), None),
        (to("127.0.0.1"), None),
    ] {
        let mut pair = Pair::new((&client, &options), (&server, &ServerOptions::new()));
        pair.settle();
        assert!(pair.client.authorized());
        assert_eq!(pair.client.session.peer().unwrap().server_name(), sent);
        assert_eq!(pair.server.session.peer().unwrap().server_name(), sent);
    }
}

#[test]
fn a_partial_chain_is_trusted_when_that_is_asked_for() {
    if !present("openssl") {
        return;
    }
    let inter = credentials().trust("inter");
    let judge = |trust: TrustStore| {
        let client = sealwire::SecureContext::builder().trust(trust).build().unwrap();
        let server = context("deep", "").build().unwrap();
        let mut pair = Pair::new((&client, &to("localhost")), (&server, &ServerOptions::new()));
        pair.settle();
        pair.client.findings()
    };
    assert_eq!(judge(inter.clone()), ["UNABLE_TO_GET_ISSUER_CERT"]);
    assert!(judge(inter.allow_partial_chain(true)).is_empty());
}

#[test]
fn of_pinned_keys_one_has_to_be_in_the_chain() {
    if !present("openssl") {
        return;
    }
    let pin = |name: &str| Pin::of(&credentials().certificate(name));
    let server = context("deep-chain", "").build().unwrap();
    let judge = |trusted: &str, pins: Vec<Pin>, mode: PeerVerification| {
        let client = context("", trusted).build().unwrap();
        let options = to("localhost").pins(pins).verification(mode);
        let mut pair = Pair::new((&client, &options), (&server, &ServerOptions::new()));
        pair.settle();
        assert_eq!(pair.client.authorized(), pair.client.findings().is_empty());
        let let_pass = pair.client.authorized() || mode == PeerVerification::Recorded;
        assert_eq!(pair.client.complete, let_pass);
        pair
    };
    for mode in [PeerVerification::Required, PeerVerification::Recorded] {
        // The leaf's, its issuer's, the root's (which was not sent), or any of several.
        for pins in [
            vec![pin("deep")],
            vec![pin("inter")],
            vec![pin("ca")],
            vec![pin("rsa"), pin("other-ca"), pin("deep")],
        ] {
            assert!(judge("ca", pins.clone(), mode).client.authorized(), "{pins:?}");
            // A pin is no reason to trust.
            let untrusted = judge("other-ca", pins, mode);
            assert_eq!(untrusted.client.findings(), ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY"]);
        }
        for pins in [vec![pin("rsa")], vec![pin("other-ca"), pin("p256")], vec![]] {
            let pair = judge("ca", pins.clone(), mode);
            assert_eq!(pair.client.findings(), ["PINNED_KEY_MISMATCH"], "{pins:?}");
        }
    }
    let pair = judge("ca", vec![pin("rsa")], PeerVerification::Required);
    assert_eq!(pair.server.alert(), Some("certificate_unknown"));
    let refusal = pair.client.error.as_ref().and_then(|error| error.refusal()).expect("refused");
    let evidence =
        format!("none of the 3 keys of the chain is among 1 pins; the leaf's is {}", pin("deep"));
    assert_eq!(refusal.evidence(), evidence);
}

/// A chain that was found good once is not judged again; its pins are.
#[test]
fn pins_count_on_every_connection_resumed_or_not() {
    if !present("openssl") {
        return;
    }
    let pin = |name: &str| Pin::of(&credentials().certificate(name));
    for version in VERSIONS {
        let client = context("", "ca").versions(version..=version).build().unwrap();
        let server = context("p256", "").build().unwrap();
        for (pins, good) in [("p256", true), ("p256", true), ("rsa", false), ("p256", true)] {
            let options = to("localhost").pins([pin(pins)]);
            let mut pair = Pair::new((&client, &options), (&server, &ServerOptions::new()));
            pair.settle();
            assert_eq!(pair.client.authorized(), good, "{version} {pins}");
        }
    }
}
