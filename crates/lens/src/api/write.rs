//! What can be changed: requests sent, rules set, what waits decided, HARs imported.

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Method, Request};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Session;
use super::flows::number;
use crate::door::{Answer, body, failure, json as answer};
use crate::export::import;
use crate::flow::{Composed, FlowId, Header, HttpVersion, RequestHead, ResponseHead, Sender};
use crate::rules::{Decision, HeldMessage, Rules};

/// Longest body of a request to the API.
const LONGEST: usize = 64 << 20;

pub(super) async fn change(session: &Session, path: &[&str], request: Request<Incoming>) -> Answer {
    let method = request.method().clone();
    let body = match body(request, LONGEST).await {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    let outcome = match (&method, path) {
        (&Method::POST, ["flows", id, "resend"]) => match number(id) {
            Ok(id) => send(session, Some(id), &body).await,
            Err(answer) => return *answer,
        },
        (&Method::POST, ["compose"]) => send(session, None, &body).await,
        (&Method::PUT, ["rules"]) => rules(session, &body),
        (&Method::POST, ["held", id]) => match number(id) {
            Ok(id) => decide(session, id.cast_unsigned(), &body),
            Err(answer) => return *answer,
        },
        (&Method::POST, ["har"]) => har(session, &body),
        _ => return failure(404, "unknown API path; docs/proxy.md lists them"),
    };
    outcome.map_or_else(|(status, reason)| failure(status, reason), |value| answer(&value))
}

type Outcome = Result<Value, (u16, String)>;

/// A request as the page composes it. What is left out is that of the flow that is sent again.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Written {
    method: Option<String>,
    url: Option<String>,
    headers: Option<Vec<(String, String)>>,
    body: Option<String>,
    /// The body when it is not text.
    base64: Option<String>,
    /// `1.1` or `2`.
    http: Option<String>,
}

async fn send(session: &Session, again: Option<i64>, body: &[u8]) -> Outcome {
    let Some(sender) = &session.sender else {
        return Err((409, "this session is not being recorded: no proxy to send through".into()));
    };
    let composed = compose(session, again, body)?;
    let flow = Sender::send(&**sender, composed).await.map_err(|reason| (502, reason))?;
    Ok(json!({ "flow": flow.0 }))
}

fn compose(session: &Session, again: Option<i64>, body: &[u8]) -> Result<Composed, (u16, String)> {
    let wrong = |reason: &str| (400, reason.to_owned());
    let written: Written = if body.is_empty() {
        Written::default()
    } else {
        serde_json::from_slice(body).map_err(|e| wrong(&e.to_string()))?
    };
    let told = |e: crate::store::StoreError| (500, e.to_string());
    let before = match again {
        Some(id) => {
            let detail = session.reader.detail(id).map_err(told)?;
            Some(detail.ok_or_else(|| (404, "no such flow, or it was removed".to_owned()))?)
        }
        None => None,
    };
    let line = before.as_ref().map(|detail| &detail.summary);
    let url =
        written.url.or_else(|| line.map(|l| format!("{}://{}{}", l.scheme, l.authority, l.path)));
    let url = url.ok_or_else(|| wrong("url is missing"))?;
    let (scheme, rest) =
        url.split_once("://").ok_or_else(|| wrong("url: the scheme is missing"))?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
    if !matches!(scheme, "http" | "https")
        || authority.is_empty()
        || authority.contains('@')
        || !is_plain(rest)
    {
        return Err(wrong("the url must be http:// or https://, with a host, and escaped"));
    }
    let version = match written.http.as_deref().or_else(|| line.map(|l| &l.version[..])) {
        Some("2" | "HTTP/2") => HttpVersion::Http2,
        Some("1.1" | "HTTP/1.1" | "HTTP/1.0") | None => HttpVersion::Http11,
        Some(_) => return Err(wrong("http is 1.1 or 2")),
    };
    let method =
        written.method.or_else(|| line.map(|l| l.method.clone())).unwrap_or_else(|| "GET".into());
    if method.is_empty() || !method.bytes().all(is_token) {
        return Err(wrong("the method is not a token (RFC 9110)"));
    }
    let data = match (written.body, written.base64) {
        (Some(_), Some(_)) => return Err(wrong("either body or base64")),
        (Some(text), None) => Bytes::from(text),
        (None, Some(text)) => {
            use base64ct::{Base64, Encoding};
            Base64::decode_vec(&text).map_err(|_| wrong("invalid base64"))?.into()
        }
        (None, None) => match &before {
            Some(detail) if detail.request.dropped > 0 => {
                return Err((409, "its body was not recorded in full: pass one".to_owned()));
            }
            Some(detail) => {
                session.reader.body(detail.summary.id, false, 0, LONGEST).map_err(told)?.into()
            }
            None => Bytes::new(),
        },
    };
    let mut headers = match written.headers {
        Some(list) => {
            list.into_iter().map(field).collect::<Result<_, _>>().map_err(|e| (400, e))?
        }
        None => before.as_ref().map(|detail| detail.request.headers.clone()).unwrap_or_default(),
    };
    frame(&mut headers, authority, data.len());
    Ok(Composed {
        head: RequestHead {
            version,
            method,
            scheme: scheme.to_owned(),
            authority: authority.to_owned(),
            path: if path.starts_with('/') { path.to_owned() } else { format!("/{path}") },
            headers,
            protocol: None,
            stream: None,
            repeats: again.map(|id| FlowId(id.cast_unsigned())),
            raw: Bytes::new(),
        },
        body: data,
    })
}

fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

fn field((name, value): (String, String)) -> Result<Header, String> {
    if name.is_empty() || !name.bytes().all(is_token) || value.contains(['\r', '\n', '\0']) {
        return Err(format!("{name:?} cannot be a header"));
    }
    Ok(Header { name: name.into(), value: value.into() })
}

/// Host first, and the length of the body as it is.
fn frame(headers: &mut Vec<Header>, authority: &str, length: usize) {
    let own = [
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "upgrade",
        "proxy-connection",
    ];
    headers.retain(|h| !own.iter().any(|own| h.name.eq_ignore_ascii_case(own.as_bytes())));
    let header =
        |name: &'static str, value: String| Header { name: name.into(), value: value.into() };
    headers.insert(0, header("Host", authority.to_owned()));
    if length > 0 {
        headers.push(header("Content-Length", length.to_string()));
    }
}

fn rules(session: &Session, body: &[u8]) -> Outcome {
    if session.sender.is_none() && session.store.is_none() {
        return Err((409, "no proxy is running to follow them".to_owned()));
    }
    let rules = Rules::from_json(body).map_err(|e| (400, e.to_string()))?;
    let json = rules.to_json();
    session.rules.set(rules);
    Ok(json)
}

fn har(session: &Session, body: &[u8]) -> Outcome {
    let Some(store) = &session.store else {
        return Err((
            409,
            "an old session is read-only; seal proxy import creates a new one".into(),
        ));
    };
    // Beyond what the proxy numbers while it runs.
    let far = 1_u64 << 40;
    let (connection, flow) = store.first_free();
    let first = (crate::flow::ConnectionId(connection.0.max(far)), FlowId(flow.0.max(far)));
    let imported = import(body, &**store, first).map_err(|e| (400, e))?;
    Ok(json!({ "flows": imported.flows, "left_out": imported.left_out }))
}

/// The most of a held body that is shown, decoded.
const LONGEST_HELD: usize = 8 << 20;

/// What waits for a decision.
pub(super) fn held(session: &Session) -> Value {
    let one = |held: crate::rules::Held| {
        let fields = |headers: &[Header]| -> Value {
            let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
            headers.iter().map(|h| json!([text(&h.name), text(&h.value)])).collect()
        };
        let mut out = match &held.message {
            HeldMessage::Request(head) => json!({
                "request": { "method": head.method, "url": format!("{}://{}{}", head.scheme, head.authority, head.path), "headers": fields(&head.headers) }
            }),
            HeldMessage::Response(head) => json!({
                "response": { "status": head.status, "headers": fields(&head.headers) }
            }),
        };
        out["id"] = held.id.into();
        out["flow"] = held.flow.0.into();
        let headers = match &held.message {
            HeldMessage::Request(head) => &head.headers,
            HeldMessage::Response(head) => &head.headers,
        };
        let encoding = crate::content::header(headers, "content-encoding");
        let decoded = |body| crate::content::decoded(body, encoding.as_deref(), LONGEST_HELD);
        let body = held.body.as_deref().map(decoded);
        out["text"] = body.as_deref().and_then(crate::content::as_text).into();
        out["has_body"] = held.body.is_some().into();
        out
    };
    session.holds.list().into_iter().map(one).collect()
}

/// What is decided: `continue` with changes, `answer`, `abort`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decided {
    action: String,
    method: Option<String>,
    url: Option<String>,
    status: Option<u16>,
    headers: Option<Vec<(String, String)>>,
    body: Option<String>,
}

fn decide(session: &Session, id: u64, body: &[u8]) -> Outcome {
    let decided: Decided = serde_json::from_slice(body).map_err(|e| (400, e.to_string()))?;
    let held = session.holds.list().into_iter().find(|held| held.id == id);
    let held = held.ok_or_else(|| (404, "this is no longer waiting".to_owned()))?;
    let decision = decision(held.message, decided)?;
    if !session.holds.decide(id, decision) {
        return Err((404, "this is no longer waiting".to_owned()));
    }
    Ok(json!({}))
}

fn decision(message: HeldMessage, decided: Decided) -> Result<Decision, (u16, String)> {
    let wrong = |reason: &str| (400, reason.to_owned());
    let is_changed = decided.method.is_some()
        || decided.url.is_some()
        || decided.status.is_some()
        || decided.headers.is_some()
        || decided.body.is_some();
    let list = |list: Vec<(String, String)>| {
        list.into_iter().map(field).collect::<Result<Vec<_>, _>>().map_err(|e| (400, e))
    };
    let body = decided.body.map(Bytes::from);
    // A body of ours has its own length; one that stays, the framing that it came with.
    let fit = |headers: &mut Vec<Header>, before: Vec<Header>| {
        let framing = [&b"content-length"[..], b"transfer-encoding"];
        let frames = |h: &Header| framing.iter().any(|name| h.name.eq_ignore_ascii_case(name));
        headers.retain(|h| !frames(h));
        match &body {
            Some(body) => {
                headers.retain(|h| !h.name.eq_ignore_ascii_case(b"content-encoding"));
                let value = body.len().to_string().into();
                headers.push(Header { name: "content-length".into(), value });
            }
            None => headers.extend(before.into_iter().filter(frames)),
        }
    };
    let status = decided.status.filter(|s| (200..=599).contains(s));
    if decided.status.is_some() && status.is_none() {
        return Err(wrong("the status must be 200 to 599"));
    }
    Ok(match (decided.action.as_str(), message) {
        ("abort", _) => Decision::Abort,
        ("continue", _) if !is_changed => Decision::Continue,
        ("continue", HeldMessage::Request(mut head)) => {
            if let Some(method) = decided.method {
                if method.is_empty() || !method.bytes().all(is_token) {
                    return Err(wrong("the method is not a token (RFC 9110)"));
                }
                head.method = method;
            }
            if let Some(url) = decided.url {
                let rest = url.split_once("://").filter(|(scheme, _)| *scheme == head.scheme);
                let (_, rest) = rest.ok_or_else(|| wrong("a held request keeps its scheme"))?;
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                if authority != head.authority || !path.bytes().all(|b| b.is_ascii_graphic()) {
                    return Err(wrong("a held request keeps its host; send a new one instead"));
                }
                head.path = if path.is_empty() { "/".to_owned() } else { path.to_owned() };
            }
            let before = head.headers.clone();
            if let Some(headers) = decided.headers {
                head.headers = list(headers)?;
            }
            fit(&mut head.headers, before);
            head.raw = Bytes::new();
            Decision::Request(head, body)
        }
        ("continue", HeldMessage::Response(mut head)) => {
            if let Some(status) = status {
                (head.status, head.reason) = (status, Bytes::new());
            }
            let before = head.headers.clone();
            if let Some(headers) = decided.headers {
                head.headers = list(headers)?;
            }
            fit(&mut head.headers, before);
            head.raw = Bytes::new();
            Decision::Response(head, body)
        }
        ("answer", HeldMessage::Request(head)) => {
            let body = body.clone().unwrap_or_default();
            let mut headers = list(decided.headers.unwrap_or_default())?;
            let gone = [&b"content-length"[..], b"transfer-encoding"];
            headers.retain(|h| !gone.iter().any(|gone| h.name.eq_ignore_ascii_case(gone)));
            let value = body.len().to_string().into();
            headers.push(Header { name: "content-length".into(), value });
            let (version, status) = (head.version, status.unwrap_or(200));
            let (reason, raw) = (Bytes::new(), Bytes::new());
            let head = ResponseHead { version, status, reason, headers, raw };
            Decision::Response(Box::new(head), Some(body))
        }
        _ => return Err(wrong("action must be continue, abort or (of a request) answer")),
    })
}
