//! Clients that break the rules: what our server tells them and the program, and what Node's does.

use sealwire::{SecureContext, ServerOptions, Session};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::hellos::*;
use crate::peers::credentials::context;
use crate::peers::in_time;
use crate::rules::{Different, Why, compare, feed};
use crate::{NodeServer, present};

/// Where we differ.
#[rustfmt::skip]
const DIFFERENT: &[Different] = &[
    ("13 then plain handshake", None, "ERR_SSL_UNEXPECTED_MESSAGE", Why::Name),
    ("empty handshake record", Some(50), "ERR_SSL_BAD_LENGTH", Why::Stricter),
    ("unknown record type", None, "ERR_SSL_WRONG_VERSION_NUMBER", Why::Name),
    ("hello of one byte", Some(50), "ERR_SSL_LENGTH_MISMATCH", Why::Name),
    ("versions odd", Some(50), "ERR_SSL_LENGTH_MISMATCH", Why::Name),
    ("13 neither", Some(109), "ERR_SSL_MISSING_SUPPORTED_GROUPS_EXTENSION", Why::Name),
    ("12 points without uncompressed", Some(40), "ERR_SSL_NO_SHARED_CIPHER", Why::Stricter),
    ("duplicate unknown extension", Some(47), "ERR_SSL_BAD_EXTENSION", Why::Stricter),
    ("sni empty name", Some(50), "ERR_SSL_BAD_EXTENSION", Why::Stricter),
    ("sni other type", Some(112), "ERR_SSL_BAD_EXTENSION", Why::Name),
    ("alpn none common", None, "ERR_SSL_NO_APPLICATION_PROTOCOL", Why::Encrypted),
    ("alpn cut", Some(50), "ERR_SSL_LENGTH_MISMATCH", Why::Name),
    ("share zero", Some(47), "ERR_SSL_BAD_ECPOINT", Why::Name),
    ("share unoffered group", None, "ECONNRESET", Why::Laxer),
    ("share twice", Some(47), "ERR_SSL_BAD_KEY_SHARE", Why::Stricter),
    ("share bad point", Some(47), "ERR_SSL_BAD_ECPOINT", Why::Name),
    ("psk binder mismatch", Some(50), "ERR_SSL_BAD_EXTENSION", Why::Stricter),
    ("status request bad", Some(50), "ERR_SSL_LENGTH_MISMATCH", Why::Name),
    ("13 hello twice", None, "ERR_SSL_UNEXPECTED_MESSAGE", Why::Name),
    ("12 then garbage app data", Some(10), "ERR_SSL_UNEXPECTED_MESSAGE", Why::Name),
    ("12 kx empty", Some(50), "ERR_SSL_LENGTH_MISMATCH", Why::Name),
    ("12 kx zero", Some(47), "ERR_SSL_BAD_ECPOINT", Why::Name),
    ("12 kx then garbage", Some(20), "ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC", Why::Name),
    ("12 no null compression", None, "", Why::OlderOpenssl),
    ("12 no suites", None, "", Why::OlderOpenssl),
    ("http options", None, "", Why::OlderOpenssl),
    ("http patch", None, "", Why::OlderOpenssl),
    ("record length 0xffff", None, "", Why::OlderOpenssl),
    ("record too long", None, "", Why::OlderOpenssl),
];

fn cases() -> Vec<(&'static str, Vec<u8>)> {
    let c12 = Hello::client_12;
    let c13 = Hello::client_13;
    let mut trailing = c13().client_body();
    trailing.extend([0, 0, 0]);
    let mut short = c13().client_body();
    short.truncate(short.len() - 3);
    let mut c12_trailing = c12().client_body();
    c12_trailing.extend([0, 0, 0]);
    let mut wrong_share = numbers(&[29]);
    wrong_share.extend(vector16(&[9; 31]));
    let mut zero_share = numbers(&[29]);
    zero_share.extend(vector16(&[0; 32]));
    let mut unoffered_share = numbers(&[24]);
    unoffered_share.extend(vector16(&[9; 97]));
    let p256 = {
        let mut entry = numbers(&[23]);
        entry.extend(vector16(&[4; 65]));
        entry
    };
    vec![
        ("app data first", record(23, b"hello")),
        ("ccs first", record(20, &[1])),
        ("alert close_notify first", record(21, &[1, 0])),
        ("alert fatal first", record(21, &[2, 40])),
        ("alert warning first", record(21, &[1, 90])),
        ("alert malformed", record(21, &[2])),
        ("alert bad level", record(21, &[3, 40])),
        ("empty handshake record", record(22, &[])),
        ("unknown record type", vec![99, 3, 3, 0, 1, 0]),
        ("record version 4.0", {
            let mut r = c12().client();
            r[1] = 4;
            r
        }),
        ("record version 2.0", {
            let mut r = c12().client();
            r[1] = 2;
            r
        }),
        ("record version 3.9", {
            let mut r = c12().client();
            r[2] = 9;
            r
        }),
        ("http", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("http post", b"POST / HTTP/1.1\r\n\r\n".to_vec()),
        ("http put", b"PUT / HTTP/1.1\r\n\r\n".to_vec()),
        ("http head", b"HEAD / HTTP/1.1\r\n\r\n".to_vec()),
        ("http connect", b"CONNECT a:1 HTTP/1.1\r\n\r\n".to_vec()),
        ("http options", b"OPTIONS / HTTP/1.1\r\n\r\n".to_vec()),
        ("http patch", b"PATCH / HTTP/1.1\r\n\r\n".to_vec()),
        ("ssh", b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()),
        ("record too long", {
            let mut r = vec![22, 3, 1, 0x48, 0x01];
            r.extend([1; 18433]);
            r
        }),
        ("record longer than 2^14", {
            let mut r = vec![22, 3, 1, 0x40, 0x01];
            r.extend([1; 16385]);
            r
        }),
        ("record length 0xffff", vec![22, 3, 1, 0xff, 0xff, 1, 0, 1, 0]),
        ("message of 16 MiB", record(22, &[1, 255, 255, 255, 3, 3])),
        ("message of 200 KB", record(22, &[1, 3, 0, 0, 3, 3])),
        ("finished first", handshake(20, &[0; 12])),
        ("server hello first", handshake(2, &[0; 40])),
        ("hello request first", handshake(0, &[])),
        ("unknown message", handshake(77, &[1, 2])),
        ("hello of one byte", handshake(1, &[3])),
        ("1.0 only", c12().version(0x0301).client()),
        ("1.1 only", c12().version(0x0302).client()),
        ("ssl3", c12().version(0x0300).client()),
        ("versions 1.1", c13().with(VERSIONS, vector8(&numbers(&[0x0302]))).client()),
        ("versions empty", c13().with(VERSIONS, vec![0]).client()),
        ("versions odd", c13().with(VERSIONS, vec![3, 3, 4, 3]).client()),
        ("versions draft", c13().with(VERSIONS, vector8(&numbers(&[0x7f1c]))).client()),
        ("12 no common suite", c12().suites(&[0x002f]).client()),
        ("13 no common suite", c13().suites(&[0x1304]).client()),
        ("12 no suites", c12().suites(&[]).client()),
        ("12 fallback scsv", c12().suites(&[0xc02b, 0x5600]).client()),
        ("11 fallback scsv", c12().version(0x0302).suites(&[0xc02b, 0x5600]).client()),
        (
            "13 no groups common",
            c13()
                .with(GROUPS, vector16(&numbers(&[0xaaaa])))
                .with(KEY_SHARE, vector16(&[]))
                .client(),
        ),
        ("13 no groups", c13().without(GROUPS).client()),
        ("13 no key share", c13().without(KEY_SHARE).client()),
        ("13 neither", c13().without(KEY_SHARE).without(GROUPS).client()),
        ("13 no schemes", c13().without(SCHEMES).client()),
        ("13 schemes none common", c13().with(SCHEMES, vector16(&numbers(&[0xfefe]))).client()),
        ("13 schemes rsa only", c13().with(SCHEMES, vector16(&numbers(&[0x0804]))).client()),
        ("12 schemes none common", c12().with(SCHEMES, vector16(&numbers(&[0xfefe]))).client()),
        ("12 schemes rsa only", c12().with(SCHEMES, vector16(&numbers(&[0x0804]))).client()),
        ("12 schemes empty", c12().with(SCHEMES, vector16(&[])).client()),
        ("12 no schemes", c12().without(SCHEMES).client()),
        ("12 no groups common", c12().with(GROUPS, vector16(&numbers(&[0xaaaa]))).client()),
        ("12 no groups", c12().without(GROUPS).client()),
        ("12 groups empty", c12().with(GROUPS, vector16(&[])).client()),
        ("12 no ems", c12().without(23).client()),
        ("12 ems not empty", c12().with(23, vec![1]).client()),
        ("12 no reneg info", c12().without(RENEGOTIATION_INFO).client()),
        ("12 reneg info not empty", c12().with(RENEGOTIATION_INFO, vec![1, 0]).client()),
        ("12 points without uncompressed", c12().with(POINT_FORMATS, vec![1, 1]).client()),
        ("12 points empty", c12().with(POINT_FORMATS, vec![0]).client()),
        ("12 no point formats", c12().without(POINT_FORMATS).client()),
        ("12 no null compression", c12().compression(&[1]).client()),
        ("12 empty compression", c12().compression(&[]).client()),
        ("13 compression too many", c13().compression(&[1, 0]).client()),
        ("13 trailing", handshake(1, &trailing)),
        ("13 short", handshake(1, &short)),
        ("12 trailing", handshake(1, &c12_trailing)),
        ("12 session id too long", c12().session_id(&[1; 33]).client()),
        ("duplicate extension", c13().and(GROUPS, vector16(&numbers(&[29]))).client()),
        ("duplicate unknown extension", c13().and(0xfafa, vec![]).and(0xfafa, vec![]).client()),
        ("sni empty list", c13().with(SERVER_NAME, vector16(&[])).client()),
        ("sni empty name", c13().with(SERVER_NAME, host_name(b"")).client()),
        ("sni nul", c13().with(SERVER_NAME, host_name(b"a\0b")).client()),
        (
            "sni two",
            c13()
                .with(
                    SERVER_NAME,
                    vector16(
                        &[host_name(b"a")[2..].to_vec(), host_name(b"b")[2..].to_vec()].concat(),
                    ),
                )
                .client(),
        ),
        ("sni other type", c13().with(SERVER_NAME, vector16(&[1, 0, 1, 97])).client()),
        ("sni trailing", c13().with(SERVER_NAME, [host_name(b"a"), vec![0]].concat()).client()),
        ("sni long", c13().with(SERVER_NAME, host_name(&[b'a'; 256])).client()),
        ("alpn none common", c13().with(ALPN, vector16(b"\x04smtp")).client()),
        ("alpn empty list", c13().with(ALPN, vector16(&[])).client()),
        ("alpn empty name", c13().with(ALPN, vector16(&[0])).client()),
        ("alpn cut", c13().with(ALPN, vector16(&[9, 97])).client()),
        ("share short", c13().with(KEY_SHARE, vector16(&wrong_share)).client()),
        ("share zero", c13().with(KEY_SHARE, vector16(&zero_share)).client()),
        ("share unoffered group", c13().with(KEY_SHARE, vector16(&unoffered_share)).client()),
        ("share twice", c13().with(KEY_SHARE, vector16(&[x(), x()].concat())).client()),
        (
            "share bad point",
            c13().with(GROUPS, vector16(&numbers(&[23]))).with(KEY_SHARE, vector16(&p256)).client(),
        ),
        ("share cut", c13().with(KEY_SHARE, vec![0, 3, 0, 29, 0]).client()),
        ("psk not last", {
            let mut h = c13();
            h.extensions.insert(0, (PRE_SHARED_KEY, psk()));
            h.client()
        }),
        ("psk without modes", c13().without(PSK_MODES).and(PRE_SHARED_KEY, psk()).client()),
        (
            "psk binder mismatch",
            c13()
                .and(PRE_SHARED_KEY, {
                    let mut p = psk();
                    let n = p.len();
                    p.truncate(n - 35);
                    p.extend([0, 0]);
                    p
                })
                .client(),
        ),
        ("psk unknown ticket", c13().and(PRE_SHARED_KEY, psk()).client()),
        ("psk modes empty", c13().with(PSK_MODES, vec![0]).client()),
        ("psk modes unknown", c13().with(PSK_MODES, vec![1, 9]).client()),
        ("cookie unasked", c13().with(44, vector16(&[1, 2])).client()),
        ("early data without psk", c13().with(42, vec![]).client()),
        ("status request bad", c13().with(5, vec![1, 0]).client()),
        ("13 hello twice", [c13().client(), c13().client()].concat()),
        ("12 hello twice", [c12().client(), c12().client()].concat()),
        ("13 then garbage", [c13().client(), record(20, &[1]), record(23, &[1; 40])].concat()),
        ("13 then short garbage", [c13().client(), record(23, &[1; 10])].concat()),
        ("13 then plain handshake", [c13().client(), handshake(20, &[0; 32])].concat()),
        ("13 then plain alert", [c13().client(), record(21, &[2, 48])].concat()),
        ("13 then bad ccs", [c13().client(), record(20, &[2])].concat()),
        ("12 then garbage app data", [c12().client(), record(23, &[1; 40])].concat()),
        ("12 then ccs early", [c12().client(), record(20, &[1]), record(22, &[1; 40])].concat()),
        ("12 then finished", [c12().client(), handshake(20, &[0; 12])].concat()),
        ("12 kx garbage", [c12().client(), handshake(16, &[9; 5])].concat()),
        ("12 kx empty", [c12().client(), handshake(16, &[])].concat()),
        ("12 kx zero", [c12().client(), handshake(16, &vector8(&[0; 32]))].concat()),
        (
            "12 kx then garbage",
            [
                c12().client(),
                handshake(16, &vector8(&[9; 32])),
                record(20, &[1]),
                record(22, &[1; 40]),
            ]
            .concat(),
        ),
        (
            "12 kx then bad ccs",
            [c12().client(), handshake(16, &vector8(&[9; 32])), record(20, &[7])].concat(),
        ),
        (
            "12 kx then plain finished",
            [c12().client(), handshake(16, &vector8(&[9; 32])), handshake(20, &[0; 12])].concat(),
        ),
        ("12 unexpected certificate", [c12().client(), handshake(11, &[0, 0, 0])].concat()),
    ]
}

fn x() -> Vec<u8> {
    let mut entry = numbers(&[29]);
    entry.extend(vector16(&[9; 32]));
    entry
}

fn psk() -> Vec<u8> {
    let mut identity = vector16(&[3; 40]);
    identity.extend([0, 0, 0, 1]);
    let mut out = vector16(&identity);
    out.extend(vector16(&vector8(&[4; 32])));
    out
}

/// What our server answers, and the code it fails with.
fn ours(context: &SecureContext, wire: &[u8]) -> (Option<u8>, &'static str) {
    let mut session = Session::server(context, &ServerOptions::new().alpn(["h2"]));
    let error = feed(&mut session, wire.to_vec());
    let mut out = Vec::new();
    session.take_output(&mut out);
    (alert(&out), error.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_breaks_the_rules_is_told_what_node_tells_it() {
    if !present() {
        return;
    }
    let context = context("p256", "").build().unwrap();
    let mut node = NodeServer::start("p256", json!({ "ALPNProtocols": ["h2"] }));
    let mut different = Vec::new();
    for (name, wire) in cases() {
        let mut tcp = TcpStream::connect(("127.0.0.1", node.port)).await.unwrap();
        tcp.write_all(&wire).await.unwrap();
        // Who waits for more gets the end.
        let _ = tcp.shutdown().await;
        let mut answer = Vec::new();
        let _ = in_time(tcp.read_to_end(&mut answer)).await;
        let seen = node.seen();
        let theirs = (alert(&answer), seen["error"].as_str().unwrap_or_default());
        compare(name, ours(&context, &wire), theirs, DIFFERENT, &mut different);
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}
