//! Open connections are judged again, and exactly those closed that would not be let in now.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use sealwire::Error;
use sealwire::pki::{ExtendedKeyUsage, Validity};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{Files, Origin, PATIENCE, Tunnel, connect, files, get, s_server};

fn mutual(origin: &Origin, more: &str) -> String {
    format!(
        "server --listen 127.0.0.1:0 --target {} --cert server.pem --key server.key --ca ca.pem \
         --crl crl.pem --status 127.0.0.1:0 {more}",
        origin.at()
    )
}

type Stream = sealwire::TlsStream<tokio::net::TcpStream>;

async fn open(dir: &Files, who: &str, port: u16) -> Stream {
    let mut stream = connect(&dir.connector(Some(who)), port).await;
    echoes(&mut stream).await;
    stream
}

async fn echoes(stream: &mut Stream) {
    stream.write_all(b"ping").await.unwrap();
    let mut back = [0; 4];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"ping");
}

/// The number of the alert that ends a connection which has nothing to say.
async fn alert(stream: &mut Stream) -> u8 {
    let mut room = [0; 16];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut room)).await.expect("it is closed");
    match Error::from(read.unwrap_err()) {
        Error::AlertReceived { alert, .. } => alert.number(),
        other => panic!("no alert: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_revoked_is_out_and_nobody_else() {
    let dir = files();
    let origin = Origin::echo();
    let mut tunnel = Tunnel::start(&dir, &mutual(&origin, ""));
    let (port, status) = (tunnel.port(), tunnel.status_port());
    let mut alice = open(&dir, "alice", port).await;
    let mut bob = open(&dir, "bob", port).await;

    dir.revoke(&["alice"]);
    let closed = tunnel.wait_message("open connection closed: the peer is no longer acceptable");
    assert_eq!(closed["peer"], "CN=alice,OU=ops", "{closed}");
    assert_eq!(closed["why"], "refused");
    assert!(closed["reason"].as_str().unwrap().starts_with("CERT_REVOKED: "), "{closed}");
    assert_eq!(alert(&mut alice).await, 44, "certificate_revoked");
    let done = tunnel.wait(|e| e["message"] == "open connections rechecked" && e["closed"] == 1);
    assert_eq!(done["open"], 2, "{done}");
    echoes(&mut bob).await;
    let ended = tunnel.wait_message("connection ended");
    assert!(ended["end"].as_str().unwrap().starts_with("closed: CERT_REVOKED"), "{ended}");
    let (_, metrics) = get(status, "/metrics");
    assert!(
        metrics.contains("seal_tunnel_cut_total{service=\"server\",kind=\"refused\"} 1"),
        "{metrics}"
    );
}

#[test]
fn openssl_hears_that_it_is_revoked() {
    let dir = files();
    let origin = Origin::echo();
    let mut tunnel = Tunnel::start(&dir, &mutual(&origin, ""));
    let port = tunnel.port();
    let mut client = Command::new("openssl")
        .args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-quiet", "-CAfile", "ca.pem"])
        .args(["-cert", "alice.pem", "-key", "alice.key"])
        .current_dir(dir.root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl starts");
    let mut input = client.stdin.take().unwrap();
    input.write_all(b"ping").unwrap();
    let mut back = [0; 4];
    client.stdout.as_mut().unwrap().read_exact(&mut back).unwrap();
    assert_eq!(&back, b"ping");
    dir.revoke(&["alice"]);
    let ended = client.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("alert certificate revoked"), "{said}");
    drop(input);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_and_cas_count_for_open_connections() {
    let dir = files();
    let origin = Origin::echo();
    let text = |more: &str| {
        format!(
            "log-format = \"json\"\n[[service]]\nname = \"server\"\nlisten = \"127.0.0.1:0\"\n\
             target = \"{}\"\ncert = \"server.pem\"\nkey = \"server.key\"\nca = \"clients.pem\"\n{more}",
            origin.at()
        )
    };
    dir.replace("clients.pem", &dir.read("ca.pem"));
    dir.write("tunnel.toml", text(""));
    let mut tunnel = Tunnel::start(&dir, "run tunnel.toml");
    let port = tunnel.port();
    let mut alice = open(&dir, "alice", port).await;
    let mut bob = open(&dir, "bob", port).await;
    dir.write("tunnel.toml", text("deny = \"ou=sales\""));
    tunnel.signal("-HUP");
    let closed = tunnel.wait_message("open connection closed: the peer is no longer acceptable");
    assert_eq!(closed["why"], "rule", "{closed}");
    let reason = closed["reason"].as_str().unwrap();
    assert!(reason.starts_with("denied by \"ou=sales\": cn=bob"), "{reason}");
    assert_eq!(alert(&mut bob).await, 49, "access_denied");
    echoes(&mut alice).await;
    // Her CA is trusted no longer.
    dir.openssl("req -x509 -newkey rsa:2048 -nodes -subj /CN=other -keyout o.key -out o.pem");
    dir.replace("clients.pem", &dir.read("o.pem"));
    let closed = tunnel.wait_message("open connection closed: the peer is no longer acceptable");
    assert_eq!(closed["peer"], "CN=alice,OU=ops", "{closed}");
    assert_eq!(alert(&mut alice).await, 48, "unknown_ca");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_certificate_does_not_hold_back_a_list() {
    let dir = files();
    let origin = Origin::echo();
    let mut tunnel = Tunnel::start(&dir, &mutual(&origin, ""));
    let (port, status) = (tunnel.port(), tunnel.status_port());
    let mut alice = open(&dir, "alice", port).await;
    dir.replace("server.pem", b"garbage");
    tunnel.wait_message("reload failed; keeping the previous configuration");
    dir.revoke(&["alice"]);
    tunnel.wait_message("new CAs and CRLs take effect nevertheless");
    assert_eq!(alert(&mut alice).await, 44);
    let mut bob = open(&dir, "bob", port).await;
    assert!(get(status, "/status").1.contains("\"reload_error\": \"server.pem: "));
    // One that no peer would believe is not used either.
    let now = SystemTime::now();
    let over = Validity::between(now - Duration::from_secs(600), now - Duration::from_secs(60));
    dir.issue_for(
        "server",
        "/CN=localhost",
        &["localhost"],
        ExtendedKeyUsage::SERVER_AUTH,
        over.unwrap(),
    );
    let refused = tunnel
        .wait(|e| e["reason"].as_str().is_some_and(|reason| reason.contains("CERT_HAS_EXPIRED")));
    assert_eq!(refused["message"], "reload failed; keeping the previous configuration");
    echoes(&mut bob).await;
    open(&dir, "bob", port).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_with_its_certificate_and_with_its_time() {
    let dir = files();
    let origin = Origin::echo();
    let now = SystemTime::now();
    let soon = Validity::between(now - Duration::from_secs(60), now + Duration::from_secs(4));
    dir.issue_for(
        "short",
        "/CN=short",
        &["short.test"],
        ExtendedKeyUsage::CLIENT_AUTH,
        soon.unwrap(),
    );
    let mut tunnel = Tunnel::start(&dir, &mutual(&origin, ""));
    let port = tunnel.port();
    let mut alice = open(&dir, "alice", port).await;
    let mut short = open(&dir, "short", port).await;
    assert_eq!(alert(&mut short).await, 45, "certificate_expired");
    let closed = tunnel.wait_message("open connection closed: the peer is no longer acceptable");
    assert_eq!(closed["peer"], "CN=short", "{closed}");
    echoes(&mut alice).await;

    let mut limited = Tunnel::start(&dir, &mutual(&origin, "--max-lifetime 300ms"));
    let port = limited.port();
    let mut alice = open(&dir, "alice", port).await;
    alert(&mut alice).await;
    limited.wait_message("open connection closed: lifetime reached");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_alone_goes_on_and_what_drains_has_its_time() {
    let dir = files();
    let origin = Origin::echo();
    let mut off = Tunnel::start(&dir, &mutual(&origin, "--recheck off"));
    let mut drains = Tunnel::start(&dir, &mutual(&origin, "--recheck-drain 1s"));
    let (off_port, port) = (off.port(), drains.port());
    let mut left = open(&dir, "alice", off_port).await;
    let mut alice = open(&dir, "alice", port).await;
    dir.revoke(&["alice"]);
    off.wait_message("reloaded");
    echoes(&mut left).await;
    let closed = drains.wait_message("open connection closed: the peer is no longer acceptable");
    assert_eq!(closed["drain"], 1.0, "{closed}");
    echoes(&mut alice).await;
    assert_eq!(alert(&mut alice).await, 44);
    echoes(&mut left).await;
}

#[test]
fn a_client_lets_go_of_a_server_that_is_revoked() {
    let dir = files();
    let server = s_server(&dir, "-cert server.pem -key server.key");
    let mut tunnel = Tunnel::start(
        &dir,
        &format!(
            "client --listen 127.0.0.1:0 --target localhost:{} --ca ca.pem --crl crl.pem",
            server.port
        ),
    );
    let port = tunnel.port_of("client");
    let mut plain = TcpStream::connect(("127.0.0.1", port)).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    plain.write_all(b"ping\n").unwrap();
    let mut back = [0; 5];
    plain.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"gnip\n");
    dir.revoke(&["server"]);
    let closed = tunnel.wait_message("open connection closed: the peer is no longer acceptable");
    assert_eq!(closed["peer"], "CN=localhost", "{closed}");
    let broken = plain.read(&mut back).expect_err("no clean end");
    assert_eq!(broken.kind(), std::io::ErrorKind::ConnectionReset);
}
