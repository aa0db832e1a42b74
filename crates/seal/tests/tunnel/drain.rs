//! How a tunnel stops.

use std::net::TcpStream;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{Origin, Tunnel, connect, files, get};

const SERVER: &str = "server --listen 127.0.0.1:0 --cert server.pem --key server.key";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_goes_on_and_nothing_new_begins() {
    let dir = files();
    let origin = Origin::echo();
    let line = format!("{SERVER} --target {} --status 127.0.0.1:0 --drain 1h", origin.at());
    let mut tunnel = Tunnel::start(&dir, &line);
    let (port, status) = (tunnel.port(), tunnel.status_port());
    let mut living = connect(&dir.connector(None), port).await;
    living.write_all(b"one").await.unwrap();
    living.read_exact(&mut [0; 3]).await.unwrap();
    assert_eq!(get(status, "/ready").0, "HTTP/1.1 200 OK");
    tunnel.signal("-TERM");
    let draining =
        tunnel.wait(|e| e["message"].as_str().is_some_and(|m| m.starts_with("draining")));
    assert_eq!(draining["open"], 1);
    assert_eq!(get(status, "/ready").0, "HTTP/1.1 503 Service Unavailable");
    assert!(get(status, "/metrics").1.contains("seal_tunnel_draining 1"));
    // The listener closes when the last thread has let go of it.
    while TcpStream::connect(("127.0.0.1", port)).is_ok() {
        tokio::task::yield_now().await;
    }
    living.write_all(b"two").await.unwrap();
    living.read_exact(&mut [0; 3]).await.unwrap();
    living.shutdown().await.unwrap();
    assert_eq!(living.read(&mut [0]).await.unwrap(), 0);
    tunnel.wait_message("stopped");
    assert_eq!(tunnel.ended(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_does_not_last_for_ever() {
    let dir = files();
    let origin = Origin::echo();
    for (drain, second) in [("50ms", false), ("1h", true)] {
        let line = format!("{SERVER} --target {} --drain {drain}", origin.at());
        let mut tunnel = Tunnel::start(&dir, &line);
        let _living = connect(&dir.connector(None), tunnel.port()).await;
        tunnel.signal("-TERM");
        tunnel.wait(|e| e["message"].as_str().is_some_and(|m| m.starts_with("draining")));
        if second {
            tunnel.signal("-TERM");
        }
        assert_eq!(tunnel.wait_message("stopped; connections were cut")["cut"], 1);
        assert_eq!(tunnel.ended(), 0);
    }
}

#[test]
fn a_killed_tunnel_starts_again_in_its_place() {
    let dir = files();
    let origin = Origin::named("x");
    let line = format!("{SERVER} --listen unix:in.sock --target {}", origin.at());
    let mut first = Tunnel::start(&dir, &line);
    first.wait(|e| e["address"] == "unix:in.sock");
    let port = first.port();
    assert_eq!(dir.ask(port, "").ok().text(), "x");
    first.signal("-KILL");
    first.ended();
    let line = line.replace("127.0.0.1:0", &format!("127.0.0.1:{port}"));
    let mut second = Tunnel::start(&dir, &line);
    second.wait(|e| e["address"] == "unix:in.sock");
    assert_eq!(dir.ask(port, "").ok().text(), "x");
    // A socket file that is in use is not taken away.
    let mut third = Tunnel::start(
        &dir,
        &format!(
            "{} --target {}",
            "server --listen unix:in.sock --cert server.pem --key server.key",
            origin.at()
        ),
    );
    let said = third.wait(|e| e.is_string());
    assert!(said.as_str().unwrap().contains("unix:in.sock: the address is in use"), "{said}");
    assert_eq!(third.ended(), 2);
    second.signal("-TERM");
    assert_eq!(second.ended(), 0);
    assert!(!dir.path("in.sock").exists(), "it leaves nothing behind");
}
