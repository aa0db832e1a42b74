//! The same verdict on every chain, in every seat.

use sealwire::verify::{NameCheck, Refusal, check_server_identity};
use sealwire::{Acceptor, ClientAuth, Connector, PeerVerification, ServerName};
use serde_json::{Value, json};

use crate::peers::Peer;
use crate::peers::credentials::{bare_context, context, credentials};
use crate::peers::net::{Server, call};
use crate::{NodeClient, NodeServer, VERSIONS, extend, files, identity, present, script, seen};

/// Every certificate there is, and those who may be trusted for it.
const SHOWN: [&str; 21] = [
    "rsa",
    "p256",
    "p384",
    "ed25519",
    "expired",
    "early",
    "wrong-name",
    "server-only",
    "client-only",
    "no-san",
    "revoked",
    "sha1",
    "sha1-expired",
    "forged",
    "v1-leaf",
    "deep",
    "deep-chain",
    "deep-full",
    "deep-shuffled",
    "tutorial",
    "self-signed",
];

const TRUSTED: [&str; 6] = ["ca", "other-ca", "inter", "inter ca", "", "itself"];

/// Node has names for these only, and "UNSPECIFIED" for the rest of OpenSSL's.
const NAMED_BY_NODE: &str = "\
    UNABLE_TO_GET_ISSUER_CERT UNABLE_TO_GET_CRL UNABLE_TO_DECRYPT_CERT_SIGNATURE \
    UNABLE_TO_DECRYPT_CRL_SIGNATURE UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY \
    CERT_SIGNATURE_FAILURE CRL_SIGNATURE_FAILURE CERT_NOT_YET_VALID CERT_HAS_EXPIRED \
    CRL_NOT_YET_VALID CRL_HAS_EXPIRED ERROR_IN_CERT_NOT_BEFORE_FIELD \
    ERROR_IN_CERT_NOT_AFTER_FIELD ERROR_IN_CRL_LAST_UPDATE_FIELD \
    ERROR_IN_CRL_NEXT_UPDATE_FIELD OUT_OF_MEM DEPTH_ZERO_SELF_SIGNED_CERT \
    SELF_SIGNED_CERT_IN_CHAIN UNABLE_TO_GET_ISSUER_CERT_LOCALLY \
    UNABLE_TO_VERIFY_LEAF_SIGNATURE CERT_CHAIN_TOO_LONG CERT_REVOKED INVALID_CA \
    PATH_LENGTH_EXCEEDED INVALID_PURPOSE CERT_UNTRUSTED CERT_REJECTED HOSTNAME_MISMATCH \
    ERR_TLS_CERT_ALTNAME_INVALID";

/// Our verdict as Node would name it.
fn named_by_node(refusal: Option<&Refusal>) -> Option<&'static str> {
    let code = refusal?.code().name();
    Some(if NAMED_BY_NODE.split(' ').any(|name| name == code) { code } else { "UNSPECIFIED" })
}

fn trusted<'a>(trusted: &'a str, shown: &'a str) -> &'a str {
    if trusted == "itself" { shown } else { trusted }
}

/// Node's client and ours say the same of our server.
#[tokio::test(flavor = "multi_thread")]
async fn of_servers() {
    if !present() {
        return;
    }
    let mut node = NodeClient::start();
    let mut differences = Vec::new();
    for shown in SHOWN {
        let server = Server::start(Acceptor::new(bare_context(shown, "").build().unwrap())).await;
        for trust in TRUSTED {
            let trust = trusted(trust, shown);
            for crls in [false, true] {
                let builder = context("", trust);
                let builder = if crls { builder.crls(credentials().crl()) } else { builder };
                let client = Connector::new(builder.build().unwrap())
                    .name_check(NameCheck::Node)
                    .peer_verification(PeerVerification::Recorded);
                let peer = call(&client, "localhost", server.port).await.expect("let pass");
                let ours = named_by_node(peer.authorization_error());
                assert_eq!(peer.authorized(), ours.is_none());

                let mut options = json!({
                    "ca": files(trust),
                    "rejectUnauthorized": false,
                    "say": "hello\n",
                });
                if crls {
                    extend(&mut options, json!({ "crl": [credentials().path("crl.pem")] }));
                }
                let nodes = node.connect(server.port, options);
                assert_eq!(nodes["answer"], "olleh\n", "{shown}: {nodes}");
                let verdict = &nodes["authorizationError"];
                if verdict.as_str() != ours || nodes["authorized"] != ours.is_none() {
                    differences.push(format!(
                        "{shown} to {trust:?}{}: Node says {verdict}, we say {ours:?}",
                        if crls { " with CRL" } else { "" }
                    ));
                }
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Node's server and ours say the same of a client.
#[tokio::test(flavor = "multi_thread")]
async fn of_clients() {
    if !present() {
        return;
    }
    let mut node = NodeClient::start();
    let mut differences = Vec::new();
    for trust in ["ca", "other-ca", "inter", "tutorial", ""] {
        let acceptor = Acceptor::new(context("p256", trust).build().unwrap());
        let mut ours = Server::start(acceptor.client_auth(ClientAuth::Request)).await;
        let mut nodes = NodeServer::start(
            "p256",
            json!({ "ca": files(trust), "requestCert": true, "rejectUnauthorized": false }),
        );
        for shown in SHOWN.into_iter().chain([""]) {
            for version in VERSIONS {
                let context = match shown {
                    "" => context("", "ca"),
                    shown => bare_context(shown, "ca"),
                };
                let context = context.versions(version..=version).build().unwrap();
                let client = Connector::new(context);
                call(&client, "localhost", nodes.port).await.expect("let in");
                let by_node = nodes.seen();
                call(&client, "localhost", ours.port).await.expect("let in");
                let by_us = ours.seen().await.expect("let in");
                let code = named_by_node(by_us.authorization_error());
                if by_node["authorizationError"].as_str() != code
                    || by_node["authorized"] != by_us.authorized()
                {
                    differences.push(format!(
                        "{version} {shown} to {trust:?}: Node says {}, we say {code:?}",
                        by_node["authorizationError"]
                    ));
                }
            }
        }
        // Node's own client to our server.
        for shown in ["p256", "v1-leaf", "expired", ""] {
            let mut options = identity(shown);
            extend(&mut options, json!({ "ca": files("ca"), "say": "hello\n" }));
            assert_eq!(node.connect(ours.port, options)["answer"], "olleh\n", "{shown}");
            ours.seen().await.expect("let in");
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// The same yes, no and reason for names.
#[test]
fn of_names() {
    if !present() {
        return;
    }
    const NAMES: [&str; 14] = [
        "DNS:a.com",
        "DNS:*.a.com",
        "DNS:A.com,DNS:B.COM",
        "DNS:*.com",
        "DNS:f*o.a.com,DNS:*b.a.com",
        "DNS:a.*.com,DNS:*.*.com,DNS:**.a.com",
        "DNS:xn--*.a.com,DNS:xn--mnchen-3ya.de",
        "DNS:a.com,IP:127.0.0.1,IP:::1",
        "IP:10.0.0.1",
        "IP:2001:db8::1,URI:https://a.com/,email:me@a.com",
        "URI:https://a.com/",
        "email:a@a.com",
        "RID:1.2.3.4",
        "",
    ];
    let hosts = [
        "a.com",
        "b.a.com",
        "c.b.a.com",
        "b.com",
        "foo.a.com",
        "fo.a.com",
        "xb.a.com",
        "a.b.com",
        "xn--b.a.com",
        "xn--mnchen-3ya.de",
        "com",
        "127.0.0.1",
        "10.0.0.1",
        "::1",
        "2001:db8::1",
        "cn.example",
        "www.cn.example",
    ];
    let mut node = Peer::start(&mut script("identity.js"));
    let mut differences = Vec::new();
    for common_name in ["cn.example", "*.cn.example", "10.0.0.1"] {
        for names in NAMES {
            let file = credentials().named(common_name, names);
            node.say(&format!("{}\n", json!({ "cert": file, "hosts": hosts })));
            let reasons = seen(&mut node);
            let pem = std::fs::read(&file).unwrap();
            let certificate = sealwire::pki::Certificate::all_from_pem(&pem).unwrap().remove(0);
            for (host, reason) in hosts.iter().zip(reasons.as_array().unwrap()) {
                let name: ServerName = host.parse().unwrap();
                let checked = check_server_identity(&name, &certificate, &NameCheck::Node);
                let ours = checked.err().map(|mismatch| Value::from(mismatch.reason()));
                if ours.clone().unwrap_or_default() != *reason {
                    differences.push(format!(
                        "CN {common_name}, names {names:?}, host {host}: Node {reason}, we {ours:?}"
                    ));
                }
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
