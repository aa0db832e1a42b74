//! What a server may put in the place of its own settings when it has seen the ClientHello.

use sealwire::session::{HelloAnswer, HelloReply};
use sealwire::{Alert, ClientAuth, ProtocolVersion, SecureContext, ServerOptions};

use crate::pair::Pair;
use crate::peers::credentials::{context, credentials};
use crate::peers::present;
use crate::{VERSIONS, to};

/// A handshake of `client` with `base`, which is answered so.
fn answered(
    client: &SecureContext,
    base: &SecureContext,
    client_auth: ClientAuth,
    answer: impl Into<HelloAnswer>,
) -> Pair {
    let options = ServerOptions::new().ask_client_hello(true).client_auth(client_auth);
    let mut pair = Pair::new((client, &to("localhost")), (base, &options));
    pair.settle();
    pair.server.answer_hello(answer);
    pair.settle();
    pair
}

fn shown(pair: &Pair) -> &[u8] {
    pair.client.session.peer().expect("complete").certificate().expect("a server's").der()
}

/// Node's meaning of an SNI context: certificate and CAs are its own, versions are the server's.
#[test]
fn credentials_are_another_contexts_and_the_rest_stays() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = context("client", "ca").build().unwrap();
        let base = context("wrong-name", "other-ca").versions(version..=version).build().unwrap();
        let other_version = match version {
            ProtocolVersion::Tls12 => ProtocolVersion::Tls13,
            _ => ProtocolVersion::Tls12,
        };
        let named = context("rsa", "ca").versions(other_version..=other_version).build().unwrap();
        for _ in 0..2 {
            let reply = HelloReply::new().credentials(named.clone());
            let mut pair = answered(&client, &base, ClientAuth::Require, reply);
            assert_eq!(pair.client.session.peer().unwrap().protocol(), version);
            assert_eq!(shown(&pair), credentials().identity("rsa").leaf().der());
            assert!(pair.server.authorized(), "its CA judges the client: {version}");
            pair.converse();
        }
        let client = context("client", "ca wrong-name").build().unwrap();
        let reply = HelloReply::new().credentials(base.clone());
        let pair = answered(&client, &named, ClientAuth::Require, reply);
        assert_eq!(pair.client.findings(), ["ERR_TLS_CERT_ALTNAME_INVALID"], "{version}");
    }
}

#[test]
fn credentials_without_an_identity_leave_the_servers_own() {
    if !present("openssl") {
        return;
    }
    let client = context("client", "ca").build().unwrap();
    let base = context("p256", "other-ca").build().unwrap();
    let reply = HelloReply::new().credentials(context("", "ca").build().unwrap());
    let pair = answered(&client, &base, ClientAuth::Require, reply);
    assert_eq!(shown(&pair), credentials().identity("p256").leaf().der());
    assert!(pair.server.authorized());
}

#[test]
fn an_identity_is_shown_whatever_the_context_has() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        let client = context("", "ca").versions(version..=version).build().unwrap();
        for base in ["wrong-name", ""] {
            let base = context(base, "").build().unwrap();
            let reply = HelloReply::new().identity(credentials().identity("p384"));
            let mut pair = answered(&client, &base, ClientAuth::None, reply);
            assert_eq!(shown(&pair), credentials().identity("p384").leaf().der(), "{version}");
            pair.converse();
        }
    }
}

/// The alert goes out in the clear, as OpenSSL sends it at this point of the handshake.
#[test]
fn a_refusal_tells_the_client_why() {
    if !present("openssl") {
        return;
    }
    for version in VERSIONS {
        for (number, name) in [(112, "unrecognized_name"), (120, "no_application_protocol")] {
            let client = context("", "ca").versions(version..=version).build().unwrap();
            let base = context("p256", "").build().unwrap();
            let refusal = HelloAnswer::Refuse(Alert::from_number(number));
            let pair = answered(&client, &base, ClientAuth::None, refusal);
            assert_eq!(pair.client.alert(), Some(name), "{version}");
            assert!(!pair.server.complete && pair.server.error.is_some());
        }
    }
}
