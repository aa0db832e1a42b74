//! Requests that are wrong in one way each: each is told which, and none changes anything.

use std::sync::Arc;

use hyper::Method;
use sealwire_acme::protocol::{Kind, Problem};
use sealwire_acme::server::{Check, Settings};
use serde_json::{Value, json};

use crate::client::{BASE, Ca, Client, b64};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_header_is_said() {
    let server = Ca::new();
    let server = (server.server(), server);
    let mut client = Client::with_account(&server.0);
    type Twist = fn(&mut Value);
    let cases: &[(Twist, &str)] = &[
        (|h| h["alg"] = "none".into(), "badSignatureAlgorithm"),
        (|h| h["alg"] = "HS256".into(), "badSignatureAlgorithm"),
        (|h| h["alg"] = "RS256".into(), "badSignatureAlgorithm"),
        (|h| h["alg"] = 7.into(), "badSignatureAlgorithm"),
        (|h| h["url"] = format!("{BASE}/acme/new-account").into(), "unauthorized"),
        (|h| h["url"] = "https://evil.test/acme/new-order".into(), "unauthorized"),
        (|h| drop(h.as_object_mut().unwrap().remove("url")), "malformed"),
        (|h| drop(h.as_object_mut().unwrap().remove("nonce")), "badNonce"),
        (|h| h["nonce"] = "AAAA".into(), "badNonce"),
        (|h| h["nonce"] = b64(&[0; 36]).into(), "badNonce"),
        (|h| h["jwk"] = json!({}), "malformed"),
        (|h| drop(h.as_object_mut().unwrap().remove("kid")), "malformed"),
        (|h| h["kid"] = format!("{BASE}/acme/account/nobody").into(), "accountDoesNotExist"),
        (|h| h["kid"] = "nobody".into(), "accountDoesNotExist"),
        (|h| h["crit"] = json!(["exp"]), "malformed"),
        (|h| h["b64"] = false.into(), "malformed"),
    ];
    for (number, (twist, problem)) in cases.iter().enumerate() {
        client.twist = Some(*twist);
        let said = client.post("/acme/new-order", &json!({ "identifiers": [] }));
        assert_eq!(said.problem(), *problem, "case {number}: {said:?}");
        assert!(said.answer.get("replay-nonce").is_some(), "a nonce comes with every refusal");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_counts_once() {
    let ca = Ca::new();
    let server = ca.server();
    let client = Client::with_account(&server);
    let order = json!({ "identifiers": [{ "type": "dns", "value": "app.test" }] });
    let body = serde_json::to_vec(&client.signed("/acme/new-order", &order)).unwrap();
    assert_eq!(client.send(Method::POST, "/acme/new-order", body.clone()).status, 201);
    let again = client.send(Method::POST, "/acme/new-order", body.clone());
    assert_eq!(again.problem(), "badNonce");
    let other = Ca::new();
    let foreign = Client { server: other.server(), ..client };
    let said = foreign.send(Method::POST, "/acme/new-order", body);
    assert_ne!(said.status, 201, "a nonce of another CA: {said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_none_are_refused() {
    let ca = Ca::new();
    let server = ca.server();
    let client = Client::with_account(&server);
    let good = client.signed("/acme/new-order", &json!({}));
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        serde_json::to_vec(&body).unwrap()
    };
    let bodies = [
        Vec::new(),
        b"{}".to_vec(),
        b"[]".to_vec(),
        b"\xff\xfe".to_vec(),
        vec![b'['; 60_000],
        with("signature", json!("")),
        with("signature", json!("====")),
        with("signature", json!(b64(&[0; 64]))),
        with("payload", json!(b64(b"{\"identifiers\":[]}"))),
        with("protected", json!(b64(b"null"))),
        with("header", json!({ "kid": "x" })),
        with("signatures", json!([])),
    ];
    for body in bodies {
        let shown = String::from_utf8_lossy(&body).chars().take(80).collect::<String>();
        let said = client.send(Method::POST, "/acme/new-order", body);
        assert_eq!((said.status, said.problem()), (400, "malformed"), "{shown}: {said:?}");
    }
    for path in [
        "/",
        "/acme",
        "/acme/order",
        "/acme/order/x/y/z",
        "/crl/..",
        "/ca/x.cer",
        "/acme/renewal-info/x",
    ] {
        let said = client.get(path);
        assert!((400..500).contains(&said.status), "{path}: {said:?}");
    }
    assert_eq!(client.get("/acme/order/x").status, 405);
    let nobody = format!("/acme/renewal-info/{}.{}", b64(&[1; 20]), b64(&[2; 16]));
    assert_eq!(client.get(&nobody).status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_held_to_names_and_rules() {
    let ca = Ca::new();
    let server = ca.server();
    let client = Client::with_account(&server);
    let dns = |name: &str| json!({ "identifiers": [{ "type": "dns", "value": name }] });
    let many: Vec<_> =
        (0..101).map(|n| json!({ "type": "dns", "value": format!("{n}.test") })).collect();
    for (order, problem) in [
        (json!({}), "malformed"),
        (json!({ "identifiers": [] }), "malformed"),
        (json!({ "identifiers": many }), "malformed"),
        (dns("example.com"), "rejectedIdentifier"),
        (dns(""), "rejectedIdentifier"),
        (dns("127.0.0.1"), "rejectedIdentifier"),
        (dns("a..test"), "rejectedIdentifier"),
        (json!({ "identifiers": [{ "type": "ip", "value": "8.8.8.8" }] }), "rejectedIdentifier"),
        (json!({ "identifiers": [{ "type": "email", "value": "a@b" }] }), "unsupportedIdentifier"),
        (
            json!({ "identifiers": [{ "type": "dns", "value": "a.test" }], "profile": "x" }),
            "invalidProfile",
        ),
        (
            json!({ "identifiers": [{ "type": "dns", "value": "a.test" }], "notAfter": "soon" }),
            "malformed",
        ),
        (
            json!({ "identifiers": [{ "type": "dns", "value": "a.test" }], "replaces": "x" }),
            "malformed",
        ),
    ] {
        let said = client.post("/acme/new-order", &order);
        assert_eq!(said.problem(), problem, "{order}: {said:?}");
    }
    let two = json!({ "identifiers": [
        { "type": "dns", "value": "a.com" }, { "type": "dns", "value": "b.com" },
    ]});
    let said = client.post("/acme/new-order", &two);
    assert_eq!(said.json["subproblems"].as_array().map(Vec::len), Some(2), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_for_certificates_are_held_to_their_orders() {
    let ca = Ca::new();
    let server = ca.server();
    let client = Client::with_account(&server);
    let pending = client.post(
        "/acme/new-order",
        &json!({
            "identifiers": [{ "type": "dns", "value": "late.test" }],
        }),
    );
    let pending = pending.answer.get("location").unwrap().to_owned();
    assert_eq!(client.finalize(&pending, &["late.test"]).problem(), "orderNotReady");
    let order = client.proved_order(&["app.test", "b.test"]).await;
    for names in
        [&["app.test"][..], &["app.test", "b.test", "c.test"], &["app.test", "127.0.0.1"], &[]]
    {
        let said = client.finalize(&order, names);
        assert_eq!(said.problem(), "badCSR", "{names:?}: {said:?}");
    }
    let path = format!("{}/finalize", order.strip_prefix(BASE).unwrap());
    let (mut broken, _) = Client::csr(&["app.test", "b.test"]);
    *broken.last_mut().unwrap() ^= 1;
    for csr in [json!(b64(&broken)), json!(b64(&[0; 50_000])), json!(""), json!("=")] {
        let said = client.post(&path, &json!({ "csr": csr }));
        assert_eq!(said.problem(), "badCSR", "{said:?}");
    }
    let stranger = Client::with_account(&server);
    assert_eq!(stranger.finalize(&order, &["app.test", "b.test"]).status, 404);
    assert_eq!(stranger.read(&order).status, 404);
    assert_eq!(client.finalize(&order, &["app.test", "b.test"]).json["status"], "valid");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_check_has_found_is_told() {
    let ca = Ca::new();
    let check: Check = Arc::new(|proof| {
        Box::pin(async move {
            let what = format!("{}: nothing listens there", proof.identifier);
            Err(Problem::new(Kind::Connection, what))
        })
    });
    let server = ca.server_with(Settings::default(), check);
    let client = Client::with_account(&server);
    let order = client.proved_order(&["app.test"]).await;
    let said = client.read(&order);
    assert_eq!(said.json["status"], "invalid");
    assert_eq!(said.json["error"]["detail"], "app.test: nothing listens there");
    assert_eq!(client.finalize(&order, &["app.test"]).problem(), "orderNotReady");
}
