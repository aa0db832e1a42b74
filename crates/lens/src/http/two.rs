//! A client that speaks HTTP/2, and an origin that does: each stream passes by itself.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::ext::Protocol;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::allowance::Allowance;
use super::begin::{Connection, open};
use super::held::{self, Ahead};
use super::paced::Paced;
use super::websocket::{Deflate, Listener};
use super::{Relay, ruled};
use crate::flow::{Direction, Header, HttpVersion, Outcome, RequestHead, ResponseHead};
use crate::intercept::tls::Origin;
use crate::intercept::{ConnectionRecorder, FlowRecorder, Proxy, Refusal, Stream, Target};

/// How much a side may send before it is passed on.
pub(super) const STREAM_WINDOW: u32 = 256 * 1024;
pub(super) const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// How many streams a client may have open when the origin does not say.
const MOST_STREAMS: u32 = 256;
pub(super) const MOST_HEADERS: u32 = 256 * 1024;
/// Informational answers of one request: no window holds them back, so that they wait in memory for a client
/// that does not read.
const EARLY_AT_ONCE: u64 = 256;
const EARLY_PER_SECOND: u64 = 16;

impl Relay {
    /// Serves a client over HTTP/2.
    ///
    /// # Errors
    /// Why it broke, in a line.
    pub(crate) async fn serve_two(
        self,
        client: Stream,
        origin: Result<Origin, Refusal>,
    ) -> Result<(), String> {
        let Self { proxy, recorder, target, tls, host, once: _ } = self;
        let scheme = if tls { "https" } else { "http" };
        let streams = Streams { proxy, recorder, target, host, scheme };
        let Origin { stream, asked } = match origin {
            Ok(origin) => origin,
            Err(refusal) => return streams.refuse_all(client, refusal).await,
        };
        match open(stream).await {
            Ok((send, origin)) => streams.between(client, send, origin).await,
            Err(error) => match Refusal::before_answer(&streams.target, &error, asked.as_deref()) {
                Some(refusal) => streams.refuse_all(client, refusal).await,
                None => Err(format!("the origin: {error}")),
            },
        }
    }
}

/// The streams of one client's connection.
#[derive(Clone)]
struct Streams {
    proxy: Arc<Proxy>,
    recorder: ConnectionRecorder,
    target: Target,
    host: Option<String>,
    scheme: &'static str,
}

impl Streams {
    async fn between(
        self,
        client: Stream,
        send: SendRequest<Bytes>,
        origin: Connection,
    ) -> Result<(), String> {
        let mut builder = builder();
        if send.is_extended_connect_protocol_enabled() {
            builder.enable_connect_protocol();
        }
        let most = u32::try_from(send.current_max_send_streams()).unwrap_or(u32::MAX);
        builder.max_concurrent_streams(most.min(MOST_STREAMS));
        let mut client =
            builder.handshake::<_, Bytes>(Paced::client(client)).await.map_err(of_client)?;
        let (closed, origin_closed) = watch::channel(None);
        let driving = tokio::spawn(async move {
            let ended = origin.await;
            let _ = closed.send(Some(ended.err().map(|error| error.to_string())));
        });
        let mut streams = JoinSet::new();
        let mut waits_for_origin = origin_closed.clone();
        let mut draining = false;
        let outcome = loop {
            tokio::select! {
                accepted = client.accept() => match accepted {
                    Some(Ok((request, respond))) => {
                        let (relay, send) = (self.clone(), send.clone());
                        streams.spawn(relay.stream(request, respond, send));
                    }
                    Some(Err(error)) => break Err(error),
                    None => break Ok(()),
                },
                _ = waits_for_origin.changed(), if !draining => {
                    draining = true;
                    client.graceful_shutdown();
                }
                Some(_) = streams.join_next() => {}
            }
        };
        drop(send);
        let mut has_all = true;
        while let Some(stream) = streams.join_next().await {
            has_all &= stream.unwrap_or(false);
        }
        driving.abort();
        let outcome = match outcome {
            Err(error) if has_all => between_requests(error),
            outcome => outcome.map_err(of_client),
        };
        let of_origin = origin_closed.borrow().clone();
        match (outcome, of_origin) {
            (Ok(()), Some(Some(why))) => Err(format!("the origin: {why}")),
            (outcome, _) => outcome,
        }
    }

    /// One stream; whether the client took part to its end.
    async fn stream(
        self,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
        send: SendRequest<Bytes>,
    ) -> bool {
        let (parts, mut body) = request.into_parts();
        let told = self.told(&parts, respond.stream_id().as_u32());
        let in_force = ruled::InForce::of(&self.proxy, &told);
        let flow = self.recorder.request(told);
        let mut ahead = Ahead::default();
        let peek = held::two(&mut body, &mut ahead);
        let (ruled, throttle) =
            match ruled::request(&self.proxy, in_force.as_ref(), &flow, peek).await {
                ruled::Request::On { head, throttle, body: None } => (head, throttle),
                ruled::Request::On { head, throttle, body: Some(body) } => {
                    for was in std::mem::take(&mut ahead.pieces) {
                        flow.body(Direction::Request, was);
                    }
                    ahead = Ahead::instead(body);
                    (head, throttle)
                }
                ruled::Request::Answer(answer, page) => {
                    self.answer_by_rule(&mut respond, &answer, page, &flow);
                    flow.end(Outcome::Complete);
                    return true;
                }
                ruled::Request::Block(why) => {
                    respond.send_reset(Reason::CANCEL);
                    flow.end(Outcome::Refused(why.to_owned()));
                    return true;
                }
            };
        let is_websocket =
            parts.extensions.get::<Protocol>().is_some_and(|p| p.as_str() == "websocket");
        let mut outgoing = self.on_its_way(parts);
        if let (Some(ruled), Some(in_force)) = (&ruled, &in_force) {
            if in_force.leads_elsewhere(ruled) {
                flow.note("an HTTP/2 request cannot be sent elsewhere: it stays with its origin");
            }
            edit(&mut outgoing, &in_force.head, ruled);
        }
        let ends = match ahead.replaces {
            true => ahead.pieces.iter().all(Bytes::is_empty),
            false => body.is_end_stream() && ahead.pieces.is_empty(),
        };
        let sent = async {
            let mut send = send.ready().await?;
            send.send_request(outgoing, ends)
        };
        let (answer, mut upload) = match sent.await {
            Ok(sent) => sent,
            Err(error) => {
                respond.send_reset(error.reason().unwrap_or(Reason::REFUSED_STREAM));
                flow.end(Outcome::OriginFailed(error.to_string()));
                return true;
            }
        };
        let (agreed, deflate) = watch::channel(Deflate::Off);
        let uploading = async {
            if ends {
                return Ok(());
            }
            let listener = is_websocket.then_some((Direction::Request, deflate));
            let manner = (listener, throttle);
            match pass(ahead, &mut body, &mut upload, &flow, Direction::Request, manner).await {
                Err(Broken::From(error)) => {
                    upload.send_reset(error.reason().unwrap_or(Reason::CANCEL));
                    Err(Ended::ByClient(error.to_string()))
                }
                // An origin that wants no more may have answered all the same.
                Err(Broken::To(_)) | Ok(()) => Ok(()),
            }
        };
        let listener = is_websocket.then_some(agreed);
        let downloading = async {
            let answered = self
                .answer(answer, &mut respond, (&flow, in_force.as_ref(), throttle), listener)
                .await;
            answered.map_err(|broken| match broken {
                Broken::From(error) => Ended::ByOrigin(error),
                Broken::To(why) => Ended::ByClient(why),
            })
        };
        let ended = tokio::try_join!(uploading, downloading);
        let took_part = !matches!(ended, Err(Ended::ByClient(_)));
        match ended {
            Ok(_) => flow.end(Outcome::Complete),
            Err(Ended::ByOrigin(error)) => {
                respond.send_reset(error.reason().unwrap_or(Reason::INTERNAL_ERROR));
                flow.end(Outcome::OriginFailed(error.to_string()));
            }
            Err(Ended::ByClient(why)) => {
                respond.send_reset(Reason::CANCEL);
                upload.send_reset(Reason::CANCEL);
                flow.end(Outcome::ClientFailed(why));
            }
        }
        took_part
    }

    /// Passes 1xx, the answer and its body on.
    async fn answer(
        &self,
        mut answer: h2::client::ResponseFuture,
        respond: &mut SendResponse<Bytes>,
        (flow, in_force, throttle): (&FlowRecorder, Option<&ruled::InForce>, Option<u64>),
        agreed: Option<watch::Sender<Deflate>>,
    ) -> Result<(), Broken> {
        let gone = |why: &str| Broken::To(why.to_owned());
        let mut early_answers = Allowance::new(EARLY_AT_ONCE, EARLY_PER_SECOND);
        let head = loop {
            let next = poll_fn(|cx| {
                if respond.poll_reset(cx).is_ready() {
                    return Poll::Ready(Came::Reset);
                }
                if let Poll::Ready(Some(early)) = answer.poll_informational(cx) {
                    return Poll::Ready(Came::Early(early));
                }
                Pin::new(&mut answer).poll(cx).map(Came::Answer)
            });
            match next.await {
                Came::Reset => return Err(gone("it cancelled the request")),
                Came::Early(Ok(_)) if !early_answers.take() => {
                    flow.note(
                        "the origin sent too many informational responses: the stream was reset",
                    );
                    return Err(Broken::From(Reason::ENHANCE_YOUR_CALM.into()));
                }
                Came::Early(Ok(early)) => {
                    flow.informational(told(early.status(), early.headers()));
                    respond.send_informational(early).map_err(|e| gone(&e.to_string()))?;
                }
                Came::Early(Err(error)) | Came::Answer(Err(error)) => {
                    return Err(Broken::From(error));
                }
                Came::Answer(Ok(head)) => break head,
            }
        };
        let (mut parts, mut body) = head.into_parts();
        let shown = told(parts.status, &parts.headers);
        let mut ahead = Ahead::default();
        let peek = held::two(&mut body, &mut ahead);
        let ruled = ruled::response(&self.proxy, in_force, shown, flow, peek).await;
        if ruled.abort {
            return Err(gone("closed at a breakpoint"));
        }
        if let Some(head) = &ruled.head {
            parts.status = http::StatusCode::from_u16(head.status).unwrap_or(parts.status);
            parts.headers = header_map(&head.headers);
        }
        if let Some(page) = ruled.body {
            let answer = Response::from_parts(parts, ());
            let mut to = respond.send_response(answer, false).map_err(|e| gone(&e.to_string()))?;
            return to.send_data(page, true).map_err(|e| gone(&e.to_string()));
        }
        let throttle = ruled.throttle.or(throttle);
        if self.proxy.settings().strip_alt_svc && parts.headers.remove("alt-svc").is_some() {
            flow.note(
                "removed Alt-Svc from the response, so that the client does not switch to QUIC",
            );
        }
        let listener = agreed.filter(|_| parts.status.is_success()).map(|agreed| {
            let _ = agreed.send(Deflate::of(&fields(&parts.headers)));
            (Direction::Response, agreed.subscribe())
        });
        let ends = body.is_end_stream() && ahead.pieces.is_empty();
        let mut to = respond
            .send_response(Response::from_parts(parts, ()), ends)
            .map_err(|e| gone(&e.to_string()))?;
        if ends {
            return Ok(());
        }
        let passed =
            pass(ahead, &mut body, &mut to, flow, Direction::Response, (listener, throttle)).await;
        if let Err(Broken::From(error)) = &passed {
            to.send_reset(error.reason().unwrap_or(Reason::INTERNAL_ERROR));
        }
        passed
    }

    /// Answers in the origin's place, as a rule says.
    fn answer_by_rule(
        &self,
        respond: &mut SendResponse<Bytes>,
        answer: &ResponseHead,
        page: Bytes,
        flow: &FlowRecorder,
    ) {
        flow.response(answer.clone());
        flow.body(Direction::Response, page.clone());
        let mut head = Response::new(());
        *head.status_mut() = http::StatusCode::from_u16(answer.status).unwrap_or_default();
        *head.headers_mut() = header_map(&answer.headers);
        // A client that is gone does not get it.
        if let Ok(mut to) = respond.send_response(head, false) {
            let _ = to.send_data(page, true);
        }
    }

    /// The request as the origin gets it.
    fn on_its_way(&self, mut parts: http::request::Parts) -> Request<()> {
        parts.version = http::Version::HTTP_2;
        let host = self.host.clone();
        let written = host.is_some();
        let host = host.or_else(|| match parts.uri.authority() {
            Some(_) => None,
            None => Some(self.target.authority(if self.scheme == "https" { 443 } else { 80 })),
        });
        if let Some(host) = host {
            let mut uri = std::mem::take(&mut parts.uri).into_parts();
            uri.authority = host.parse().ok().or(uri.authority);
            if uri.path_and_query.is_some() && uri.scheme.is_none() || written {
                uri.scheme = self.scheme.parse().ok();
            }
            parts.uri = http::Uri::from_parts(uri).unwrap_or_default();
            if written {
                parts.headers.remove(http::header::HOST);
            }
        }
        Request::from_parts(parts, ())
    }

    fn told(&self, parts: &http::request::Parts, stream: u32) -> RequestHead {
        let protocol = parts.extensions.get::<Protocol>().map(|p| p.as_str().to_owned());
        let is_websocket = protocol.as_deref() == Some("websocket");
        let scheme = match (is_websocket, self.scheme) {
            (true, "https") => "wss",
            (true, _) => "ws",
            (false, scheme) => scheme,
        };
        let authority = match parts.uri.authority() {
            Some(authority) if self.host.is_none() => authority.to_string(),
            _ => self.target.authority(if self.scheme == "https" { 443 } else { 80 }),
        };
        RequestHead {
            version: HttpVersion::Http2,
            method: parts.method.to_string(),
            scheme: scheme.to_owned(),
            authority,
            path: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            headers: fields(&parts.headers),
            protocol,
            stream: Some(stream),
            repeats: None,
            raw: Bytes::new(),
        }
    }

    /// Answers every request with why there is no origin.
    async fn refuse_all(self, client: Stream, refusal: Refusal) -> Result<(), String> {
        let mut client =
            builder().handshake::<_, Bytes>(Paced::client(client)).await.map_err(of_client)?;
        while let Some(accepted) = client.accept().await {
            let (request, mut respond) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => return between_requests(error),
            };
            let (parts, _) = request.into_parts();
            let flow = self.recorder.request(self.told(&parts, respond.stream_id().as_u32()));
            let accept = parts.headers.get_all("accept");
            let html = accept.iter().any(|v| v.to_str().is_ok_and(|v| v.contains("text/html")));
            let (kind, page) = refusal.page(html);
            let answer = Response::builder()
                .status(502)
                .header("content-type", kind)
                .header("cache-control", "no-store")
                .header("x-content-type-options", "nosniff")
                .body(());
            if let Ok(answer) = answer {
                flow.response(told(answer.status(), answer.headers()));
                flow.note("this answer is the proxy's own");
                flow.body(Direction::Response, page.clone());
                if let Ok(mut to) = respond.send_response(answer, false) {
                    let _ = to.send_data(page, true);
                }
            }
            flow.end(Outcome::OriginFailed(refusal.line()));
        }
        Ok(())
    }
}

enum Came {
    Reset,
    Early(Result<Response<()>, h2::Error>),
    Answer(Result<Response<RecvStream>, h2::Error>),
}

/// The side that reset a stream.
enum Ended {
    ByClient(String),
    ByOrigin(h2::Error),
}

pub(super) enum Broken {
    From(h2::Error),
    To(String),
}

/// Passes a body and its trailers on, first what was taken of it `ahead`. What has been passed on makes
/// room for more.
async fn pass(
    mut ahead: Ahead,
    from: &mut RecvStream,
    to: &mut SendStream<Bytes>,
    flow: &FlowRecorder,
    direction: Direction,
    (websocket, throttle): (Option<(Direction, watch::Receiver<Deflate>)>, Option<u64>),
) -> Result<(), Broken> {
    let mut listener = None;
    loop {
        let next = poll_fn(|cx| {
            if let Poll::Ready(reset) = to.poll_reset(cx) {
                return Poll::Ready(Err(reset));
            }
            match ahead.pieces.pop_front() {
                Some(piece) => Poll::Ready(Ok(Some(Ok((piece, true))))),
                None if ahead.replaces => Poll::Ready(Ok(None)),
                None => from.poll_data(cx).map_ok(|piece| (piece, false)).map(Ok),
            }
        });
        let (data, was_ahead) = match next.await {
            Ok(Some(Ok(data))) => data,
            Ok(Some(Err(error))) => return Err(Broken::From(error)),
            Ok(None) => break,
            Err(Ok(reason)) => return Err(Broken::To(format!("it reset the stream: {reason}"))),
            Err(Err(error)) => return Err(Broken::To(error.to_string())),
        };
        match &websocket {
            None if ahead.replaces => {}
            None => flow.body(direction, data.clone()),
            Some((direction, deflate)) => listener
                .get_or_insert_with(|| Listener::new(*direction, *deflate.borrow()))
                .hear(&data, flow),
        }
        let count = data.len();
        ruled::throttled(count, throttle).await;
        let ends = ahead.pieces.is_empty() && (ahead.replaces || from.is_end_stream());
        send(to, data, ends).await?;
        if !was_ahead {
            let _ = from.flow_control().release_capacity(count);
        }
        if ends {
            return Ok(());
        }
    }
    let ended = match from.trailers().await {
        Ok(Some(trailers)) => {
            flow.trailers(direction, fields(&trailers));
            to.send_trailers(trailers)
        }
        Ok(None) => to.send_data(Bytes::new(), true),
        Err(error) => return Err(Broken::From(error)),
    };
    ended.map_err(|error| Broken::To(error.to_string()))
}

/// Sends `data` as fast as the other side takes it. An empty frame that ends nothing says nothing, and no
/// window would hold it back.
pub(super) async fn send(
    to: &mut SendStream<Bytes>,
    mut data: Bytes,
    ends: bool,
) -> Result<(), Broken> {
    let broken = |error: h2::Error| Broken::To(error.to_string());
    if data.is_empty() && !ends {
        return Ok(());
    }
    if data.is_empty() {
        return to.send_data(data, ends).map_err(broken);
    }
    while !data.is_empty() {
        to.reserve_capacity(data.len());
        match poll_fn(|cx| to.poll_capacity(cx)).await {
            Some(Ok(room)) => {
                let piece = data.split_to(room.min(data.len()));
                to.send_data(piece, ends && data.is_empty()).map_err(broken)?;
            }
            Some(Err(error)) => return Err(broken(error)),
            None => return Err(Broken::To("it closed the stream".to_owned())),
        }
    }
    Ok(())
}

fn builder() -> h2::server::Builder {
    let mut builder = h2::server::Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(MOST_HEADERS)
        .max_concurrent_streams(MOST_STREAMS);
    builder
}

fn told(status: http::StatusCode, headers: &HeaderMap) -> ResponseHead {
    ResponseHead {
        version: HttpVersion::Http2,
        status: status.as_u16(),
        reason: Bytes::new(),
        headers: fields(headers),
        raw: Bytes::new(),
    }
}

/// The head of a request as it was edited: its method, its path and its fields.
fn edit(request: &mut Request<()>, told: &RequestHead, edited: &RequestHead) {
    if let Ok(method) = edited.method.parse() {
        *request.method_mut() = method;
    }
    if edited.path != told.path
        && let Ok(path) = edited.path.parse()
    {
        let mut uri = std::mem::take(request.uri_mut()).into_parts();
        uri.path_and_query = Some(path);
        *request.uri_mut() = http::Uri::from_parts(uri).unwrap_or_default();
    }
    *request.headers_mut() = header_map(&edited.headers);
}

/// Fields that HTTP/2 takes; those about the connection are HTTP/1's.
pub(super) fn header_map(headers: &[Header]) -> HeaderMap {
    const OF_ONE: [&str; 5] =
        ["connection", "host", "transfer-encoding", "keep-alive", "proxy-connection"];
    let mut map = HeaderMap::with_capacity(headers.len());
    for header in headers {
        let name = http::HeaderName::from_bytes(&header.name);
        let value = http::HeaderValue::from_bytes(&header.value);
        if let (Ok(name), Ok(value)) = (name, value)
            && !OF_ONE.contains(&name.as_str())
        {
            map.append(name, value);
        }
    }
    map
}

fn fields(headers: &HeaderMap) -> Vec<Header> {
    let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| Header {
        name: Bytes::copy_from_slice(name.as_str().as_bytes()),
        value: Bytes::copy_from_slice(value.as_bytes()),
    };
    headers.iter().map(field).collect()
}

/// A client that has all its answers may hang up without a word: curl's end of HTTP/2 is a reset where what
/// the proxy has sent last is unread.
fn between_requests(error: h2::Error) -> Result<(), String> {
    if error.is_io() { Ok(()) } else { Err(of_client(error)) }
}

fn of_client(error: h2::Error) -> String {
    format!("the client: {error}")
}
