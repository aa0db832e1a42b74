//! A certificate's life: ordered, proved, fetched, renewed, revoked.

use std::time::Duration;

use sealwire::pki::{Certificate, Crl};
use sealwire_acme::protocol::NameRules;
use sealwire_acme::server::{Check, Settings};
use sealwire_acme::store::{AccountRules, EabKey};
use serde_json::json;

use crate::client::{BASE, Ca, Client, b64};

fn renewal_id(certificate: &Certificate) -> String {
    let serial = certificate.serial_hex();
    let bytes: Vec<u8> = (0..serial.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&serial[i..i + 2], 16).unwrap())
        .collect();
    format!("{}.{}", b64(&certificate.authority_key_id().unwrap()), b64(&bytes))
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_ordered_proved_fetched_and_revoked() {
    let ca = Ca::new();
    let server = ca.server();
    let client = Client::with_account(&server);
    let (url, pem) = client.certificate(&["app.test", "*.app.test"]).await;
    let chain = Certificate::all_from_pem(pem.as_bytes()).unwrap();
    assert_eq!(chain.len(), 2, "the root is not sent");
    assert!(chain[0].is_issued_by(&chain[1]));
    assert_eq!(chain[0].serial_hex().len(), 32);
    let with_root = client.read(&format!("{url}/1"));
    let with_root = Certificate::all_from_pem(&with_root.answer.body).unwrap();
    assert!(with_root.len() == 3 && with_root[2].is_self_signed());

    let info = client.get(&format!("/acme/renewal-info/{}", renewal_id(&chain[0])));
    assert_eq!(info.status, 200, "{info:?}");
    assert!(info.answer.get("retry-after").is_some());

    let revoke = json!({ "certificate": b64(chain[0].der()), "reason": 1 });
    let stranger = Client::with_account(&server);
    assert_eq!(stranger.post("/acme/revoke-cert", &revoke).problem(), "unauthorized");
    assert_eq!(client.post("/acme/revoke-cert", &revoke).status, 200);
    assert_eq!(client.post("/acme/revoke-cert", &revoke).problem(), "alreadyRevoked");

    let id: String =
        chain[1].subject_key_id().unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    let list = client.get(&format!("/crl/{id}.crl"));
    let crl = Crl::from_der(&list.answer.body).unwrap();
    let again = client.get(&format!("/crl/{id}.crl"));
    assert_eq!(again.answer.body, crl.der(), "signed once, served often");

    let now = client.get(&format!("/acme/renewal-info/{}", renewal_id(&chain[0])));
    let end = now.json["suggestedWindow"]["end"].as_str().unwrap().to_owned();
    let end = sealwire_acme::clock::parse_rfc3339(&end).unwrap();
    assert!(end < ca.clock.now(), "what is revoked is to be renewed at once");
    assert!(server.store().check_log().unwrap() >= 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_intermediate_makes_everybody_renew() {
    let ca = Ca::new();
    let server = ca.server();
    let client = Client::with_account(&server);
    let (_, pem) = client.certificate(&["app.test"]).await;
    let old = Certificate::all_from_pem(pem.as_bytes()).unwrap().swap_remove(0);
    let path = format!("/acme/renewal-info/{}", renewal_id(&old));
    let window = |client: &Client| {
        let said = client.get(&path);
        let end = said.json["suggestedWindow"]["end"].as_str().unwrap().to_owned();
        sealwire_acme::clock::parse_rfc3339(&end).unwrap()
    };
    assert!(window(&client) > ca.clock.now());
    server.authority().rotate(&|_, deliver| deliver()).unwrap();
    server.note_signer().unwrap();
    assert!(window(&client) < ca.clock.now());

    let order = json!({
        "identifiers": [{ "type": "dns", "value": "app.test" }],
        "replaces": renewal_id(&old),
    });
    let said = client.post("/acme/new-order", &order);
    assert_eq!(said.json["status"], "ready", "what was proved an hour ago is believed: {said:?}");
    let url = said.answer.get("location").unwrap().to_owned();
    let done = client.finalize(&url, &["app.test"]);
    let pem = client.read(done.json["certificate"].as_str().unwrap()).answer.body;
    let new = Certificate::all_from_pem(&pem).unwrap();
    assert_ne!(new[0].authority_key_id(), old.authority_key_id());
    assert_eq!(client.post("/acme/new-order", &order).problem(), "alreadyReplaced");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_certificate_outlives_its_chain() {
    let ca = Ca::new();
    let server = ca.server();
    let client = Client::with_account(&server);
    let end = server.authority().signer().not_after();
    let days = u64::try_from(end - ca.clock.now()).unwrap() / 86_400 - 3;
    ca.clock.advance(Duration::from_secs(days * 86_400));
    assert!(server.authority().is_due());
    let (_, pem) = client.certificate(&["app.test"]).await;
    let leaf = Certificate::all_from_pem(pem.as_bytes()).unwrap().swap_remove(0);
    assert_eq!(leaf.not_after(), end);
    ca.clock.advance(Duration::from_secs(4 * 86_400));
    let order = client.proved_order(&["app.test"]).await;
    let refused = client.finalize(&order, &["app.test"]);
    assert!(
        refused.json["detail"].as_str().unwrap().contains("CA's own certificate expires"),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_change_their_keys_list_their_orders_and_end() {
    let ca = Ca::new();
    let server = ca.server();
    let mut client = Client::with_account(&server);
    let order = client.proved_order(&["app.test"]).await;
    let kid = client.kid.clone().unwrap();
    let id = kid.rsplit('/').next().unwrap().to_owned();
    let orders = client.post(&format!("/acme/orders/{id}"), &json!(""));
    assert_eq!(orders.json["orders"], json!([order]));

    let new = Client::new(&server);
    let url = format!("{BASE}/acme/key-change");
    let header = json!({ "alg": "ES256", "jwk": new.jwk(), "url": url });
    let inner = new.sign(&header, &json!({ "account": kid, "oldKey": client.jwk() }));
    assert_eq!(client.post("/acme/key-change", &inner).status, 200);
    assert_eq!(client.read(&order).problem(), "malformed", "the old key signs no more");
    client.key = new.key;
    assert_eq!(client.read(&order).status, 200);

    let found = Client { kid: None, twist: None, key: client.key, server: server.clone() };
    let said = found.post("/acme/new-account", &json!({ "onlyReturnExisting": true }));
    assert_eq!((said.status, said.answer.get("location")), (200, Some(kid.as_str())));
    let client = Client { kid: Some(kid.clone()), ..found };
    let path = kid.strip_prefix(BASE).unwrap();
    let ended = client.post(path, &json!({ "status": "deactivated" }));
    assert_eq!(ended.json["status"], "deactivated");
    let refused = client.read(&order);
    assert_eq!((refused.status, refused.problem()), (401, "unauthorized"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eab_key_makes_one_account_which_may_what_the_key_says() {
    let ca = Ca::new();
    let settings = Settings { eab_required: true, ..Settings::default() };
    let check: Check = std::sync::Arc::new(|_| Box::pin(async { Ok(()) }));
    let server = ca.server_with(settings, check);
    let secret = b64(&[7; 32]);
    let rules = AccountRules {
        names: NameRules::below(["a.test".parse().unwrap()]),
        profiles: vec!["shortlived".to_owned()],
    };
    let key = EabKey {
        kid: "k1".to_owned(),
        secret,
        label: String::new(),
        created: ca.clock.now(),
        rules,
        account: None,
    };
    server.store().add_eab(&key).unwrap();
    let bind = |client: &Client, secret: &[u8]| {
        let header =
            json!({ "alg": "HS256", "kid": "k1", "url": format!("{BASE}/acme/new-account") });
        let (protected, payload) =
            (b64(header.to_string().as_bytes()), b64(client.jwk().to_string().as_bytes()));
        let hmac = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
        let tag = aws_lc_rs::hmac::sign(&hmac, format!("{protected}.{payload}").as_bytes());
        json!({ "externalAccountBinding": {
            "protected": protected, "payload": payload, "signature": b64(tag.as_ref()),
        }})
    };
    let mut client = Client::new(&server);
    assert_eq!(client.post("/acme/new-account", &json!({})).problem(), "externalAccountRequired");
    let forged = client.post("/acme/new-account", &bind(&client, &[8; 32]));
    assert_eq!(forged.problem(), "unauthorized");
    let made = client.post("/acme/new-account", &bind(&client, &[7; 32]));
    assert_eq!(made.status, 201, "{made:?}");
    client.kid = made.answer.get("location").map(str::to_owned);
    let second = Client::new(&server);
    assert_eq!(
        second.post("/acme/new-account", &bind(&second, &[7; 32])).problem(),
        "unauthorized"
    );

    let order = |name: &str| json!({ "identifiers": [{ "type": "dns", "value": name }] });
    assert_eq!(client.post("/acme/new-order", &order("b.test")).problem(), "rejectedIdentifier");
    let said = client.post("/acme/new-order", &order("x.a.test"));
    assert_eq!(said.json["profile"], "shortlived", "{said:?}");
    let mut other = order("x.a.test");
    other["profile"] = "server".into();
    assert_eq!(client.post("/acme/new-order", &other).problem(), "invalidProfile");
}
