//! Resumption with OpenSSL's programs: stored sessions, renewed certificates, sessions by hand.

use std::path::Path;
use std::process::Command;

use sealwire::{
    Acceptor, ClientAuth, MemorySessionStore, ProtocolVersion, SecureContextBuilder, TicketKeys,
};
use tokio::net::TcpStream;

use crate::peers::credentials::{context, credentials};
use crate::peers::net::{Server, read_all, run_with};
use crate::peers::{Peer, present, said};
use crate::{VERSIONS, connector, flag, only};

/// `s_client` to `port`, which says hello, waits for the answer and is told more.
async fn s_client(port: u16, more: impl Fn(&mut Command)) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-servername", "localhost", "-ign_eof", "-connect"]);
    command.arg(format!("127.0.0.1:{port}"));
    command.arg("-verifyCAfile").arg(credentials().files("ca").cert);
    more(&mut command);
    said(&run_with(&mut command, "hello\n").await)
}

fn show(command: &mut Command, name: &str) {
    let files = credentials().files(name);
    command.arg("-cert").arg(files.cert).arg("-key").arg(files.key);
}

fn session(command: &mut Command, version: ProtocolVersion, option: &str, file: &Path) {
    command.args([flag(version), option]).arg(file);
}

/// Sessions in a store of ours: TLS 1.2 by id, TLS 1.3 by a ticket that is an id.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_in_our_store_are_resumed() {
    if !present("openssl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for version in VERSIONS {
        for client_auth in [ClientAuth::None, ClientAuth::Require] {
            let stateful = context("p256", "ca").stateless_tickets(false).build().unwrap();
            let acceptor = Acceptor::new(stateful).client_auth(client_auth);
            let mut server =
                Server::start(acceptor.session_store(MemorySessionStore::new(100))).await;
            let file = folder.path().join(format!("{version} {client_auth:?}"));
            for (option, expected) in [("-sess_out", false), ("-sess_in", true)] {
                let text = s_client(server.port, |client| {
                    show(client, "client");
                    session(client, version, option, &file);
                })
                .await;
                let peer = server.seen().await.expect("a good client");
                let case = format!("{version} {client_auth:?} {option}:\n{text}");
                assert_eq!(peer.is_resumed(), expected, "{case}");
                assert_eq!(text.contains("Reused, TLSv1."), expected, "{case}");
                assert_eq!(peer.authorized(), client_auth == ClientAuth::Require, "{case}");
                assert!(text.contains("olleh\n"), "{case}");
            }
        }
    }
}

/// A TLS 1.2 client that takes no tickets, and comes back five times by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_tickets_reconnects() {
    if !present("openssl") {
        return;
    }
    let builders: [fn(SecureContextBuilder) -> SecureContextBuilder; 2] =
        [|with_tickets| with_tickets, |without| without.stateless_tickets(false)];
    for builder in builders {
        let acceptor = Acceptor::new(builder(context("p256", "")).build().unwrap());
        let mut server = Server::start(acceptor.session_store(MemorySessionStore::new(9))).await;
        let text = s_client(server.port, |client| {
            client.args(["-tls1_2", "-no_ticket", "-reconnect"]);
        })
        .await;
        for turn in 0..6 {
            let peer = server.seen().await.expect("a good client");
            assert_eq!(peer.is_resumed(), turn > 0, "{turn}\n{text}");
        }
    }
}

/// The client has a new certificate and an old ticket, for a certificate that is revoked by now:
/// it is asked again, and let in. With the old certificate it is told why not.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_a_renewed_certificate_is_not_held_to_its_old_ticket() {
    if !present("openssl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let keys = TicketKeys::generate().unwrap();
    let ours = || context("p256", "ca").ticket_keys(keys.clone());
    let start = async |builder: SecureContextBuilder| {
        Server::start(Acceptor::new(builder.build().unwrap()).client_auth(ClientAuth::Require))
            .await
    };
    for version in VERSIONS {
        let mut before = start(ours()).await;
        let mut after = start(ours().crls(credentials().crl())).await;
        let file = folder.path().join(version.name());
        s_client(before.port, |client| {
            show(client, "revoked");
            session(client, version, "-sess_out", &file);
        })
        .await;
        before.seen().await.expect("not yet revoked");

        let text = s_client(after.port, |client| {
            show(client, "client");
            session(client, version, "-sess_in", &file);
        })
        .await;
        let peer = after.seen().await.expect("renewed");
        assert!(!peer.is_resumed() && peer.authorized(), "{version}\n{text}");
        assert_eq!(peer.certificate(), Some(credentials().identity("client").leaf()));

        let text = s_client(after.port, |client| {
            show(client, "revoked");
            session(client, version, "-sess_in", &file);
        })
        .await;
        let error = after.seen().await.expect_err("revoked");
        assert_eq!(error.code(), "CERT_REVOKED", "{version}");
        assert!(text.contains("SSL alert number 44\n"), "{version}\n{text}");
    }
}

/// Our client, with and without tickets of the server's, and sessions that go by hand from one
/// context to another.
#[tokio::test(flavor = "multi_thread")]
async fn our_sessions_resume_with_s_server() {
    if !present("openssl") {
        return;
    }
    for more in [&[][..], &["-no_ticket"]] {
        let files = credentials().files("p256");
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", "0", "-rev", "-cert"]).arg(files.cert);
        let mut server = Peer::start(command.arg("-key").arg(files.key).args(more));
        let port = server.port("ACCEPT");
        for version in VERSIONS {
            let mut session = None;
            for turn in 0..3 {
                // A context of its own each time.
                let mut connector = connector(only(context("", "ca"), version)).keep_session(true);
                if let Some(session) = session.take() {
                    connector = connector.resume_session(session);
                }
                let tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let mut stream =
                    connector.connect("localhost".parse().unwrap(), tcp).await.unwrap();
                use tokio::io::AsyncWriteExt;
                stream.write_all(b"hello\n").await.unwrap();
                stream.shutdown().await.unwrap();
                assert_eq!(read_all(&mut stream).await.unwrap(), b"olleh\n");
                let case = format!("{version} {more:?} {turn}");
                assert_eq!(stream.peer().is_resumed(), turn > 0, "{case}");
                assert!(stream.peer().authorized(), "{case}");
                let new = stream.take_session();
                // A session of TLS 1.2 without a ticket stays the same one.
                if turn == 0 || version == ProtocolVersion::Tls13 {
                    session = Some(new.expect(&case));
                    continue;
                }
                break;
            }
        }
    }
}

/// A client with a ticket of a server that takes early data, which comes to one that does not: what
/// it sends early is skipped (RFC 8446, 4.2.10), and it comes in.
#[tokio::test(flavor = "multi_thread")]
async fn early_data_of_another_servers_ticket_are_skipped() {
    if !present("openssl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (session, early) = (folder.path().join("session"), folder.path().join("early"));
    let files = credentials().files("p256");
    let mut command = Command::new("openssl");
    command.args(["s_server", "-accept", "0", "-early_data", "-max_early_data", "16384"]);
    command.arg("-cert").arg(files.cert).arg("-key").arg(files.key);
    let mut other = Peer::start(&mut command);
    let port = other.port("ACCEPT");
    let mut command = Command::new("openssl");
    command.args(["s_client", "-servername", "localhost", "-connect"]);
    command.arg(format!("127.0.0.1:{port}")).arg("-ign_eof").arg("-sess_out").arg(&session);
    let mut given = Peer::start(&mut command);
    given.say("hello\n");
    other.line("hello");
    other.say("Q\n");
    given.finish();
    assert!(session.exists(), "no session was given");

    // The last of the groups wants another hello first (HelloRetryRequest).
    for groups in ["X25519:P-256", "X448:P-256"] {
        let mut ours = Server::start(Acceptor::new(context("p256", "").build().unwrap())).await;
        for size in [1, 3_276, 8_000, 16_384] {
            std::fs::write(&early, vec![b'e'; size]).unwrap();
            let text = s_client(ours.port, |client| {
                client.args(["-groups", groups, "-sess_in"]).arg(&session);
                client.arg("-early_data").arg(&early);
            })
            .await;
            assert!(text.contains("Early data was rejected"), "{groups} {size}:\n{text}");
            assert!(text.contains("olleh\n"), "{groups} {size}:\n{text}");
            let peer = ours.seen().await.expect("it is let in");
            assert!(!peer.is_resumed(), "{groups} {size}");
        }
    }
}
