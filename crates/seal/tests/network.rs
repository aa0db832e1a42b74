//! `seal demo`, `serve` and `connect` as a person runs them, with OpenSSL's and Node's programs
//! on the other side.

mod peers;

use std::io::{Read, Write};
use std::net::TcpListener;

use peers::served::Served as Server;
use peers::{Folder, Ran};
use serde_json::Value;

/// A folder with the tutorial's files, `amit-*.pem` and `amit.pfx` (passphrase in `pass`), and a
/// certificate `other-cert.pem` with its key that nobody trusts.
fn tutorial() -> Folder {
    let dir = Folder::new();
    dir.write("pass", "secret\n");
    for line in [
        "key new --rsa 2048 --out amit-key.pem",
        "csr new --key amit-key.pem --subject /CN=localhost --out amit-csr.pem",
        "cert self-sign --csr amit-csr.pem --key amit-key.pem --openssl-compat --out amit-cert.pem",
        "pfx export --cert amit-cert.pem --key amit-key.pem --passphrase-file pass --out amit.pfx",
        "key new --ec p256 --out other-key.pem",
        "cert self-sign --name other.example --key other-key.pem --out other-cert.pem",
    ] {
        dir.seal(line).ok();
    }
    dir
}

const AMIT: &str = "--cert amit-cert.pem --key amit-key.pem --ca amit-cert.pem";

fn connect(dir: &Folder, port: u16, line: &str, stdin: &[u8]) -> Ran {
    let target = format!("localhost:{port}");
    let mut arguments = vec!["connect", &target];
    arguments.extend(line.split_whitespace());
    dir.seal_with(&arguments, stdin)
}

#[test]
fn the_demo_shows_what_it_promises() {
    let dir = Folder::new();
    let demo = dir.seal("demo --dir made --json").ok();
    let facts: Value = serde_json::from_str(demo.text()).expect("JSON");
    assert_eq!(facts["trusted"]["client_sees"]["authorized"], true);
    assert_eq!(facts["trusted"]["server_sees"]["authorized"], true);
    assert_eq!(facts["trusted"]["greeting"], "Hello World !\n");
    assert_eq!(facts["trusted"]["client_sees"]["protocol"], "TLSv1.3");
    assert_eq!(facts["not_trusted"]["client_sees"]["authorized"], false);
    let reason = &facts["not_trusted"]["client_sees"]["authorization_error"];
    assert_eq!(reason["code"], "DEPTH_ZERO_SELF_SIGNED_CERT");
    assert_eq!(facts["sniffed"]["plain"]["words_readable"], true);
    assert_eq!(facts["sniffed"]["tls"]["words_readable"], false);
    for file in ["amit-key.pem", "amit-csr.pem", "amit-cert.pem", "amit.pfx"] {
        assert!(dir.path("made").join(file).is_file(), "{file}");
    }
    let text = dir.seal("demo").ok();
    for part in ["authorized  yes", "authorized  no, DEPTH_ZERO_SELF_SIGNED_CERT", "That means:"] {
        assert!(text.text().contains(part), "{part:?} in {}", text.text());
    }
}

#[test]
fn the_two_programs_of_the_document_talk() {
    let dir = tutorial();
    let mut server = Server::start(&dir, AMIT);
    let said = connect(&dir, server.port, AMIT, b"to be echoed").ok();
    assert_eq!(said.text(), "Hello World !\nto be echoed");
    assert!(said.stderr.contains("authorized  yes"), "{}", said.stderr);
    let connected = server.next();
    assert_eq!(connected["event"], "connected");
    assert_eq!(connected["authorized"], true);
    assert_eq!(connected["peer_certificate"]["subject"], "CN=localhost");
    assert_eq!(server.next()["event"], "closed");
    // The same from the PFX.
    let pfx = "--pfx amit.pfx --passphrase-file pass --ca amit-cert.pem --quiet";
    let said = connect(&dir, server.port, pfx, b"").ok();
    assert_eq!((said.text(), said.stderr.as_str()), ("Hello World !\n", ""));
}

#[test]
fn who_sends_much_at_once_hears_the_refusal() {
    let dir = tutorial();
    let server = Server::start(&dir, AMIT);
    for size in [0, 1, 16_384, 65_536, 500_000, 1_000_000, 4_000_000] {
        let ran = connect(&dir, server.port, "--ca amit-cert.pem --quiet", &vec![b'x'; size]);
        let said = ran.stderr.contains("the peer refused with certificate_required (alert 116)");
        assert!(ran.code == 1 && said, "{size}: {ran:?}");
    }
}

#[test]
fn refusals_say_who_and_why_and_what_to_do() {
    let dir = tutorial();
    let server = Server::start(&dir, AMIT);
    let at = format!("seal: localhost:{}: ", server.port);
    let other = "--cert other-cert.pem --key other-key.pem --ca other-cert.pem";
    for (line, begins, mentions) in [
        (other, "DEPTH_ZERO_SELF_SIGNED_CERT: \"CN=localhost\" is self-signed", "--ca"),
        (
            "--ca amit-cert.pem --quiet",
            "the peer refused with certificate_required (alert 116)",
            "give a client certificate",
        ),
        (
            "--cert other-cert.pem --key other-key.pem --ca amit-cert.pem --quiet",
            "the peer refused with unknown_ca (alert 48)",
            "the server accepts certificates issued by CN=localhost, and ours is issued by CN=other.example",
        ),
        (
            &format!("{AMIT} --servername elsewhere.example"),
            "ERR_TLS_CERT_ALTNAME_INVALID: Host: elsewhere.example. is not cert's CN: localhost",
            "--servername",
        ),
    ] {
        let ran = connect(&dir, server.port, line, b"");
        assert_eq!(ran.code, 1, "{ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "one line: {}", ran.stderr);
        let expected = format!("{at}{begins}");
        assert!(ran.stderr.starts_with(&expected), "{} for {expected}", ran.stderr);
        assert!(ran.stderr.contains(mentions), "{}", ran.stderr);
    }
    // Told to go on, it says what it would have refused, and the exit code says it too.
    let line = "--cert amit-cert.pem --key amit-key.pem --ca other-cert.pem --insecure";
    let ran = connect(&dir, server.port, line, b"x");
    assert_eq!((ran.code, ran.text()), (1, "Hello World !\nx"));
    assert!(ran.stderr.contains("authorized  no, DEPTH_ZERO_SELF_SIGNED_CERT"), "{}", ran.stderr);
}

#[test]
fn what_is_not_tls_is_told_as_that() {
    let dir = Folder::new();
    for (banner, looks) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            "the server does not speak TLS: it looks like HTTP",
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the server does not speak TLS: it looks like SSH"),
        (b"", "the peer closed the connection in the middle of the handshake"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let speaker = std::thread::spawn(move || {
            let (mut tcp, _) = listener.accept().unwrap();
            let mut hello = [0; 5];
            tcp.read_exact(&mut hello).unwrap();
            tcp.write_all(banner).unwrap();
            tcp.shutdown(std::net::Shutdown::Write).unwrap();
            let _ = tcp.read_to_end(&mut Vec::new());
        });
        let ran = connect(&dir, port, "", b"");
        speaker.join().unwrap();
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.stderr.contains(looks), "{}", ran.stderr);
    }
}

#[test]
fn a_plain_client_is_told_apart_by_the_server() {
    let dir = tutorial();
    let mut server = Server::start(&dir, AMIT);
    let mut tcp = std::net::TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    tcp.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let failed = server.next();
    assert_eq!(failed["event"], "failed");
    assert_eq!(failed["code"], "ERR_SSL_HTTP_REQUEST");
    // And the next client is served.
    let said = connect(&dir, server.port, AMIT, b"").ok();
    assert_eq!(said.text(), "Hello World !\n");
}

#[test]
fn bad_input_is_one_line_with_the_file_and_the_exit_code() {
    let dir = tutorial();
    dir.write("garbled.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    dir.write("empty.pem", "");
    dir.write("wrong", "not it");
    let both = [dir.read("amit-key.pem"), dir.read("other-key.pem")].concat();
    dir.write("two-keys.pem", both);
    for (line, code, begins) in [
        ("--cert no.pem --key amit-key.pem", 2, "seal: no.pem: no such file"),
        ("--cert empty.pem --key amit-key.pem", 1, "seal: empty.pem: "),
        ("--cert garbled.pem --key amit-key.pem", 1, "seal: garbled.pem: "),
        ("--cert amit-cert.pem --key two-keys.pem", 1, "seal: two-keys.pem: "),
        (
            "--cert amit-cert.pem --key other-key.pem",
            1,
            "seal: other-key.pem: the private key does not belong",
        ),
        ("--pfx amit.pfx --passphrase-file wrong", 1, "seal: amit.pfx: "),
        ("--pfx amit.pfx", 2, "seal: amit.pfx: "),
        ("--pfx amit-cert.pem --passphrase-file pass", 1, "seal: amit-cert.pem: "),
        (
            "--cert amit-cert.pem --cert other-cert.pem --key amit-key.pem",
            2,
            "seal: --cert is given 2 times, --key 1 times",
        ),
        ("no-folder", 2, "seal: no-folder: no such folder"),
        ("pass", 2, "seal: pass: not a folder"),
        ("--alpn smtp .", 2, "seal: --alpn smtp: HTTP is served over h2 and http/1.1 only"),
    ] {
        let mut arguments = vec!["serve", "--port", "0"];
        arguments.extend(line.split_whitespace());
        let ran = dir.seal_with(&arguments, b"");
        assert_eq!(ran.code, code, "{line}: {ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{line}: {}", ran.stderr);
        assert!(ran.stderr.starts_with(begins), "{line}: {}", ran.stderr);
    }
}

#[test]
fn a_port_in_use_and_a_port_with_nobody_are_told() {
    let dir = tutorial();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ran = dir.seal_with(
        &["serve", "--port", &port, "--cert", "amit-cert.pem", "--key", "amit-key.pem"],
        b"",
    );
    assert_eq!(ran.code, 2, "{ran:?}");
    let line = format!(
        "seal: 127.0.0.1:{port}: the port is in use (stop the other program, or choose a port with --port)"
    );
    assert_eq!(ran.stderr.trim_end(), line);
    drop(taken);
    // Nobody listens there any more.
    let ran = dir.seal_with(&["connect", &format!("127.0.0.1:{port}")], b"");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("cannot connect: nothing listens there"), "{}", ran.stderr);
}
