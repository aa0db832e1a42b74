//! The session by itself: two of them in memory, with certificates made by OpenSSL.

mod answers;
mod closing;
mod early_data;
mod facts;
mod forged;
mod handles;
mod hostile;
mod names;
#[path = "../pair/mod.rs"]
mod pair;
#[path = "../peers/mod.rs"]
mod peers;
mod post_quantum;
mod protected;
mod questions;
mod resumption;
mod rogue;
mod settings;
mod stored;
mod tickets;
mod verdicts;

use pair::Pair;
use peers::credentials::{KEYS, context};
use sealwire::{ClientAuth, ClientOptions, ProtocolVersion, ServerOptions};

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::Tls12, ProtocolVersion::Tls13];

fn to(host: &str) -> ClientOptions {
    ClientOptions::new(host.parse().expect("a host name"))
}

#[test]
fn every_key_in_both_versions_with_and_without_client_certificates() {
    if !peers::present("openssl") {
        return;
    }
    for version in VERSIONS {
        for key in KEYS {
            for client_auth in [ClientAuth::None, ClientAuth::Request, ClientAuth::Require] {
                let server = context(key, "ca").versions(version..=version).build().unwrap();
                let client = context("client", "ca").build().unwrap();
                let options = ServerOptions::new().client_auth(client_auth);
                let mut pair = Pair::new((&client, &to("localhost")), (&server, &options));
                pair.settle();
                let case = format!("{version} {key} {client_auth:?}");
                assert!(pair.client.complete && pair.server.complete, "{case}");
                let seen_by_client = pair.client.session.peer().unwrap();
                let seen_by_server = pair.server.session.peer().unwrap();
                assert!(seen_by_client.authorized(), "{case}");
                assert_eq!(seen_by_server.authorized(), client_auth != ClientAuth::None, "{case}");
                assert!(seen_by_server.authorization_error().is_none(), "{case}");
                assert_eq!(seen_by_client.protocol(), version);
                assert_eq!(seen_by_client.cipher(), seen_by_server.cipher());
                assert_eq!(seen_by_client.group(), seen_by_server.group());
                assert_eq!(seen_by_client.server_name(), Some("localhost"));
                assert_eq!(seen_by_server.server_name(), Some("localhost"));
                assert!(!seen_by_client.is_resumed() && !seen_by_server.is_resumed(), "{case}");
                pair.converse();
            }
        }
    }
}
