//! Several nodes on one store.

use sealwire::pki::Certificate;
use serde_json::json;

use crate::client::{Ca, Client};

/// Both have heard of the same order and finalize it at once, many times: one certificate each time,
/// the same for both.
#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_issue_nothing_twice() {
    let ca = Ca::new();
    let (one, other) = (ca.server(), ca.server());
    let client = Client::with_account(&one);
    for round in 0..20 {
        let name = format!("n{round}.test");
        let order = client.proved_order(&[&name]).await;
        let finalize = |server: &sealwire_acme::server::Server| {
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
        let both = [finalize(&one), finalize(&other)];
        both.into_iter().for_each(|thread| thread.join().unwrap());
        let done = client.until(&order, |status| status == "valid").await;
        let pem = client.read(done.json["certificate"].as_str().unwrap()).answer.body;
        assert_eq!(Certificate::all_from_pem(&pem).unwrap().len(), 2);
    }
    let counts = one.store().counts().unwrap();
    assert_eq!(counts.issued, 20);
    other.store().check_log().unwrap();
}

/// A nonce that one node has made can be used at the other, once at either.
#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_counts_once_on_all_nodes() {
    let ca = Ca::new();
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
