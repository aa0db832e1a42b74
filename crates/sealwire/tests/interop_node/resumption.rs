//! Sessions with Node: its client with our server, ours with its server.

use sealwire::{Acceptor, ClientAuth, Connector, MemorySessionStore, ProtocolVersion};
use serde_json::{Value, json};

use crate::peers::credentials::context;
use crate::peers::net::{Server, call};
use crate::{NodeClient, NodeServer, VERSIONS, extend, files, identity, present};

fn only(version: ProtocolVersion) -> Value {
    json!({ "minVersion": version.name(), "maxVersion": version.name() })
}

/// Node's client resumes what our server keeps: in tickets, or in a store.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_client_resumes_with_us() {
    if !present() {
        return;
    }
    for stateless in [true, false] {
        for client_auth in [ClientAuth::None, ClientAuth::Require] {
            let ours = context("p256", "ca").stateless_tickets(stateless).build().unwrap();
            let acceptor = Acceptor::new(ours).client_auth(client_auth);
            let acceptor = acceptor.session_store(MemorySessionStore::new(100));
            let mut ours = Server::start(acceptor).await;
            for version in VERSIONS {
                let mut node = NodeClient::start();
                for again in [false, true, true] {
                    let mut options =
                        json!({ "ca": files("ca"), "say": "hello\n", "again": again });
                    extend(&mut options, only(version));
                    extend(&mut options, identity("client"));
                    let nodes = node.connect(ours.port, options);
                    let seen = ours.seen().await.expect("a good client");
                    let case = format!("{version} {client_auth:?} {stateless}: {nodes}");
                    assert_eq!(nodes["answer"], "olleh\n", "{case}");
                    assert_eq!(nodes["reused"], again, "{case}");
                    assert_eq!(seen.is_resumed(), again, "{case}");
                    assert_eq!(nodes["authorized"], true, "{case}");
                    assert_eq!(seen.authorized(), client_auth == ClientAuth::Require, "{case}");
                    if version == ProtocolVersion::Tls13 {
                        // In a ticket that takes the place of the one that was used; all that is kept here.
                        let given = if again && stateless { 1 } else { 2 };
                        assert_eq!(nodes["sessions"], given, "{case}");
                    }
                }
            }
        }
    }
}

/// Our client resumes what Node's server keeps in `newSession` and finds in `resumeSession`.
#[tokio::test(flavor = "multi_thread")]
async fn our_client_resumes_from_nodes_store() {
    if !present() {
        return;
    }
    const SSL_OP_NO_TICKET: u32 = 1 << 14;
    let version = ProtocolVersion::Tls12;
    let options = json!({ "store": true, "secureOptions": SSL_OP_NO_TICKET });
    let mut theirs = NodeServer::start("p256", options);
    let context = context("", "ca").versions(version..=version).build().unwrap();
    let client = Connector::new(context);
    for turn in 0..3 {
        let peer = call(&client, "localhost", theirs.port).await.unwrap();
        let nodes = theirs.seen();
        assert_eq!(peer.is_resumed(), turn > 0, "{turn}: {nodes}");
        assert_eq!(nodes["reused"], peer.is_resumed());
        assert_eq!(nodes["stored"], 1);
    }
}

/// How many sessions Node's server tells of, tickets or not: ours asks about as many (see
/// `session::stored`).
#[tokio::test(flavor = "multi_thread")]
async fn node_tells_of_as_many_sessions() {
    if !present() {
        return;
    }
    let mut theirs = NodeServer::start("p256", json!({ "store": true }));
    for version in VERSIONS {
        let context = context("", "ca").versions(version..=version).build().unwrap();
        call(&Connector::new(context), "localhost", theirs.port).await.unwrap();
        assert_eq!(theirs.seen()["stored"], 0, "{version}");
    }
    // In TLS 1.3 it tells of them when the handshake is complete.
    assert_eq!(theirs.peer.line("STORED "), "1");
    assert_eq!(theirs.peer.line("STORED "), "2");
}
