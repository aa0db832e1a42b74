//! Several nodes on one store, of either kind.

use sealwire::pki::{self, Certificate};
use sealwire::{Connector, SecureContext, TrustStore};
use sealwire_acme::server::Server;
use sealwire_acme::store::Postgres;
use serde_json::json;

use sealwire_testing::PostgreSql;

use crate::client::{Ca, Client};

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    let ca = Ca::new();
    nothing_is_issued_twice(&ca.server(), &ca.server()).await;
    let one = ca.server();
    nothing_is_issued_twice(&one, &one).await;
    a_nonce_counts_where_it_was_made(&ca);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql() {
    let dir = tempfile::tempdir().unwrap();
    let Some(server) = PostgreSql::start(dir.path(), "") else { return };
    let ca = Ca::on(&server);
    nothing_is_issued_twice(&ca.server(), &ca.server()).await;
    a_nonce_counts_once_on_all_nodes(&ca);
    a_database_that_is_started_anew_is_found_again(&ca, &server).await;
}

/// What was written before is there, and the connections are made anew.
async fn a_database_that_is_started_anew_is_found_again(ca: &Ca, database: &PostgreSql) {
    let node = ca.server();
    let client = Client::with_account(&node);
    let (_, before) = client.certificate(&["before.test"]).await;
    let leaf = Certificate::all_from_pem(before.as_bytes()).unwrap().swap_remove(0);
    database.kill();
    assert_eq!(client.post("/acme/new-order", &json!({})).status, 503);
    database.start_again();
    assert!(node.store().certificate(&leaf.serial_hex()).unwrap().is_some());
    client.certificate(&["after.test"]).await;
    node.store().check_log().unwrap();
}

/// Both have heard of the same order and finalize it at once, many times: one certificate each time,
/// the same for both.
async fn nothing_is_issued_twice(one: &Server, other: &Server) {
    let before = one.store().counts().unwrap().issued;
    let client = Client::with_account(one);
    for round in 0..20 {
        let name = format!("n{round}.test");
        let order = client.proved_order(&[&name]).await;
        let finalize = |server: &Server| {
            let at = Client {
                server: server.clone(),
                key: aws_lc_rs::signature::EcdsaKeyPair::from_pkcs8(
                    &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING,
                    client.key.to_pkcs8v1().unwrap().as_ref(),
                )
                .unwrap(),
                kid: client.kid.clone(),
                twist: None,
            };
            let (order, name) = (order.clone(), name.clone());
            std::thread::spawn(move || {
                let said = at.finalize(&order, &[&name]);
                assert!(said.status == 200, "{said:?}");
            })
        };
        let both = [finalize(one), finalize(other)];
        both.into_iter().for_each(|thread| thread.join().unwrap());
        let done = client.until(&order, |status| status == "valid").await;
        let pem = client.read(done.json["certificate"].as_str().unwrap()).answer.body;
        assert_eq!(Certificate::all_from_pem(&pem).unwrap().len(), 2);
    }
    let counts = one.store().counts().unwrap();
    assert_eq!(counts.issued - before, 20);
    other.store().check_log().unwrap();
}

/// A server that is alone with its file takes its own nonces, once, and none of a process before it.
fn a_nonce_counts_where_it_was_made(ca: &Ca) {
    let (before, now) = (ca.server(), ca.server());
    let client = Client::with_account(&before);
    let order = json!({ "identifiers": [{ "type": "dns", "value": "app.test" }] });
    let body = serde_json::to_vec(&client.signed("/acme/new-order", &order)).unwrap();
    let send = |server: &Server| {
        let at = Client { server: server.clone(), ..Client::new(&before) };
        at.send(hyper::Method::POST, "/acme/new-order", body.clone())
    };
    let refused = send(&now);
    assert_eq!(refused.problem(), "badNonce");
    assert!(refused.answer.get("replay-nonce").is_some(), "another to go on with");
    assert_eq!(send(&before).status, 201);
    assert_eq!(send(&before).problem(), "badNonce");
}

/// A nonce that one node has made can be used at the other, once at either.
fn a_nonce_counts_once_on_all_nodes(ca: &Ca) {
    let (one, other) = (ca.server(), ca.server());
    let client = Client::with_account(&one);
    let body = client.signed(
        "/acme/new-order",
        &json!({
            "identifiers": [{ "type": "dns", "value": "app.test" }],
        }),
    );
    let body = serde_json::to_vec(&body).unwrap();
    let at_other = Client { server: other, ..Client::new(&one) };
    let path = "/acme/new-order";
    assert_eq!(at_other.send(hyper::Method::POST, path, body.clone()).status, 201);
    assert_eq!(client.send(hyper::Method::POST, path, body).problem(), "badNonce");
}

/// TLS to the database is judged as every other: by the anchors that were given, and by the name.
#[test]
fn the_database_has_to_prove_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = pki::self_signed(["localhost"]).unwrap();
    let (certificate, key) = (certificate.to_pem(), key.to_pem());
    let Some(server) = PostgreSql::with_tls(dir.path(), &certificate, &key) else { return };
    let trusting = TrustStore::from_pem(certificate.as_bytes()).unwrap();
    for (host, trust, wanted) in [
        ("localhost", Some(trusting.clone()), None),
        ("127.0.0.1", Some(trusting), Some("ERR_TLS_CERT_ALTNAME_INVALID")),
        ("localhost", None, Some("DEPTH_ZERO_SELF_SIGNED_CERT")),
    ] {
        let mut context = SecureContext::builder();
        if let Some(trust) = trust {
            context = context.trust(trust);
        }
        let connector = Connector::new(context.build().unwrap());
        let url = format!("postgres://postgres@{host}:{}/postgres?sslmode=require", server.port);
        let refused = Postgres::connect(&url, None, connector).err().map(|e| e.to_string());
        match wanted {
            None => assert_eq!(refused, None),
            Some(code) => {
                assert!(refused.is_some_and(|told| told.contains(code)), "{host}: {code}");
            }
        }
    }
}
