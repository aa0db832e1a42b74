//! Where a connection goes by its ClientHello.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use super::peers::installed;
use super::support::{Files, Origin, Tunnel, files, s_server};

/// A tunnel with two certificates and targets by name, one by protocol, and TLS passed through.
fn routed(dir: &Files, default: &str) -> (Tunnel, super::support::SServer) {
    let (a, b, h2) = (Origin::named("to a"), Origin::named("to b"), Origin::named("to h2"));
    let through = s_server(dir, "-cert other.pem -key other.key -alpn behind");
    let text = format!(
        r#"
        log = "debug"
        log-format = "json"
        [[service]]
        name = "server"
        listen = "127.0.0.1:0"
        cert = "server.pem"
        key = "server.key"
        alpn = ["http/1.1"]
        {default}
        [[service.route]]
        sni = "*.through.test"
        passthrough = true
        target = "127.0.0.1:{}"
        [[service.route]]
        alpn = "h2"
        target = "{}"
        [[service.route]]
        sni = ["B.test", "also.b.test"]
        cert = "other.pem"
        key = "other.key"
        target = "{}"
        [[service.route]]
        sni = "a.test"
        target = "{}"
        "#,
        through.port,
        h2.at(),
        b.at(),
        a.at()
    );
    dir.write("tunnel.toml", text);
    (Tunnel::start(dir, "run tunnel.toml"), through)
}

#[test]
fn names_and_protocols_choose_certificate_and_target() {
    let dir = files();
    let fallback = Origin::named("to default");
    let (mut tunnel, _through) = routed(&dir, &format!("target = \"{}\"", fallback.at()));
    let port = tunnel.port();
    for (options, answer) in [
        ("-servername a.test -verify_hostname a.test", "to a"),
        ("-servername b.test -verify_hostname b.test", "to b"),
        ("-servername B.TEST -verify_hostname b.test", "to b"),
        ("-servername a.test -alpn http/1.1", "to a"),
        ("-servername a.test -alpn h2", "to h2"),
        ("-noservername", "to default"),
        ("-servername nobody.test", "to default"),
        // One label, not two: not passed through.
        ("-servername a.b.through.test", "to default"),
    ] {
        let ran = dir.ask(port, options);
        assert_eq!(ran.text(), answer, "{options}: {}", ran.stderr);
    }
}

#[test]
fn who_has_no_route_is_told_so() {
    let dir = files();
    let (mut tunnel, _through) = routed(&dir, "");
    let port = tunnel.port();
    let ran = dir.ask(port, "-servername nobody.test");
    assert_ne!(ran.code, 0);
    assert!(ran.stderr.contains("unrecognized name"), "{}", ran.stderr);
    let refused = tunnel.wait_message("client refused");
    assert_eq!(refused["why"], "no-route");
    assert!(refused["reason"].as_str().unwrap().contains("nobody.test"), "{refused}");
}

#[test]
fn tls_is_passed_through_untouched() {
    let dir = files();
    let (mut tunnel, through) = routed(&dir, "");
    let port = tunnel.port();
    let line = format!(
        "s_client -connect 127.0.0.1:{port} -CAfile ca.pem -servername x.through.test \
         -verify_hostname b.test -verify_return_error -alpn behind -brief"
    );
    let words: Vec<_> = line.split_whitespace().collect();
    let ran = dir.openssl_with(&words, b"");
    assert!(ran.stderr.contains("Verification: OK"), "{}", ran.stderr);
    assert!(ran.stderr.contains("b.test"), "the certificate behind: {}", ran.stderr);
    let ended = tunnel.wait_message("connection ended");
    assert_eq!(
        (&ended["tls"], &ended["server_name"]),
        (&"passed through".into(), &"x.through.test".into())
    );
    drop(through);
}

/// The ClientHello of OpenSSL, with `name` as its server name.
fn hello(name: &str) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let mut client = Command::new("openssl")
        .args(["s_client", "-connect", &at, "-servername", name])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl starts");
    let (mut tcp, _) = listener.accept().unwrap();
    let mut record = vec![0; 5];
    tcp.read_exact(&mut record).unwrap();
    let mut body = vec![0; usize::from(u16::from_be_bytes([record[3], record[4]]))];
    tcp.read_exact(&mut body).unwrap();
    drop(tcp);
    client.wait().unwrap();
    [record, body].concat()
}

/// The same hello with another server_name extension at its end.
fn with_another_name(hello: &[u8], name: &str) -> Vec<u8> {
    let name = name.as_bytes();
    let length = |more: usize| u16::try_from(name.len() + more).unwrap().to_be_bytes();
    let extension = [&[0, 0][..], &length(5), &length(3), &[0], &length(0), name].concat();
    // Record and message, version and random; then what has a length before it.
    let session = 5 + 4 + 2 + 32;
    let suites = session + 1 + usize::from(hello[session]);
    let compressions =
        suites + 2 + usize::from(u16::from_be_bytes([hello[suites], hello[suites + 1]]));
    let extensions = compressions + 1 + usize::from(hello[compressions]);
    let mut longer = [hello, &extension].concat();
    let grown = u16::try_from(extension.len()).unwrap();
    for at in [3, 7, extensions] {
        let old = u16::from_be_bytes([longer[at], longer[at + 1]]);
        longer[at..at + 2].copy_from_slice(&(old + grown).to_be_bytes());
    }
    longer
}

/// What a server answers to these bytes, up to its end.
fn answer(port: u16, bytes: &[u8]) -> Vec<u8> {
    let mut tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
    tcp.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let _ = tcp.read_to_end(&mut answer);
    answer
}

/// Two names are two answers to the question of where it goes: ours and that of the server behind,
/// which need not be the same.
#[test]
fn a_hello_with_two_names_is_passed_to_nobody() {
    if !installed(&["openssl"]) {
        return;
    }
    let dir = files();
    let (mut tunnel, through) = routed(&dir, "");
    let port = tunnel.port();
    let one = hello("x.through.test");
    for second in ["a.test", "x.through.test", "y.through.test"] {
        let two = with_another_name(&one, second);
        // An alert: illegal_parameter, as OpenSSL answers the same bytes.
        assert_eq!(answer(port, &two), [21, 3, 3, 0, 2, 2, 47], "{second}");
        assert_eq!(answer(through.port, &two), [21, 3, 3, 0, 2, 2, 47], "{second}: OpenSSL");
    }
    tunnel.signal("-TERM");
    let log = tunnel.everything();
    assert!(!log.contains("passed through"), "{log}");
}
