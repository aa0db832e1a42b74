//! A slow disk, a full one, and the cap.

use super::*;

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
