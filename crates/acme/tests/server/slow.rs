//! Web servers and requests that take too long or are too much: the check ends in time, and says why.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::Request;
use sealwire_acme::protocol::{Identifier, Kind, Problem};
use sealwire_acme::store::ChallengeKind;
use sealwire_acme::validation::{Proof, Settings, Validator};
use serde_json::{Value, json};

use crate::client::{BASE, Ca, Client, b64};

/// A server that does this with each connection.
fn server(answer: fn(TcpStream)) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for tcp in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer(tcp));
        }
    });
    port
}

async fn check(kind: ChallengeKind, port: u16, seconds: u64) -> Problem {
    let settings = Settings {
        http_port: port,
        tls_port: port,
        timeout: Duration::from_secs(seconds),
        ..Settings::default()
    };
    let validator = Validator::new(settings).unwrap();
    let proof = Proof {
        kind,
        identifier: Identifier::Ip(IpAddr::from([127, 0, 0, 1])),
        wildcard: false,
        token: "token".to_owned(),
        key_authorization: "token.key".to_owned(),
        accounts: Vec::new(),
    };
    let begun = Instant::now();
    let problem = validator.check(&proof).await.expect_err("nothing is proved");
    assert!(begun.elapsed() < Duration::from_secs(seconds + 60), "{:?}", begun.elapsed());
    problem
}

/// Waits for its client to go.
fn wait(mut tcp: TcpStream) {
    let _ = tcp.read_to_end(&mut Vec::new());
}

fn endless(mut tcp: TcpStream, head: &str, piece: &[u8], pause: Duration) {
    let _ = tcp.read(&mut [0; 4096]);
    let _ = tcp.write_all(head.as_bytes());
    while tcp.write_all(piece).is_ok() {
        std::thread::sleep(pause);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_ends_whatever_the_server_does() {
    const OK: &str = "HTTP/1.1 200 OK\r\n";
    type Answer = fn(TcpStream);
    let cases: [(Answer, Kind, &str); 7] = [
        (wait, Kind::Connection, "not done after 2 s"),
        // A head that never ends, and one that is too long.
        (|tcp| endless(tcp, OK, b"X: y\r\n", Duration::from_millis(20)), Kind::Connection, ""),
        (|tcp| endless(tcp, OK, &[b'x'; 65_536], Duration::ZERO), Kind::Connection, ""),
        // A body that drips, one that never ends, and one that is cut short.
        (
            |tcp| {
                endless(
                    tcp,
                    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
                    b"",
                    Duration::from_secs(9),
                );
            },
            Kind::Connection,
            "not done after 2 s",
        ),
        (
            |tcp| endless(tcp, "HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 65_536], Duration::ZERO),
            Kind::IncorrectResponse,
            "more than 4096 bytes",
        ),
        (
            |mut tcp| {
                let _ = tcp.read(&mut [0; 4096]);
                let _ = tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ntoken");
            },
            Kind::IncorrectResponse,
            "cut short",
        ),
        (
            |mut tcp| {
                let _ = tcp.read(&mut [0; 4096]);
                let _ = tcp.write_all(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n");
            },
            Kind::Connection,
            "a redirect without a place",
        ),
    ];
    for (number, (answer, kind, why)) in cases.into_iter().enumerate() {
        // Where the reason is the server's, a slow machine shall not make it the time.
        let seconds = if why.starts_with("not done") || number == 1 { 2 } else { 60 };
        let problem = check(ChallengeKind::Http01, server(answer), seconds).await;
        assert!(problem.kind == kind && problem.detail.contains(why), "{number}: {problem:?}");
        assert!(problem.detail.contains("127.0.0.1"), "{number}: {problem:?}");
    }
    // TLS that never begins, and what is no TLS.
    let silent = check(ChallengeKind::TlsAlpn01, server(wait), 2).await;
    assert_eq!(silent.kind, Kind::Connection, "{silent:?}");
    let plain = server(|tcp| endless(tcp, OK, b"\r\n", Duration::from_millis(20)));
    let plain = check(ChallengeKind::TlsAlpn01, plain, 60).await;
    assert_eq!(plain.kind, Kind::Tls, "{plain:?}");
}

/// A request has 64 KiB at most, and within them a CSR of thousands of names is no reason to hang.
#[tokio::test(flavor = "multi_thread")]
async fn huge_requests_are_refused() {
    let ca = Ca::new();
    let node = ca.server();
    let client = Client::with_account(&node);
    let request = Request::post(format!("{BASE}/acme/new-order"))
        .header("host", "ca.test")
        .header("content-type", "application/jose+json")
        .body(Full::new(vec![b'['; 64 * 1024 + 1].into()))
        .unwrap();
    let answer = node.handle(request).await;
    assert_eq!(answer.status(), 413);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let problem: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem["type"], "urn:ietf:params:acme:error:malformed");
    assert!(problem["detail"].as_str().unwrap().contains("more than 65536 bytes"), "{problem}");

    let order = client.proved_order(&["app.test"]).await;
    let names: Vec<_> = (0..3000).map(|number| format!("n{number}.test")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let (csr, _) = Client::csr(&names);
    assert!(csr.len() < 60_000, "it fits into a request: {}", csr.len());
    let path = format!("{}/finalize", order.strip_prefix(BASE).unwrap());
    let said = client.post(&path, &json!({ "csr": b64(&csr) }));
    assert_eq!(said.problem(), "badCSR", "{said:?}");
    assert_eq!(client.finalize(&order, &["app.test"]).json["status"], "valid");
}
