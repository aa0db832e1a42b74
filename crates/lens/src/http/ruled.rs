//! What rules make of messages on their way.

use std::sync::Arc;

use bytes::Bytes;

use crate::flow::{Header, RequestHead, ResponseHead};
use crate::intercept::{FlowRecorder, Proxy};
use crate::rules::{Decision, Rules};

/// The rules of one exchange, and the request as the client sent it, which they ask about.
pub(super) struct InForce {
    rules: Arc<Rules>,
    pub(super) head: RequestHead,
}

impl InForce {
    /// `None` where there are no rules: a request costs nothing for them then.
    pub(super) fn of(proxy: &Proxy, head: &RequestHead) -> Option<Self> {
        proxy.rules().map(|rules| Self { rules, head: head.clone() })
    }

    /// Whether an edited request is for another origin.
    pub(super) fn leads_elsewhere(&self, edited: &RequestHead) -> bool {
        (&edited.scheme, &edited.authority) != (&self.head.scheme, &self.head.authority)
    }
}

/// What becomes of a request.
pub(super) enum Request {
    /// It is forwarded, with another head if there is one, at most so many bytes a second.
    On {
        head: Option<Box<RequestHead>>,
        throttle: Option<u64>,
        /// In place of the client's.
        body: Option<Bytes>,
    },
    /// It is answered in the origin's place.
    Answer(Box<ResponseHead>, Bytes),
    /// The connection is closed.
    Block(&'static str),
}

/// What becomes of an answer.
#[derive(Default)]
pub(super) struct Response {
    pub(super) head: Option<ResponseHead>,
    /// In place of the origin's.
    pub(super) body: Option<Bytes>,
    pub(super) throttle: Option<u64>,
    pub(super) abort: bool,
}

/// Asks the rules about a request, and acts before it is forwarded. `body` is the whole
/// body, if it can be held: a breakpoint shows it.
pub(super) async fn request(
    proxy: &Proxy,
    in_force: Option<&InForce>,
    flow: &FlowRecorder,
    body: impl Future<Output = Option<Bytes>>,
) -> Request {
    let Some(InForce { rules, head: told }) = in_force else {
        return Request::On { head: None, throttle: None, body: None };
    };
    let plan = rules.on_request(told);
    for line in plan.by {
        flow.note(line);
    }
    if plan.block {
        return Request::Block("blocked by a rule");
    }
    if let Some(delay) = plan.delay {
        tokio::time::sleep(delay).await;
    }
    if let Some(answer) = plan.answer {
        let (path, version) = (told.path.clone(), told.version);
        let loaded = tokio::task::spawn_blocking(move || answer.load(&path, version)).await;
        return match loaded {
            Ok((head, body)) => Request::Answer(Box::new(head), body),
            Err(_) => Request::Block("the response of a rule could not be read"),
        };
    }
    let mut head = plan.head.map(Box::new);
    let mut replaced = None;
    if plan.hold {
        let shown = head.as_deref().unwrap_or(told).clone();
        let body = body.await;
        let is_held = body.is_some();
        match proxy.holds().request(flow.id(), shown, body).await {
            Decision::Continue => {}
            Decision::Request(edited, body) => {
                if body.is_some() && !is_held {
                    flow.note("the body is too long to be replaced: it is forwarded unchanged");
                }
                replaced = body.filter(|_| is_held);
                let line = format!("{} {}", edited.method, edited.path);
                flow.note(format!("edited at a breakpoint: {line}{}", told_body(&replaced)));
                head = Some(edited);
            }
            Decision::Response(answer, body) => {
                flow.note("answered at a breakpoint");
                return Request::Answer(answer, body.unwrap_or_default());
            }
            Decision::Abort => return Request::Block("closed at a breakpoint"),
        }
    }
    Request::On { head, throttle: plan.throttle, body: replaced }
}

fn told_body(body: &Option<Bytes>) -> String {
    body.as_ref().map(|body| format!(", with a body of {} B", body.len())).unwrap_or_default()
}

/// Records the head of an answer, and asks the rules about it, as about a request.
pub(super) async fn response(
    proxy: &Proxy,
    in_force: Option<&InForce>,
    told: ResponseHead,
    flow: &FlowRecorder,
    body: impl Future<Output = Option<Bytes>>,
) -> Response {
    let Some(InForce { rules, head: request }) = in_force else {
        flow.response(told);
        return Response::default();
    };
    flow.response(told.clone());
    let plan = rules.on_response(request, &told);
    for line in plan.by {
        flow.note(line);
    }
    let mut ruled =
        Response { head: plan.head, body: plan.body, throttle: plan.throttle, abort: false };
    if plan.hold {
        let shown = ruled.head.clone().unwrap_or(told);
        let body = match ruled.body.clone() {
            None => body.await,
            ours => ours,
        };
        match proxy.holds().response(flow.id(), shown, body).await {
            Decision::Response(edited, body) => {
                let status = edited.status;
                flow.note(format!("edited at a breakpoint: {status}{}", told_body(&body)));
                ruled.head = Some(*edited);
                ruled.body = body.or(ruled.body);
            }
            Decision::Abort => ruled.abort = true,
            Decision::Continue | Decision::Request(..) => {}
        }
    }
    ruled
}

/// The head of a request as HTTP/1 has it, for the origin: without what is for a proxy.
pub(super) fn request_bytes(head: &RequestHead) -> Bytes {
    let path = if head.path.is_empty() { "/" } else { &head.path };
    let line = format!("{} {path} HTTP/1.1\r\n", head.method);
    let is_ours = |header: &&Header| {
        let ours = [&b"proxy-connection"[..], b"proxy-authorization"];
        !ours.iter().any(|name| header.name.eq_ignore_ascii_case(name))
    };
    fields(line.as_bytes(), head.headers.iter().filter(is_ours))
}

/// The head of an answer as HTTP/1 has it.
pub(super) fn response_bytes(head: &ResponseHead) -> Bytes {
    let mut line = format!("HTTP/1.1 {} ", head.status).into_bytes();
    line.extend_from_slice(&head.reason);
    line.extend_from_slice(b"\r\n");
    fields(&line, head.headers.iter())
}

fn fields<'a>(line: &[u8], headers: impl Iterator<Item = &'a Header>) -> Bytes {
    let mut bytes = line.to_vec();
    for header in headers {
        bytes.extend_from_slice(&header.name);
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(&header.value);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.into()
}

/// How long a piece of a body takes at so many bytes a second.
pub(super) async fn throttled(bytes: usize, throttle: Option<u64>) {
    if let Some(rate) = throttle.filter(|rate| *rate > 0) {
        tokio::time::sleep(std::time::Duration::from_secs_f64(bytes as f64 / rate as f64)).await;
    }
}
