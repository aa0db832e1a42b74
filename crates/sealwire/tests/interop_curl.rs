//! curl, and Python's ssl module, judge us.

mod peers;

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use peers::credentials::{context, credentials};
use peers::net::{Server, call, run_with};
use peers::{Peer, present, said};
use sealwire::verify::NameCheck;
use sealwire::{Acceptor, ClientAuth, Connector, Listener, ProtocolVersion, TlsStream};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

const VERSIONS: [ProtocolVersion; 2] = [ProtocolVersion::Tls12, ProtocolVersion::Tls13];

/// curl's exit codes.
const CONNECT_ERROR: i32 = 35;
const RECEIVE_ERROR: i32 = 56;
const CERTIFICATE_REFUSED: i32 = 60;

/// A tiny HTTPS server; gives its port. `/large` is large, the rest tells of the request: how it
/// came, and what body it had.
async fn https(acceptor: Acceptor) -> u16 {
    let mut listener = Listener::bind("127.0.0.1:0", acceptor).await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let large: Arc<[u8]> = pattern().into();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(respond(stream, large.clone()));
        }
    });
    port
}

fn pattern() -> Vec<u8> {
    (0..3_000_001usize).map(|i| (i * 13 + (i >> 8)) as u8).collect()
}

/// Answers requests until the client ends.
async fn respond(stream: TlsStream<TcpStream>, large: Arc<[u8]>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    for count in 1.. {
        let mut request = String::new();
        let mut length = 0;
        while !request.ends_with("\r\n\r\n") {
            let start = request.len();
            if stream.read_line(&mut request).await? == 0 {
                return stream.shutdown().await;
            }
            if let Some((name, value)) = request[start..].split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().expect("a number");
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let answer = match request.starts_with("GET /large ") {
            true => large.to_vec(),
            false => {
                let peer = stream.get_ref().peer();
                let subject = peer.certificate().map(|c| c.subject().to_string());
                format!(
                    "{} {} {:?} request {count}, {} as expected\n",
                    peer.protocol(),
                    peer.cipher().iana_name(),
                    subject.filter(|_| peer.authorized()),
                    if body.is_empty() || body == *large { "body" } else { "NO body" },
                )
                .into_bytes()
            }
        };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len());
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&answer).await?;
        stream.flush().await?;
    }
    unreachable!("a client ends before the numbers do")
}

fn acceptor(shown: &str, trusted: &str) -> Acceptor {
    Acceptor::new(context(shown, trusted).build().expect("a context")).alpn(["http/1.1"])
}

/// curl for `https://localhost:port`, trusting the CA named.
fn curl(port: u16, trusted: &str, version: ProtocolVersion) -> Command {
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "30", "--noproxy", "*", "--resolve"]);
    command.arg(format!("localhost:{port}:127.0.0.1"));
    command.arg("--cacert").arg(credentials().files(trusted).cert);
    command.args(match version {
        ProtocolVersion::Tls12 => ["--tlsv1.2", "--tls-max", "1.2"],
        _ => ["--tlsv1.3", "--tls-max", "1.3"],
    });
    command
}

fn show(command: &mut Command, shown: &str) {
    let files = credentials().files(shown);
    command.arg("--cert").arg(files.cert).arg("--key").arg(files.key);
}

async fn fetch(command: &mut Command, port: u16, path: &str) -> Output {
    run_with(command.arg(format!("https://localhost:{port}{path}")), "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_both_versions_with_every_key() {
    if !present("openssl") || !present("curl") {
        return;
    }
    for (shown, trusted) in [
        ("rsa", "ca"),
        ("p256", "ca"),
        ("p384", "ca"),
        ("ed25519", "ca"),
        ("deep-chain", "ca"),
        ("v1-leaf", "ca"),
        ("tutorial", "tutorial"),
    ] {
        let port = https(acceptor(shown, "")).await;
        for version in VERSIONS {
            let output = fetch(&mut curl(port, trusted, version), port, "/").await;
            let text = said(&output);
            assert!(output.status.success(), "{shown} {version}: {text}");
            assert!(text.starts_with(version.name()), "{shown}: {text}");
            assert!(text.ends_with("None request 1, body as expected\n"), "{shown}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_and_kept_connections() {
    if !present("openssl") || !present("curl") {
        return;
    }
    let port = https(acceptor("p256", "")).await;
    for version in VERSIONS {
        let output = fetch(&mut curl(port, "ca", version), port, "/large").await;
        assert!(output.status.success(), "{version}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout == pattern(), "{version}: {} bytes came", output.stdout.len());

        let upload = credentials().path("upload");
        std::fs::write(&upload, pattern()).unwrap();
        let mut command = curl(port, "ca", version);
        command.arg("--data-binary").arg(format!("@{}", upload.display()));
        let text = said(&fetch(&mut command, port, "/").await);
        assert!(text.ends_with("request 1, body as expected\n"), "{version}: {text}");

        let mut command = curl(port, "ca", version);
        command.arg(format!("https://localhost:{port}/a"));
        let text = said(&fetch(&mut command, port, "/b").await);
        assert!(text.contains("request 1,") && text.contains("request 2,"), "{version}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_refuses_what_it_should() {
    if !present("openssl") || !present("curl") {
        return;
    }
    for (shown, trusted, reason) in [
        ("p256", "other-ca", "unable to get local issuer certificate"),
        ("expired", "ca", "certificate has expired"),
        ("wrong-name", "ca", "localhost"),
        ("tutorial", "ca", "self-signed certificate"),
        ("client-only", "ca", "unsuitable certificate purpose"),
    ] {
        let port = https(acceptor(shown, "")).await;
        for version in VERSIONS {
            let output = fetch(&mut curl(port, trusted, version), port, "/").await;
            let text = said(&output);
            let case = format!("{shown} {version}: {text}");
            assert_eq!(output.status.code(), Some(CERTIFICATE_REFUSED), "{case}");
            assert!(text.contains(reason), "{case}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mutual_tls() {
    if !present("openssl") || !present("curl") {
        return;
    }
    let port = https(acceptor("p256", "ca").client_auth(ClientAuth::Require)).await;
    for version in VERSIONS {
        for shown in ["rsa", "p256", "p384", "ed25519", "client-only", "v1-leaf"] {
            let mut command = curl(port, "ca", version);
            show(&mut command, shown);
            let text = said(&fetch(&mut command, port, "/").await);
            assert!(text.contains(r#"Some("CN=localhost")"#), "{shown} {version}: {text}");
        }
        for (shown, alert_12, alert_13) in [
            ("", "handshake failure", "certificate required"),
            // curl passes the alert off as a verdict of its own, but only in the handshake.
            ("expired", "verification failed", "certificate expired"),
            ("tutorial", "unknown ca", "unknown ca"),
            ("server-only", "unsupported certificate", "unsupported certificate"),
        ] {
            let mut command = curl(port, "ca", version);
            if !shown.is_empty() {
                show(&mut command, shown);
            }
            let output = fetch(&mut command, port, "/").await;
            let text = said(&output);
            // In TLS 1.3 a client is done before it is refused.
            let (code, alert) = match (version, shown) {
                (ProtocolVersion::Tls12, "expired") => (CERTIFICATE_REFUSED, alert_12),
                (ProtocolVersion::Tls12, _) => (CONNECT_ERROR, alert_12),
                _ => (RECEIVE_ERROR, alert_13),
            };
            assert_eq!(output.status.code(), Some(code), "{shown} {version}: {text}");
            assert!(text.contains(alert), "{shown} {version}: {text}");
        }
    }
}

/// A client that speaks HTTP/2 sends its preface before it hears anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_http_2_hears_that_it_needs_a_certificate() {
    if !present("openssl") || !present("curl") {
        return;
    }
    let acceptor = acceptor("p256", "ca").client_auth(ClientAuth::Require).alpn(["h2"]);
    let port = https(acceptor).await;
    for _ in 0..5 {
        let mut command = curl(port, "ca", ProtocolVersion::Tls13);
        let text = said(&fetch(command.arg("--http2"), port, "/").await);
        assert!(text.contains("certificate required"), "{text}");
    }
}

fn python() -> Command {
    let mut command = Command::new("python3");
    command.arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/peers/tls.py"));
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn pythons_server_and_our_client() {
    if !present("openssl") || !present("python3") {
        return;
    }
    let files = credentials().files("p256");
    for mutual in [false, true] {
        let mut command = python();
        command.arg("server").arg(&files.cert).arg(&files.key);
        if mutual {
            command.arg(credentials().files("ca").cert);
        }
        let mut server = Peer::start(&mut command);
        let port = server.port("PORT");
        for version in VERSIONS {
            let identity = if mutual { "client" } else { "" };
            let client = context(identity, "ca").versions(version..=version).build().unwrap();
            let client = Connector::new(client).name_check(NameCheck::Node);
            let peer = call(&client, "localhost", port).await.expect("a good server");
            let seen = server.line("SEEN ");
            let (protocol, cipher) = (version.name(), peer.cipher().openssl_name());
            assert!(seen.starts_with(&format!("{protocol} {cipher} ")), "{seen}");
            assert_eq!(seen.contains("client.example"), mutual, "{seen}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pythons_client_and_our_server() {
    if !present("openssl") || !present("python3") {
        return;
    }
    let mut server = Server::start(acceptor("p256", "ca").client_auth(ClientAuth::Request)).await;
    let port = server.port.to_string();
    let client = |trusted: &str| {
        let mut command = python();
        command.args(["client", &port]).arg(credentials().files(trusted).cert);
        command
    };
    let text = said(&run_with(&mut client("ca"), "").await);
    assert_eq!(text, "ANSWER TLSv1.3 olleh\n");
    assert!(!server.seen().await.expect("let in").authorized());

    let files = credentials().files("client");
    let text = said(&run_with(client("ca").arg(files.cert).arg(files.key), "").await);
    assert_eq!(text, "ANSWER TLSv1.3 olleh\n");
    assert!(server.seen().await.expect("let in").authorized());

    let text = said(&run_with(&mut client("other-ca"), "").await);
    assert!(text.contains("CERTIFICATE_VERIFY_FAILED"), "{text}");
    let error = server.seen().await.expect_err("refused");
    assert_eq!(error.code(), "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA");
}
