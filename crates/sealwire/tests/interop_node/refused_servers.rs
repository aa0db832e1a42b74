//! Servers that break the rules: what our client tells them and the program, and what Node's does.

use sealwire::{Alert, ClientOptions, SecureContext, Session};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::hellos::*;
use crate::peers::credentials::context;
use crate::peers::in_time;
use crate::rules::{Different, Why, compare, feed};
use crate::{NodeClient, files, present, same_code};

/// Where we differ.
#[rustfmt::skip]
const DIFFERENT: &[Different] = &[
    ("hello request", Some(10), "ERR_SSL_UNEXPECTED_MESSAGE", Why::Stricter),
    ("12 suite unoffered", Some(47), "ERR_SSL_WRONG_CIPHER_RETURNED", Why::Name),
    ("12 sentinel 11", None, "ECONNRESET", Why::Laxer),
    ("12 session id echoed", Some(47), "ERR_SSL_INVALID_SESSION_ID", Why::Stricter),
    ("12 compression", Some(47), "ERR_SSL_INVALID_COMPRESSION_ALGORITHM", Why::Name),
    ("12 unsolicited extension", Some(110), "ERR_SSL_UNSOLICITED_EXTENSION", Why::Stricter),
    ("12 reneg info not empty", None, "ECONNRESET", Why::Laxer),
    ("12 no reneg info", None, "ECONNRESET", Why::Laxer),
    ("12 ems not empty", Some(50), "ERR_SSL_BAD_EXTENSION", Why::Stricter),
    ("12 short", Some(50), "ERR_SSL_LENGTH_MISMATCH", Why::Name),
    ("12 then app data", Some(10), "ERR_SSL_UNEXPECTED_MESSAGE", Why::Name),
    ("12 then no certificate", None, "ECONNRESET", Why::Name),
    ("12 then bad certificate", None, "ECONNRESET", Why::Name),
    ("12 then cut certificate", Some(50), "ERR_SSL_LENGTH_MISMATCH", Why::Name),
    ("13 wrong session id", None, "ECONNRESET", Why::Laxer),
    ("13 no session id", None, "ECONNRESET", Why::Laxer),
    ("13 unknown extension", Some(110), "ERR_SSL_UNSOLICITED_EXTENSION", Why::Stricter),
    ("13 share zero", Some(47), "ERR_SSL_BAD_ECPOINT", Why::Name),
    ("13 version unknown", Some(70), "ERR_SSL_UNSUPPORTED_PROTOCOL", Why::Name),
    ("13 legacy version", Some(70), "ERR_SSL_UNSUPPORTED_PROTOCOL", Why::Stricter),
    ("13 then garbage", None, "ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC", Why::Encrypted),
    ("13 then plain handshake", None, "ERR_SSL_UNEXPECTED_MESSAGE", Why::Name),
    ("13 then plain alert", None, "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR", Why::Laxer),
    ("13 then bad ccs", None, "ERR_SSL_INVALID_CCS_MESSAGE", Why::Encrypted),
    ("retry empty cookie", Some(50), "ERR_SSL_BAD_EXTENSION", Why::Name),
    ("retry unknown extension", Some(110), "ERR_SSL_UNSOLICITED_EXTENSION", Why::Stricter),
    ("13 no share", None, "", Why::OlderOpenssl),
    ("record too long", None, "", Why::OlderOpenssl),
];

/// What a server says to a ClientHello with this session id.
type Answer = Box<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;
type Case = (&'static str, Answer);

fn case(name: &'static str, make: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> Case {
    (name, Box::new(make))
}

fn s12() -> Hello {
    Hello {
        version: 0x0303,
        random: [8; 32],
        session_id: Vec::new(),
        suites: vec![0xc02b],
        compression: vec![0],
        extensions: vec![(RENEGOTIATION_INFO, vec![0]), (23, vec![])],
    }
}

fn share(group: u16, len: usize, byte: u8) -> Vec<u8> {
    let mut entry = numbers(&[group]);
    entry.extend(vector16(&vec![byte; len]));
    entry
}

fn s13(id: &[u8]) -> Hello {
    Hello {
        session_id: id.to_vec(),
        suites: vec![0x1301],
        extensions: vec![(VERSIONS, numbers(&[0x0304])), (KEY_SHARE, share(29, 32, 9))],
        ..s12()
    }
}

const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

fn retry(id: &[u8], group: u16) -> Hello {
    s13(id).random(RETRY).with(KEY_SHARE, numbers(&[group]))
}

fn sentinel(last: u8) -> [u8; 32] {
    let mut random = [8; 32];
    random[24..].copy_from_slice(b"DOWNGRD\x01");
    random[31] = last;
    random
}

fn cases() -> Vec<Case> {
    vec![
        case("alert handshake_failure", |_| record(21, &[2, 40])),
        case("alert internal", |_| record(21, &[2, 80])),
        case("alert warning unrecognized", |_| record(21, &[1, 112])),
        case("alert close", |_| record(21, &[1, 0])),
        case("http", |_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        case("ssh", |_| b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()),
        case("smtp", |_| b"220 mail ESMTP\r\n".to_vec()),
        case("app data", |_| record(23, b"hello")),
        case("ccs", |_| record(20, &[1])),
        case("record too long", |_| {
            let mut r = vec![22, 3, 3, 0x48, 0x01];
            r.extend([2; 18433]);
            r
        }),
        case("message of 16 MiB", |_| record(22, &[2, 255, 255, 255, 3, 3])),
        case("client hello", |_| Hello::client_12().client()),
        case("hello request", |_| handshake(0, &[])),
        case("certificate first", |_| handshake(11, &[0, 0, 0])),
        case("hello of one byte", |_| handshake(2, &[3])),
        case("1.1", |_| s12().version(0x0302).server()),
        case("1.0", |_| s12().version(0x0301).server()),
        case("ssl3", |_| s12().version(0x0300).server()),
        case("1.4", |_| s12().version(0x0305).server()),
        case("12 suite unoffered", |_| s12().suites(&[0x0005]).server()),
        case("12 suite of 13", |_| s12().suites(&[0x1301]).server()),
        case("12 sentinel", |_| s12().random(sentinel(1)).server()),
        case("12 sentinel 11", |_| s12().random(sentinel(0)).server()),
        case("12 session id echoed", |id| s12().session_id(id).server()),
        case("12 compression", |_| s12().compression(&[1]).server()),
        case("12 unsolicited extension", |_| s12().and(0xfafa, vec![]).server()),
        case("12 unsolicited alpn", |_| s12().and(ALPN, vector16(b"\x02h2")).server()),
        case("12 reneg info not empty", |_| s12().with(RENEGOTIATION_INFO, vec![1, 0]).server()),
        case("12 no reneg info", |_| s12().without(RENEGOTIATION_INFO).server()),
        case("12 ems not empty", |_| s12().with(23, vec![1]).server()),
        case("12 duplicate extension", |_| s12().and(23, vec![]).server()),
        case("12 trailing", |_| {
            let mut b = s12().server_body();
            b.push(0);
            handshake(2, &b)
        }),
        case("12 short", |_| {
            let mut b = s12().server_body();
            b.pop();
            handshake(2, &b)
        }),
        case("12 then finished", |_| [s12().server(), handshake(20, &[0; 12])].concat()),
        case("12 then done", |_| [s12().server(), handshake(14, &[])].concat()),
        case("12 then app data", |_| [s12().server(), record(23, &[1; 40])].concat()),
        case("12 then ccs", |_| [s12().server(), record(20, &[1])].concat()),
        case("12 then no certificate", |_| [s12().server(), handshake(11, &[0, 0, 0])].concat()),
        case("12 then bad certificate", |_| {
            [s12().server(), handshake(11, &[0, 0, 6, 0, 0, 3, 1, 2, 3])].concat()
        }),
        case("12 then cut certificate", |_| {
            [s12().server(), handshake(11, &[0, 0, 6, 0, 0, 9, 1, 2, 3])].concat()
        }),
        case("13 wrong session id", |_| s13(&[1; 32]).server()),
        case("13 no session id", |_| s13(&[]).server()),
        case("13 suite unoffered", |id| s13(id).suites(&[0x1304]).server()),
        case("13 suite of 12", |id| s13(id).suites(&[0xc02b]).server()),
        case("13 unknown extension", |id| s13(id).and(0xfafa, vec![]).server()),
        case("13 misplaced extension", |id| s13(id).and(ALPN, vector16(b"\x02h2")).server()),
        case("13 no share", |id| s13(id).without(KEY_SHARE).server()),
        case("13 share of unoffered group", |id| {
            s13(id).with(KEY_SHARE, share(30, 56, 9)).server()
        }),
        case("13 share short", |id| s13(id).with(KEY_SHARE, share(29, 31, 9)).server()),
        case("13 share zero", |id| s13(id).with(KEY_SHARE, share(29, 32, 0)).server()),
        case("13 version 1.2 in extension", |id| {
            s13(id).with(VERSIONS, numbers(&[0x0303])).server()
        }),
        case("13 version unknown", |id| s13(id).with(VERSIONS, numbers(&[0x0305])).server()),
        case("13 legacy version", |id| s13(id).version(0x0302).server()),
        case("13 compression", |id| s13(id).compression(&[1]).server()),
        case("13 psk unoffered", |id| s13(id).and(PRE_SHARED_KEY, vec![0, 0]).server()),
        case("13 duplicate extension", |id| s13(id).and(KEY_SHARE, share(29, 32, 9)).server()),
        case("13 trailing", |id| {
            let mut b = s13(id).server_body();
            b.push(0);
            handshake(2, &b)
        }),
        case("13 then garbage", |id| {
            [s13(id).server(), record(20, &[1]), record(23, &[1; 40])].concat()
        }),
        case("13 then plain handshake", |id| [s13(id).server(), handshake(8, &[0, 0])].concat()),
        case("13 then plain alert", |id| [s13(id).server(), record(21, &[2, 80])].concat()),
        case("13 then bad ccs", |id| [s13(id).server(), record(20, &[2])].concat()),
        case("13 with more in the record", |id| {
            let mut m = message(2, &s13(id).server_body());
            m.extend(message(8, &[0, 0]));
            record(22, &m)
        }),
        case("retry same group", |id| retry(id, 29).server()),
        case("retry unoffered group", |id| retry(id, 30).server()),
        case("retry nothing", |id| retry(id, 29).without(KEY_SHARE).server()),
        case("retry empty cookie", |id| {
            retry(id, 29).without(KEY_SHARE).and(44, vector16(&[])).server()
        }),
        case("retry unknown extension", |id| retry(id, 23).and(0xfafa, vec![]).server()),
        case("retry twice", |id| [retry(id, 23).server(), retry(id, 23).server()].concat()),
        case("retry then share of other group", |id| {
            [retry(id, 23).server(), s13(id).server()].concat()
        }),
        case("retry wrong session id", |_| retry(&[1; 32], 23).server()),
        case("retry suite unoffered", |id| retry(id, 23).suites(&[0x1304]).server()),
        case("retry then other suite", |id| {
            [
                retry(id, 23).server(),
                s13(id).suites(&[0x1302]).with(KEY_SHARE, share(23, 65, 4)).server(),
            ]
            .concat()
        }),
    ]
}

/// The session id in a ClientHello in one record.
fn session_id(hello: &[u8]) -> Vec<u8> {
    let len = usize::from(hello[43]);
    hello[44..44 + len].to_vec()
}

fn ours(context: &SecureContext, answer: &Answer) -> (Option<u8>, &'static str) {
    let options = ClientOptions::new("localhost".parse().unwrap());
    let mut session = Session::client(context, &options).unwrap();
    let mut out = Vec::new();
    session.take_output(&mut out);
    let wire = answer(&session_id(&out));
    out.clear();
    let error = feed(&mut session, wire);
    session.take_output(&mut out);
    (alert(&out), error.code())
}

/// Answers one client so, and gives the alert that it sends.
async fn serve(listener: &TcpListener, answer: &Answer) -> Option<u8> {
    let (mut tcp, _) = listener.accept().await.unwrap();
    let mut hello = vec![0; 5];
    tcp.read_exact(&mut hello).await.unwrap();
    let len = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
    hello.resize(5 + len, 0);
    tcp.read_exact(&mut hello[5..]).await.unwrap();
    tcp.write_all(&answer(&session_id(&hello))).await.unwrap();
    // Who waits for more gets the end.
    let _ = tcp.shutdown().await;
    let mut said = Vec::new();
    let _ = tcp.read_to_end(&mut said).await;
    alert(&said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_breaks_the_rules_is_told_what_node_tells_it() {
    if !present() {
        return;
    }
    let context = context("", "ca").build().unwrap();
    let mut node = NodeClient::start();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut different = Vec::new();
    for (name, answer) in cases() {
        let options = json!({ "ca": files("ca"), "ecdhCurve": "X25519:P-256:P-384" });
        node.ask(port, options);
        let alert = in_time(serve(&listener, &answer)).await;
        let seen = node.seen();
        let theirs = (alert, seen["error"].as_str().unwrap_or_default());
        compare(name, ours(&context, &answer), theirs, DIFFERENT, &mut different);
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_alert_has_the_code_and_reason_that_node_gives_it() {
    if !present() {
        return;
    }
    let context = context("", "ca").build().unwrap();
    let mut node = NodeClient::start();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let numbers = (0..=121).filter(|&number| {
        Alert::from_number(number).openssl_reason().is_some()
            || matches!(number, 0 | 1 | 52 | 90 | 99 | 121)
    });
    for number in numbers {
        let answer: Answer = Box::new(move |_| record(21, &[2, number]));
        node.ask(port, json!({ "ca": files("ca") }));
        in_time(serve(&listener, &answer)).await;
        let seen = node.seen();
        let options = ClientOptions::new("localhost".parse().unwrap());
        let mut session = Session::client(&context, &options).unwrap();
        let error = feed(&mut session, answer(&[]));
        let case = format!("{number}: {seen}");
        assert!(same_code(error.code(), &seen["error"]), "{} {case}", error.code());
        let Some(reason) = error.openssl_reason() else {
            assert_eq!(error.code(), "ECONNRESET", "{case}");
            continue;
        };
        assert_eq!(seen["library"], reason.library, "{case}");
        let older = reason.reason.replace("ssl/tls alert", "sslv3 alert");
        assert!(seen["reason"] == reason.reason || seen["reason"] == older, "{case}");
        let packed = format!("error:{:08X}:", reason.code);
        assert!(seen["message"].as_str().unwrap().contains(&packed), "{packed} {case}");
    }
}
