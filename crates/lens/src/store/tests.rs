//! What is recorded is what is read, whatever happens in between.

use std::time::{Duration, Instant, UNIX_EPOCH};

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::flow::{
    Body, Direction, End, Entrance, Frame, FrameKind, HandshakeFacts, Header, HttpVersion, Leg,
    Outcome, RequestHead, ResponseHead, What,
};
use crate::query::Filter;

mod limits;
mod search;

fn header(name: &'static str, value: &'static str) -> Header {
    Header { name: name.into(), value: value.into() }
}

fn at(ms: u64, what: What) -> Event {
    Event { at: UNIX_EPOCH + Duration::from_millis(1_700_000_000_000 + ms), what }
}

fn begin(store: &Store, id: u64, path: &str) {
    begin_on(store, ConnectionId(1), id, path);
}

fn begin_on(store: &Store, connection: ConnectionId, id: u64, path: &str) {
    let head = RequestHead {
        version: HttpVersion::Http11,
        method: "POST".into(),
        scheme: "https".into(),
        authority: "Shop.test:8443".into(),
        path: path.into(),
        headers: vec![header("X-Odd-CASE", "yes"), header("Content-Type", "application/json")],
        protocol: None,
        stream: None,
        repeats: None,
        raw: Bytes::new(),
    };
    store.record(at(id, What::Request { flow: FlowId(id), connection, head: Box::new(head) }));
}

fn piece(store: &Store, id: u64, direction: Direction, data: &[u8]) {
    let data = Bytes::copy_from_slice(data);
    store.record(at(id + 1, What::Body(Body { flow: FlowId(id), direction, data })));
}

fn answer(store: &Store, id: u64, status: u16) {
    let headers = vec![header("content-type", "text/html; charset=utf-8")];
    let (reason, raw) = (Bytes::from_static(b"Fine"), Bytes::new());
    let head = ResponseHead { version: HttpVersion::Http11, status, reason, headers, raw };
    store.record(at(id + 5, What::Response { flow: FlowId(id), head: Box::new(head) }));
}

fn end(store: &Store, id: u64, bodies: [u64; 2]) {
    let end = End { outcome: Outcome::Complete, bodies };
    store.record(at(id + 20, What::End { flow: FlowId(id), end }));
}

fn whole(store: &Store, id: u64, path: &str, status: u16, body: &[u8]) {
    begin(store, id, path);
    piece(store, id, Direction::Request, b"{\"name\":\"Zo\xc3\xab Quark\"}");
    answer(store, id, status);
    piece(store, id, Direction::Response, body);
    end(store, id, [20, body.len() as u64]);
}

fn made() -> (TempDir, Store) {
    let folder = TempDir::new().expect("a folder");
    let store = Store::create(&folder.path().join("s.db"), Options::default()).expect("a store");
    (folder, store)
}

/// Those that match, whichever way they are looked for.
fn found(reader: &Reader, filter: &str) -> Vec<i64> {
    let parsed = Filter::parse(filter).expect(filter);
    let ids = reader.ids(&parsed, 10_000).expect(filter).expect("no more");
    let mut search = reader.search(&parsed, Order::Newest, None).expect(filter);
    while !search.is_complete() {
        reader.go_on(&mut search, Instant::now() + Duration::from_secs(1)).expect(filter);
    }
    let list = reader.lines(&search, 0, 10_000).expect(filter);
    let listed: Vec<_> = list.iter().rev().map(|line| line.id).collect();
    assert_eq!(listed, ids, "{filter}");
    assert_eq!(search.total(), ids.len() as u64, "{filter}");
    let among = reader.among(&parsed, &(1..=10).collect::<Vec<_>>()).expect(filter);
    let among: Vec<_> = among.iter().map(|line| line.id).collect();
    let first: Vec<_> = ids.iter().copied().filter(|id| *id <= 10).collect();
    assert_eq!(among, first, "{filter}, row by row");
    ids
}

#[test]
fn a_flow_is_read_as_it_was_told() {
    let (_folder, store) = made();
    whole(&store, 1, "/cart?id=7", 201, b"<p>thanks</p>");
    store.flush();
    let reader = store.reader().expect("a reader");
    let detail = reader.detail(1).expect("read").expect("there");
    assert_eq!(detail.summary.authority, "Shop.test:8443");
    assert_eq!((detail.summary.status, detail.summary.outcome), (Some(201), "complete"));
    assert_eq!((detail.summary.waited, detail.summary.took), (Some(5.0), Some(20.0)));
    assert_eq!(detail.summary.r#type.as_deref(), Some("text/html"));
    assert_eq!(detail.request.headers[0], header("X-Odd-CASE", "yes"));
    assert_eq!(detail.reason, b"Fine");
    assert_eq!(reader.body(1, true, 0, 1000).expect("read"), b"<p>thanks</p>");
    assert_eq!(reader.body(1, true, 3, 6).expect("read"), b"thanks");
}

#[test]
fn what_is_open_is_there_and_grows() {
    let (_folder, store) = made();
    begin(&store, 1, "/stream");
    answer(&store, 1, 200);
    piece(&store, 1, Direction::Response, b"data: one\n\n");
    store.flush();
    let reader = store.reader().expect("a reader");
    assert_eq!(found(&reader, "is:open"), [1]);
    assert_eq!(reader.body(1, true, 0, 1000).expect("read"), b"data: one\n\n");
    piece(&store, 1, Direction::Response, b"data: two\n\n");
    end(&store, 1, [0, 22]);
    store.flush();
    assert_eq!(reader.body(1, true, 0, 1000).expect("read"), b"data: one\n\ndata: two\n\n");
    assert_eq!(reader.body_parts(1, true).expect("read").len(), 2);
    assert_eq!(found(&reader, "is:open"), [0; 0]);
}

#[test]
fn long_bodies_lie_beside_the_file() {
    let (folder, store) = made();
    begin(&store, 1, "/upload");
    let long: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    for chunk in long.chunks(10_000) {
        piece(&store, 1, Direction::Request, chunk);
    }
    answer(&store, 1, 200);
    end(&store, 1, [300_000, 0]);
    store.flush();
    assert!(folder.path().join("s.db.bodies/00000001").is_file());
    let reader = store.reader().expect("a reader");
    assert_eq!(reader.body(1, false, 0, 1 << 20).expect("read"), long);
    assert_eq!(reader.body(1, false, 123_456, 10).expect("read"), long[123_456..123_466]);
    assert_eq!(reader.detail(1).expect("read").expect("there").request.recorded, 300_000);
}

#[test]
fn an_old_session_goes_on_and_others_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("s.db");
    let store = Store::create(&path, Options::default()).expect("a store");
    whole(&store, 5, "/a", 200, b"x");
    store.close();
    drop(store);
    let store = Store::create(&path, Options::default()).expect("again");
    assert_eq!(store.first_free().1, FlowId(6));
    whole(&store, 6, "/b", 200, b"x");
    store.flush();
    assert_eq!(found(&store.reader().expect("a reader"), ""), [5, 6]);
    let other = folder.path().join("other.db");
    std::fs::write(&other, b"this is no database, but it is long enough to be read as one")
        .expect("a file");
    let error = Reader::open(&other).err().expect("refused").to_string();
    assert!(error.contains("other.db"), "{error}");
    let empty = folder.path().join("empty.db");
    rusqlite::Connection::open(&empty)
        .and_then(|c| c.execute_batch("CREATE TABLE a(b)"))
        .expect("made");
    let error = Reader::open(&empty).err().expect("refused").to_string();
    assert!(error.contains("is not a session file"), "{error}");
    drop(store);
    // One of an older build, or of a newer.
    for (version, by) in [(3, "an older seal"), (5, "a newer seal")] {
        rusqlite::Connection::open(&path)
            .and_then(|c| c.pragma_update(None, "user_version", version))
            .expect("written");
        let read = Reader::open(&path).err().expect("refused").to_string();
        let more = Store::create(&path, Options::default()).err().expect("refused").to_string();
        for error in [read, more] {
            let said = format!(
                "s.db was recorded by {by} (version {version} of its tables; this one reads 4)"
            );
            assert!(error.contains(&said), "{error}");
        }
    }
}

#[test]
fn statements_are_parsed_once() {
    let (_folder, store) = made();
    let database = schema::readable(store.path()).expect("open");
    for id in 1..=3 {
        text::Text::read(&database, store.path(), id).expect("read");
    }
    let statement = database.prepare_cached(text::ALL).expect("a statement");
    assert_eq!(statement.get_status(rusqlite::StatementStatus::RePrepare), 0);
}
