//! Our client against `openssl s_server`.

use std::process::Command;

use sealwire::{Alert, Error, ProtocolVersion};

use crate::peers::credentials::{context, credentials};
use crate::peers::net::call;
use crate::peers::{Peer, present};
use crate::{GROUPS, SHOWN, SUITES, VERSIONS, connector, only, suite_option, version_of};

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

/// Options with which a client certificate of `trusted` is required.
fn requiring(trusted: &str) -> Vec<String> {
    let ca = credentials().files(trusted).cert.display().to_string();
    ["-Verify", "3", "-verify_return_error", "-verifyCAfile", &ca].map(str::to_owned).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_certificate_in_both_versions() {
    if !present("openssl") {
        return;
    }
    for (shown, trusted) in SHOWN {
        let (mut server, port) = s_server(shown, &[]);
        for version in VERSIONS {
            let client = connector(only(context("", trusted), version));
            let peer = call(&client, "localhost", port).await.expect("a good server");
            assert!(peer.authorized() && !peer.is_resumed(), "{shown} {version}");
            assert_eq!(server.line("Protocol version: "), peer.protocol().name());
            assert_eq!(server.line("Ciphersuite: "), peer.cipher().openssl_name());
            assert_eq!(peer.protocol(), version);
            assert_eq!(peer.certificate(), Some(credentials().identity(shown).leaf()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_certificate_in_both_versions() {
    if !present("openssl") {
        return;
    }
    for (shown, trusted) in SHOWN {
        let options = requiring(trusted);
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let (mut server, port) = s_server("p256", &options);
        for version in VERSIONS {
            let client = connector(only(context(shown, "ca"), version));
            call(&client, "localhost", port).await.expect("we are let in");
            let subject = credentials().identity(shown).leaf().subject();
            let common_name = subject.common_name().expect("all have one");
            assert_eq!(server.line("Peer certificate: "), format!("CN = {common_name}"));
            assert_eq!(server.line("Verification"), ": OK", "{shown} {version}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_we_refuse_are_told_why() {
    if !present("openssl") {
        return;
    }
    for (shown, trusted, host, code, reason) in [
        ("p256", "other-ca", "localhost", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unknown ca"),
        ("expired", "ca", "localhost", "CERT_HAS_EXPIRED", "certificate expired"),
        ("client-only", "ca", "localhost", "INVALID_PURPOSE", "unsupported certificate"),
        ("wrong-name", "ca", "localhost", "ERR_TLS_CERT_ALTNAME_INVALID", "bad certificate"),
        ("p256", "ca", "127.0.0.2", "ERR_TLS_CERT_ALTNAME_INVALID", "bad certificate"),
        ("tutorial", "ca", "localhost", "DEPTH_ZERO_SELF_SIGNED_CERT", "unknown ca"),
        ("v1-leaf", "other-ca", "localhost", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unknown ca"),
    ] {
        let (mut server, port) = s_server(shown, &[]);
        for version in VERSIONS {
            let client = connector(only(context("", trusted), version));
            let error = call(&client, host, port).await.expect_err("a bad server");
            assert!(matches!(error, Error::PeerRefused(_)), "{shown} {version}: {error:?}");
            assert_eq!(error.code(), code, "{shown} {version}");
            let alert = server.line("alert ");
            assert!(alert.starts_with(reason), "{shown} {version}: {alert}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_we_are_refused_we_know_why() {
    if !present("openssl") {
        return;
    }
    for (shown, trusted, alert_12, alert_13, says) in [
        ("", "ca", 40, 116, "the server requests a client certificate, and none is configured"),
        (
            "p256",
            "other-ca",
            48,
            48,
            "no fault found in our certificate (issued by CN=Test-ca, valid until ",
        ),
        ("expired", "ca", 45, 45, "our certificate is at fault: CERT_HAS_EXPIRED: "),
        ("tutorial", "ca", 48, 48, "our certificate"),
        ("server-only", "ca", 43, 43, "our certificate is at fault: INVALID_PURPOSE: "),
    ] {
        let options = requiring(trusted);
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let (_server, port) = s_server("p256", &options);
        for version in VERSIONS {
            let client = connector(only(context(shown, "ca"), version));
            let error = call(&client, "localhost", port).await.expect_err("refused");
            let alert = if version == ProtocolVersion::Tls12 { alert_12 } else { alert_13 };
            let expected = Some(Alert::from_number(alert));
            assert_eq!(error.alert(), expected, "{shown} {version}: {error:?}");
            let ours = error.own_certificate().expect("an alert about it").to_string();
            assert!(
                ours.starts_with(says) || says == "our certificate",
                "{shown} {version}: {ours}"
            );
            assert!(error.to_string().ends_with(&ours), "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_asked_for_and_lists_at_hand_explain_a_refusal() {
    if !present("openssl") {
        return;
    }
    let lists = ["-crl_check", "-CRL", &credentials().path("crl.pem").display().to_string()]
        .map(str::to_owned);
    let another = "our certificate is at fault: the server accepts certificates issued by CN=Test-other-ca, and ours is \
                   issued by CN=Test-ca";
    let revoked = "our certificate is at fault: CERT_REVOKED: ";
    for (shown, trusted, knows, says) in [
        ("p256", "other-ca", false, another),
        ("revoked", "ca", true, revoked),
        ("revoked", "ca", false, "no fault found in our certificate"),
        (
            "",
            "ca",
            false,
            "the server requests a client certificate issued by CN=Test-ca, and none is configured",
        ),
    ] {
        let mut options = requiring(trusted);
        options[3] = "-CAfile".to_owned(); // whose subjects it names
        if shown == "revoked" {
            options.extend(lists.clone());
        }
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let (_server, port) = s_server("p256", &options);
        for version in VERSIONS {
            let own = if knows { credentials().crl() } else { Vec::new() };
            let client = connector(only(context(shown, "ca").own_crls(own), version));
            let error = call(&client, "localhost", port).await.expect_err("refused");
            let ours = error.own_certificate().expect("an alert about it");
            assert!(ours.to_string().starts_with(says), "{shown} {version}: {ours}");
            assert_eq!(ours.certificate().is_none(), shown.is_empty(), "{shown} {version}");
            let names = ours.request().expect("it asked").authorities();
            let subject = credentials().certificate(trusted).subject();
            assert_eq!(names, [subject], "{shown} {version}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_suite_has_one_name() {
    if !present("openssl") {
        return;
    }
    for (suite, key) in SUITES {
        let (mut server, port) = s_server(key, &[suite_option(suite), suite]);
        let client = connector(only(context("", "ca"), version_of(suite)));
        let peer = call(&client, "localhost", port).await.expect(suite);
        assert_eq!(peer.cipher().openssl_name(), suite);
        assert_eq!(server.line("Ciphersuite: "), suite);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_group_has_one_name() {
    if !present("openssl") {
        return;
    }
    for (option, name) in GROUPS {
        let (_server, port) = s_server("rsa", &["-groups", option]);
        for version in VERSIONS {
            let client = connector(only(context("", "ca"), version));
            let peer = call(&client, "localhost", port).await.expect(option);
            assert_eq!(peer.group().map(|group| group.openssl_name()), Some(name), "{version}");
        }
    }
    // Nothing in common is an error of the peer's making, with a name.
    let (_server, port) = s_server("rsa", &["-groups", "X448"]);
    for version in VERSIONS {
        let client = connector(only(context("", "ca"), version));
        let error = call(&client, "localhost", port).await.expect_err("no group in common");
        assert_eq!(error.alert().map(Alert::name), Some("handshake_failure"), "{version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_resumed_with_and_without_our_certificate() {
    if !present("openssl") {
        return;
    }
    for identity in ["", "client"] {
        let options = if identity.is_empty() { Vec::new() } else { requiring("ca") };
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let (_server, port) = s_server("p256", &options);
        for version in VERSIONS {
            let client = connector(only(context(identity, "ca"), version));
            for turn in 0..3 {
                let peer = call(&client, "localhost", port).await.expect("a good server");
                assert_eq!(peer.is_resumed(), turn > 0, "{version} {identity:?} {turn}");
                assert!(peer.authorized());
                assert_eq!(peer.certificate(), Some(credentials().identity("p256").leaf()));
            }
            let unwilling = client.clone().resume(false);
            assert!(!call(&unwilling, "localhost", port).await.expect("good").is_resumed());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn application_protocols() {
    if !present("openssl") {
        return;
    }
    let (_server, port) = s_server("p256", &["-alpn", "h2,http/1.1"]);
    for version in VERSIONS {
        let client = connector(only(context("", "ca"), version)).resume(false);
        for (offered, agreed) in [
            (&["http/1.1", "h2"][..], Some("h2")), // s_server's order counts
            (&["smtp", "http/1.1"], Some("http/1.1")),
            (&[], None),
        ] {
            let client = client.clone().alpn(offered.iter().copied());
            let peer = call(&client, "localhost", port).await.expect("a good server");
            assert_eq!(peer.alpn(), agreed.map(str::as_bytes), "{version} {offered:?}");
        }
        let error = call(&client.alpn(["smtp"]), "localhost", port).await.expect_err("no overlap");
        assert_eq!(error.alert().map(Alert::name), Some("no_application_protocol"), "{version}");
    }
}

/// OpenSSL sends such a certificate, and its own client takes it.
#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_we_do_not_take_are_no_fault_of_the_peer() {
    if !present("openssl") {
        return;
    }
    let names: Vec<String> =
        (0..2000).map(|n| format!("host-{n:05}.a-long-name.example.test")).collect();
    let (certificate, key) = sealwire::pki::self_signed(&names).expect("names are names");
    assert!(certificate.der().len() > 65_535);
    let dir = tempfile::tempdir().unwrap();
    let [cert_file, key_file] = ["cert.pem", "key.pem"].map(|name| dir.path().join(name));
    std::fs::write(&cert_file, certificate.to_pem()).unwrap();
    std::fs::write(&key_file, key.to_pem().as_bytes()).unwrap();
    for version in VERSIONS {
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", "0", "-rev", "-cert"]).arg(&cert_file);
        let mut server = Peer::start(command.arg("-key").arg(&key_file));
        let port = server.port("ACCEPT");
        let client = connector(only(context("", "ca"), version));
        let error = call(&client, "localhost", port).await.expect_err("it is too long for us");
        assert_eq!(error.code(), "ERR_SSL_EXCESSIVE_MESSAGE_SIZE");
        assert!(matches!(error, Error::Incompatible(_)), "{version}: {error:?}");
        let said = error.to_string();
        assert!(said.contains("more than 65535 bytes") && !said.contains("broke"), "{said}");
    }
}
