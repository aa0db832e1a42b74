//! Clients and origins of HTTP/2 that say what is no use, frame after frame: the proxy's memory stays where
//! it was, and it goes on serving others.
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::Instant;

use crate::hostile::{is_well, listen_to_nothing, say_all};
use crate::lasting::resident;
use crate::origin::program;
use crate::peers::{Folder, installed};
use crate::running::Proxy;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// `GET http://a.test/`, in HPACK.
const REQUEST: &[u8] = b"\x82\x86\x84\x01\x06a.test";
/// `:status: 200` and `:status: 103`.
const ANSWER: &[u8] = b"\x88";
const EARLY: &[u8] = b"\x08\x03103";
/// A field of one letter, not to be remembered.
const FIELD: &[u8] = b"\x00\x01a\x01b";
/// No window at all for what is answered.
const NO_WINDOW: &[u8] = b"\x00\x04\x00\x00\x00\x00";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A field that the other side has to remember, and then names a great many times in a byte each.
fn bomb(first: &[u8], n: u32) -> Vec<u8> {
    const LONG: usize = 3000;
    match n {
        // Length 3000: 127, and the rest in sevens.
        0 => [first, b"\x40\x01a\x7f\xb9\x16", &[b'x'; LONG]].concat(),
        _ => [first, &[0xbe; 12_000]].concat(),
    }
}

/// A client of HTTP/2 without TLS, which goes through the proxy. Its first words come along with its wish to
/// be connected: however slow the machine, the
/// proxy does not take it for a client that waits for the server to speak.
fn client_saying(proxy: &Proxy, port: u16, first: &[u8]) -> TcpStream {
    let mut tcp = TcpStream::connect(proxy.url.trim_start_matches("http://")).unwrap();
    let connect = format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
    tcp.write_all(&[connect.as_bytes(), first].concat()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        tcp.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    tcp
}

/// Answers every request with a megabyte, and reads no body.
const SERVER: &str = "
const server = require('http2').createServer((q, r) => { r.on('error', () => {}); r.end(Buffer.alloc(1 << 20)); });
server.on('sessionError', () => {});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
";

/// A frame, or several, by its number; `None` is the end.
type Next = fn(u32) -> Option<Vec<u8>>;

#[test]
fn a_client_of_http_2_that_never_stops_takes_no_memory() {
    if !installed(&["curl", "node"]) {
        return;
    }
    let dir = Folder::new();
    let server = program(&dir, SERVER);
    let proxy = Proxy::start(&dir, &["--session", "s.db"]);
    let before = resident(proxy.id());
    let cases: [(&str, bool, Next); 12] = [
        ("continuations of nothing", true, |n| {
            Some(match n {
                0 => frame(HEADERS, END_STREAM, 1, REQUEST),
                _ => frame(CONTINUATION, 0, 1, b""),
            })
        }),
        ("continuations of fields", true, |n| {
            Some(match n {
                0 => frame(HEADERS, END_STREAM, 1, REQUEST),
                _ => frame(CONTINUATION, 0, 1, &FIELD.repeat(2000)),
            })
        }),
        ("fields that are named again and again", true, |n| {
            Some(frame(HEADERS, END_STREAM | END_HEADERS, 2 * n + 1, &bomb(REQUEST, n)))
        }),
        ("requests whose answers it does not take", true, |n| {
            let request = frame(HEADERS, END_STREAM | END_HEADERS, 2 * n + 1, REQUEST);
            let first = if n == 0 { frame(SETTINGS, 0, 0, NO_WINDOW) } else { Vec::new() };
            (n < 5_000).then(|| [first, request].concat())
        }),
        ("requests that it gives up", true, |n| {
            let request = frame(HEADERS, END_STREAM | END_HEADERS, 2 * n + 1, REQUEST);
            let reset = frame(RST_STREAM, 0, 2 * n + 1, &8_u32.to_be_bytes());
            (n < 5_000).then(|| [request, reset].concat())
        }),
        ("requests, and nothing is read", false, |n| {
            let request = frame(HEADERS, END_STREAM | END_HEADERS, 2 * n + 1, REQUEST);
            (n < 5_000).then_some(request)
        }),
        ("bodies beyond their windows", true, |n| {
            let head = frame(HEADERS, END_HEADERS, 2 * n + 1, REQUEST);
            let data = frame(DATA, 0, 2 * n + 1, &[0; 16_384]);
            Some([head, data].concat())
        }),
        ("a body of nothing", true, |n| {
            Some(match n {
                0 => frame(HEADERS, END_HEADERS, 1, REQUEST),
                _ => frame(DATA, 0, 1, b""),
            })
        }),
        ("pings, and nothing is read", false, |_| Some(frame(PING, 0, 0, &[7; 8]))),
        ("settings, and nothing is read", false, |_| Some(frame(SETTINGS, 0, 0, NO_WINDOW))),
        ("windows", true, |_| Some(frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes()))),
        ("frames of no known kind", true, |_| Some(frame(0xfe, 0, 0, &[0; 64]))),
    ];
    for (what, reads, next) in cases {
        let first = [PREFACE, &frame(SETTINGS, 0, 0, b"")].concat();
        let tcp = client_saying(&proxy, server.port, &first);
        if reads {
            listen_to_nothing(&tcp);
        }
        let said = say_all(tcp, (0..).map_while(next));
        println!("{what}: {said} bytes were taken");
        is_well(&proxy, &dir, before, what);
    }
}

#[test]
fn an_origin_of_http_2_that_never_stops_takes_no_memory() {
    if !installed(&["curl"]) {
        return;
    }
    let dir = Folder::new();
    let proxy = Proxy::start(&dir, &["--session", "s.db"]);
    let before = resident(proxy.id());
    let cases: [(&str, Next); 13] = [
        ("continuations of nothing", |n| {
            Some(match n {
                0 => frame(HEADERS, 0, 1, ANSWER),
                _ => frame(CONTINUATION, 0, 1, b""),
            })
        }),
        ("continuations of fields", |n| {
            Some(match n {
                0 => frame(HEADERS, 0, 1, ANSWER),
                _ => frame(CONTINUATION, 0, 1, &FIELD.repeat(2000)),
            })
        }),
        ("fields that are named again and again", |n| {
            Some(frame(HEADERS, END_HEADERS, 1, &bomb(EARLY, n)))
        }),
        ("informational answers", |_| Some(frame(HEADERS, END_HEADERS, 1, EARLY))),
        ("answers", |_| Some(frame(HEADERS, END_HEADERS, 1, ANSWER))),
        ("trailers", |n| {
            let flags = if n == 0 { END_HEADERS } else { END_HEADERS | END_STREAM };
            let fields = if n == 0 { ANSWER } else { FIELD };
            Some(frame(HEADERS, flags, 1, fields))
        }),
        ("promises", |n| {
            let promised = (2 * n + 2).to_be_bytes();
            Some(frame(PUSH_PROMISE, END_HEADERS, 1, &[&promised, REQUEST].concat()))
        }),
        ("a body beyond its window", |n| {
            Some(match n {
                0 => frame(HEADERS, END_HEADERS, 1, ANSWER),
                _ => frame(DATA, 0, 1, &[0; 16_384]),
            })
        }),
        ("a body of nothing", |n| {
            Some(match n {
                0 => frame(HEADERS, END_HEADERS, 1, ANSWER),
                _ => frame(DATA, 0, 1, b""),
            })
        }),
        ("resets of streams that nobody opened", |n| {
            Some(frame(RST_STREAM, 0, 2 * n + 3, &8_u32.to_be_bytes()))
        }),
        ("pings", |_| Some(frame(PING, 0, 0, &[7; 8]))),
        ("settings", |_| Some(frame(SETTINGS, 0, 0, NO_WINDOW))),
        ("farewells", |_| Some(frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]))),
    ];
    for (what, next) in cases {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let saying = std::thread::spawn(move || {
            let (mut tcp, _) = listener.accept().unwrap();
            asked(&mut tcp);
            listen_to_nothing(&tcp);
            say_all(tcp, (0..).map_while(next))
        });
        let ask = ["--http2-prior-knowledge", "-p", "-o", "/dev/null", &url];
        let mut curl = proxy.curl(&dir, &ask).stderr(Stdio::null()).spawn().unwrap();
        println!("{what}: {} bytes were taken", saying.join().unwrap());
        let _ = curl.kill();
        let _ = curl.wait();
        is_well(&proxy, &dir, before, what);
    }
}

/// What no window holds back, for a client that reads nothing.
#[test]
fn an_origin_of_http_2_fills_no_memory_for_a_client_that_does_not_read() {
    if !installed(&["curl"]) {
        return;
    }
    let dir = Folder::new();
    let proxy = Proxy::start(&dir, &["--session", "s.db"]);
    let before = resident(proxy.id());
    let cases: [(&str, Next); 2] = [
        ("informational answers", |_| Some(frame(HEADERS, END_HEADERS, 1, EARLY))),
        ("a body of nothing", |n| {
            Some(match n {
                0 => frame(HEADERS, END_HEADERS, 1, ANSWER),
                _ => frame(DATA, 0, 1, b""),
            })
        }),
    ];
    for (what, next) in cases {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let request = frame(HEADERS, END_STREAM | END_HEADERS, 1, REQUEST);
        let first = [PREFACE, &frame(SETTINGS, 0, 0, b""), &request].concat();
        let mut client = client_saying(&proxy, listener.local_addr().unwrap().port(), &first);
        let (mut tcp, _) = listener.accept().unwrap();
        asked(&mut tcp);
        listen_to_nothing(&tcp);
        let began = Instant::now();
        println!("{what}: {} bytes were taken", say_all(tcp, (0..).map_while(next)));
        is_well(&proxy, &dir, before, what);
        let passed = frames_of_stream(&mut client);
        assert!(passed <= 256 + 16 * began.elapsed().as_secs(), "{what}: {passed} frames passed");
    }
}

/// How many frames of headers and data come until the stream is reset or the connection is closed.
fn frames_of_stream(tcp: &mut TcpStream) -> u64 {
    let mut count = 0;
    loop {
        match read_frame(tcp) {
            Some((RST_STREAM, ..)) | None => return count,
            Some((HEADERS | DATA, ..)) => count += 1,
            Some(_) => {}
        }
    }
}

/// A frame's kind, its flags and what it carries, unless the connection is over.
fn read_frame(tcp: &mut TcpStream) -> Option<(u8, u8, Vec<u8>)> {
    let mut head = [0; 9];
    tcp.read_exact(&mut head).ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    let mut payload = vec![0; length];
    tcp.read_exact(&mut payload).ok()?;
    Some((head[3], head[4], payload))
}

/// Speaks HTTP/2 as a server has to, until a request has come.
fn asked(tcp: &mut TcpStream) {
    tcp.write_all(&frame(SETTINGS, 0, 0, b"")).unwrap();
    tcp.read_exact(&mut vec![0; PREFACE.len()]).unwrap();
    loop {
        let (kind, flags, payload) = read_frame(tcp).unwrap();
        match (kind, flags & ACK) {
            (SETTINGS, 0) => tcp.write_all(&frame(SETTINGS, ACK, 0, b"")).unwrap(),
            (PING, 0) => tcp.write_all(&frame(PING, ACK, 0, &payload)).unwrap(),
            (HEADERS, _) => return,
            _ => {}
        }
    }
}
