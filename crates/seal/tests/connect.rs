//! `seal connect`: pins, names, proxies, STARTTLS, programs, sessions, key logs.

mod peers;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use peers::served::Served;
use peers::{Folder, Ran};
use sealwire_testing::PostgreSql;
use serde_json::Value;

/// A folder with a CA, and an echo server with a certificate for localhost by it.
fn echo() -> (Folder, Served) {
    let dir = Folder::new();
    dir.seal("ca init --ca-dir ca").ok();
    let server = Served::start(&dir, "--ca-dir ca");
    (dir, server)
}

fn connect(dir: &Folder, port: u16, options: &[&str], stdin: &[u8]) -> Ran {
    let target = format!("localhost:{port}");
    dir.seal_with(&[&["connect", &target][..], options].concat(), stdin)
}

const TRUST: [&str; 2] = ["--ca", "ca/ca.pem"];

/// Stands before the server at `port`, has its say with one client, and then only carries bytes.
fn in_front_of(
    port: u16,
    says: impl FnOnce(&mut TcpStream) + Send + 'static,
) -> (u16, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let front = listener.local_addr().unwrap().port();
    let carrying = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        says(&mut client);
        let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (mut from_client, mut to_server) =
            (client.try_clone().unwrap(), server.try_clone().unwrap());
        let up = thread::spawn(move || {
            let _ = std::io::copy(&mut from_client, &mut to_server);
            let _ = to_server.shutdown(std::net::Shutdown::Write);
        });
        let _ = std::io::copy(&mut server, &mut client);
        let _ = client.shutdown(std::net::Shutdown::Write);
        up.join().unwrap();
    });
    (front, carrying)
}

fn line(tcp: &mut TcpStream) -> String {
    let mut line = String::new();
    // One byte at a time: what follows the line is TLS, and not this reader's.
    BufReader::with_capacity(1, tcp).read_line(&mut line).unwrap();
    line
}

#[test]
fn a_pin_is_the_servers_key_and_no_other() {
    let (dir, server) = echo();
    let pin = format!("sha256//{}", server.listening["certificates"][0]["pin"].as_str().unwrap());
    let wrong = format!("sha256//{}=", "A".repeat(43));
    // Besides the certificate ...
    let with = |options: &[&str]| connect(&dir, server.port, options, b"x");
    assert_eq!(with(&["--ca", "ca/ca.pem", "--pin", &pin]).ok().text(), "Hello World !\nx");
    assert_eq!(with(&["--ca", "ca/ca.pem", "--pin", &wrong, "--pin", &pin]).ok().code, 0);
    let refused = with(&["--ca", "ca/ca.pem", "--pin", &wrong, "--quiet"]);
    assert_eq!((refused.code, refused.text()), (1, ""));
    let shown = pin.replacen("//", "/", 1);
    let advice = "(the server has a new key, or the connection is intercepted)";
    let expected = format!(
        "seal: localhost:{}: PINNED_KEY_MISMATCH: none of the 2 keys of the chain is among 1 pins; the leaf's is {shown} {advice}\n",
        server.port
    );
    assert_eq!(refused.stderr, expected);
    // The key of the CA is one of the chain's (RFC 7469, 2.6).
    let ca = dir.seal("cert fingerprint ca/ca.pem --json").ok();
    let ca: Value = serde_json::from_str(ca.text()).unwrap();
    let ca = ca[0]["pin_sha256"].as_str().unwrap();
    assert_eq!(with(&["--ca", "ca/ca.pem", "--pin", ca]).ok().code, 0);
    let refused = with(&["--pin", &pin, "--quiet"]);
    assert_eq!(refused.code, 1, "a pin does not make up for a certificate: {refused:?}");
    // ... or instead of it.
    let insecure = with(&["--insecure", "--pin", &pin]).ok();
    assert!(insecure.stderr.contains("authorized  no, UNABLE_TO_VERIFY_LEAF_SIGNATURE"));
    assert_eq!(with(&["--insecure", "--pin", &wrong]).code, 1);
    // It is told to those who need it.
    let told = with(&["--insecure"]);
    assert!(told.code == 1 && told.stderr.contains(&format!("its pin     {pin}")), "{told:?}");
    assert_eq!(with(&["--pin", "sha256//abc"]).code, 2);
}

#[test]
fn the_name_that_is_sent_and_the_name_that_is_proved() {
    let (dir, mut server) = echo();
    for (options, sni) in [
        (&[][..], Some("localhost")),
        (&["--sni", "other.test"], Some("other.test")),
        (&["--no-sni"], None),
        (&["--servername", "127.0.0.1"], None),
    ] {
        connect(&dir, server.port, &[&TRUST[..], options].concat(), b"").ok();
        let seen = server.next_of("connected");
        assert_eq!(seen["server_name"].as_str(), sni, "{options:?}");
    }
    // The name that is sent proves nothing: the other one is looked for.
    let options =
        ["--ca", "ca/ca.pem", "--servername", "app.test", "--sni", "localhost", "--quiet"];
    let refused = connect(&dir, server.port, &options, b"");
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("ERR_TLS_CERT_ALTNAME_INVALID"), "{}", refused.stderr);
    assert!(refused.stderr.contains("app.test"), "{}", refused.stderr);
}

#[test]
fn versions_and_groups_are_as_asked() {
    let (dir, server) = echo();
    for (options, protocol, group) in [
        (&["--max-version", "1.2"][..], "TLSv1.2", "X25519"),
        (&["--min-version", "1.3", "--groups", "P-256"], "TLSv1.3", "prime256v1"),
    ] {
        let ran =
            connect(&dir, server.port, &[&TRUST[..], &["--json"], options].concat(), b"").ok();
        let facts: Value = serde_json::from_str(&ran.stderr).unwrap();
        assert_eq!((&facts["protocol"], &facts["group"]), (&protocol.into(), &group.into()));
    }
    let ran = connect(&dir, server.port, &["--min-version", "1.3", "--max-version", "1.2"], b"");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("--min-version is greater than --max-version"), "{}", ran.stderr);
    assert_eq!(connect(&dir, server.port, &["--groups", "X448"], b"").code, 2);
}

#[cfg(unix)]
#[test]
fn a_program_has_the_connection() {
    let (dir, server) = echo();
    let script = "read greeting; echo \"$SEAL_AUTHORIZED $SEAL_PROTOCOL $greeting\" > said; echo from the program; read echoed; echo \"$echoed\" >> said; exit 1";
    let ran =
        connect(&dir, server.port, &[&TRUST[..], &["--exec", script, "--quiet"]].concat(), b"");
    assert_eq!((ran.code, ran.text()), (1, ""), "{ran:?}");
    let said = String::from_utf8(dir.read("said")).unwrap();
    assert_eq!(said, "1 TLSv1.3 Hello World !\nfrom the program\n");
}

#[test]
fn sessions_are_resumed_when_it_connects_again() {
    let (dir, mut server) = echo();
    for version in ["1.2", "1.3"] {
        let options = ["--max-version", version, "--reconnect", "2", "--json"];
        let ran = connect(&dir, server.port, &[&TRUST[..], &options].concat(), b"").ok();
        let resumed: Vec<bool> = ran
            .stderr
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["resumed"] == true)
            .collect();
        assert_eq!(resumed, [false, true, true], "TLS {version}");
        let seen: Vec<bool> =
            (0..3).map(|_| server.next_of("connected")["resumed"] == true).collect();
        assert_eq!(seen, resumed, "the server agrees");
    }
}

#[test]
fn secrets_are_logged_for_wireshark() {
    let (dir, server) = echo();
    connect(&dir, server.port, &[&TRUST[..], &["--key-log", "keys"]].concat(), b"").ok();
    let log = String::from_utf8(dir.read("keys")).unwrap();
    for label in ["CLIENT_HANDSHAKE_TRAFFIC_SECRET ", "SERVER_TRAFFIC_SECRET_0 "] {
        assert!(log.lines().any(|line| line.starts_with(label)), "{log}");
    }
    let refused = connect(&dir, server.port, &["--key-log", "no/keys"], b"");
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.starts_with("seal: no/keys: "), "{}", refused.stderr);
    // A pipe that nobody reads is refused, and not waited for.
    assert!(Command::new("mkfifo").arg(dir.path("pipe")).status().unwrap().success());
    let refused = connect(&dir, server.port, &["--key-log", "pipe"], b"");
    assert_eq!(refused.code, 2, "{refused:?}");
    let says = "seal: pipe: a pipe or socket without a reader";
    assert!(refused.stderr.starts_with(says), "{}", refused.stderr);
    // The server's secrets are those of its client.
    let server = Served::start(&dir, "--ca-dir ca --key-log server-keys");
    connect(&dir, server.port, &[&TRUST[..], &["--key-log", "both"]].concat(), b"").ok();
    let lines = |file: &str| {
        let log = String::from_utf8(dir.read(file)).unwrap();
        log.lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>()
    };
    assert!(!lines("both").is_empty());
    assert_eq!(lines("both"), lines("server-keys"));
}

#[test]
fn a_session_file_is_refused_with_the_reason() {
    let dir = Folder::new();
    for option in ["--session-file", "--sess-out", "--sess-in"] {
        let refused = dir.seal(&format!("connect localhost:1 {option} session.pem"));
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.stderr.contains("sessions cannot be stored in a file"), "{refused:?}");
    }
}

#[test]
fn a_proxy_is_asked_for_the_way() {
    let (dir, server) = echo();
    dir.write("user", "me:secret\n");
    let target = format!("localhost:{}", server.port);
    let asked = target.clone();
    let (proxy, carrying) = in_front_of(server.port, move |tcp| {
        let head: Vec<String> =
            std::iter::repeat_with(|| line(tcp)).take_while(|l| l != "\r\n").collect();
        assert_eq!(head[0], format!("CONNECT {asked} HTTP/1.1\r\n"));
        assert!(head.contains(&format!("Host: {asked}\r\n")), "{head:?}");
        assert!(head.contains(&"Proxy-Authorization: Basic bWU6c2VjcmV0\r\n".to_owned()));
        tcp.write_all(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n").unwrap();
    });
    let proxy = format!("http://127.0.0.1:{proxy}");
    let options = ["--proxy", &proxy, "--proxy-user-file", "user", "--quiet"];
    let ran = connect(&dir, server.port, &[&TRUST[..], &options].concat(), b"x").ok();
    assert_eq!(ran.text(), "Hello World !\nx");
    carrying.join().unwrap();
    for (answer, told) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "requires authentication"),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "refused to connect to localhost:"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP (check --proxy)"),
        ("", "closed the connection without a response"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
        let saying = thread::spawn(move || {
            let (mut tcp, _) = listener.accept().unwrap();
            while line(&mut tcp) != "\r\n" {}
            tcp.write_all(answer.as_bytes()).unwrap();
        });
        let ran = connect(&dir, server.port, &["--proxy", &proxy], b"");
        saying.join().unwrap();
        assert_eq!(ran.code, 1, "{ran:?}");
        let begins = format!("seal: proxy {proxy}: ");
        assert!(ran.stderr.starts_with(&begins) && ran.stderr.contains(told), "{}", ran.stderr);
    }
    let ran = connect(&dir, server.port, &["--proxy", "http://me:secret@127.0.0.1:1"], b"");
    assert!(ran.code == 2 && ran.stderr.contains("--proxy-user-file"), "{ran:?}");
}

#[test]
fn tls_begins_where_starttls_ends() {
    let (dir, server) = echo();
    let (front, carrying) = in_front_of(server.port, |tcp| {
        tcp.write_all(b"220 mail.example.com ESMTP\r\n").unwrap();
        assert_eq!(line(tcp), "EHLO localhost\r\n");
        tcp.write_all(b"250-mail.example.com\r\n250 STARTTLS\r\n").unwrap();
        assert_eq!(line(tcp), "STARTTLS\r\n");
        tcp.write_all(b"220 go ahead\r\n").unwrap();
    });
    let ran =
        connect(&dir, front, &[&TRUST[..], &["--starttls", "smtp", "--quiet"]].concat(), b"x");
    assert_eq!(ran.ok().text(), "Hello World !\nx");
    carrying.join().unwrap();
    // A server that begins with TLS waits for its client to speak.
    let options = ["--starttls", "imap", "--timeout", "1s", "--quiet"];
    let ran = connect(&dir, server.port, &options, b"");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("no answer in 1s"), "{}", ran.stderr);
}

/// PostgreSQL itself, when its server is installed.
#[test]
fn postgresql_is_asked_for_tls() {
    let dir = Folder::new();
    dir.seal("ca init --ca-dir ca").ok();
    dir.seal("ca issue --ca-dir ca localhost --cert-file s.pem --key-file s.key").ok();
    let home = Folder::new();
    let pem = |name: &str| String::from_utf8(dir.read(name)).unwrap();
    let started = PostgreSql::with_tls(home.root(), &pem("s.pem"), &pem("s.key"));
    let Some(server) = started else { return };
    let options = [&TRUST[..], &["--starttls", "postgres", "--json"]].concat();
    let ran = connect(&dir, server.port, &options, b"");
    let facts: Value = serde_json::from_str(&ran.ok().stderr).unwrap();
    assert_eq!(facts["authorized"], true);
}

/// What an unread byte would do: the pipe is clean in both directions, to the last byte.
#[test]
fn the_pipe_is_clean() {
    let (dir, server) = echo();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| (i * 7 % 256) as u8).collect();
    let ran = connect(&dir, server.port, &[&TRUST[..], &["--quiet"]].concat(), &bytes).ok();
    assert!(ran.stdout == [b"Hello World !\n", &bytes[..]].concat());
    assert_eq!(ran.stderr, "");
    let mut nobody = Vec::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let listening = thread::spawn(move || {
        let (mut tcp, _) = silent.accept().unwrap();
        let _ = tcp.read_to_end(&mut nobody);
    });
    let ran = connect(&dir, port, &["--timeout", "1"], b"");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("the handshake took too long"), "{}", ran.stderr);
    listening.join().unwrap();
}

#[test]
fn a_reader_that_stops_is_no_failure() {
    let (dir, server) = echo();
    let mut child = Command::new(env!("CARGO_BIN_EXE_seal"))
        .args(["connect", &format!("localhost:{}", server.port), "--quiet"])
        .args(TRUST)
        .current_dir(dir.root())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 5]).unwrap();
    drop(stdout);
    // It is told when the next thing is to be printed.
    let mut stdin = child.stdin.take().unwrap();
    let feeding = thread::spawn(move || while stdin.write_all(b"more\n").is_ok() {});
    let ended = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    assert_eq!(ended.status.code(), Some(0));
}
