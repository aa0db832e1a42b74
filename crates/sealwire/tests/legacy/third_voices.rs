//! Two more implementations of the old versions, which share no code with OpenSSL: GnuTLS, and
//! tlslite-ng in Python.

use std::path::PathBuf;
use std::process::Command;

use sealwire::{Acceptor, ClientAuth, Connector, Legacy, ProtocolVersion, Psk};

use crate::peers::credentials::{context, credentials};
use crate::peers::net::{Server, call, run_with};
use crate::peers::{Peer, present, said};
use crate::{OLD, Tls10, Tls12, Tls13, old, old_with, ready};

/// A suite by OpenSSL's name, the key of its server and its oldest version; what GnuTLS calls it in a
/// list of priorities; and what tlslite-ng calls it: key exchange, cipher, MAC.
struct Suite {
    name: &'static str,
    key: &'static str,
    oldest: ProtocolVersion,
    gnutls: &'static str,
    tlslite: [&'static str; 3],
}

const SUITES: [Suite; 6] = [
    Suite {
        name: "AES128-SHA",
        key: "rsa",
        oldest: Tls10,
        gnutls: "+RSA:+AES-128-CBC:+SHA1",
        tlslite: ["rsa", "aes128", "sha"],
    },
    Suite {
        name: "DHE-RSA-AES256-SHA",
        key: "rsa",
        oldest: Tls10,
        gnutls: "+DHE-RSA:+AES-256-CBC:+SHA1",
        tlslite: ["dhe_rsa", "aes256", "sha"],
    },
    Suite {
        name: "ECDHE-RSA-AES128-SHA",
        key: "rsa",
        oldest: Tls10,
        gnutls: "+ECDHE-RSA:+AES-128-CBC:+SHA1",
        tlslite: ["ecdhe_rsa", "aes128", "sha"],
    },
    Suite {
        name: "ECDHE-ECDSA-AES256-SHA",
        key: "p256",
        oldest: Tls10,
        gnutls: "+ECDHE-ECDSA:+AES-256-CBC:+SHA1",
        tlslite: ["ecdhe_ecdsa", "aes256", "sha"],
    },
    Suite {
        name: "AES128-GCM-SHA256",
        key: "rsa",
        oldest: Tls12,
        gnutls: "+RSA:+AES-128-GCM:+AEAD",
        tlslite: ["rsa", "aes128gcm", "aead"],
    },
    Suite {
        name: "DHE-RSA-AES256-GCM-SHA384",
        key: "rsa",
        oldest: Tls12,
        gnutls: "+DHE-RSA:+AES-256-GCM:+AEAD",
        tlslite: ["dhe_rsa", "aes256gcm", "aead"],
    },
];

impl Suite {
    fn versions(&self) -> impl Iterator<Item = ProtocolVersion> {
        OLD.into_iter().filter(|version| *version >= self.oldest)
    }
}

/// `1.0` for TLS 1.0.
fn number(version: ProtocolVersion) -> &'static str {
    match version {
        Tls10 => "1.0",
        ProtocolVersion::Tls11 => "1.1",
        Tls12 => "1.2",
        _ => "1.3",
    }
}

/// GnuTLS' client, which speaks this version and these of its algorithms only.
fn gnutls(port: u16, version: ProtocolVersion, algorithms: &str) -> Command {
    let mut command = Command::new("gnutls-cli");
    command.args(["--sni-hostname", "localhost", "--verify-hostname", "localhost"]);
    command.arg("--x509cafile").arg(credentials().files("ca").cert);
    command.arg("--priority").arg(format!(
        "NONE:+VERS-TLS{}:{algorithms}:+COMP-NULL:+SIGN-ALL:+GROUP-ALL:+CTYPE-X509:%VERIFY_ALLOW_SIGN_WITH_SHA1",
        number(version)
    ));
    command.arg("--port").arg(port.to_string()).arg("127.0.0.1");
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_gnutls() {
    if !(ready() && present("gnutls-cli")) {
        return;
    }
    for suite in &SUITES {
        let acceptor = Acceptor::new(crate::server(suite.key)).client_auth(ClientAuth::Request);
        let mut server = Server::start(acceptor).await;
        for version in suite.versions() {
            for with_certificate in [false, true] {
                let mut client = gnutls(server.port, version, suite.gnutls);
                if with_certificate {
                    // A key on a curve would have to be on one of the groups of the key agreement.
                    let files = credentials().files("rsa");
                    client.arg("--x509certfile").arg(files.cert);
                    client.arg("--x509keyfile").arg(files.key);
                }
                let text = said(&run_with(&mut client, "hello\n").await);
                let case = format!("{} {version}:\n{text}", suite.name);
                assert!(text.contains("The certificate is trusted"), "{case}");
                assert!(text.contains("olleh\n"), "{case}");
                let peer = server.seen().await.expect("a good client");
                assert_eq!((peer.protocol(), peer.cipher().openssl_name()), (version, suite.name));
                assert_eq!(peer.authorized(), with_certificate, "{case}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_gnutls_negotiates_again() {
    if !(ready() && present("gnutls-cli")) {
        return;
    }
    for version in OLD {
        let legacy = Legacy::new().renegotiation(true);
        let ours = old_with(context("rsa", "ca"), legacy, version, "AES128-SHA");
        let mut server = Server::start(Acceptor::new(ours)).await;
        // A second handshake brings no ticket, and GnuTLS waits for one if the first did.
        let mut client = gnutls(server.port, version, "+RSA:+AES-128-CBC:+SHA1:%NO_TICKETS");
        let text = said(&run_with(client.arg("--rehandshake"), "hello\n").await);
        server.seen().await.expect("a good client");
        assert!(text.contains("ReHandshake was completed"), "{version}:\n{text}");
        assert!(text.contains("olleh\n"), "{version}:\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_gnutls_that_both_know() {
    if !(ready() && present("gnutls-cli")) {
        return;
    }
    let key = "0102030405060708090a0b0c0d0e0f10";
    let bytes: Vec<u8> = (1..=16).collect();
    for (version, list, algorithms) in [
        (Tls10, "PSK-AES128-CBC-SHA", "+PSK:+AES-128-CBC:+SHA1"),
        (Tls12, "PSK-AES128-GCM-SHA256", "+PSK:+AES-128-GCM:+AEAD"),
        (Tls13, "", "+DHE-PSK:+AES-128-GCM:+AEAD"),
    ] {
        let legacy = Legacy::new().psk(true).protocol_level(0);
        let ours = old_with(context("", "ca"), legacy, version, list);
        let known = bytes.clone();
        let acceptor = Acceptor::new(ours)
            .on_psk(move |who| (who == b"bob").then(|| Psk::new("bob", known.clone())));
        let mut server = Server::start(acceptor).await;
        let mut client = gnutls(server.port, version, algorithms);
        client.args(["--pskusername", "bob", "--pskkey", key]);
        let text = said(&run_with(&mut client, "hello\n").await);
        assert!(text.contains("olleh\n"), "{version} {list}:\n{text}");
        let peer = server.seen().await.expect("a good client");
        assert_eq!(peer.psk_identity(), Some(&b"bob"[..]), "{version} {list}");
        assert!(peer.authorized());
    }
}

/// Python with tlslite-ng.
fn tlslite() -> Command {
    let mut command = Command::new("python3");
    command.arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/peers/old_peer.py"));
    command
}

fn has_tlslite() -> bool {
    let found = Command::new("python3").args(["-c", "import tlslite"]).output();
    let found = found.is_ok_and(|ran| ran.status.success());
    sealwire_testing::required(found, "python3 has no tlslite-ng 0.8")
}

/// As tlslite-ng counts versions.
fn minor(version: ProtocolVersion) -> &'static str {
    match version {
        Tls10 => "1",
        ProtocolVersion::Tls11 => "2",
        Tls12 => "3",
        _ => "4",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_tlslite() {
    if !(ready() && has_tlslite()) {
        return;
    }
    for suite in &SUITES {
        let mut server = Server::start(Acceptor::new(crate::server(suite.key))).await;
        for version in suite.versions() {
            let mut client = tlslite();
            client.arg("client").arg(server.port.to_string()).arg(minor(version));
            let text = said(&run_with(client.args(suite.tlslite), "").await);
            let case = format!("{} {version}:\n{text}", suite.name);
            assert!(text.contains(&format!("ANSWER TLS {}", number(version))), "{case}");
            assert!(text.contains("olleh\n"), "{case}");
            let peer = server.seen().await.expect("a good client");
            assert_eq!((peer.protocol(), peer.cipher().openssl_name()), (version, suite.name));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_of_tlslite() {
    if !(ready() && has_tlslite()) {
        return;
    }
    for suite in &SUITES {
        for version in suite.versions() {
            let files = credentials().files(suite.key);
            let mut command = tlslite();
            command.arg("server").arg(minor(version)).args(suite.tlslite);
            let mut server = Peer::start(command.arg(files.cert).arg(files.key));
            let port = server.port("PORT");
            let client = Connector::new(old(context("", "ca"), version, suite.name));
            let peer = call(&client, "localhost", port).await;
            let case = format!("{} {version}", suite.name);
            let peer = peer.unwrap_or_else(|e| panic!("{case}: {e}\n{}", server.said));
            assert!(peer.authorized(), "{case}");
            assert_eq!((peer.protocol(), peer.cipher().openssl_name()), (version, suite.name));
            let seen = server.line("SEEN ");
            assert!(seen.starts_with(&format!("TLS {}", number(version))), "{case}: {seen}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_tls13_that_tlslite_knows() {
    if !(ready() && has_tlslite()) {
        return;
    }
    let legacy = Legacy::new().psk(true);
    let ours = old_with(context("", "ca"), legacy, Tls13, "");
    let acceptor =
        Acceptor::new(ours).on_psk(|who| (who == b"bob").then(|| Psk::new("bob", [7; 32])));
    let mut server = Server::start(acceptor).await;
    let mut client = tlslite();
    client.args(["client", &server.port.to_string(), "4", "ecdhe_rsa", "aes128gcm", "aead", "bob"]);
    let text = said(&run_with(client.arg("07".repeat(32)), "").await);
    assert!(text.contains("olleh\n"), "{text}");
    let peer = server.seen().await.expect("a good client");
    assert_eq!(peer.psk_identity(), Some(&b"bob"[..]));
}
