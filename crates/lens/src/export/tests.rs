//! What goes out comes in again, and no secret goes out unless it is asked for.

use std::io::Write;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::content::protobuf::Descriptors;
use crate::flow::{
    Body, ConnectionId, Direction, End, Event, FlowId, Frame, FrameKind, Header, HttpVersion,
    Outcome, Recorder, RequestHead, ResponseHead, What,
};
use crate::store::{Options, Store};

fn session() -> (TempDir, Store) {
    let folder = TempDir::new().expect("a folder");
    let store = Store::create(&folder.path().join("s.db"), Options::default()).expect("a store");
    (folder, store)
}

fn header(name: &str, value: impl Into<Bytes>) -> Header {
    Header { name: name.to_owned().into(), value: value.into() }
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).expect("memory");
    encoder.finish().expect("memory")
}

/// A login with a secret in every place, compressed both ways, and a WebSocket.
fn record(store: &Store) {
    let tell = |ms: u64, what| {
        store.record(Event {
            at: UNIX_EPOCH + Duration::from_micros(1_700_000_000_000_123 + ms * 1000),
            what,
        });
    };
    let body =
        |flow, direction, data: Vec<u8>| What::Body(Body { flow, direction, data: data.into() });
    let flow = FlowId(1);
    let raw = "POST /login?token=SECRET HTTP/1.1\r\nHost: a.test\r\nAuthorization: Bearer SECRET\r\n\
               cookie: sid=SECRET\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\r\n";
    let head = RequestHead {
        version: HttpVersion::Http11,
        method: "POST".into(),
        scheme: "https".into(),
        authority: "a.test".into(),
        path: "/login?token=SECRET".into(),
        headers: vec![
            header("Host", "a.test"),
            header("Authorization", "Bearer SECRET"),
            header("cookie", "sid=SECRET"),
            header("Content-Type", "application/json"),
            header("Content-Encoding", "gzip"),
        ],
        protocol: None,
        stream: None,
        repeats: None,
        raw: raw.into(),
    };
    let (connection, host) = (ConnectionId(1), "a.test".to_owned());
    let address = Some(([127, 0, 0, 1], 443).into());
    tell(0, What::Origin { connection, host, port: 443, address });
    tell(0, What::Request { flow, connection, head: Box::new(head.clone()) });
    tell(0, body(flow, Direction::Request, gzip(b"{\"user\":\"zoe\",\"password\":\"SECRET\"}")));
    let response = ResponseHead {
        version: HttpVersion::Http11,
        status: 200,
        reason: "OK".into(),
        headers: vec![
            header("Set-Cookie", "sid=SECRET; HttpOnly"),
            header("X-Odd", &b"\xff\xfe"[..]),
            header("Content-Type", "application/json"),
            header("Content-Encoding", "gzip"),
        ],
        raw: Bytes::new(),
    };
    tell(7, What::Response { flow, head: Box::new(response.clone()) });
    let answer = gzip(b"{\"access_token\":\"SECRET\",\"hello\":\"zoe\"}");
    let sizes = [60, answer.len() as u64];
    tell(7, body(flow, Direction::Response, answer));
    let trailers = vec![header("x-checksum", "1234")];
    tell(8, What::Trailers { flow, direction: Direction::Response, headers: trailers });
    tell(8, What::Note { flow, text: "Alt-Svc taken away".into() });
    tell(9, What::End { flow, end: End { outcome: Outcome::Complete, bodies: sizes } });

    let flow = FlowId(2);
    let mut head = head;
    (head.path, head.raw, head.scheme) = ("/socket".into(), Bytes::new(), "wss".into());
    head.headers = vec![header("Upgrade", "websocket")];
    tell(20, What::Request { flow, connection: ConnectionId(2), head: Box::new(head) });
    let mut response = response;
    (response.status, response.headers) = (101, vec![header("Upgrade", "websocket")]);
    tell(21, What::Response { flow, head: Box::new(response) });
    for (kind, data) in [
        (FrameKind::Text, &b"{\"password\":\"SECRET\"}"[..]),
        (FrameKind::Binary, b"\x00\x01SECRET\xff"),
        (FrameKind::Close, b"\x03\xe8"),
    ] {
        let (direction, length) = (Direction::Request, data.len() as u64);
        tell(22, What::Frame(Frame { flow, direction, kind, data: data.into(), length }));
    }
    let outcome = Outcome::ClientFailed("went away".into());
    tell(30, What::End { flow, end: End { outcome, bodies: [30, 0] } });
    store.flush();
}

#[test]
fn what_is_exported_and_imported_is_the_same() {
    let (_folder, store) = session();
    record(&store);
    let reader = store.reader().expect("a reader");
    let everything = Redactor::showing_everything();
    let out = har(&reader, &[1, 2], everything).expect("a HAR");
    let (_folder, second) = session();
    let text = serde_json::to_vec(&out).expect("JSON");
    let imported = import(&text, &second, second.first_free()).expect("imported");
    assert_eq!((imported.flows, imported.left_out.len()), (2, 0));
    second.flush();
    let again = second.reader().expect("a reader");
    assert_eq!(har(&again, &[1, 2], everything).expect("a HAR"), out);
    for id in [1, 2] {
        assert_eq!(again.detail(id).expect("read"), reader.detail(id).expect("read"));
        assert_eq!(again.frames(id, 0, 9).expect("read"), reader.frames(id, 0, 9).expect("read"));
        for side in [false, true] {
            let body = |reader: &Reader| reader.body(id, side, 0, 1 << 20).expect("read");
            assert_eq!(body(&again), body(&reader));
        }
    }
}

#[test]
fn no_secret_is_shared_unless_asked_for() {
    let (_folder, store) = session();
    record(&store);
    let reader = store.reader().expect("a reader");
    let all = |redactor| {
        let mut all = har(&reader, &[1, 2], redactor).expect("a HAR").to_string();
        all += &curl(&reader, 1, redactor).expect("read").expect("there");
        all += &fetch(&reader, 1, redactor).expect("read").expect("there");
        all += &diff(&reader, 1, 2, redactor).expect("read").expect("there").join("\n");
        all += &detail_json(&reader, 1, redactor, &Descriptors::default())
            .expect("read")
            .expect("there")
            .to_string();
        all + &frames_json(&reader.frames(2, 0, 9).expect("read"), redactor).to_string()
    };
    let shared = all(Redactor::hiding());
    assert!(!shared.contains("SECRET"), "{shared}");
    // Nor in base64, at any of the three places that a byte can have in it.
    for piece in ["U0VDUkVU", "TRUNSRV", "NFQ1JFV", "BAc0VDUk"] {
        assert!(!shared.contains(piece), "{piece} in {shared}");
    }
    assert!(shared.contains("zoe") && shared.contains("REDACTED"));
    assert!(all(Redactor::showing_everything()).contains("SECRET"));
}

#[test]
fn a_har_of_others_is_read_and_a_bad_one_refused() {
    let (_folder, store) = session();
    let chrome = br#"{"log":{"version":"1.2","entries":[{"startedDateTime":"2026-01-02T03:04:05.678Z","time":12.5,
      "request":{"method":"GET","url":"https://a.test/x?y=1","httpVersion":"h2","headers":[{"name":":authority","value":"a.test"},{"name":"accept","value":"*/*"}]},
      "response":{"status":200,"statusText":"","httpVersion":"h2","headers":[],"content":{"size":2,"mimeType":"text/plain","text":"aGk=","encoding":"base64"}},
      "timings":{"wait":10}}, {"request":{}}, 7]}}"#;
    let imported = import(chrome, &store, store.first_free()).expect("imported");
    assert_eq!(imported.flows, 1);
    assert_eq!(imported.left_out.len(), 2);
    store.flush();
    let reader = store.reader().expect("a reader");
    let detail = reader.detail(1).expect("read").expect("there");
    assert_eq!((&detail.summary.path[..], &detail.summary.version[..]), ("/x?y=1", "HTTP/2"));
    assert_eq!(detail.summary.took, Some(12.5));
    assert_eq!(detail.request.headers.len(), 1);
    assert_eq!(reader.body(1, true, 0, 10).expect("read"), b"hi");
    for bad in ["", "[]", "{\"log\":{}}", "{\"log\":{\"entries\":{}}}", "\u{0}"] {
        assert!(import(bad.as_bytes(), &store, store.first_free()).is_err(), "{bad}");
    }
}

#[test]
fn curl_takes_what_is_written_for_it() {
    let (_folder, store) = session();
    record(&store);
    let reader = store.reader().expect("a reader");
    let command = curl(&reader, 2, Redactor::showing_everything()).expect("read").expect("there");
    assert!(
        command.starts_with("curl \\\n  -X 'POST' \\\n  --http1.1 \\\n  'wss://a.test/socket'"),
        "{command}"
    );
    assert!(!command.contains("Host:"));
}
