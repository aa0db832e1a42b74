//! Node says the same of the same settings.

use std::process::Command;

use sealwire::verify::NameCheck;
use sealwire::{
    Acceptor, CertCompression, Connector, Error, Peer, PeerVerification, ProtocolVersion,
    SecureContext, SecureContextBuilder, SniRouter,
};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::peers;
use crate::peers::credentials::{context, credentials};
use crate::peers::in_time;
use crate::peers::net::{Server, call};
use crate::{NodeClient, NodeServer, files, identity, present, program, script, seen};

/// The code of Node's error for options of `tls.createSecureContext`.
struct NodeSettings(peers::Peer);

impl NodeSettings {
    fn start() -> Self {
        Self(peers::Peer::start(&mut script("settings.js")))
    }

    fn code(&mut self, options: Value) -> Option<String> {
        self.0.say(&format!("{options}\n"));
        seen(&mut self.0).as_str().map(str::to_owned)
    }
}

#[test]
fn cipher_lists() {
    if !present() {
        return;
    }
    let mut node = NodeSettings::start();
    for list in [
        "",
        ":",
        "::",
        " ",
        "nope",
        "HIGH",
        "!ALL",
        "HIGH:!ECDHE:!DHE:!RSA:!PSK:!SRP:!ADH:!AECDH",
        "ECDHE+AESGCM",
        "ECDHE-ECDSA-AES256-GCM-SHA384,TLS_AES_128_GCM_SHA256",
        "DEFAULT@SECLEVEL=0",
        "DEFAULT:@SECLEVEL=9",
        "ECDHE-RSA-AES128-GCM-SHA256$",
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_128_GCM_SHA256:TLS_NOPE",
        "TLS_NOPE",
        "TLS_NOPE:ECDHE-ECDSA-AES256-GCM-SHA384",
        "tls_aes_128_gcm_sha256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    ] {
        let ours = SecureContext::builder().cipher_list(list);
        let ours = ours.err().and_then(|error| error.code()).map(str::to_owned);
        assert_eq!(ours, node.code(json!({ "ciphers": list })), "{list:?}");
    }
    // What Node can speak and this engine cannot is an error here, with the code of its kind.
    for list in ["AES128-SHA", "kRSA", "TLS_AES_128_CCM_SHA256"] {
        assert_eq!(node.code(json!({ "ciphers": list })), None, "{list}");
        let error = SecureContext::builder().cipher_list(list).err().expect(list);
        assert_eq!(error.code(), Some("ERR_SSL_NO_CIPHER_MATCH"), "{list}");
        assert!(error.to_string().contains("supported by OpenSSL, not here"), "{error}");
    }
}

#[test]
fn signature_schemes() {
    if !present() {
        return;
    }
    let mut node = NodeSettings::start();
    for list in [
        "",
        "RSA+SHA256",
        "SHA256+RSA",
        "PSS+SHA384:RSA-PSS+SHA512",
        "ecdsa_secp256r1_sha256:ed25519",
        " RSA+SHA256 : ed25519 ",
        "RSA+SHA256:nope",
        "RSA",
        "RSA+",
        "RSA+MD5",
        "RSA+SHA256:",
        "rsa_pss_pss_sha256:rsa_pss_rsae_sha256",
        "RSA+SHA1:ECDSA+SHA256",
    ] {
        let ours = SecureContext::builder().signature_schemes(list).err();
        let nodes = node.code(json!({ "sigalgs": list }));
        assert_eq!(ours.is_some(), nodes.is_some(), "{list:?}: {nodes:?}");
        // Of an unknown name Node says nothing but "reason(0)".
        if let Some(code) = ours.and_then(|error| error.code()) {
            assert_eq!(nodes.as_deref(), Some(code), "{list:?}");
        }
    }
}

#[test]
fn our_own_weak_certificates() {
    if !present() {
        return;
    }
    let mut node = NodeSettings::start();
    for (shown, level) in
        [("rsa", 2), ("rsa", 3), ("p256", 3), ("p256", 4), ("sha1", 2), ("sha1", 0)]
    {
        let list = format!("DEFAULT:@SECLEVEL={level}");
        let mut options = identity(shown);
        crate::extend(&mut options, json!({ "ciphers": list }));
        let ours = context(shown, "").security_level(level).build().err();
        let ours = ours.and_then(|error| error.code()).map(str::to_owned);
        let nodes = node.code(options);
        // OpenSSL 3.5 no longer looks at the digest; the peer still does.
        let unseen = nodes.is_none() && ours.as_deref() == Some("ERR_SSL_CA_MD_TOO_WEAK");
        assert!(ours == nodes || unseen, "{shown} {level}: {ours:?} {nodes:?}");
    }
    // As the installed Node's OpenSSL does; it may be either.
    for check in [true, false] {
        let ours = context("sha1", "").security_level(2).check_own_digests(check).build().err();
        let expected = check.then_some("ERR_SSL_CA_MD_TOO_WEAK");
        assert_eq!(ours.as_ref().and_then(sealwire::ConfigError::code), expected);
    }
    // The engine has no RSA keys under 2048 bits at any level, where Node has them at 0 and 1.
    let weak = |level| {
        let mut options = identity("rsa-1024");
        crate::extend(&mut options, json!({ "ciphers": format!("DEFAULT:@SECLEVEL={level}") }));
        options
    };
    assert_eq!(node.code(weak(2)).as_deref(), Some("ERR_SSL_EE_KEY_TOO_SMALL"));
    assert_eq!(node.code(weak(1)), None);
}

/// The same contexts for the same names, in the same order. All with the same kind of key: Node
/// puts the certificate of such a context beside the server's own, and of two kinds shows the one
/// that it likes better; ours shows the context's.
#[tokio::test(flavor = "multi_thread")]
async fn contexts_for_names() {
    if !present() {
        return;
    }
    let contexts = [
        ("*.example", "wrong-name"),
        ("a*.example", "client-only"),
        ("b.example", "p384"),
        ("b.example", "client"),
        ("x.*", "server-only"),
        ("*", "no-san"),
        ("*.*.example", "revoked"),
    ];
    let mut router = SniRouter::new();
    for (name, shown) in contexts {
        router.add(name, context(shown, "").build().unwrap()).unwrap();
    }
    let acceptor = Acceptor::new(context("p256", "").build().unwrap());
    let ours = Server::start(acceptor.on_client_hello(move |hello| {
        let reply = router.reply(&hello);
        async { reply }
    }))
    .await;
    let names = contexts.map(|(name, shown)| json!([name, identity(shown)]));
    let theirs = NodeServer::start("p256", json!({ "names": names }));
    let mut node = NodeClient::start();
    let client = Connector::new(context("", "ca").build().unwrap())
        .name_check(NameCheck::DangerousNone)
        .peer_verification(PeerVerification::Recorded)
        .resume(false);
    for name in [
        "z.example",
        "a.example",
        "abc.example",
        "b.example",
        "x.y",
        "x.example",
        "localhost",
        "a.b.example",
        "a.b.c.example",
        "nobody.invalid",
    ] {
        let options = json!({
            "ca": files("ca"), "rejectUnauthorized": false, "servername": name,
        });
        let seen = [ours.port, theirs.port].map(|port| node.connect(port, options.clone()));
        assert!(seen[0]["fingerprint"].is_string(), "{name}: {}", seen[0]);
        assert_eq!(seen[0]["fingerprint"], seen[1]["fingerprint"], "{name}");
        let from_us = call(&client, name, ours.port).await.expect("let in");
        let from_node = call(&client, name, theirs.port).await.expect("let in");
        assert_eq!(from_us.certificate(), from_node.certificate(), "{name}");
    }
}

/// Both send the same chain for a lone leaf.
#[tokio::test(flavor = "multi_thread")]
async fn chains_completed_from_the_trust_that_was_given() {
    if !present() {
        return;
    }
    let client = Connector::new(context("", "ca").build().unwrap());
    for (shown, trusted) in
        [("deep", "inter ca"), ("deep-chain", "inter ca"), ("p256", "ca"), ("self-signed", "ca")]
    {
        let ours = Server::start(Acceptor::new(context(shown, trusted).build().unwrap())).await;
        let theirs = NodeServer::start(shown, json!({ "ca": files(trusted) }));
        let client = client.clone().peer_verification(PeerVerification::Recorded);
        let from_us = call(&client, "localhost", ours.port).await.expect("let in");
        let from_node = call(&client, "localhost", theirs.port).await.expect("let in");
        assert_eq!(from_us.certificates(), from_node.certificates(), "{shown} {trusted}");
    }
}

/// Which of two certificates is shown, by what the client offers.
#[tokio::test(flavor = "multi_thread")]
async fn of_several_identities_the_same_is_shown() {
    if !present() {
        return;
    }
    let [rsa, p256] = ["rsa", "p256"].map(|name| credentials().files(name));
    for list in ["ECDHE+AESGCM:TLS_AES_128_GCM_SHA256", "ECDHE+aRSA:ECDHE:TLS_AES_128_GCM_SHA256"] {
        let ours = context("rsa", "").identity(credentials().identity("p256"));
        let ours = ours.cipher_list(list).unwrap().build().unwrap();
        let ours = Server::start(Acceptor::new(ours)).await;
        let (certs, keys) = ([&rsa.cert, &p256.cert], [&rsa.key, &p256.key]);
        let theirs = NodeServer::start("", json!({ "cert": certs, "key": keys, "ciphers": list }));
        for version in crate::VERSIONS {
            for (schemes, suites) in [
                ("ECDSA+SHA256:PSS+SHA256:RSA+SHA256", ""),
                ("PSS+SHA256:RSA+SHA256:ECDSA+SHA256", ""),
                ("PSS+SHA256:RSA+SHA256", ""),
                ("ECDSA+SHA256", ""),
                ("ECDSA+SHA256:PSS+SHA256:RSA+SHA256", "ECDHE+aRSA:TLS_AES_128_GCM_SHA256"),
            ] {
                let client = context("", "ca").versions(version..=version);
                let client =
                    client.signature_schemes(schemes).unwrap().cipher_list(suites).unwrap();
                let client = Connector::new(client.build().unwrap());
                let case = format!("{list}: {version} {schemes} {suites}");
                let from_us = call(&client, "localhost", ours.port).await;
                let from_node = call(&client, "localhost", theirs.port).await;
                let shown = |met: Result<Peer, Error>| {
                    met.map(|peer| peer.certificate().cloned()).map_err(|error| error.code())
                };
                let (us, node) = (shown(from_us), shown(from_node));
                // OpenSSL stays with a suite of RSA though the client verifies no RSA signature.
                let node_fails = node.is_err() && list.starts_with("ECDHE+aRSA");
                assert!(us == node || node_fails && us.is_ok(), "{case}: {us:?} {node:?}");
            }
        }
    }
}

/// From Node 24 on.
#[tokio::test(flavor = "multi_thread")]
async fn compressed_certificates() {
    if !present() {
        return;
    }
    let has = "typeof require('node:tls').getCertificateCompressionAlgorithms";
    let has = peers::run(Command::new(program()).args(["-p", has]));
    if has.trim() != "function" {
        eprintln!(
            "\n!!! SKIPPED: this Node has no certificate compression; name another by NODE !!!\n"
        );
        return;
    }
    let mut node = NodeClient::start();
    let only_13 = |builder: SecureContextBuilder| {
        builder.versions(ProtocolVersion::Tls13..=ProtocolVersion::Tls13)
    };
    let saves = |[plain, packed]: [u64; 2]| plain > packed + 100;
    for algorithm in CertCompression::supported() {
        let packed = json!({ "certificateCompression": [algorithm.name()] });
        let both = [json!({}), packed];

        let ours = only_13(context("deep-full", "")).cert_compression(&[algorithm]);
        let ours = Acceptor::new(ours.build().unwrap());
        let mut sent = [0; 2];
        for (options, sent) in both.iter().zip(&mut sent) {
            let mut options = options.clone();
            crate::extend(&mut options, json!({ "ca": files("ca") }));
            let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = tcp.local_addr().unwrap().port();
            let ours = ours.clone();
            let server = tokio::spawn(async move {
                let (io, _) = tcp.accept().await.unwrap();
                let mut stream = ours.accept(io).await.unwrap();
                let sent = stream.session().bytes_sent().tls;
                stream.shutdown().await.unwrap();
                sent
            });
            let seen = node.connect(port, options);
            assert_eq!(seen["authorized"], true, "{algorithm}: {seen}");
            *sent = in_time(server).await.unwrap();
        }
        assert!(saves(sent), "{algorithm}: {sent:?} bytes to Node");

        let client = only_13(context("", "ca")).cert_compression(&[algorithm]).build().unwrap();
        let client = Connector::new(client);
        let mut received = [0; 2];
        for (options, received) in both.into_iter().zip(&mut received) {
            let theirs = NodeServer::start("deep-full", options);
            let io = TcpStream::connect(("127.0.0.1", theirs.port)).await.unwrap();
            let stream = in_time(client.connect("localhost".parse().unwrap(), io)).await.unwrap();
            assert!(stream.peer().authorized(), "{algorithm}");
            *received = stream.session().bytes_received().tls;
        }
        assert!(saves(received), "{algorithm}: {received:?} bytes from Node");
    }
}
