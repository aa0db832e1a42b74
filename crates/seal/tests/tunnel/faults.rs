//! A client that breaks the rules of the record layer on an open connection is told so by an alert before
//! the connection ends (RFC 8446, 5.2 and 5.4), as by `seal serve`.

use std::io::Write;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{Files, Origin, PATIENCE, Tunnel, files};

/// The alert that such a record gets on an open connection.
async fn told(dir: &Files, port: u16, record: &[u8]) -> u8 {
    let tcp = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut below = tcp.try_clone().unwrap();
    tcp.set_nonblocking(true).unwrap();
    let tcp = tokio::net::TcpStream::from_std(tcp).unwrap();
    let connector = dir.connector(None);
    let mut stream = connector.connect("localhost".parse().unwrap(), tcp).await.unwrap();
    stream.write_all(b"ping").await.unwrap();
    let mut back = [0; 4];
    stream.read_exact(&mut back).await.unwrap();
    below.write_all(record).unwrap();
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut back)).await.expect("it ends");
    match sealwire::Error::from(read.unwrap_err()) {
        sealwire::Error::AlertReceived { alert, .. } => alert.number(),
        other => panic!("no alert: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_fault_gets_its_alert_before_the_end() {
    let dir = files();
    let origin = Origin::echo();
    let line = format!(
        "server --listen 127.0.0.1:0 --target {} --cert server.pem --key server.key",
        origin.at()
    );
    let mut tunnel = Tunnel::start(&dir, &line);
    let port = tunnel.port();
    let garbled = [&[23, 3, 3, 0, 32][..], &[0; 32]].concat();
    for (what, record, alert) in [
        ("a record under another key", &garbled[..], 20),
        ("a record that is too long", &[23, 3, 3, 0x42, 0], 22),
        ("a message that is not encrypted", &[22, 3, 3, 0, 4, 1, 0, 0, 0], 10),
        ("a content type that is none", &[99, 3, 3, 0, 1, 0], 10),
    ] {
        assert_eq!(told(&dir, port, record).await, alert, "{what}");
    }
}
