//! Who gets in, and who does not; what a session says over HTTP and MCP.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::content::protobuf::Descriptors;
use crate::export::{Redactor, import};
use crate::store::Options;

const HAR: &str = r#"{"log":{"entries":[{"startedDateTime":"2026-01-02T03:04:05.678Z","time":12.5,
  "request":{"method":"POST","url":"https://a.test/login?token=SECRET","httpVersion":"HTTP/1.1","headers":[{"name":"Cookie","value":"sid=SECRET"}],
    "postData":{"mimeType":"application/x-www-form-urlencoded","text":"password=SECRET&user=zoe"}},
  "response":{"status":200,"statusText":"OK","headers":[{"name":"Content-Type","value":"text/html"}],"content":{"text":"<script>alert(1)</script>"}},
  "timings":{"wait":10}}]}}"#;

struct Served {
    _folder: TempDir,
    address: SocketAddr,
    session: Arc<Session>,
}

async fn served() -> Served {
    let folder = TempDir::new().expect("a folder");
    let store =
        Arc::new(Store::create(&folder.path().join("s.db"), Options::default()).expect("a store"));
    import(HAR.as_bytes(), &*store, store.first_free()).expect("imported");
    store.flush();
    let session = Arc::new(Session {
        reader: store.reader().expect("a reader"),
        store: Some(store),
        sender: None,
        rules: Current::default(),
        holds: Holds::default(),
        searches: Searches::default(),
        descriptors: Descriptors::default(),
        token: Token::new().expect("random bytes"),
        title: "s.db".to_owned(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(serve(listener, Arc::clone(&session)));
    Served { _folder: folder, address, session }
}

impl Served {
    async fn raw(&self, request: String) -> (u16, String) {
        let mut tcp = TcpStream::connect(self.address).await.expect("connected");
        tcp.write_all(request.as_bytes()).await.expect("written");
        let mut answer = Vec::new();
        tcp.read_to_end(&mut answer).await.expect("read");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        (status, answer)
    }

    async fn ask(&self, method: &str, path: &str, more: &str, body: &str) -> (u16, String) {
        let (host, token, length) = (self.address, self.session.token.text(), body.len());
        self.raw(format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n{more}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
        .await
    }

    async fn json(&self, path: &str) -> Value {
        let (status, answer) = self.ask("GET", path, "", "").await;
        assert_eq!(status, 200, "{path}: {answer}");
        let body = answer.split_once("\r\n\r\n").expect("a head").1;
        serde_json::from_str(body).expect(body)
    }
}

#[tokio::test]
async fn only_who_has_the_token_and_comes_from_here_gets_in() {
    let served = served().await;
    let (address, token) = (served.address, served.session.token.text());
    let port = address.port();
    let key = format!("Authorization: Bearer {token}\r\n");
    for (host, more, expected) in [
        (address.to_string(), key.clone(), 200),
        (format!("localhost:{port}"), key.clone(), 200),
        (address.to_string(), String::new(), 401),
        (address.to_string(), "Authorization: Bearer 00\r\n".to_owned(), 401),
        // A name that was bound to 127.0.0.1 (DNS rebinding).
        (format!("evil.test:{port}"), key.clone(), 403),
        ("127.0.0.1".to_owned(), key.clone(), 403),
        (address.to_string(), format!("{key}Origin: http://evil.test\r\n"), 403),
        (address.to_string(), format!("{key}Origin: null\r\n"), 403),
        (address.to_string(), format!("{key}Origin: http://{address}\r\n"), 200),
        (address.to_string(), format!("{key}Host: evil.test\r\n"), 403),
    ] {
        let request =
            format!("GET /api/session HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n");
        let (status, answer) = served.raw(request.clone()).await;
        assert_eq!(status, expected, "{request}\n{answer}");
    }
    // Not even the page itself, to another name.
    let request = "GET / HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n";
    assert_eq!(served.raw(request.to_owned()).await.0, 403);
    // A form of another site cannot say what it sends.
    assert_eq!(served.ask("PUT", "/api/rules", "", "[]").await.0, 415);
}

#[tokio::test]
async fn the_page_runs_nothing_but_its_own() {
    let served = served().await;
    let (status, page) = served.ask("GET", "/", "", "").await;
    assert_eq!(status, 200);
    assert!(page.contains("default-src 'none'; script-src 'self'"), "{page}");
    assert!(page.contains("nosniff") && page.contains("no-referrer"));
    let (_, body) = served.ask("GET", "/api/flows/1/body/response?decoded=1", "", "").await;
    assert!(body.contains("<script>"), "{body}");
    assert!(body.contains("application/octet-stream") && body.contains("attachment"), "{body}");
}

#[tokio::test]
async fn a_session_is_read_over_http() {
    let served = served().await;
    assert_eq!(served.json("/api/session").await["flows"], 1);
    let list = served.json("/api/flows?filter=path%3Alogin+status%3E%3D200").await;
    assert_eq!((&list["total"], &list["flows"][0]["authority"]), (&json!(1), &json!("a.test")));
    let flow = served.json("/api/flows/1").await;
    assert_eq!(flow["request"]["text"], "password=SECRET&user=zoe");
    let lesson = served.json("/api/flows/1/lesson").await;
    let text: Vec<u16> =
        lesson["plain"][0]["text"].as_str().expect("text").encode_utf16().collect();
    let marks = lesson["plain"][0]["secrets"].as_array().expect("marks");
    let marked = |mark: &Value| {
        let place = |n: usize| mark[n].as_u64().expect("a number") as usize;
        String::from_utf16_lossy(&text[place(0)..place(1)])
    };
    let marked: Vec<_> = marks.iter().map(marked).collect();
    assert_eq!(marked, ["SECRET", "sid=SECRET", "SECRET"]);
    let (_, curl) = served.ask("GET", "/api/flows/1/curl", "", "").await;
    assert!(!curl.contains("SECRET") && curl.contains("user=zoe"), "{curl}");
    let (_, har) = served.ask("GET", "/api/har", "", "").await;
    assert!(!har.contains("SECRET") && har.contains("zoe"), "{har}");
    let (status, wrong) = served.ask("GET", "/api/flows?filter=status%3Aabc", "", "").await;
    assert_eq!(status, 400);
    assert!(wrong.contains("character 8"), "{wrong}");
    for (path, expected) in
        [("/api/flows/99", 404), ("/api/flows/x", 400), ("/api/none", 404), ("/../x", 404)]
    {
        assert_eq!(served.ask("GET", path, "", "").await.0, expected, "{path}");
    }
}

#[tokio::test]
async fn rules_are_set_and_what_waits_is_decided() {
    let served = served().await;
    let kind = "Content-Type: application/json\r\n";
    let rules = r#"[{"when":"host:a.test","status":503}]"#;
    assert_eq!(served.ask("PUT", "/api/rules", kind, rules).await.0, 200);
    assert_eq!(served.session.rules.get().list().len(), 1);
    assert_eq!(served.ask("PUT", "/api/rules", kind, "[{}]").await.0, 400);
    // Without a proxy nothing can be sent.
    assert_eq!(served.ask("POST", "/api/flows/1/resend", kind, "{}").await.0, 409);
    let head = crate::flow::ResponseHead {
        version: crate::flow::HttpVersion::Http11,
        status: 200,
        reason: bytes::Bytes::new(),
        headers: Vec::new(),
        raw: bytes::Bytes::new(),
    };
    let mut changes = served.session.holds.changes();
    let holds = served.session.holds.clone();
    let waiting = tokio::spawn(async move {
        holds.response(crate::flow::FlowId(1), head, Some("old".into())).await
    });
    changes.changed().await.expect("a change");
    let held = served.json("/api/held").await;
    assert_eq!(held[0]["text"], "old");
    let decision = r#"{"action":"continue","status":404,"body":"new"}"#;
    let path = format!("/api/held/{}", held[0]["id"]);
    assert_eq!(served.ask("POST", &path, kind, decision).await.0, 200);
    let crate::rules::Decision::Response(head, body) = waiting.await.expect("decided") else {
        panic!("another decision");
    };
    assert_eq!((head.status, body.as_deref()), (404, Some(&b"new"[..])));
    assert_eq!(served.ask("POST", &path, kind, decision).await.0, 404);
}

#[tokio::test]
async fn the_stream_tells_what_is_new() {
    let served = served().await;
    let mut tcp = TcpStream::connect(served.address).await.expect("connected");
    let (host, token) = (served.address, served.session.token.text());
    let request = format!(
        "GET /api/events?filter=path:login HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    tcp.write_all(request.as_bytes()).await.expect("written");
    let mut seen = String::new();
    let mut buffer = [0; 4096];
    while !seen.contains("event: hello") {
        let count = tcp.read(&mut buffer).await.expect("read");
        assert!(count > 0, "{seen}");
        seen += &String::from_utf8_lossy(&buffer[..count]);
    }
    let store = served.session.store.as_ref().expect("a store");
    let (_, flow) = store.first_free();
    import(
        HAR.as_bytes(),
        &**store,
        (crate::flow::ConnectionId(7), crate::flow::FlowId(flow.0 + 7)),
    )
    .expect("imported");
    while !seen.contains("event: flows") {
        let count = tcp.read(&mut buffer).await.expect("read");
        assert!(count > 0, "{seen}");
        seen += &String::from_utf8_lossy(&buffer[..count]);
    }
    assert!(seen.contains("text/event-stream"));
}

#[tokio::test]
async fn an_agent_reads_a_session_redacted() {
    let served = served().await;
    let mcp = Mcp::new(
        served.session.store.as_ref().expect("a store").reader().expect("a reader"),
        Redactor::hiding(),
        None,
    );
    let ask = |messages: &[Value]| {
        let input: String = messages.iter().map(|message| format!("{message}\n")).collect();
        let mut output = Vec::new();
        mcp.run(input.as_bytes(), &mut output).expect("memory");
        let lines = String::from_utf8(output).expect("text");
        lines.lines().map(|line| serde_json::from_str(line).expect(line)).collect::<Vec<Value>>()
    };
    let call = |name: &str, arguments: Value| json!({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":name,"arguments":arguments}});
    let answers = ask(&[
        json!({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}),
        json!({"jsonrpc":"2.0","method":"notifications/initialized"}),
        json!({"jsonrpc":"2.0","id":1,"method":"tools/list"}),
        call("list_flows", json!({"filter":"host:a.test"})),
        call("show_flow", json!({"id":1})),
        call("show_flow", json!({"id":99})),
        call("list_flows", json!({"filter":"("})),
        json!({"jsonrpc":"2.0","id":1,"method":"none"}),
        json!(7),
    ]);
    assert_eq!(answers.len(), 8);
    assert_eq!(answers[0]["result"]["protocolVersion"], "2025-06-18");
    assert!(answers[1]["result"]["tools"].as_array().expect("tools").len() >= 7);
    let shown = answers[3].to_string();
    assert!(shown.contains("zoe") && !shown.contains("SECRET"), "{shown}");
    assert_eq!(answers[4]["result"]["isError"], true);
    assert!(answers[5].to_string().contains("character"), "{}", answers[5]);
    assert_eq!(answers[6]["error"]["code"], -32601);
    assert_eq!(answers[7]["error"]["code"], -32600);
}
