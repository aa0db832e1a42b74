//! OpenSSL sees what a context is told to speak and to show.

use std::process::Command;

use sealwire::{Acceptor, Connector, Error, ProtocolVersion, SecureContext, SecureContextBuilder};

use crate::peers::credentials::{context, credentials};
use crate::peers::net::{Server, call, run_with};
use crate::peers::{Peer, present, said};
use crate::{VERSIONS, flag};

/// `s_client` to our server with more options; what it printed.
async fn s_client(port: u16, version: ProtocolVersion, more: &[&str]) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-servername", "localhost", "-ign_eof", flag(version)]);
    command.arg("-connect").arg(format!("127.0.0.1:{port}"));
    command.arg("-verifyCAfile").arg(credentials().files("ca").cert).args(more);
    said(&run_with(&mut command, "hello\n").await)
}

/// A running `s_server` that says lines backwards, and its port.
fn s_server(shown: &str, more: &[&str]) -> (Peer, u16) {
    let files = credentials().files(shown);
    let mut command = Command::new("openssl");
    command.args(["s_server", "-accept", "0", "-rev", "-cert"]).arg(files.cert);
    command.arg("-key").arg(files.key).args(more);
    let mut server = Peer::start(&mut command);
    let port = server.port("ACCEPT");
    (server, port)
}

fn connector(builder: SecureContextBuilder) -> Connector {
    Connector::new(builder.build().expect("a context"))
}

/// A server with an RSA and an ECDSA identity.
fn two() -> SecureContextBuilder {
    context("rsa", "").identity(credentials().identity("p256"))
}

#[tokio::test(flavor = "multi_thread")]
async fn our_server_signs_by_the_schemes_that_both_have() {
    if !present("openssl") {
        return;
    }
    for (ours, theirs, signed) in [
        ("", "", Some("ECDSA SHA256")),
        ("", "RSA+SHA256:RSA-PSS+SHA384", Some("RSA")),
        ("", "rsa_pss_rsae_sha384", Some("RSA-PSS SHA384")),
        ("rsa_pss_rsae_sha512:RSA+SHA256", "", Some("RSA-PSS SHA512")),
        ("ECDSA+SHA256", "rsa_pss_rsae_sha256", None),
        ("ECDSA+SHA384", "", None), // the key is of P-256
    ] {
        let mut server = two();
        if !ours.is_empty() {
            server = server.signature_schemes(ours).unwrap();
        }
        let mut server = Server::start(Acceptor::new(server.build().unwrap())).await;
        for version in VERSIONS {
            let options = ["-sigalgs", theirs];
            let options = if theirs.is_empty() { &[][..] } else { &options };
            let text = s_client(server.port, version, options).await;
            let case = format!("{version} {ours:?} {theirs:?}:\n{text}");
            let Some(signed) = signed else {
                assert!(text.contains("SSL alert number 40"), "{case}");
                let error = server.seen().await.expect_err("nothing in common");
                assert!(matches!(error, Error::Incompatible(_)), "{case}");
                continue;
            };
            assert!(server.seen().await.is_ok(), "{case}");
            assert!(text.contains("olleh\n"), "{case}");
            let (key, digest) = signed.split_once(' ').unwrap_or((signed, ""));
            let line = |name| text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            assert!(line("Peer signature type:").contains(key), "{case}");
            assert!(line("Peer signing digest:").contains(digest), "{case}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_client_accepts_the_schemes_it_is_told_only() {
    if !present("openssl") {
        return;
    }
    for (shown, theirs, ours, good) in [
        ("rsa", "", "rsa_pss_rsae_sha256", true),
        ("rsa", "", "RSA+SHA256:PSS+SHA512", true),
        ("rsa", "", "ECDSA+SHA256", false),
        ("p256", "", "ECDSA+SHA256:RSA+SHA256", true),
        ("p256", "", "PSS+SHA256:RSA+SHA256", false),
        ("rsa", "PSS+SHA384:RSA+SHA384", "PSS+SHA384", true),
        ("rsa", "PSS+SHA384:RSA+SHA384", "PSS+SHA256", false),
    ] {
        let options = ["-sigalgs", theirs];
        let (_server, port) = s_server(shown, if theirs.is_empty() { &[] } else { &options });
        for version in VERSIONS {
            let client = context("", "ca").versions(version..=version);
            let client = connector(client.signature_schemes(ours).unwrap());
            let met = call(&client, "localhost", port).await;
            let case = format!("{version} {shown} {theirs:?} {ours:?}: {met:?}");
            match met {
                Ok(peer) => assert!(good && peer.authorized(), "{case}"),
                Err(error) => {
                    assert!(!good, "{case}");
                    assert_eq!(error.alert().map(|alert| alert.number()), Some(40), "{case}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suites_offered_are_the_list_s_in_its_order() {
    if !present("openssl") {
        return;
    }
    // A server that goes by the client's order takes the first of the list that it can.
    let (mut server, port) = s_server("p256", &[]);
    for (list, version, taken) in [
        ("ECDHE+CHACHA20:ECDHE+AESGCM", 0, "ECDHE-ECDSA-CHACHA20-POLY1305"),
        ("ECDHE+aRSA:ECDHE+AES128", 0, "ECDHE-ECDSA-AES128-GCM-SHA256"),
        ("HIGH:+CHACHA20:!AES256", 0, "ECDHE-ECDSA-AES128-GCM-SHA256"),
        ("TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384", 1, "TLS_AES_128_GCM_SHA256"),
        ("TLS_CHACHA20_POLY1305_SHA256:TLS_NOPE:ALL", 1, "TLS_CHACHA20_POLY1305_SHA256"),
    ] {
        let version = VERSIONS[version];
        let client = context("", "ca").versions(version..=version).cipher_list(list).unwrap();
        let peer = call(&connector(client), "localhost", port).await.expect(list);
        assert_eq!(peer.cipher().openssl_name(), taken, "{list}");
        assert_eq!(server.line("Ciphersuite: "), taken, "{list}");
    }
    let (_server, port) = s_server("p256", &["-cipher", "ECDHE+AES256", "-tls1_2"]);
    let client = context("", "ca").cipher_list("ECDHE+AES128").unwrap();
    let error = call(&connector(client), "localhost", port).await.expect_err("no suite in common");
    assert_eq!(error.alert().map(|alert| alert.number()), Some(40), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_server_goes_by_its_own_order_or_by_the_client_s() {
    if !present("openssl") {
        return;
    }
    for (prefer, taken) in
        [(true, "ECDHE-ECDSA-CHACHA20-POLY1305"), (false, "ECDHE-ECDSA-AES128-GCM-SHA256")]
    {
        let server = context("p256", "").cipher_list("CHACHA20:AESGCM").unwrap();
        let server = server.prefer_server_order(prefer).build().unwrap();
        let server = Server::start(Acceptor::new(server)).await;
        let theirs = ["-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305"];
        let text = s_client(server.port, VERSIONS[0], &theirs).await;
        assert!(text.contains(&format!("Cipher is {taken}")), "{prefer}:\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_leaf_arrives_with_its_issuers() {
    if !present("openssl") {
        return;
    }
    let server = context("deep", "inter ca").build().unwrap();
    let server = Server::start(Acceptor::new(server)).await;
    for version in VERSIONS {
        let text = s_client(server.port, version, &["-showcerts"]).await;
        assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 3, "{text}");
        assert!(text.contains("Verify return code: 0 (ok)"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_version_that_can_be_spoken_says_so() {
    if !present("openssl") {
        return;
    }
    let old = ProtocolVersion::Tls10..=ProtocolVersion::Tls11;
    let mut server =
        Server::start(Acceptor::new(context("p256", "").versions(old).build().unwrap())).await;
    for version in VERSIONS {
        let text = s_client(server.port, version, &[]).await;
        assert!(text.contains("SSL alert number 70"), "{version}:\n{text}");
        let error = server.seen().await.expect_err("nothing to speak");
        assert_eq!(error.code(), "ERR_SSL_UNSUPPORTED_PROTOCOL");
    }
}

/// The engine does not verify with RSA keys under 2048 bits; the refusal says that.
#[tokio::test(flavor = "multi_thread")]
async fn small_rsa_keys_are_refused_by_name_at_every_level() {
    if !present("openssl") {
        return;
    }
    let (_server, port) = s_server("rsa-1024", &["-cipher", "DEFAULT@SECLEVEL=0"]);
    for version in VERSIONS {
        for level in [0, 1, 2] {
            let client: SecureContext = context("", "ca")
                .versions(version..=version)
                .security_level(level)
                .build()
                .unwrap();
            let met = call(&Connector::new(client), "localhost", port).await;
            let error = met.expect_err("too small");
            assert_eq!(error.code(), "EE_KEY_TOO_SMALL", "{version} {level}: {error}");
            assert!(level == 2 || error.to_string().contains("1024 bits"), "{error}");
        }
    }
}
