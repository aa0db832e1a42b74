//! Certificates by a token: for what it says, as often as it says, and nobody proves a name.

use std::time::Duration;

use hyper::Method;
use sealwire::pki::{Certificate, Csr, KeyAlgorithm, PrivateKey, Subject, SubjectAltName};
use sealwire_acme::protocol::NameRules;
use sealwire_acme::store::{AccountRules, Token};
use sealwire_testing::PostgreSql;
use serde_json::json;

use crate::client::{Ca, Client, Said, b64};

fn token(ca: &Ca, uses: i64, profiles: &[&str]) -> Token {
    Token {
        id: format!("t{uses}"),
        label: String::new(),
        created: ca.clock.now(),
        expires: ca.clock.now() + 3600,
        rules: AccountRules {
            names: NameRules::below(["a.test".parse().unwrap()]),
            profiles: profiles.iter().map(|one| (*one).to_owned()).collect(),
        },
        users: vec!["ops1".to_owned()],
        uses,
    }
}

fn ask(
    client: &Client,
    token: Option<&str>,
    user: Option<&str>,
    names: &[&str],
    more: &str,
) -> Said {
    let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let names: Vec<SubjectAltName> = names.iter().map(|name| name.parse().unwrap()).collect();
    let subject = user.map(|user| Subject::from_common_name(user).unwrap()).unwrap_or_default();
    let csr = Csr::builder(subject).names(names).sign(&key).unwrap();
    let mut body = json!({ "csr": b64(csr.der()) });
    if !more.is_empty() {
        body["profile"] = more.into();
    }
    client.send_as(token, Method::POST, "/issue", serde_json::to_vec(&body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_gets_what_it_says_and_no_more() {
    let ca = Ca::new();
    let server = ca.server();
    let client = Client::new(&server);
    let made = token(&ca, 3, &[]);
    let secret = server.store().add_token(&made).unwrap();
    let secret = Some(secret.as_str());
    for (token, user, names, profile, problem) in [
        (None, None, &["x.a.test"][..], "", "unauthorized"),
        (Some("nobody"), None, &["x.a.test"], "", "unauthorized"),
        (secret, None, &["b.test"], "", "rejectedIdentifier"),
        (secret, None, &["x.a.test", "127.0.0.1"], "", "rejectedIdentifier"),
        (secret, Some("ops2"), &[], "client", "rejectedIdentifier"),
        (secret, Some("ops1"), &[], "server", "badCSR"),
        (secret, None, &[], "", "badCSR"),
        (secret, None, &["user@a.test"], "", "badCSR"),
        (secret, None, &["x.a.test"], "root", "invalidProfile"),
    ] {
        let said = ask(&client, token, user, names, profile);
        assert_eq!(said.problem(), problem, "{user:?} {names:?} {profile}: {said:?}");
    }
    for body in ["", "{}", "[]", r#"{"csr":"="}"#, r#"{"csr":"AAAA"}"#, r#"{"csr":"","x":1}"#] {
        let said = client.send_as(secret, Method::POST, "/issue", body.as_bytes().to_vec());
        assert!(matches!(said.problem(), "malformed" | "badCSR"), "{body}: {said:?}");
    }
    // What was refused has used nothing up.
    for (user, names, profile) in
        [(None, &["x.a.test", "*.a.test"][..], ""), (Some("ops1"), &[], "client")]
    {
        let said = ask(&client, secret, user, names, profile);
        assert_eq!(said.status, 200, "{said:?}");
        let chain = Certificate::all_from_pem(&said.answer.body).unwrap();
        assert!(chain.len() == 2 && chain[0].is_issued_by(&chain[1]));
        let found = server.store().certificate(&chain[0].serial_hex()).unwrap().unwrap();
        assert_eq!(found.account.as_deref(), Some("token:t3"));
        if let Some(user) = user {
            assert_eq!(chain[0].subject().common_name(), Some(user));
        }
    }
    // It is no account: nobody revokes or reads by it what it has asked for.
    let said = ask(&client, secret, None, &["y.a.test"], "");
    assert_eq!(said.status, 200, "{said:?}");
    assert_eq!(ask(&client, secret, None, &["z.a.test"], "").status, 401, "used up");

    let other = server.store().add_token(&token(&ca, 9, &["client"])).unwrap();
    let refused = ask(&client, Some(&other), None, &["x.a.test"], "server");
    assert_eq!(refused.problem(), "invalidProfile", "{refused:?}");
    assert!(server.store().end_token("t9").unwrap() && !server.store().end_token("t9").unwrap());
    assert_eq!(ask(&client, Some(&other), None, &["x.a.test"], "client").status, 401, "ended");
    let third = server.store().add_token(&token(&ca, 5, &[])).unwrap();
    ca.clock.advance(Duration::from_secs(3601));
    assert_eq!(ask(&client, Some(&third), None, &["x.a.test"], "").status, 401, "too old");
    assert_eq!(ask(&client, Some(&third), None, &["x.a.test"], "").status, 401, "and again");
    server.store().check_log().unwrap();
    // What was refused is in the log under the token's name; the same again at once is not.
    let log = server.store().log_entries(0, 1000).unwrap();
    let refused = |token: &str, why: &str| {
        let asker = format!("\"account\":\"token:{token}\"");
        let of = |what: &str| {
            what.contains("\"refused\"") && what.contains(&asker) && what.contains(why)
        };
        log.iter().filter(|entry| of(&entry.what)).count()
    };
    assert_eq!(refused("t3", "b.test"), 1);
    assert_eq!(refused("t3", "used up"), 1);
    assert_eq!(refused("t9", "profile"), 1);
    assert_eq!(refused("t5", "too old"), 1);
}

/// Asked at two nodes at once, by many: as many certificates as it is good for.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_counts_on_all_nodes_together() {
    let dir = tempfile::tempdir().unwrap();
    let mut cas = vec![Ca::new()];
    let database = PostgreSql::start(dir.path(), "");
    cas.extend(database.as_ref().map(Ca::on));
    for ca in cas {
        let nodes = [ca.server(), ca.server()];
        let secret = nodes[0].store().add_token(&token(&ca, 5, &[])).unwrap();
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let (server, secret) = (nodes[number % 2].clone(), secret.clone());
                std::thread::spawn(move || {
                    let client = Client::new(&server);
                    ask(&client, Some(&secret), None, &[&format!("n{number}.a.test")], "").status
                })
            })
            .collect();
        let statuses: Vec<_> = threads.into_iter().map(|one| one.join().unwrap()).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 5, "{statuses:?}");
        assert_eq!(nodes[1].store().counts().unwrap().issued, 5);
        nodes[1].store().check_log().unwrap();
    }
}
