//! Limits: how many, and for how long.

use std::io::Read;
use std::net::TcpStream;
use std::time::Instant;

use tokio::io::AsyncReadExt;

use super::support::{Origin, PATIENCE, Tunnel, connect, files};

const SERVER: &str = "server --listen 127.0.0.1:0 --cert server.pem --key server.key";

#[test]
fn a_thousand_silent_clients_delay_nobody() {
    let dir = files();
    let origin = Origin::named("welcome");
    let line = format!("{SERVER} --target {} --handshake-timeout 1h", origin.at());
    let mut tunnel = Tunnel::start(&dir, &line);
    let port = tunnel.port();
    let first = Instant::now();
    assert_eq!(dir.ask(port, "").ok().text(), "welcome");
    let alone = first.elapsed();
    let silent: Vec<_> =
        (0..1000).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    let then = Instant::now();
    assert_eq!(dir.ask(port, "").ok().text(), "welcome");
    // They share two cores with whatever else runs here; what must not be is one waiting for all.
    assert!(then.elapsed() < alone * 10 + PATIENCE / 6, "{:?} for {alone:?}", then.elapsed());
    drop(silent);
}

#[test]
fn the_time_for_a_handshake_is_limited() {
    let dir = files();
    let origin = Origin::named("x");
    let line = format!("{SERVER} --target {} --handshake-timeout 50ms", origin.at());
    let mut tunnel = Tunnel::start(&dir, &line);
    let mut silent = TcpStream::connect(("127.0.0.1", tunnel.port())).unwrap();
    let failed = tunnel.wait_message("handshake failed");
    assert_eq!(failed["code"], "ERR_TLS_HANDSHAKE_TIMEOUT");
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_limited_and_more_so_when_half_closed() {
    let dir = files();
    let origin = Origin::echo();
    let line = format!("{SERVER} --target {} --idle-timeout 100ms", origin.at());
    let mut tunnel = Tunnel::start(&dir, &line);
    let mut stream = connect(&dir.connector(None), tunnel.port()).await;
    assert!(stream.read(&mut [0]).await.is_err(), "not a clean end");
    assert_eq!(tunnel.wait_message("connection ended")["end"], "idle for too long");
    // A target that never ends its side.
    let (held, kept) = std::sync::mpsc::channel();
    let held = std::sync::Mutex::new(held);
    let held = std::sync::Arc::new(held);
    let mute = Origin::new(move |tcp| drop(held.lock().unwrap().send(tcp)));
    let line = format!("{SERVER} --target {} --half-close-timeout 100ms", mute.at());
    let mut tunnel = Tunnel::start(&dir, &line);
    let mut stream = connect(&dir.connector(None), tunnel.port()).await;
    tokio::io::AsyncWriteExt::shutdown(&mut stream).await.unwrap();
    let ended = tunnel.wait_message("connection ended");
    assert_eq!(ended["end"], "half closed and idle for too long");
    drop(kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_source_cannot_take_all() {
    let dir = files();
    let origin = Origin::echo();
    let line = format!("{SERVER} --target {} --max-per-source 2", origin.at());
    let mut tunnel = Tunnel::start(&dir, &line);
    let port = tunnel.port();
    let connector = dir.connector(None);
    let (first, _second) = (connect(&connector, port).await, connect(&connector, port).await);
    assert_eq!(dir.ask(port, "").text(), "");
    let refused = tunnel.wait_message("client refused");
    assert_eq!(refused["why"], "source-limit");
    drop(first);
    tunnel.wait_message("connection ended");
    drop(connect(&connector, port).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn further_connections_wait() {
    let dir = files();
    let origin = Origin::named("welcome");
    let quiet = Origin::echo();
    let line = format!("{SERVER} --target {} --max-connections 1", quiet.at());
    let mut tunnel = Tunnel::start(&dir, &line);
    let port = tunnel.port();
    let first = connect(&dir.connector(None), port).await;
    let waiting = tokio::spawn({
        let connector = dir.connector(None);
        async move { connect(&connector, port).await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    drop(first);
    let second = tokio::time::timeout(PATIENCE, waiting).await.expect("its turn").unwrap();
    assert!(second.peer().authorized());
    drop(origin);
}
