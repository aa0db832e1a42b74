//! Data go through unchanged, in both modes and both directions, and ends stay what they are.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::channel;

use sealwire::wire::Driver;
use sealwire::{Alert, Error};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{Origin, Tunnel, connect, files};

const SERVER: &str = "server --listen 127.0.0.1:0 --cert server.pem --key server.key";

fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn megabytes_come_back_as_they_went() {
    let dir = files();
    let origin = Origin::echo();
    let mut tunnel = Tunnel::start(&dir, &format!("{SERVER} --target {}", origin.at()));
    let stream = connect(&dir.connector(None), tunnel.port()).await;
    let data = noise(16 * 1024 * 1024 + 7);
    let (mut reader, mut writer) = tokio::io::split(stream);
    let sent = data.clone();
    let sending = tokio::spawn(async move {
        writer.write_all(&sent).await.unwrap();
        // Half closed: the rest still comes back.
        writer.shutdown().await.unwrap();
    });
    let mut received = Vec::new();
    reader.read_to_end(&mut received).await.expect("a clean end");
    sending.await.unwrap();
    assert!(received == data, "{} bytes for {}", received.len(), data.len());
    let ended = tunnel.wait_message("connection ended");
    assert_eq!(ended["end"], "finished", "{ended}");
    assert_eq!(
        (ended["up"].as_u64(), ended["down"].as_u64()),
        (Some(data.len() as u64), Some(data.len() as u64))
    );
    assert_eq!(ended["tls"], "TLSv1.3");
}

#[tokio::test(flavor = "multi_thread")]
async fn small_records_come_back_in_order_and_the_end_behind_them() {
    let dir = files();
    let origin = Origin::echo();
    let mut tunnel = Tunnel::start(&dir, &format!("{SERVER} --target {}", origin.at()));
    let stream = connect(&dir.connector(None), tunnel.port()).await;
    let data = noise(400_000);
    let (mut reader, mut writer) = tokio::io::split(stream);
    let sent = data.clone();
    let sending = tokio::spawn(async move {
        let (mut rest, mut size) = (&sent[..], 0);
        while !rest.is_empty() {
            size = (size + 37) % 151;
            let (record, after) = rest.split_at((size + 1).min(rest.len()));
            writer.write_all(record).await.unwrap();
            rest = after;
        }
        writer.shutdown().await.unwrap();
    });
    let mut received = Vec::new();
    reader.read_to_end(&mut received).await.expect("a clean end");
    sending.await.unwrap();
    assert!(received == data, "{} bytes for {}", received.len(), data.len());
}

#[test]
fn two_tunnels_make_a_plain_way_over_tls() {
    let dir = files();
    let origin = Origin::echo();
    let mut server = Tunnel::start(
        &dir,
        &format!("{SERVER} --ca ca.pem --allow ou=ops --target {}", origin.at()),
    );
    let line = format!(
        "client --listen unix:in.sock --target localhost:{} --ca ca.pem --cert alice.pem --key alice.key",
        server.port()
    );
    let mut client = Tunnel::start(&dir, &line);
    client.wait_message("listening");
    for size in [1, 100, 16_384, 3_000_000] {
        let data = noise(size);
        let mut unix = UnixStream::connect(dir.path("in.sock")).unwrap();
        let mut writer = unix.try_clone().unwrap();
        let sent = data.clone();
        let sending = std::thread::spawn(move || {
            writer.write_all(&sent).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        let mut received = Vec::new();
        unix.read_to_end(&mut received).unwrap();
        sending.join().unwrap();
        assert!(received == data, "{size} bytes");
    }
    let ended = server.wait(|e| e["message"] == "connection ended" && e["up"] == 3_000_000);
    assert_eq!(ended["peer"], "CN=alice,OU=ops");
    drop(client);
}

#[test]
fn the_target_may_be_a_unix_socket() {
    let dir = files();
    let listener = UnixListener::bind(dir.path("app.sock")).unwrap();
    std::thread::spawn(move || {
        for unix in listener.incoming() {
            unix.unwrap().write_all(b"over unix").unwrap();
        }
    });
    let mut tunnel = Tunnel::start(&dir, &format!("{SERVER} --target unix:app.sock"));
    let port = tunnel.port();
    for version in ["-tls1_2", "-tls1_3"] {
        assert_eq!(dir.ask(port, version).ok().text(), "over unix");
    }
}

#[test]
fn openssl_is_a_target_that_must_prove_its_name() {
    let dir = files();
    let good = super::support::s_server(&dir, "-cert server.pem -key server.key");
    let mut tunnel = Tunnel::start(
        &dir,
        &format!("client --listen 127.0.0.1:0 --target localhost:{} --ca ca.pem", good.port),
    );
    let port = tunnel.port_of("client");
    let mut tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
    tcp.write_all(b"seal\n").unwrap();
    let mut line = [0; 5];
    tcp.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"laes\n", "the server turns lines round");
    drop(tcp); // it serves one after the other
    // The same certificate under a name that it does not have.
    let mut other = Tunnel::start(
        &dir,
        &format!(
            "client --listen 127.0.0.1:0 --target localhost:{} --ca ca.pem --servername c.test",
            good.port
        ),
    );
    let port = other.port_of("client");
    let mut tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let _ = tcp.write_all(b"secret\n");
    let mut nothing = Vec::new();
    let _ = tcp.read_to_end(&mut nothing);
    assert!(nothing.is_empty());
    let said = other.wait_message("no target can be reached");
    let reason = said["reason"].as_str().unwrap();
    assert!(reason.contains("ERR_TLS_CERT_ALTNAME_INVALID"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_vanishes_is_no_end_of_file_for_the_target() {
    let dir = files();
    let (seen, outcome) = channel();
    let origin = Origin::new(move |mut tcp| {
        let mut all = Vec::new();
        let _ = seen.send(tcp.read_to_end(&mut all).map_err(|e| e.kind()).map(|_| all));
    });
    let mut tunnel = Tunnel::start(&dir, &format!("{SERVER} --target {}", origin.at()));
    let mut stream = connect(&dir.connector(None), tunnel.port()).await;
    stream.write_all(b"half a messa").await.unwrap();
    stream.flush().await.unwrap();
    drop(stream); // without close_notify
    let seen = tokio::task::spawn_blocking(move || outcome.recv()).await.unwrap().unwrap();
    assert_eq!(seen.unwrap_err(), std::io::ErrorKind::ConnectionReset);
    let ended = tunnel.wait_message("connection ended");
    assert!(ended["end"].as_str().unwrap().starts_with("client: "), "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_vanishes_is_no_clean_end_for_the_client() {
    let dir = files();
    let origin = Origin::new(|mut tcp| {
        tcp.write_all(b"half an answ").unwrap();
        // Data that were not read make closing a reset.
        tcp.read_exact(&mut [0]).unwrap();
    });
    let mut tunnel = Tunnel::start(&dir, &format!("{SERVER} --target {}", origin.at()));
    let mut stream = connect(&dir.connector(None), tunnel.port()).await;
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.unwrap();
    stream.write_all(b"one and more").await.unwrap();
    let error = stream.read(&mut [0; 10]).await.expect_err("not a clean end");
    let error = Error::from(error);
    assert_eq!(error.alert(), Some(Alert::INTERNAL_ERROR), "{error:?}");
    let ended = tunnel.wait_message("connection ended");
    assert!(ended["end"].as_str().unwrap().starts_with("target: "), "{ended}");
}

/// RFC 8446, 5.2: the alert comes first, though the client sends on and on.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_records_are_damaged_hears_it() {
    let dir = files();
    let origin = Origin::new(|mut tcp| {
        let _ = tcp.read_to_end(&mut Vec::new());
    });
    let mut tunnel = Tunnel::start(&dir, &format!("{SERVER} --target {}", origin.at()));
    let port = tunnel.port();
    for more in [0, 20_000] {
        let stream = connect(&dir.connector(None), port).await;
        let parts = stream.into_inner();
        let (mut tcp, mut driver) =
            (parts.io, Driver::with_received(parts.session, parts.received));
        let mut damaged = vec![23, 3, 3, 0, 32];
        damaged.resize(5 + 32 + more, 7);
        tcp.write_all(&damaged).await.unwrap();
        let error = loop {
            match driver.read(&mut Vec::new()) {
                Ok(_) => {
                    let count = tcp.read(driver.room()).await.unwrap();
                    assert!(count > 0, "the end comes after the alert");
                    driver.filled(count);
                }
                Err(error) => break error,
            }
        };
        assert_eq!(error.alert().map(Alert::name), Some("bad_record_mac"), "{error}");
        let ended = tunnel.wait_message("connection ended");
        assert!(ended["end"].as_str().unwrap().starts_with("client: "), "{ended}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_holds_back_the_writer_and_loses_nothing() {
    let dir = files();
    let data = noise(24 * 1024 * 1024);
    let served = data.clone();
    let origin = Origin::new(move |mut tcp| {
        let _ = tcp.write_all(&served);
    });
    let mut tunnel = Tunnel::start(&dir, &format!("{SERVER} --target {}", origin.at()));
    let mut stream = connect(&dir.connector(None), tunnel.port()).await;
    let mut received = Vec::new();
    let mut piece = vec![0; 10_000];
    loop {
        match stream.read(&mut piece).await.unwrap() {
            0 => break,
            count => received.extend_from_slice(&piece[..count]),
        }
        // Every piece lets everybody else go first.
        tokio::task::yield_now().await;
    }
    assert!(received == data, "{} bytes", received.len());
}

#[test]
fn a_target_is_asked_for_tls_by_its_protocol_and_greets_the_client() {
    let dir = files();
    let script = "import socket, ssl
l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen(1)
print(l.getsockname()[1], flush=True)
c, _ = l.accept(); f = c.makefile('rw', newline='')
f.write('220 mail.test ESMTP\\r\\n'); f.flush()
assert f.readline().startswith('EHLO')
f.write('250-mail.test\\r\\n250 STARTTLS\\r\\n'); f.flush()
assert f.readline() == 'STARTTLS\\r\\n'
f.write('220 go\\r\\n'); f.flush()
x = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); x.load_cert_chain('server.pem', 'server.key')
t = x.wrap_socket(c, server_side=True)
t.sendall(b'250 inside ' + t.recv(100)); t.unwrap()
";
    if !super::peers::installed(&["python3"]) {
        return;
    }
    let mut server = std::process::Command::new("python3")
        .args(["-c", script])
        .current_dir(dir.root())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    let mut said = std::io::BufReader::new(server.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut said, &mut port).unwrap();
    let mut tunnel = Tunnel::start(
        &dir,
        &format!(
            "client --listen 127.0.0.1:0 --target localhost:{} --ca ca.pem --starttls smtp",
            port.trim()
        ),
    );
    let mut tcp = TcpStream::connect(("127.0.0.1", tunnel.port_of("client"))).unwrap();
    let mut greeting = [0; 21];
    tcp.read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"220 mail.test ESMTP\r\n");
    tcp.write_all(b"EHLO again\r\n").unwrap();
    let mut answer = [0; 23];
    tcp.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"250 inside EHLO again\r\n");
    drop(tcp);
    assert!(server.wait().unwrap().success());
}
