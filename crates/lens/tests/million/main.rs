//! A session of many flows: what it takes in memory, and how fast it is searched. `FLOWS` says how many, and `SESSION`
//! names the file of one that is there already, which is searched as it is.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use sealwire_lens::flow::{
    Body, ConnectionId, Direction, End, Entrance, Event, FlowId, Header, HttpVersion, Outcome,
    Recorder, RequestHead, ResponseHead, What,
};
use sealwire_lens::query::Filter;
use sealwire_lens::store::{Options, Order, Reader, Store};

const BODY: usize = 200;
/// What a search may take until its first answer, and what a flow may take of memory.
const AT_ONCE: Duration = Duration::from_millis(100);
const MOST_MEMORY: u64 = 60;

/// Some of each kind that there is.
const FILTERS: &[&str] = &[
    "",
    "status:503",
    "status:200",
    "method:GET",
    "method:POST",
    "type:json",
    "scheme:http",
    "version=HTTP/1.1",
    "host:host7.test",
    "host~7",
    "port:443",
    "connection:77",
    "id:500000-500100",
    "size>1kb",
    "took>10s",
    "is:error",
    "is:open",
    "is:tls",
    "is:sql or is:passed or is:repeat",
    "not status:200",
    "method:GET status>=500",
    "path:/items/777777",
    "path:777777",
    "path:page=3",
    "url:host9.test/items/1",
    "error:reset",
    "statement:select",
    "client:4711",
    "client:4712",
    "w4242",
    "\"item 777777\"",
    "application",
    "appl",
    "i",
    "1",
    "w",
    "not application",
    "\"application accept\"",
    "body:application",
    "body:fill",
    "body:w",
    "header.accept-items:1",
    "nowhere",
    "body:w17 host:host3.test",
    "path~/items/7+\\?",
    "header.x-none:1",
    "header.accept:none",
    "header.content-type:json",
    "body~w99[0-9]{2}\"",
];

/// Kilobytes that this process has in memory, of which files are none.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").trim().parse().ok()).unwrap_or(0)
}

/// What this thread has had of a processor. On a machine that others use, that is what can be compared.
fn worked() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = told.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

fn record(store: &Store, number: u64) {
    let tell = |what| store.record(Event { at: SystemTime::now(), what });
    let (flow, connection) = (FlowId(number), ConnectionId(number / 100 + 1));
    if number % 100 == 1 {
        let port = 1024 + (connection.0 % 60_000) as u16;
        let client = SocketAddr::from(([127, 0, 0, 1], port));
        tell(What::Connected { connection, client, entrance: Entrance::Connect });
    }
    let header =
        |name: &'static str, value: String| Header { name: name.into(), value: value.into() };
    let head = RequestHead {
        version: HttpVersion::Http11,
        method: "GET".to_owned(),
        scheme: "https".to_owned(),
        authority: format!("host{}.test", number % 50),
        path: format!("/items/{number}?page={}", number % 7),
        headers: vec![header("Host", "a.test".to_owned()), header("Accept", "*/*".to_owned())],
        protocol: None,
        stream: None,
        repeats: None,
        raw: Bytes::new(),
    };
    tell(What::Request { flow, connection, head: Box::new(head) });
    let status = if number.is_multiple_of(1000) { 503 } else { 200 };
    let head = ResponseHead {
        version: HttpVersion::Http11,
        status,
        reason: Bytes::from_static(b"OK"),
        headers: vec![header("Content-Type", "application/json".to_owned())],
        raw: Bytes::new(),
    };
    tell(What::Response { flow, head: Box::new(head) });
    let data = format!(
        "{{\"item\":{number},\"word\":\"w{}\",\"fill\":\"{}\"}}",
        number % 9973,
        "x".repeat(BODY - 40)
    );
    tell(What::Body(Body { flow, direction: Direction::Response, data: data.into() }));
    let end = End { outcome: Outcome::Complete, bodies: [0, BODY as u64] };
    tell(What::End { flow, end });
}

fn search(reader: &Reader) {
    for text in FILTERS {
        let filter = Filter::parse(text).unwrap();
        let (begun, working) = (Instant::now(), worked());
        let mut search = reader.search(&filter, Order::Newest, None).unwrap();
        reader.go_on(&mut search, begun + Duration::from_millis(70)).unwrap();
        let list = reader.lines(&search, 0, 200).unwrap();
        let (answered, so_far) = (begun.elapsed(), search.total());
        while !search.is_complete() {
            reader.go_on(&mut search, Instant::now() + Duration::from_millis(70)).unwrap();
        }
        let (all, total, worked) = (begun.elapsed(), search.total(), worked() - working);
        println!(
            "{text:>28}: {:>3} listed and {so_far:>7} counted in {answered:>6.1?}, all {total:>7} in {all:>6.1?} ({worked:.1?} of a processor)",
            list.len(),
        );
        assert!(answered <= AT_ONCE, "{text}: {answered:?}");
    }
}

#[test]
#[ignore = "a measurement: `SESSION=FILE just proxy-measures`"]
fn a_session_that_is_there_is_searched_at_once() {
    let Some(file) = std::env::var_os("SESSION") else { return };
    let reader = Reader::open(file.as_ref()).unwrap();
    println!("{} flows are not in the index of words", reader.unindexed().unwrap());
    search(&reader);
}

#[test]
#[ignore = "a measurement of minutes: `just proxy-measures`"]
fn a_session_of_many_flows_is_small_in_memory_and_searched_at_once() {
    if std::env::var_os("SESSION").is_some() {
        return;
    }
    let flows: u64 = std::env::var("FLOWS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let folder = tempfile::tempdir().unwrap();
    let options = Options { keep: 64 << 30, ..Options::default() };
    let store = Store::create(&folder.path().join("s.db"), options).unwrap();
    let before = resident();
    let begun = Instant::now();
    for number in 1..=flows {
        record(&store, number);
        // No faster than it is written: what would be dropped is not what is measured.
        if number.is_multiple_of(500) {
            store.flush();
        }
    }
    println!(
        "{flows} flows recorded in {:?}, {} kB more in memory",
        begun.elapsed(),
        resident() - before
    );
    assert_eq!(store.status().dropped, 0);
    store.flush_index();
    let reader = store.reader().unwrap();
    println!("indexed after {:?}, {} kB more in memory", begun.elapsed(), resident() - before);
    search(&reader);
    let size = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |data| data.len());
    println!("{} bytes a flow on disk", size(&folder.path().join("s.db")) / flows);
    let more = (resident() - before) * 1024;
    println!("{} bytes of memory a flow at the end, {} MB in all", more / flows, more >> 20);
    assert!(more <= MOST_MEMORY * flows);
}
