//! Requests that no client sent: they pass, and are told, like any other.

use bytes::Bytes;
use sealwire_lens::flow::{
    Composed, Direction, Entrance, FlowId, Header, HttpVersion, Outcome, RequestHead, Sender, What,
};
use sealwire_lens::rules::{Rule, Rules};
use sealwire_testing::installed;

use crate::origins::{BOTH, Program, before};
use crate::support::Running;

fn composed(url: &str, version: HttpVersion, body: &'static str) -> Composed {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (authority, path) = rest.split_at(rest.find('/').unwrap());
    let header = |name: &'static str, value: String| Header {
        name: Bytes::from_static(name.as_bytes()),
        value: value.into(),
    };
    let mut headers = vec![header("Host", authority.to_owned()), header("X-Case", "Kept".into())];
    if !body.is_empty() {
        headers.push(header("Content-Length", body.len().to_string()));
    }
    let head = RequestHead {
        version,
        method: if body.is_empty() { "GET" } else { "POST" }.to_owned(),
        scheme: scheme.to_owned(),
        authority: authority.to_owned(),
        path: path.to_owned(),
        headers,
        protocol: None,
        stream: None,
        repeats: Some(FlowId(7)),
        raw: Bytes::new(),
    };
    Composed { head, body: Bytes::from_static(body.as_bytes()) }
}

/// Sends it; what was told of its flow: the head, the status, the answer's body, the end.
async fn sent(proxy: &Running, request: Composed) -> (RequestHead, Option<u16>, String, Outcome) {
    let flow = Sender::send(&*proxy.proxy, request).await.unwrap();
    let outcome = proxy
        .memory
        .told(move |events| {
            events.iter().find_map(|event| match &event.what {
                What::End { flow: of, end } if *of == flow => Some(end.outcome.clone()),
                _ => None,
            })
        })
        .await;
    let (mut request, mut status, mut answer) = (None, None, Vec::new());
    for event in proxy.memory.all() {
        match event.what {
            What::Request { flow: of, head, .. } if of == flow => request = Some(*head),
            What::Response { flow: of, head } if of == flow => status = Some(head.status),
            What::Body(body) if body.flow == flow && body.direction == Direction::Response => {
                answer.extend_from_slice(&body.data);
            }
            _ => {}
        }
    }
    (request.unwrap(), status, String::from_utf8(answer).unwrap(), outcome)
}

async fn origin() -> (Running, Program, String) {
    let (proxy, origin) = before(BOTH, |_| {}).await;
    let at = format!("https://localhost:{}", origin.port);
    (proxy, origin, at)
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_sent_in_the_version_that_is_asked_for() {
    if !installed("node") {
        return;
    }
    let (proxy, _origin, at) = origin().await;
    let long: &str = Box::leak("x".repeat(300_000).into_boxed_str());
    for (version, body, expected) in [
        (HttpVersion::Http11, "", "GET /a 0".to_owned()),
        (HttpVersion::Http2, "", "GET /a 0".to_owned()),
        (HttpVersion::Http11, "12345", "POST /a 5".to_owned()),
        (HttpVersion::Http2, "12345", "POST /a 5".to_owned()),
        (HttpVersion::Http11, long, format!("POST /a {}", long.len())),
        (HttpVersion::Http2, long, format!("POST /a {}", long.len())),
    ] {
        let (head, status, answer, outcome) =
            sent(&proxy, composed(&format!("{at}/a"), version, body)).await;
        assert_eq!((status, &answer), (Some(200), &expected), "{version:?}");
        assert!(matches!(outcome, Outcome::Complete), "{outcome:?}");
        assert_eq!((head.version, head.repeats), (version, Some(FlowId(7))));
        assert_eq!((head.scheme.as_str(), head.path.as_str()), ("https", "/a"));
        assert!(head.headers.iter().any(|h| h.name.eq_ignore_ascii_case(b"x-case")));
        if version == HttpVersion::Http11 {
            assert!(head.raw.starts_with(format!("{} /a HTTP/1.1\r\n", head.method).as_bytes()));
        }
    }
    let told = proxy.memory.all();
    let entrances = told
        .iter()
        .filter(|event| matches!(event.what, What::Connected { entrance: Entrance::Composed, .. }));
    assert_eq!(entrances.count(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_and_failures_meet_them_too() {
    if !installed("node") {
        return;
    }
    let (proxy, _origin, at) = origin().await;
    let rule = Rule::from_line("path:/ruled => status = 418, body = 'short'").unwrap();
    proxy.proxy.set_rules(Rules::new(vec![rule]));
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for version in [HttpVersion::Http11, HttpVersion::Http2] {
        let (_, status, answer, outcome) =
            sent(&proxy, composed(&format!("{at}/ruled"), version, "")).await;
        assert_eq!((status, answer.as_str()), (Some(418), "short"), "{version:?}");
        assert!(matches!(outcome, Outcome::Complete), "{outcome:?}");
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{nobody}/");
            let (head, status, _, outcome) = sent(&proxy, composed(&url, version, "")).await;
            assert_eq!((head.scheme.as_str(), status), (scheme, Some(502)), "{version:?}");
            let Outcome::OriginFailed(why) = outcome else { panic!("{outcome:?}") };
            assert!(why.contains("nothing listens there"), "{why}");
        }
    }
    for url in ["ws://a.test/", "http://a b/"] {
        let refused = Sender::send(&*proxy.proxy, composed(url, HttpVersion::Http11, "")).await;
        assert!(refused.is_err(), "{url}");
    }
}
