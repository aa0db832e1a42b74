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
fn filters_find_what_they_say() {
    let (_folder, store) = made();
    let (connection, client) = (ConnectionId(1), ([127, 0, 0, 1], 4711).into());
    store.record(at(0, What::Connected { connection, client, entrance: Entrance::Connect }));
    whole(&store, 1, "/cart", 200, b"<p>the quick brown fox</p>");
    whole(&store, 2, "/login?next=%2F", 404, b"nothing");
    whole(&store, 3, "/100%_sure", 500, b"{}");
    begin(&store, 4, "/open");
    store.flush();
    let reader = store.reader().expect("a reader");
    let cases: &[(&str, &[i64])] = &[
        ("", &[1, 2, 3, 4]),
        ("quick", &[1]),
        ("\"quick brown\"", &[1]),
        ("\"brown quick\"", &[]),
        ("bro", &[1]),
        ("zoë", &[1, 2, 3]),
        ("ZOE", &[1, 2, 3]),
        ("\"zoe qua\"", &[1, 2, 3]),
        ("\"zoe quar x\"", &[]),
        ("body:\"brown fox\" -body:quick", &[]),
        ("request-body:\"name zo\" response-body:\"the quick brown f\"", &[1]),
        ("\"fox 8443\" or \"8443 cart\"", &[1]),
        ("header.x-odd-case=YES request-header:odd-case", &[1, 2, 3, 4]),
        ("response-header.x-odd-case:yes", &[]),
        ("response-header.content-type!=text/html", &[1, 2, 3, 4]),
        ("header:\"content-type: text\"", &[1, 2, 3]),
        ("not header.content-type~html", &[4]),
        ("body:fox", &[1]),
        ("request-body:fox", &[]),
        ("request-body:quark", &[1, 2, 3]),
        ("response-body~f.x", &[1]),
        ("status:4xx or status=500", &[2, 3]),
        ("status>=400 -path:login", &[3]),
        ("not status:200", &[2, 3, 4]),
        ("path:100%_s", &[3]),
        ("path:1%e", &[]),
        ("path:/login", &[2]),
        ("path:in?next", &[2]),
        ("path=/cart", &[1]),
        ("path:/car", &[1]),
        ("path:/CART", &[1]),
        ("path:art/", &[]),
        ("not path:/login", &[1, 3, 4]),
        ("host=shop.test", &[1, 2, 3, 4]),
        ("host:shop", &[1, 2, 3, 4]),
        ("host~^shop", &[1, 2, 3, 4]),
        ("host!=shop.test", &[]),
        ("not host:other", &[1, 2, 3, 4]),
        ("url:shop.test:8443/lo", &[2]),
        ("not status:200-299", &[2, 3, 4]),
        ("url:shop.test:8443/cart", &[1]),
        ("port:8443 method:post", &[1, 2, 3, 4]),
        ("header.x-odd-case:YES", &[1, 2, 3, 4]),
        ("header.x-odd-case!=yes", &[]),
        ("response-header.content-type~^text", &[1, 2, 3]),
        ("type:html", &[1, 2, 3]),
        ("is:open", &[4]),
        ("is:error", &[2, 3]),
        ("took>10ms", &[1, 2, 3]),
        ("size>20 size<1kb", &[1]),
        ("id:2-3", &[2, 3]),
        ("'; DROP TABLE flow; --", &[]),
        ("path:'", &[]),
        ("\"\\\" OR 1=1\"", &[]),
        ("(quick or nothing) status>300", &[2]),
        ("open", &[4]),
        ("type=text/html -is:open", &[1, 2, 3]),
        ("type!=text/html", &[4]),
        ("not type:html", &[4]),
        ("type~^TEXT", &[]),
        ("method!=get version:1.1", &[1, 2, 3, 4]),
        ("scheme=HTTPS is:tls", &[1, 2, 3, 4]),
        ("path~^/(cart|open)$", &[1, 4]),
        ("path!=/cart", &[2, 3, 4]),
        ("path=/CART", &[1]),
        ("url=https://shop.test:8443/cart", &[1]),
        ("path:8443", &[]),
        ("url:8443/", &[1, 2, 3, 4]),
        ("status!=200", &[2, 3]),
        ("not status!=200", &[1, 4]),
        ("took<10ms", &[]),
        ("not took>10ms", &[4]),
        ("connection:1 id>=2", &[2, 3, 4]),
        ("error:x or statement:y or is:sql or is:passed or is:repeat", &[]),
        ("not (error:x or is:changed or is:partial or is:websocket)", &[1, 2, 3, 4]),
        ("quick or status:500", &[1, 3]),
        ("not (quick or status:500)", &[2, 4]),
        ("request-body~Quark$", &[]),
        ("header.content-type:json -header.x-other:1", &[1, 2, 3, 4]),
        ("client:127.0.0.1:47", &[1, 2, 3, 4]),
        ("client=127.0.0.1:4711 status:200", &[1]),
        ("client~:4711$ -status:200", &[2, 3, 4]),
        ("client!=127.0.0.1:4711", &[]),
        ("client!=127.0.0.1:4712 is:open", &[4]),
        ("client:4712 or not client:127", &[]),
    ];
    for (filter, ids) in cases {
        assert_eq!(found(&reader, filter), *ids, "{filter}, before it is indexed");
    }
    store.flush_index();
    for (filter, ids) in cases {
        assert_eq!(found(&reader, filter), *ids, "{filter}, indexed");
    }
    // So many more that the first are noted by column.
    for id in (5_000..6_200).step_by(20) {
        begin(&store, id, "/later");
    }
    store.flush();
    let blocks = || {
        let database = schema::readable(&store.shared.path).expect("a session");
        database
            .query_row("SELECT count(DISTINCT place/32) FROM fact", [], |row| row.get::<_, i64>(0))
    };
    while blocks().expect("a count") == 0 {
        store.flush_index();
    }
    for (filter, ids) in cases {
        let first: Vec<_> = found(&reader, filter).into_iter().filter(|id| *id < 10).collect();
        assert_eq!(first, *ids, "{filter}, by column");
    }
    // What cannot be read of it is asked of the rows.
    let database = rusqlite::Connection::open(&store.shared.path).expect("a session");
    database.busy_timeout(Duration::from_secs(30)).expect("set");
    for data in ["data||x'ff'", "x'ff'", "x''"] {
        database.execute(&format!("UPDATE fact SET data={data} WHERE place%32>0"), []).expect(data);
        for (filter, ids) in cases {
            let first = found(&reader, filter).into_iter().filter(|id| *id < 10);
            assert_eq!(first.collect::<Vec<_>>(), *ids, "{filter}, {data}");
        }
    }
    for (table, data) in
        [("spot", "x'ff'"), ("word", "data||x'ff'"), ("word", "x'ff'"), ("run", "x''")]
    {
        database.execute(&format!("UPDATE {table} SET data={data}"), []).expect(data);
        for (filter, ids) in cases {
            let first = found(&reader, filter).into_iter().filter(|id| *id < 10);
            assert_eq!(first.collect::<Vec<_>>(), *ids, "{filter}, {table} {data}");
        }
    }
    for length in [1, 50, 600, 5_000] {
        for table in ["fact", "run", "word", "spot"] {
            let sql = format!("UPDATE {table} SET data=randomblob(?)");
            database.execute(&sql, [length]).expect("made");
        }
        for (filter, _) in cases {
            reader.ids(&Filter::parse(filter).expect(filter), 10_000).expect(filter);
        }
    }
    database.execute("DELETE FROM run", []).expect("deleted");
    database
        .execute("INSERT OR IGNORE INTO unindexed SELECT id FROM flow", [])
        .expect("waits again");
    database.execute("DELETE FROM fact", []).expect("deleted");
    note_facts(&store.shared.path).expect("noted");
    assert!(blocks().expect("a count") > 0);
    // One that comes late is found all the same.
    whole(&store, 7, "/late", 404, b"nothing");
    store.flush();
    assert_eq!(found(&reader, "status:404"), [2, 7]);
}

#[test]
fn a_search_goes_on_where_its_time_was_over() {
    let (_folder, store) = made();
    for id in 1..=9_000 {
        whole(&store, id, if id % 3 == 0 { "/third" } else { "/other" }, 200, b"x");
    }
    store.flush();
    let reader = store.reader().expect("a reader");
    for order in [Order::Newest, Order::Oldest] {
        let filter = Filter::parse("path~rd$ header.x-odd-case:yes").expect("a filter");
        let mut search = reader.search(&filter, order, Some(8_999)).expect("begun");
        let mut steps = 0;
        while !search.is_complete() {
            // As little as can be at once.
            reader.go_on(&mut search, Instant::now() + Duration::from_micros(1)).expect("goes on");
            steps += 1;
        }
        assert!(steps > 1, "{steps}");
        assert_eq!(search.total(), 2_999);
        let mut ids = search.ids(2_990, 100);
        if order == Order::Newest {
            ids.reverse();
            assert_eq!(ids, (1..=9).map(|n| n * 3).collect::<Vec<_>>());
        } else {
            assert_eq!(ids, (2_991..=2_999).map(|n| n * 3).collect::<Vec<_>>());
        }
    }
}

#[test]
fn bodies_are_dropped_and_facts_are_not() {
    let folder = TempDir::new().expect("a folder");
    let options = Options { waiting: 1000, ..Options::default() };
    let store = Store::create(&folder.path().join("s.db"), options).expect("a store");
    begin(&store, 1, "/big");
    piece(&store, 1, Direction::Response, &[7; 5000]);
    piece(&store, 1, Direction::Response, &[7; 10]);
    let data = Bytes::from(vec![1; 4000]);
    let frame = Frame {
        flow: FlowId(1),
        direction: Direction::Request,
        kind: FrameKind::Binary,
        data,
        length: 4000,
    };
    store.record(at(3, What::Frame(frame)));
    end(&store, 1, [0, 5010]);
    store.flush();
    let reader = store.reader().expect("a reader");
    let detail = reader.detail(1).expect("read").expect("there");
    assert!(detail.summary.partial);
    assert_eq!((detail.response.recorded, detail.response.dropped), (0, 5010));
    assert_eq!(detail.summary.response_size, 5010);
    let frames = reader.frames(1, 0, 10).expect("read");
    assert_eq!((frames[0].length, frames[0].data.len()), (4000, 0));
    assert_eq!(store.status().dropped, 9000);
    assert_eq!(found(&reader, "is:partial"), [1]);
}

#[test]
fn the_cap_holds_and_the_oldest_go_first() {
    let folder = TempDir::new().expect("a folder");
    let keep = 4 << 20;
    let options = Options { keep, ..Options::default() };
    let path = folder.path().join("s.db");
    let store = Store::create(&path, options).expect("a store");
    let body = [b'x'; 20_000];
    for id in 1..=1000 {
        whole(&store, id, "/page", 200, &body);
        if id % 50 == 0 {
            store.flush();
        }
    }
    begin(&store, 1001, "/long");
    for _ in 0..100 {
        piece(&store, 1001, Direction::Response, &[b'y'; 100_000]);
        store.flush();
    }
    store.close();
    let reader = Reader::open(&path).expect("a reader");
    let ids = found(&reader, "");
    assert!(ids[0] > 500, "the first is {}", ids[0]);
    assert_eq!(ids.last(), Some(&1001));
    let bodies = std::fs::read_dir(segment::folder(&path)).into_iter().flatten().flatten();
    let bodies: u64 = bodies.map(|e| e.metadata().expect("a file").len()).sum();
    let size = std::fs::metadata(&path).expect("a file").len() + bodies;
    assert!(size < keep * 2, "{size}");
}

#[test]
fn a_connection_goes_with_its_last_flow() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("s.db");
    let options = Options { keep: 4 << 20, ..Options::default() };
    let store = Store::create(&path, options).expect("a store");
    let client = ([127, 0, 0, 1], 4711).into();
    let connected =
        |connection| What::Connected { connection, client, entrance: Entrance::Connect };
    store.record(at(0, connected(ConnectionId(1))));
    // The first stays open, and has every tenth flow; each other one has one and ends with it.
    let flows: Vec<u64> = (1..=1000).map(|n| n * 100).collect();
    for (n, id) in (1_u64..).zip(&flows) {
        let is_first = n.is_multiple_of(10);
        let connection = ConnectionId(if is_first { 1 } else { n + 1 });
        if !is_first {
            store.record(at(*id, connected(connection)));
            let facts = Box::new(HandshakeFacts {
                wire: [vec![0; 500].into(), Bytes::new()],
                ..HandshakeFacts::default()
            });
            store.record(at(*id, What::Handshake { connection, leg: Leg::Client, facts }));
        }
        begin_on(&store, connection, *id, "/");
        piece(&store, *id, Direction::Response, &[b'x'; 20_000]);
        end(&store, *id, [0, 20_000]);
        if !is_first {
            let ended = What::Disconnected { connection, bytes: [0, 0], fault: None };
            store.record(at(id + 30, ended));
        }
        if n % 50 == 0 {
            store.flush();
        }
    }
    store.close();
    let reader = Reader::open(&path).expect("a reader");
    let left = found(&reader, "");
    assert!(left.len() < 600, "{}", left.len());
    let has = |id| reader.connection(id).expect("read").is_some();
    assert!(has(1), "the first is open");
    let handshakes = |id| reader.handshakes(id).expect("read").len();
    let (mut rows, oldest) = (0, left[0] / 100);
    for connection in 2..=1001 {
        // Those of the last second before the oldest flow may be there still.
        assert!(!has(connection) || connection > oldest - 20, "{connection}");
        assert_eq!(handshakes(connection), usize::from(has(connection)), "{connection}");
        rows += usize::from(has(connection));
    }
    assert!(rows >= left.len() * 8 / 10, "{rows}");
}

#[test]
fn a_full_disk_stops_the_recording_and_says_so() {
    let (_folder, store) = made();
    let mut news = store.subscribe();
    whole(&store, 1, "/before", 200, b"x");
    store.flush();
    store.shared.stop("recording stopped: database or disk is full".to_owned());
    whole(&store, 2, "/after", 200, b"x");
    store.flush();
    assert!(store.status().stopped.expect("stopped").contains("full"));
    let reader = store.reader().expect("a reader");
    assert_eq!(found(&reader, ""), [1]);
    let mut banner = None;
    while let Ok(live) = news.try_recv() {
        if let Live::Banner(text) = live {
            banner = Some(text);
        }
    }
    assert!(banner.expect("a banner").contains("full"));
}

#[test]
fn an_error_of_the_disk_is_no_panic() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("s.db");
    let store = Store::create(&path, Options::default()).expect("a store");
    // Where the segments should be is a file.
    std::fs::write(segment::folder(&path), b"").expect("a file");
    begin(&store, 1, "/long");
    piece(&store, 1, Direction::Response, &[0; 100_000]);
    store.flush();
    assert!(store.status().stopped.is_some());
    whole(&store, 2, "/after", 200, b"x");
    store.close();
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
fn a_search_by_text_has_the_newest_first() {
    let (_folder, store) = made();
    const FLOWS: u64 = 9_000;
    for id in 1..=FLOWS {
        // All have two words that never stand in a row, and each has one of its own.
        whole(&store, id, "/common", 200, format!("<p>seldom{id}</p>").as_bytes());
        // Else bodies would be dropped.
        if id % 200 == 0 {
            store.flush();
        }
    }
    store.flush_index();
    note_facts(&store.shared.path).expect("noted");
    let reader = store.reader().expect("a reader");
    for (filter, total) in [
        ("common", FLOWS),
        ("comm", FLOWS),
        ("body:seldom", FLOWS),
        ("s", FLOWS),
        ("body:common", 0),
        ("\"common application\"", 0),
        ("\"x odd case yes\"", FLOWS),
        ("\"common x\"", 0),
        ("body:seldom59 common", 111),
        ("not common", 0),
        ("not body:seldom1", FLOWS - 1_111),
        ("header.x-odd-case:yes", FLOWS),
        ("header.content-type:xml", 0),
        ("path:/comm", FLOWS),
        ("url:test:8443/comm", FLOWS),
    ] {
        let parsed = Filter::parse(filter).expect(filter);
        for order in [Order::Newest, Order::Oldest] {
            let mut search = reader.search(&parsed, order, None).expect(filter);
            let mut so_far = Vec::new();
            while !search.is_complete() {
                // As little as can be at once.
                reader.go_on(&mut search, Instant::now()).expect(filter);
                // What is found comes behind what was found.
                let now = search.ids(0, u64::MAX);
                assert!(now.starts_with(&so_far), "{filter}");
                so_far = now;
            }
            assert_eq!(search.total(), total, "{filter}");
            assert_eq!(so_far.len() as u64, total, "{filter}");
            assert!(so_far.is_sorted_by(|a, b| (a < b) == (order == Order::Oldest)), "{filter}");
        }
    }
}

#[test]
fn what_goes_takes_its_words_along() {
    let folder = TempDir::new().expect("a folder");
    let options = Options { keep: 4 << 20, ..Options::default() };
    let store = Store::create(&folder.path().join("s.db"), options).expect("a store");
    // No text: it only takes room.
    let body = [0; 1_000];
    for id in 1..=12_000 {
        whole(&store, id, &format!("/page{id}"), 200, &body);
        if id % 500 == 0 {
            store.flush_index();
        }
    }
    let reader = store.reader().expect("a reader");
    let ids = reader.ids(&Filter::parse("").expect("a filter"), 100_000).expect("read");
    let oldest = ids.expect("few")[0];
    assert!(oldest > facts::BLOCK, "the first is {oldest}");
    let begin = facts::range(facts::block_of(oldest)).0;
    let count = |sql: &str| {
        let count =
            |c: &mut rusqlite::Connection| c.query_row(sql, [begin], |row| row.get::<_, i64>(0));
        reader.with(count).expect(sql)
    };
    assert_eq!(count("SELECT count(*) FROM run WHERE flow<?"), 0);
    assert_eq!(count("SELECT count(*) FROM word WHERE place/65536<?"), 0);
    assert_eq!(count("SELECT count(*) FROM spot WHERE place/65536<?"), 0);
    assert!(count("SELECT count(*) FROM spot WHERE place/65536>=?") > 0);
    let found = reader.ids(&Filter::parse("page11999").expect("a filter"), 10).expect("read");
    assert_eq!(found, Some(vec![11_999]));
}

#[test]
fn the_index_says_what_the_texts_say() {
    const WORDS: [&str; 8] = ["a", "ab", "abc", "b", "ba", "Éa", "1", "12"];
    let (_folder, store) = made();
    let mut seed = 88_172_645_463_325_252_u64;
    let mut any = |most: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % most as u64) as usize
    };
    let mut words = |count| (0..count).map(|_| WORDS[any(8)]).collect::<Vec<_>>().join(" ");
    for id in 1..=400 {
        whole(&store, id, &format!("/{}", words(3)), 200, words(id as usize % 12).as_bytes());
    }
    store.flush();
    let filters: Vec<String> = (0..300)
        .map(|n| {
            let field = ["", "body:", "response-body:", "not "][n % 4];
            format!("{field}\"{}\"", words(1 + n % 3))
        })
        .collect();
    let reader = store.reader().expect("a reader");
    let all = || -> Vec<_> {
        let ids = |filter: &String| {
            let filter = Filter::parse(filter).expect(filter);
            reader.ids(&filter, 1_000).expect("read").expect("few")
        };
        filters.iter().map(ids).collect()
    };
    // What the indexer has got to by now makes no difference.
    let before = all();
    store.flush_index();
    for ((filter, before), after) in filters.iter().zip(before).zip(all()) {
        assert_eq!(before, after, "{filter}");
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
