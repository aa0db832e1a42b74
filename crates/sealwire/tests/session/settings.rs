//! What a context is told to speak and to show, and what comes of it.

use sealwire::pki::Certificate;
use sealwire::session::{HelloReply, Question};
use sealwire::{
    CertCompression, ClientAuth, Identity, ProtocolVersion, SecureContext, SecureContextBuilder,
    ServerOptions, Session,
};

use crate::pair::Pair;
use crate::peers::credentials::{context, credentials};
use crate::peers::present;
use crate::{VERSIONS, to};

/// A handshake of a client that trusts the CA with this server.
fn meet(client: SecureContextBuilder, server: SecureContextBuilder) -> Pair {
    let (client, server) = (client.build().unwrap(), server.build().unwrap());
    let mut pair = Pair::new((&client, &to("localhost")), (&server, &ServerOptions::new()));
    pair.settle();
    assert_eq!(pair.client.complete, pair.server.complete);
    pair
}

fn showing(names: &[&str]) -> SecureContextBuilder {
    names.iter().fold(SecureContext::builder(), |builder, name| {
        builder.identity(credentials().identity(name))
    })
}

fn certificate(name: &str) -> Certificate {
    credentials().certificate(name)
}

fn shown(pair: &Pair) -> &Certificate {
    pair.client.session.peer().expect("complete").certificate().expect("a server has one")
}

fn cipher(pair: &Pair) -> &'static str {
    pair.client.session.peer().expect("complete").cipher().openssl_name()
}

/// The code of the side that found the fault, and the alert that the other got.
fn failure(pair: &Pair) -> (&'static str, Option<&'static str>) {
    let (by, told) = match pair.client.alert() {
        None => (&pair.client, &pair.server),
        Some(_) => (&pair.server, &pair.client),
    };
    (by.error.as_ref().expect("it failed").code(), told.alert())
}

#[test]
fn of_several_identities_the_offers_of_the_client_choose() {
    if !present("openssl") {
        return;
    }
    // (what the client signs and speaks, what is shown in TLS 1.2, and in 1.3)
    for (schemes, suites, in_12, in_13) in [
        // By default elliptic curves go before RSA, in whatever order they were given.
        ("", "", "p256", "p256"),
        ("RSA+SHA256:PSS+SHA256", "", "rsa", "rsa"),
        ("ed25519:PSS+SHA256", "", "ed25519", "ed25519"),
        ("ECDSA+SHA384:ed25519", "", "p384", "p384"),
        // The server's order counts, not the client's.
        ("PSS+SHA256:ed25519:ECDSA+SHA256", "", "p256", "p256"),
        // In TLS 1.2 a suite says which kind of key; in 1.3 it does not.
        ("", "ECDHE+aRSA:TLS_AES_128_GCM_SHA256", "rsa", "p256"),
        ("ed25519:RSA+SHA256:PSS+SHA256", "ECDHE+aRSA:TLS_AES_128_GCM_SHA256", "rsa", "ed25519"),
    ] {
        for (version, expected) in [(VERSIONS[0], in_12), (VERSIONS[1], in_13)] {
            let mut client = context("", "ca").versions(version..=version);
            if !schemes.is_empty() {
                client = client.signature_schemes(schemes).unwrap();
            }
            if !suites.is_empty() {
                client = client.cipher_list(suites).unwrap();
            }
            let pair = meet(client, showing(&["rsa", "ed25519", "p384", "p256"]));
            let case = format!("{version} {schemes:?} {suites:?}");
            assert!(pair.client.authorized(), "{case}: {:?}", pair.client.error);
            assert_eq!(*shown(&pair), certificate(expected), "{case}");
        }
    }
}

#[test]
fn a_server_that_goes_by_the_client_s_order_chooses_the_identity_by_it_too() {
    if !present("openssl") {
        return;
    }
    for (schemes, suites, in_12, in_13) in [
        ("PSS+SHA256:RSA+SHA256:ECDSA+SHA256", "ECDHE+aRSA:ECDHE", "rsa", "rsa"),
        ("ECDSA+SHA256:PSS+SHA256:RSA+SHA256", "ECDHE+aRSA:ECDHE", "rsa", "p256"),
        ("PSS+SHA256:RSA+SHA256:ECDSA+SHA256", "ECDHE+aECDSA:ECDHE", "p256", "rsa"),
    ] {
        for (version, expected) in [(VERSIONS[0], in_12), (VERSIONS[1], in_13)] {
            let client = context("", "ca").versions(version..=version);
            let client = client.signature_schemes(schemes).unwrap().cipher_list(suites).unwrap();
            let pair = meet(client, showing(&["p256", "rsa"]).prefer_server_order(false));
            assert_eq!(*shown(&pair), certificate(expected), "{version} {schemes} {suites}");
        }
    }
}

#[test]
fn of_identities_with_the_same_kind_of_key_the_first_is_shown() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = context("", "ca").versions(version..=version);
        let pair = meet(client, showing(&["server-only", "p256"]));
        assert_eq!(*shown(&pair), certificate("server-only"));
    }
}

#[test]
fn a_client_with_several_identities_goes_by_what_the_server_accepts() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        for (schemes, expected) in [
            ("RSA+SHA256:PSS+SHA256", "rsa"),
            ("ECDSA+SHA256:PSS+SHA256:RSA+SHA256", "p256"),
            ("PSS+SHA256:RSA+SHA256:ECDSA+SHA256", "rsa"),
        ] {
            let client = showing(&["rsa", "p256"]).trust(credentials().trust("ca"));
            let client = client.versions(version..=version).build().unwrap();
            let server = showing(&["rsa", "p256"]).trust(credentials().trust("ca"));
            let server = server.signature_schemes(schemes).unwrap().build().unwrap();
            let options = ServerOptions::new().client_auth(ClientAuth::Require);
            let mut pair = Pair::new((&client, &to("localhost")), (&server, &options));
            pair.settle();
            let peer = pair.server.session.peer().expect("let in");
            assert_eq!(peer.certificate(), Some(&certificate(expected)), "{version} {schemes}");
        }
    }
}

#[test]
fn which_identity_a_hello_would_be_shown_can_be_asked() {
    if !present("openssl") {
        return;
    }
    let server = showing(&["rsa", "ed25519", "p384", "p256"]).build().unwrap();
    for version in VERSIONS {
        for (schemes, suites) in [
            ("ECDSA+SHA256:RSA+SHA256:PSS+SHA256", ""),
            ("RSA+SHA256:PSS+SHA256", ""),
            ("ed25519:RSA+SHA256:PSS+SHA256", "ECDHE+aRSA:TLS_AES_128_GCM_SHA256"),
        ] {
            let client = context("", "ca").versions(version..=version);
            let client = client.signature_schemes(schemes).unwrap().cipher_list(suites).unwrap();
            let client = client.build().unwrap();
            let options = ServerOptions::new().ask_client_hello(true);
            let mut pair = Pair::new((&client, &to("localhost")), (&server, &options));
            pair.settle();
            let hello = pair.server.hello();
            let told = server.identity_for(&hello).expect("one fits").leaf().clone();
            pair.server.answer_hello(HelloReply::new());
            pair.settle();
            assert_eq!(*shown(&pair), told, "{version} {schemes} {suites}");
        }
    }
    let nobody = SecureContext::builder().build().unwrap();
    let mut session =
        Session::client(&context("", "ca").build().unwrap(), &to("localhost")).unwrap();
    let mut wire = Vec::new();
    session.take_output(&mut wire);
    let mut server = Session::server(&nobody, &ServerOptions::new().ask_client_hello(true));
    server.receive(&mut wire, &mut Vec::new()).unwrap();
    let Some(Question::ClientHello(asked)) = server.question() else {
        panic!("nothing was asked");
    };
    assert!(nobody.identity_for(asked.hello()).is_none());
}

#[test]
fn a_peer_that_shares_no_signature_scheme_is_refused() {
    if !present("openssl") {
        return;
    }
    for (version, code) in [
        (ProtocolVersion::Tls12, "ERR_SSL_NO_SHARED_CIPHER"),
        (ProtocolVersion::Tls13, "ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM"),
    ] {
        let ecdsa =
            |builder: SecureContextBuilder| builder.signature_schemes("ECDSA+SHA256").unwrap();
        let client = || context("", "ca").versions(version..=version);
        let expected = (code, Some("handshake_failure"));
        assert_eq!(failure(&meet(ecdsa(client()), showing(&["rsa"]))), expected, "{version}");
        assert_eq!(failure(&meet(client(), ecdsa(showing(&["rsa"])))), expected, "{version}");
        assert!(meet(ecdsa(client()), ecdsa(showing(&["rsa", "p256"]))).client.authorized());
    }
}

#[test]
fn cipher_lists_count_on_both_sides_and_the_server_has_the_last_word() {
    if !present("openssl") {
        return;
    }
    let (chacha_first, aes_first) = (
        "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:CHACHA20:AESGCM",
        "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:AESGCM+AES128:CHACHA20",
    );
    let list = |builder: SecureContextBuilder, list| builder.cipher_list(list).unwrap();
    for version in VERSIONS {
        let names = match version {
            ProtocolVersion::Tls12 => {
                ["ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-GCM-SHA256"]
            }
            _ => ["TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"],
        };
        let client = || context("", "ca").versions(version..=version);
        for (server, prefer, expected) in [
            (chacha_first, true, names[0]),
            (aes_first, true, names[1]),
            (chacha_first, false, names[1]),
            (aes_first, false, names[1]),
        ] {
            let server = list(showing(&["p256"]), server).prefer_server_order(prefer);
            let pair = meet(list(client(), aes_first), server);
            assert_eq!(cipher(&pair), expected, "{version} {prefer}");
        }
    }
    let nothing = [
        (ProtocolVersion::Tls12, "AES128+AESGCM", "AES256+AESGCM"),
        (ProtocolVersion::Tls13, "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"),
    ];
    for (version, ours, theirs) in nothing {
        let client = list(context("", "ca").versions(version..=version), ours);
        let pair = meet(client, list(showing(&["p256"]), theirs).versions(version..=version));
        let expected = ("ERR_SSL_NO_SHARED_CIPHER", Some("handshake_failure"));
        assert_eq!(failure(&pair), expected, "{version}");
    }
}

#[test]
fn without_a_list_for_tls_1_2_only_1_3_is_spoken() {
    if !present("openssl") {
        return;
    }
    let only_13 = || showing(&["p256"]).cipher_list("TLS_AES_128_GCM_SHA256").unwrap();
    let names: Vec<_> = only_13().build().unwrap().supported_cipher_suites();
    assert_eq!(
        names.iter().map(|suite| suite.iana_name()).collect::<Vec<_>>(),
        ["TLS_AES_128_GCM_SHA256"]
    );
    assert_eq!(cipher(&meet(context("", "ca"), only_13())), "TLS_AES_128_GCM_SHA256");
    let old = context("", "ca").versions(ProtocolVersion::Tls12..=ProtocolVersion::Tls12);
    let expected = ("ERR_SSL_UNSUPPORTED_PROTOCOL", Some("protocol_version"));
    assert_eq!(failure(&meet(old, only_13())), expected);
}

#[test]
fn a_context_that_can_speak_nothing_fails_in_the_handshake_and_is_never_widened() {
    if !present("openssl") {
        return;
    }
    use ProtocolVersion::{Tls10, Tls11, Tls12, Tls13};
    let versions = |range| SecureContext::builder().versions(range);
    let cases = [
        (versions(Tls10..=Tls11), "ERR_SSL_UNSUPPORTED_PROTOCOL", "protocol_version"),
        (versions(Tls13..=Tls12), "ERR_SSL_NO_PROTOCOLS_AVAILABLE", "protocol_version"),
        (
            versions(Tls12..=Tls12).cipher_list("TLS_AES_128_GCM_SHA256").unwrap(),
            "ERR_SSL_NO_CIPHERS_AVAILABLE",
            "handshake_failure",
        ),
    ];
    for (builder, code, alert) in cases {
        let context = builder.identity(credentials().identity("p256")).build().unwrap();
        assert!(context.supported_cipher_suites().is_empty());
        let error = Session::client(&context, &to("localhost")).expect_err(code);
        assert_eq!(error.code(), code);
        let client = crate::peers::credentials::context("", "ca").build().unwrap();
        let mut pair = Pair::new((&client, &to("localhost")), (&context, &ServerOptions::new()));
        pair.settle();
        assert_eq!(failure(&pair), (code, Some(alert)));
    }
    // A range that has one of ours among others is that one.
    let server = showing(&["p256"]).versions(Tls10..=Tls12);
    let pair = meet(context("", "ca"), server);
    assert_eq!(pair.client.session.peer().unwrap().protocol(), Tls12);
}

#[test]
fn a_lone_leaf_is_sent_with_its_issuers_from_the_trust_that_was_given() {
    if !present("openssl") {
        return;
    }
    let trust = |names: &str| credentials().trust(names);
    let deep = || showing(&["deep"]);
    let names = |pair: &Pair| -> Vec<String> {
        let peer = pair.client.session.peer().expect("complete");
        let name = |one: &Certificate| one.subject().common_name().unwrap().to_owned();
        peer.certificates().iter().map(name).collect()
    };
    for (server, sent) in [
        (deep().trust(trust("inter ca")), &["localhost", "Test-inter", "Test-ca"][..]),
        (deep().extra_trust(&trust("inter")), &["localhost", "Test-inter"]),
        (
            deep().trust(trust("other-ca")).extra_trust(&trust("inter")).extra_trust(&trust("ca")),
            &["localhost", "Test-inter", "Test-ca"],
        ),
        // The way up is broken.
        (deep().trust(trust("ca")), &["localhost"]),
        (deep().default_trust(trust("inter ca")), &["localhost", "Test-inter", "Test-ca"]),
        (deep().default_trust(trust("inter ca")).trust(trust("other-ca")), &["localhost"]),
        // A chain that was given stays as it is.
        (showing(&["deep-chain"]).trust(trust("inter ca")), &["localhost", "Test-inter"]),
        // A self-signed leaf has no issuer but itself.
        (showing(&["self-signed"]).trust(trust("ca self-signed")), &["localhost"]),
    ] {
        let client = context("", "ca inter self-signed");
        assert_eq!(names(&meet(client, server)), sent);
    }
}

#[test]
fn extra_trust_is_added_and_default_trust_gives_way() {
    if !present("openssl") {
        return;
    }
    let trust = |names: &str| credentials().trust(names);
    let builder = SecureContext::builder;
    for (client, authorized) in [
        (builder(), false),
        (builder().extra_trust(&trust("ca")), true),
        (builder().trust(trust("other-ca")).extra_trust(&trust("ca")), true),
        (builder().default_trust(trust("ca")), true),
        (builder().default_trust(trust("ca")).trust(trust("other-ca")), false),
        (builder().default_trust(trust("other-ca")).extra_trust(&trust("ca")), true),
    ] {
        assert_eq!(meet(client, showing(&["p256"])).client.authorized(), authorized);
    }
    let both = builder().extra_trust(&trust("ca")).build().unwrap();
    assert!(both.trust().certificates().len() > 100, "the bundled roots stay");
}

#[test]
fn our_own_weak_certificates_are_refused_when_the_context_is_built() {
    if !present("openssl") {
        return;
    }
    let with = |name: &str, level| {
        showing(&[name]).security_level(level).build().map_err(|e| e.code().unwrap_or_default())
    };
    for (name, level, code) in [
        ("sha1", 2, "ERR_SSL_CA_MD_TOO_WEAK"),
        ("sha1", 1, "ERR_SSL_CA_MD_TOO_WEAK"),
        ("rsa", 3, "ERR_SSL_EE_KEY_TOO_SMALL"),
        ("p256", 4, "ERR_SSL_EE_KEY_TOO_SMALL"),
        // The leaf is strong; its intermediate is not.
        ("deep-chain", 4, "ERR_SSL_EE_KEY_TOO_SMALL"),
    ] {
        assert_eq!(with(name, level).expect_err(name), code, "{name} {level}");
    }
    for (name, level) in [("sha1", 0), ("rsa", 2), ("p256", 3), ("ed25519", 3)] {
        assert!(with(name, level).is_ok(), "{name} {level}");
    }
    let error = showing(&["sha1"]).build().expect_err("weak");
    assert_eq!(
        error.to_string(),
        "identity: the signature's digest of the certificate \"CN=localhost\" has 63 bits of \
         security, and security level 2 requires 112"
    );
    // A level in the cipher list is a level.
    let listed = showing(&["sha1"]).cipher_list("DEFAULT@SECLEVEL=0").unwrap();
    assert!(listed.build().is_ok());
    assert_eq!(
        showing(&[]).security_level(6).build().expect_err("no such level").option(),
        "security_level"
    );
}

#[test]
fn high_levels_take_away_what_gives_less() {
    let at = |level| SecureContext::builder().security_level(level);
    let suites = |level| at(level).groups("X25519MLKEM768:MLKEM1024").unwrap().build().unwrap();
    assert_eq!(suites(3).supported_cipher_suites().len(), 9);
    for level in [4, 5] {
        let names = suites(level).supported_cipher_suites();
        assert_eq!(names.len(), 6);
        assert!(names.iter().all(|suite| !suite.iana_name().contains("AES_128")));
    }
    let error = at(4).groups("X25519:P-256").unwrap().build().expect_err("128 bits");
    assert_eq!(
        error.to_string(),
        "security_level: no group reaches the 192 bits of security of level 4"
    );
    let error = at(4).signature_schemes("ed25519").unwrap().build().expect_err("128 bits");
    assert_eq!(error.option(), "security_level");
}

/// A key that the engine cannot use is named as that when the identity is read.
#[test]
fn keys_that_the_engine_lacks_are_named() {
    if !present("openssl") {
        return;
    }
    let files = credentials().files("rsa-1024");
    let error = Identity::from_pem_files(files.cert, files.key).expect_err("too small");
    assert_eq!(
        error.detail(),
        "an RSA key of 1024 bits cannot be used for TLS: the engine signs with 2048 to 8192 bits"
    );
    assert_eq!(error.code(), Some("ERR_SSL_EE_KEY_TOO_SMALL"));
}

/// Compressed only when both sides can; and never in TLS 1.2.
#[test]
fn certificates_are_compressed_when_both_sides_can() {
    if !present("openssl") {
        return;
    }
    let with = |builder: SecureContextBuilder, algorithms: &[CertCompression]| {
        builder.cert_compression(algorithms)
    };
    for version in VERSIONS {
        let bytes = |of_client: &[CertCompression], of_server: &[CertCompression]| {
            let client = context("", "ca").versions(version..=version);
            let server = showing(&["deep-full"]);
            let mut pair = meet(with(client, of_client), with(server, of_server));
            assert!(pair.client.authorized(), "{version} {of_client:?} {of_server:?}");
            let sent = pair.server.sent.len();
            pair.converse();
            sent
        };
        let plain = bytes(&[], &[]);
        let tickets_vary = 16; // and so do signatures
        for algorithm in CertCompression::supported() {
            let packed = bytes(&[algorithm], &[algorithm]);
            let saved = plain.saturating_sub(packed);
            let is_packed = saved > 100;
            assert_eq!(is_packed, version == ProtocolVersion::Tls13, "{algorithm}: {saved} saved");
            for (client, server) in [(&[algorithm][..], &[][..]), (&[], &[algorithm])] {
                assert!(plain.abs_diff(bytes(client, server)) <= tickets_vary, "{version}");
            }
        }
        let others = bytes(&[CertCompression::Zlib], &[CertCompression::Brotli]);
        assert!(plain.abs_diff(others) <= tickets_vary, "{version}");
    }
    // A client's certificate too.
    for algorithm in CertCompression::supported() {
        let [client, server] = ["deep-full", "p256"].map(|name| {
            let trust = credentials().trust("ca");
            with(showing(&[name]).trust(trust), &[algorithm]).build().unwrap()
        });
        let asking = ServerOptions::new().client_auth(ClientAuth::Require);
        let mut pair = Pair::new((&client, &to("localhost")), (&server, &asking));
        pair.settle();
        assert!(pair.server.authorized(), "{algorithm}");
    }
    assert_eq!(CertCompression::by_name("brotli"), Some(CertCompression::Brotli));
    assert_eq!(CertCompression::by_name("lzma"), None);
}

/// Lists in every form that `openssl ca` and `openssl crl` write.
#[test]
fn revocation_lists_are_read_in_every_form() {
    if !present("openssl") {
        return;
    }
    let made = credentials().crl_forms();
    assert!(made.len() >= 5);
    for (name, crls) in made {
        for (shown, findings) in [("revoked", &["CERT_REVOKED"][..]), ("p256", &[])] {
            let client = context("", "ca").crls(crls.clone());
            let pair = meet(client, showing(&[shown]));
            assert_eq!(pair.client.findings(), findings, "{name} {shown}");
        }
    }
}
