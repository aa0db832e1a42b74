//! `openssl s_client` against our server.

use std::process::Command;

use sealwire::{Acceptor, Alert, ClientAuth, Error, ProtocolVersion};

use crate::peers::credentials::{context, credentials};
use crate::peers::net::{Server, run_with};
use crate::peers::{Peer, present, said};
use crate::{GROUPS, SHOWN, SUITES, VERSIONS, flag, suite_option, version_of};

/// `s_client` to `port`, which trusts the CA named and ends at the first error.
fn s_client(port: u16, trusted: &str) -> Command {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-verify_return_error", "-servername", "localhost", "-connect"]);
    command.arg(format!("127.0.0.1:{port}"));
    command.arg("-verifyCAfile").arg(credentials().files(trusted).cert);
    command
}

fn show<'a>(command: &'a mut Command, shown: &str) -> &'a mut Command {
    let files = credentials().files(shown);
    command.arg("-cert").arg(files.cert).arg("-key").arg(files.key)
}

/// Runs the client, says hello and waits for the answer.
async fn hello(command: &mut Command) -> String {
    said(&run_with(command.arg("-ign_eof"), "hello\n").await)
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let Some((_, rest)) = text.split_once(name) else { panic!("no {name:?} in:\n{text}") };
    rest.lines().next().unwrap_or_default().trim()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_certificate_in_both_versions() {
    if !present("openssl") {
        return;
    }
    for (shown, trusted) in SHOWN {
        let acceptor = Acceptor::new(context(shown, "").build().unwrap());
        let mut server = Server::start(acceptor).await;
        for version in VERSIONS {
            let text = hello(s_client(server.port, trusted).arg(flag(version))).await;
            let case = format!("{shown} {version}:\n{text}");
            assert!(text.contains("Verify return code: 0 (ok)"), "{case}");
            assert!(text.contains("olleh\n"), "{case}");
            let peer = server.seen().await.expect("a good client");
            assert_eq!(field(&text, ", Cipher is"), peer.cipher().openssl_name());
            assert_eq!(peer.protocol(), version);
            assert_eq!(peer.server_name(), Some("localhost"));
            assert!(!peer.authorized() && peer.certificate().is_none(), "nobody asked");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_certificate_in_both_versions() {
    if !present("openssl") {
        return;
    }
    for (shown, trusted) in SHOWN {
        let acceptor = Acceptor::new(context("p256", trusted).build().unwrap());
        let mut server = Server::start(acceptor.client_auth(ClientAuth::Require)).await;
        for version in VERSIONS {
            let mut client = s_client(server.port, "ca");
            let text = hello(show(client.arg(flag(version)), shown)).await;
            assert!(text.contains("olleh\n"), "{shown} {version}:\n{text}");
            let peer = server.seen().await.expect("a good client");
            assert!(peer.authorized(), "{shown} {version}");
            assert_eq!(peer.certificate(), Some(credentials().identity(shown).leaf()));
            // The CA that we trust is named in the request.
            let ca = credentials().trust(trusted).certificates()[0].subject();
            let name = format!("CN = {}", ca.common_name().unwrap());
            assert_eq!(field(&text, "Acceptable client certificate CA names\n"), name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_we_refuse_are_told_why() {
    if !present("openssl") {
        return;
    }
    for (shown, trusted, code, alert_12, alert_13) in [
        ("", "ca", "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE", 40, 116),
        ("p256", "other-ca", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", 48, 48),
        ("expired", "ca", "CERT_HAS_EXPIRED", 45, 45),
        ("server-only", "ca", "INVALID_PURPOSE", 43, 43),
        ("tutorial", "ca", "DEPTH_ZERO_SELF_SIGNED_CERT", 48, 48),
    ] {
        let acceptor = Acceptor::new(context("p256", trusted).build().unwrap());
        let mut server = Server::start(acceptor.client_auth(ClientAuth::Require)).await;
        for version in VERSIONS {
            let mut client = s_client(server.port, "ca");
            client.args([flag(version), "-ign_eof"]);
            if !shown.is_empty() {
                show(&mut client, shown);
            }
            // Nothing is said: the alert must not be lost among what we would not read.
            let text = said(&run_with(&mut client, "").await);
            let error = server.seen().await.expect_err("a bad client");
            assert_eq!(error.code(), code, "{shown} {version}");
            let alert = if version == ProtocolVersion::Tls12 { alert_12 } else { alert_13 };
            let case = format!("{shown} {version}:\n{text}");
            assert!(text.contains(&format!("SSL alert number {alert}\n")), "{case}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_we_are_refused_we_know_why() {
    if !present("openssl") {
        return;
    }
    for (shown, trusted, alert, verdict) in [
        ("p256", "other-ca", "unknown_ca", "unable to get local issuer certificate"),
        ("expired", "ca", "certificate_expired", "certificate has expired"),
        ("tutorial", "ca", "unknown_ca", "self-signed certificate"),
        ("client-only", "ca", "unsupported_certificate", "unsuitable certificate purpose"),
    ] {
        let mut server = Server::start(Acceptor::new(context(shown, "").build().unwrap())).await;
        for version in VERSIONS {
            let text = hello(s_client(server.port, trusted).arg(flag(version))).await;
            assert!(text.contains(verdict), "{shown} {version}:\n{text}");
            let error = server.seen().await.expect_err("refused");
            assert_eq!(error.alert().map(Alert::name), Some(alert), "{shown} {version}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_suite_has_one_name() {
    if !present("openssl") {
        return;
    }
    for (suite, key) in SUITES {
        let mut server = Server::start(Acceptor::new(context(key, "").build().unwrap())).await;
        let mut client = s_client(server.port, "ca");
        client.args([flag(version_of(suite)), suite_option(suite), suite]);
        let text = hello(&mut client).await;
        assert_eq!(field(&text, ", Cipher is"), suite);
        assert_eq!(server.seen().await.expect(suite).cipher().openssl_name(), suite);
    }
    // One that we have not.
    let mut server = Server::start(Acceptor::new(context("rsa", "").build().unwrap())).await;
    hello(s_client(server.port, "ca").args(["-tls1_2", "-cipher", "AES128-GCM-SHA256"])).await;
    let error = server.seen().await.expect_err("nothing in common");
    assert!(matches!(error, Error::Incompatible(_)), "{error:?}");
    assert_eq!(error.code(), "ERR_SSL_NO_SHARED_CIPHER");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_group_has_one_name() {
    if !present("openssl") {
        return;
    }
    let mut server = Server::start(Acceptor::new(context("rsa", "").build().unwrap())).await;
    for (option, name) in GROUPS {
        for version in VERSIONS {
            let mut client = s_client(server.port, "ca");
            let text = hello(client.args([flag(version), "-groups", option])).await;
            let group = server.seen().await.expect(option).group().expect("a group");
            assert_eq!(group.openssl_name(), name);
            // `X25519, 253 bits` or `ECDH, prime256v1, 256 bits`
            assert!(field(&text, "Server Temp Key: ").contains(name), "{version}:\n{text}");
        }
    }
    for version in VERSIONS {
        hello(s_client(server.port, "ca").args([flag(version), "-groups", "X448"])).await;
        let error = server.seen().await.expect_err("nothing in common");
        assert!(matches!(error, Error::Incompatible(_)), "{version}: {error:?}");
    }
    // A key share that we have not, and a group that we have: one more round trip.
    let mut client = s_client(server.port, "ca");
    let text = hello(client.args(["-tls1_3", "-groups", "X448:P-384"])).await;
    assert!(text.contains("olleh\n"), "{text}");
    let group = server.seen().await.expect("a second hello").group().expect("a group");
    assert_eq!(group.iana_name(), "secp384r1");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_resumed_from_a_file() {
    if !present("openssl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for client_auth in [ClientAuth::None, ClientAuth::Require] {
        for version in VERSIONS {
            let ours =
                || Acceptor::new(context("p256", "ca").build().unwrap()).client_auth(client_auth);
            let mut server = Server::start(ours()).await;
            let session = folder.path().join(format!("{version} {client_auth:?}"));
            let client = |port, option| {
                let mut client = s_client(port, "ca");
                client.args([flag(version), option]).arg(&session);
                if client_auth == ClientAuth::Require {
                    show(&mut client, "client");
                }
                client
            };
            let text = hello(&mut client(server.port, "-sess_out")).await;
            assert!(text.contains("New, TLSv1."), "{text}");
            let first = server.seen().await.expect("a good client");
            assert!(!first.is_resumed());

            let text = hello(&mut client(server.port, "-sess_in")).await;
            assert!(text.contains("Reused, TLSv1."), "{version}:\n{text}");
            assert!(text.contains("olleh\n"), "{text}");
            let second = server.seen().await.expect("a good client");
            assert!(second.is_resumed(), "{version} {client_auth:?}");
            assert_eq!(second.authorized(), client_auth == ClientAuth::Require);
            assert_eq!(second.certificates(), first.certificates());

            // A server that knows nothing of the session makes a new one.
            let mut other = Server::start(ours()).await;
            let text = hello(&mut client(other.port, "-sess_in")).await;
            assert!(text.contains("New, TLSv1."), "{text}");
            assert!(!other.seen().await.expect("a good client").is_resumed());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn application_protocols() {
    if !present("openssl") {
        return;
    }
    let acceptor = Acceptor::new(context("p256", "").build().unwrap()).alpn(["h2", "http/1.1"]);
    let mut server = Server::start(acceptor).await;
    for version in VERSIONS {
        let text =
            hello(s_client(server.port, "ca").args([flag(version), "-alpn", "http/1.1,h2"])).await;
        assert_eq!(field(&text, "ALPN protocol: "), "h2");
        assert_eq!(server.seen().await.unwrap().alpn(), Some(&b"h2"[..]));

        let text = hello(s_client(server.port, "ca").arg(flag(version))).await;
        assert!(text.contains("No ALPN negotiated"), "{text}");
        assert_eq!(server.seen().await.unwrap().alpn(), None);

        let text = hello(s_client(server.port, "ca").args([flag(version), "-alpn", "smtp"])).await;
        assert!(text.contains("SSL alert number 120"), "{version}:\n{text}");
        let error = server.seen().await.expect_err("nothing in common");
        assert_eq!(error.code(), "ERR_SSL_NO_APPLICATION_PROTOCOL");
    }
}

/// `K` and `k` at the start of what s_client reads change its keys, with and without asking for
/// new ones of ours.
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_updated_when_the_client_wants() {
    if !present("openssl") {
        return;
    }
    let server = Server::start(Acceptor::new(context("p256", "").build().unwrap())).await;
    for letter in ["k\n", "K\n"] {
        let mut client = Peer::start(s_client(server.port, "ca").arg("-tls1_3"));
        client.line("Verify return code: 0 (ok)");
        client.say(letter);
        client.line("KEYUPDATE");
        client.say("hello\n");
        client.line("olleh");
    }
}

/// A client whose certificate is good, and whom the program does not want.
#[tokio::test(flavor = "multi_thread")]
async fn the_program_turns_a_client_away_by_the_alert_of_its_choice() {
    if !present("openssl") {
        return;
    }
    let acceptor = Acceptor::new(context("p256", "ca").build().unwrap())
        .client_auth(ClientAuth::Require)
        .on_peer(|peer| match peer.certificate() {
            Some(shown) if shown == credentials().identity("rsa").leaf() => Ok(()),
            _ => Err(Alert::ACCESS_DENIED),
        });
    let mut server = Server::start(acceptor).await;
    for version in VERSIONS {
        let mut wanted = s_client(server.port, "ca");
        let text = hello(show(wanted.arg(flag(version)), "rsa")).await;
        assert!(text.contains("olleh\n"), "{version}:\n{text}");
        server.seen().await.expect("a client that is let in");
        let mut unwanted = s_client(server.port, "ca");
        let text = hello(show(unwanted.arg(flag(version)), "p384")).await;
        assert!(text.contains("SSL alert number 49"), "{version}:\n{text}");
        let error = server.seen().await.expect_err("it is turned away");
        assert!(matches!(error, Error::RefusedByProgram), "{version}: {error}");
    }
}
