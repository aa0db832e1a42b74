//! One verdict, whichever engine speaks.

use sealwire::{
    ClientAuth, ClientOptions, Legacy, PeerVerification, ProtocolVersion, SecureContextBuilder,
    ServerOptions,
};

use crate::pair::Pair;
use crate::peers::credentials::{bare_context, context, credentials};
use crate::{Tls10, Tls11, Tls12, Tls13, ready, to};

/// Certificates with something special about each, and whom the other side trusts.
const CASES: [(&str, &str); 16] = [
    ("rsa", "ca"),
    ("p256", "ca"),
    ("rsa", "other-ca"),
    ("expired", "ca"),
    ("early", "ca"),
    ("wrong-name", "ca"),
    ("server-only", "ca"),
    ("client-only", "ca"),
    ("no-san", "ca"),
    ("revoked", "ca"),
    ("sha1", "ca"),
    ("forged", "ca"),
    ("v1-leaf", "ca"),
    ("deep", "ca"),
    ("deep-chain", "ca"),
    ("self-signed", "ca"),
];

/// As one engine speaks, or the other.
fn by(builder: SecureContextBuilder, engine: Option<ProtocolVersion>) -> SecureContextBuilder {
    match engine {
        None => builder.versions(Tls12..=Tls12),
        Some(Tls12) => {
            let builder = builder.legacy(Legacy::new()).versions(Tls12..=Tls12);
            builder.cipher_list("ECDHE+AESGCM:AES128-SHA:ECDHE-ECDSA-AES128-SHA").unwrap()
        }
        Some(version) => builder.legacy(Legacy::new()).versions(version..=version),
    }
}

/// A client's list that the second engine alone can speak.
fn client_by(
    builder: SecureContextBuilder,
    engine: Option<ProtocolVersion>,
) -> SecureContextBuilder {
    let builder = by(builder, engine);
    match engine {
        Some(Tls12) => builder.cipher_list("AES128-SHA:ECDHE-ECDSA-AES128-SHA").unwrap(),
        _ => builder,
    }
}

/// What is found, the alert that the other side is told, and whether the peer is believed.
type Outcome = (Vec<&'static str>, Option<&'static str>, bool);

fn of_server(
    shown: &str,
    trusted: &str,
    engine: Option<ProtocolVersion>,
    options: &ClientOptions,
) -> Outcome {
    let client = context("", trusted).crls(credentials().crl());
    let client = client_by(client, engine).build().unwrap();
    let server = by(bare_context(shown, "ca"), engine).build().unwrap();
    let mut pair = Pair::new((&client, options), (&server, &ServerOptions::new()));
    pair.settle();
    let alert = pair.server.alert();
    (pair.client.findings(), alert, pair.client.authorized())
}

fn of_client(
    shown: &str,
    trusted: &str,
    engine: Option<ProtocolVersion>,
    options: &ServerOptions,
) -> Outcome {
    let server = context("rsa", trusted).crls(credentials().crl());
    let server = by(server, engine).build().unwrap();
    let client = client_by(bare_context(shown, "ca"), engine).build().unwrap();
    let mut pair = Pair::new((&client, &to("localhost")), (&server, options));
    pair.settle();
    let alert = pair.client.alert();
    (pair.server.findings(), alert, pair.server.authorized())
}

const ENGINES: [Option<ProtocolVersion>; 3] = [Some(Tls10), Some(Tls11), Some(Tls12)];

#[test]
fn of_servers() {
    if !ready() {
        return;
    }
    let mut refused = 0;
    for (shown, trusted) in CASES {
        for verification in [PeerVerification::Required, PeerVerification::Recorded] {
            let options = to("localhost").verification(verification);
            let first = of_server(shown, trusted, None, &options);
            refused += usize::from(first.1.is_some());
            for engine in ENGINES {
                let second = of_server(shown, trusted, engine, &options);
                assert_eq!(second, first, "{shown} by {trusted}, {engine:?}, {verification:?}");
            }
        }
    }
    assert!(refused > 8, "the table has refusals: {refused}");
}

#[test]
fn of_clients() {
    if !ready() {
        return;
    }
    let mut refused = 0;
    for (shown, trusted) in CASES {
        for client_auth in [ClientAuth::Require, ClientAuth::Request] {
            let options = ServerOptions::new().client_auth(client_auth);
            let first = of_client(shown, trusted, None, &options);
            refused += usize::from(first.1.is_some());
            for engine in ENGINES {
                let second = of_client(shown, trusted, engine, &options);
                assert_eq!(second, first, "{shown} by {trusted}, {engine:?}, {client_auth:?}");
            }
        }
    }
    assert!(refused > 5, "the table has refusals: {refused}");
}

#[test]
fn of_a_client_without_a_certificate() {
    if !ready() {
        return;
    }
    for client_auth in [ClientAuth::Require, ClientAuth::Request] {
        let outcome = |engine| {
            let server = by(context("rsa", "ca"), engine).build().unwrap();
            let client = client_by(context("", "ca"), engine).build().unwrap();
            let options = ServerOptions::new().client_auth(client_auth);
            let mut pair = Pair::new((&client, &to("localhost")), (&server, &options));
            pair.settle();
            let code = pair.server.error.as_ref().map(sealwire::Error::code);
            (code, pair.client.alert(), pair.server.findings(), pair.server.authorized())
        };
        for engine in ENGINES {
            assert_eq!(outcome(engine), outcome(None), "{engine:?} {client_auth:?}");
        }
    }
}

/// Both engines of TLS 1.3, which the second speaks where a key may be shared.
#[test]
fn of_servers_in_tls13() {
    if !ready() {
        return;
    }
    for (shown, trusted) in CASES {
        let outcome = |legacy: bool| {
            let client = context("", trusted).crls(credentials().crl());
            let client = if legacy { client.legacy(Legacy::new().psk(true)) } else { client };
            let client = client.versions(Tls13..=Tls13).build().unwrap();
            let server = bare_context(shown, "ca").versions(Tls13..=Tls13).build().unwrap();
            let options = to("localhost");
            let mut pair = Pair::new((&client, &options), (&server, &ServerOptions::new()));
            crate::psk::settle(&mut pair, None);
            (pair.client.findings(), pair.server.alert(), pair.client.authorized())
        };
        assert_eq!(outcome(true), outcome(false), "{shown} by {trusted}");
    }
}
