//! ALPN, SNI, resumption, refusals and error codes against Node.

use sealwire::session::{HelloAnswer, HelloReply};
use sealwire::verify::NameCheck;
use sealwire::{Acceptor, Alert, ClientAuth, Connector, Error, ProtocolVersion};
use serde_json::{Value, json};

use crate::peers::credentials::{context, credentials};
use crate::peers::net::{Server, call};
use crate::{NodeClient, NodeServer, VERSIONS, extend, files, identity, present, same_code};

fn only(version: ProtocolVersion) -> Value {
    json!({ "minVersion": version.name(), "maxVersion": version.name() })
}

/// The options of a good client that says hello.
fn good(version: ProtocolVersion) -> Value {
    let mut options = json!({ "ca": files("ca"), "say": "hello\n" });
    extend(&mut options, only(version));
    options
}

fn connector(version: ProtocolVersion) -> Connector {
    let context = context("", "ca").versions(version..=version).build().unwrap();
    Connector::new(context).name_check(NameCheck::Node)
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_agree_on_what_was_agreed() {
    if !present() {
        return;
    }
    let mut node = NodeClient::start();
    for shown in ["rsa", "p256", "p384", "ed25519", "v1-leaf"] {
        let mut ours = Server::start(Acceptor::new(context(shown, "").build().unwrap())).await;
        let mut theirs = NodeServer::start(shown, json!({}));
        for version in VERSIONS {
            let nodes = node.connect(ours.port, good(version));
            assert_eq!(nodes["answer"], "olleh\n", "{shown} {nodes}");
            assert_eq!(nodes["authorized"], true);
            let seen = ours.seen().await.unwrap();
            assert_eq!(nodes["protocol"], seen.protocol().name());
            assert_eq!(nodes["cipher"], seen.cipher().iana_name());
            assert_eq!(seen.server_name(), Some("localhost"));

            let peer = call(&connector(version), "localhost", theirs.port).await.unwrap();
            let nodes = theirs.seen();
            assert_eq!(nodes["protocol"], peer.protocol().name());
            assert_eq!(nodes["cipher"], peer.cipher().iana_name());
            assert_eq!(nodes["servername"], "localhost");
            assert!(peer.authorized(), "{shown} {version}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn application_protocols() {
    if !present() {
        return;
    }
    let mut node = NodeClient::start();
    let ours = Acceptor::new(context("p256", "").build().unwrap()).alpn(["h2", "http/1.1"]);
    let mut ours = Server::start(ours).await;
    let mut theirs = NodeServer::start("p256", json!({ "ALPNProtocols": ["h2", "http/1.1"] }));
    for version in VERSIONS {
        for (offered, agreed) in [
            (&["http/1.1", "h2"][..], Some("h2")),
            (&["smtp", "http/1.1"], Some("http/1.1")),
            (&[], None),
        ] {
            let mut options = good(version);
            extend(&mut options, json!({ "ALPNProtocols": offered }));
            assert_eq!(node.connect(ours.port, options)["alpn"].as_str(), agreed);
            assert_eq!(ours.seen().await.unwrap().alpn(), agreed.map(str::as_bytes));

            let client = connector(version).alpn(offered.iter().copied());
            let peer = call(&client, "localhost", theirs.port).await.unwrap();
            assert_eq!(peer.alpn(), agreed.map(str::as_bytes));
            assert_eq!(theirs.seen()["alpn"].as_str(), agreed);
        }
        // No overlap: each side has the same to say as Node in its place.
        let mut options = good(version);
        extend(&mut options, json!({ "ALPNProtocols": ["smtp"] }));
        let by_node = node.connect(ours.port, options);
        let by_us = ours.seen().await.expect_err("nothing in common");
        let error = call(&connector(version).alpn(["smtp"]), "localhost", theirs.port).await;
        assert!(same_code(error.expect_err("nothing in common").code(), &by_node["error"]));
        assert!(same_code(by_us.code(), &theirs.seen()["error"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn server_names_choose_the_certificate() {
    if !present() {
        return;
    }
    let other = context("wrong-name", "").build().unwrap();
    let ours = Acceptor::new(context("p256", "").build().unwrap()).on_client_hello(move |hello| {
        let other = other.clone();
        async move {
            match hello.server_name() {
                Some("refused.example") => HelloAnswer::Close,
                Some("unknown.example") => Err(Alert::UNRECOGNIZED_NAME).into(),
                Some("elsewhere.example") => HelloReply::new().context(other).into(),
                _ => HelloReply::new().into(),
            }
        }
    });
    let mut ours = Server::start(ours).await;
    let names = json!({ "names": { "elsewhere.example": identity("wrong-name") } });
    let mut theirs = NodeServer::start("p256", names);
    let mut node = NodeClient::start();
    for version in VERSIONS {
        for name in ["localhost", "elsewhere.example"] {
            let mut options = good(version);
            extend(&mut options, json!({ "servername": name }));
            let nodes = node.connect(ours.port, options);
            assert_eq!(nodes["authorized"], true, "{version} {name}: {nodes}");
            assert_eq!(ours.seen().await.unwrap().server_name(), Some(name));

            let peer = call(&connector(version), name, theirs.port).await.unwrap();
            assert!(peer.authorized());
            assert_eq!(theirs.seen()["servername"], name);
        }
        let mut options = good(version);
        extend(&mut options, json!({ "servername": "refused.example" }));
        assert_eq!(node.connect(ours.port, options)["error"], "ECONNRESET");
        assert!(matches!(ours.seen().await, Err(Error::RefusedByProgram)));
        let mut options = good(version);
        extend(&mut options, json!({ "servername": "unknown.example" }));
        let refused = node.connect(ours.port, options);
        assert_eq!(refused["error"], "ERR_SSL_TLSV1_UNRECOGNIZED_NAME", "{version}");
        assert!(matches!(ours.seen().await, Err(Error::RefusedByProgram)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_client_resumes_with_node() {
    if !present() {
        return;
    }
    let mut theirs = NodeServer::start(
        "p256",
        json!({ "ca": files("ca"), "requestCert": true, "rejectUnauthorized": true }),
    );
    for version in VERSIONS {
        let context = context("client", "ca").versions(version..=version).build().unwrap();
        let client = Connector::new(context);
        for turn in 0..3 {
            let peer = call(&client, "localhost", theirs.port).await.unwrap();
            let nodes = theirs.seen();
            assert_eq!(peer.is_resumed(), turn > 0, "{version} {turn}");
            assert_eq!(nodes["reused"], peer.is_resumed());
            assert_eq!(nodes["authorized"], true);
            assert!(peer.authorized());
        }
    }
}

/// Node's client refuses us: the code is that of the verdict, and nothing is said to us.
#[tokio::test(flavor = "multi_thread")]
async fn node_refuses_our_server() {
    if !present() {
        return;
    }
    let mut node = NodeClient::start();
    for (shown, trusted, code) in [
        ("p256", "other-ca", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
        ("expired", "ca", "CERT_HAS_EXPIRED"),
        ("wrong-name", "ca", "ERR_TLS_CERT_ALTNAME_INVALID"),
        ("tutorial", "ca", "DEPTH_ZERO_SELF_SIGNED_CERT"),
    ] {
        let mut ours = Server::start(Acceptor::new(context(shown, "").build().unwrap())).await;
        for version in VERSIONS {
            let mut options = good(version);
            extend(&mut options, json!({ "ca": files(trusted) }));
            let nodes = node.connect(ours.port, options);
            assert_eq!(nodes["error"], code, "{shown} {version}");
            assert_eq!(nodes["secure"], false);
            // Our client, in its place, has the same code.
            let strict = context("", trusted).versions(version..=version).build().unwrap();
            let strict = Connector::new(strict).name_check(NameCheck::Node);
            let error = call(&strict, "localhost", ours.port).await.expect_err("a bad server");
            assert_eq!(error.code(), code);
            // Node hangs up after its Finished, our client says why.
            let seen = ours.seen().await;
            assert!(seen.is_ok() || matches!(seen, Err(Error::ClosedInHandshake)), "{seen:?}");
            assert!(ours.seen().await.expect_err("an alert").alert().is_some());
        }
    }
}

/// Clients that do not pass: what they see of our server and of Node's.
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_are_refused() {
    if !present() {
        return;
    }
    let mut node = NodeClient::start();
    let requiring = Acceptor::new(context("p256", "ca").build().unwrap());
    let mut ours = Server::start(requiring.client_auth(ClientAuth::Require)).await;
    let mut theirs = NodeServer::start(
        "p256",
        json!({ "ca": files("ca"), "requestCert": true, "rejectUnauthorized": true }),
    );
    for version in VERSIONS {
        // Without a certificate OpenSSL itself refuses, with an alert: the same on all sides.
        let nodes = node.connect(ours.port, good(version));
        let by_us = ours.seen().await.expect_err("no certificate");
        let client = connector(version);
        let error = call(&client, "localhost", theirs.port).await.expect_err("refused");
        assert!(same_code(error.code(), &nodes["error"]), "{version}: {error:?}, {nodes}");
        assert!(same_code(by_us.code(), &theirs.seen()["error"]), "{version}: {by_us:?}");

        // With a bad one Node hangs up without a word; we say why.
        let mut options = good(version);
        extend(&mut options, identity("expired"));
        let nodes = node.connect(ours.port, options);
        let expired = "ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED";
        assert!(same_code(expired, &nodes["error"]), "{version}: {nodes}");
        assert_eq!(ours.seen().await.expect_err("expired").code(), "CERT_HAS_EXPIRED");
        let context = context("expired", "ca").versions(version..=version).build().unwrap();
        let error = call(&Connector::new(context), "localhost", theirs.port).await;
        let error = error.expect_err("refused");
        assert_eq!(error.code(), "ECONNRESET", "{version}: {error:?}");
        assert_eq!(theirs.seen()["error"], "ECONNRESET");
    }
}

/// Nothing in common: the codes of both sides are Node's.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_common() {
    if !present() {
        return;
    }
    use ProtocolVersion::{Tls12, Tls13};
    let mut node = NodeClient::start();
    let merge = |mut options: Value, more: Value| {
        extend(&mut options, more);
        options
    };
    for (shown, versions, client) in [
        ("p256", Tls12..=Tls12, merge(good(Tls12), json!({ "ciphers": "AES128-GCM-SHA256" }))),
        ("p256", Tls12..=Tls13, merge(good(Tls12), json!({ "sigalgs": "RSA-PSS+SHA256" }))),
        ("p256", Tls12..=Tls13, merge(good(Tls13), json!({ "sigalgs": "RSA-PSS+SHA256" }))),
        ("p256", Tls12..=Tls13, merge(good(Tls12), json!({ "ecdhCurve": "X448" }))),
        ("p256", Tls12..=Tls13, merge(good(Tls13), json!({ "ecdhCurve": "X448" }))),
        ("p256", Tls12..=Tls12, good(Tls13)),
        ("p256", Tls13..=Tls13, good(Tls12)),
        ("", Tls12..=Tls13, good(Tls12)),
        ("", Tls12..=Tls13, good(Tls13)),
    ] {
        let bounds = json!({
            "minVersion": versions.start().name(),
            "maxVersion": versions.end().name(),
            // What our server has, so that Node's has nothing in common with the client either.
            "ciphers": "TLS_AES_256_GCM_SHA384:ECDHE-ECDSA-AES256-GCM-SHA384",
            "ecdhCurve": "X25519:P-256:P-384",
        });
        let server = context(shown, "").versions(versions).build().unwrap();
        let mut ours = Server::start(Acceptor::new(server)).await;
        let mut theirs = NodeServer::start(shown, bounds);
        let to_ours = node.connect(ours.port, client.clone());
        let to_theirs = node.connect(theirs.port, client.clone());
        assert_eq!(to_ours["error"], to_theirs["error"], "{client}");
        let error = ours.seen().await.expect_err("nothing in common");
        let nodes = theirs.seen();
        assert!(same_code(error.code(), &nodes["error"]), "{client}: {error:?}, {nodes}");
        assert!(matches!(error, Error::Incompatible(_)), "{client}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_is_the_same_by_its_fingerprint() {
    if !present() {
        return;
    }
    let mut node = NodeClient::start();
    let ours = Server::start(Acceptor::new(context("rsa", "").build().unwrap())).await;
    let nodes = node.connect(ours.port, good(ProtocolVersion::Tls13));
    let leaf = credentials().identity("rsa").leaf().clone();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, leaf.der());
    let hex: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(nodes["fingerprint"], hex.join(":"));
}
