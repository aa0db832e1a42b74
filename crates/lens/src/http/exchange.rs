//! A request and its answer over HTTP/1: two bodies that pass at the same time.

use std::io;

use bytes::Bytes;

use super::body::{self, Framing};
use super::head;
use super::link::{Link, Reader, Writer};
use super::ruled;
use crate::flow::{Direction, HttpVersion, ResponseHead};
use crate::intercept::{FlowRecorder, Proxy};

/// The party that broke an exchange, and how.
#[derive(Debug)]
pub(super) enum Fault {
    Client(String),
    Origin(sealwire::Error),
    /// Its words, where it was not an error of TLS.
    Garbled(String),
    /// No party: it was ended at a breakpoint.
    Ruled,
}

/// How an answer came out.
pub(super) enum Answered {
    /// All of it is passed on. Whether another request may follow.
    Whole { keeps: bool },
    /// The connection switches to another protocol.
    Switched(head::Response),
}

/// What is to be done to an answer's head on its way.
pub(super) struct Manner<'a> {
    pub(super) method: &'a str,
    /// Whether the client keeps the connection open after this.
    pub(super) keeps: bool,
    pub(super) proxy: &'a Proxy,
    /// The rules of this exchange.
    pub(super) in_force: Option<&'a ruled::InForce>,
    /// How many bytes a second each body may have.
    pub(super) throttle: Option<u64>,
}

/// Passes a request's body and its answer on. The request's head goes before, in `head`.
/// `began` says afterwards whether anything of an answer has been passed on.
pub(super) async fn pass(
    client: &mut Link,
    origin: &mut Link,
    head: Bytes,
    framing: Framing,
    manner: &Manner<'_>,
    flow: &FlowRecorder,
    began: &mut bool,
) -> Result<Answered, Fault> {
    let mut answer =
        std::pin::pin!(answer(&mut origin.reader, &mut client.writer, manner, flow, began));
    let mut unwilling = None;
    {
        let request =
            request(&mut client.reader, &mut origin.writer, head, framing, (flow, manner.throttle));
        let mut request = std::pin::pin!(request);
        let mut answered = None;
        loop {
            tokio::select! {
                sent = &mut request => match sent {
                    Ok(()) => break,
                    Err(Fault::Client(why)) => return Err(Fault::Client(why)),
                    // It may have answered before it closed the connection.
                    Err(fault) => { unwilling = Some(fault); break }
                },
                done = &mut answer, if answered.is_none() => match done? {
                    // It needs no more of the request, and says so.
                    done @ (Answered::Whole { keeps: false } | Answered::Switched(_)) => {
                        return Ok(done);
                    }
                    done => answered = Some(done),
                },
            }
        }
        if let Some(answered) = answered {
            return Ok(answered);
        }
    }
    let mut watching = unwilling.is_none();
    loop {
        tokio::select! {
            biased;
            done = &mut answer => return match (done, unwilling) {
                (Err(_), Some(fault)) => Err(fault),
                (done, None) => done,
                (Ok(_), Some(_)) => Ok(Answered::Whole { keeps: false }),
            },
            // What comes now is the next request; its end, or the client's, is passed on.
            ended = watch(&mut client.reader), if watching => {
                watching = false;
                match ended {
                    Ok(()) => origin.writer.end().await.map_err(of_origin)?,
                    Err(error) => return Err(Fault::Client(error.to_string())),
                }
            }
        }
    }
}

/// Reads on until the other side ends.
async fn watch(reader: &mut Reader) -> io::Result<()> {
    const MOST_AHEAD: usize = 64 * 1024;
    loop {
        if reader.buffer.len() >= MOST_AHEAD {
            std::future::pending::<()>().await;
        }
        if reader.fill().await? == 0 {
            return Ok(());
        }
    }
}

async fn request(
    from: &mut Reader,
    to: &mut Writer,
    head: Bytes,
    framing: Framing,
    (flow, throttle): (&FlowRecorder, Option<u64>),
) -> Result<(), Fault> {
    let mut body = body::Reader::new(framing);
    let bodies =
        Passing { from, to, body: &mut body, flow, direction: Direction::Request, throttle };
    bodies.pass(head).await.map_err(|broken| match broken {
        Broken::From(error) => Fault::Client(error.to_string()),
        Broken::Framing(why) => Fault::Client(format!("the body of its request: {why}")),
        Broken::To(error) => of_origin(error),
    })?;
    flow.trailers(Direction::Request, body.trailers());
    Ok(())
}

async fn answer(
    from: &mut Reader,
    to: &mut Writer,
    manner: &Manner<'_>,
    flow: &FlowRecorder,
    began: &mut bool,
) -> Result<Answered, Fault> {
    let of_client = |error: io::Error| Fault::Client(error.to_string());
    let head = loop {
        let head = match next_head(from).await? {
            Ok(head) => head,
            Err(why) => {
                *began = true;
                flow.note(format!("the response is not HTTP/1 ({why}): forwarded without parsing"));
                let mut body = body::Reader::new(Framing::UntilClose);
                let rest = Passing {
                    from,
                    to,
                    body: &mut body,
                    flow,
                    direction: Direction::Response,
                    throttle: None,
                };
                let _ = rest.pass(Bytes::new()).await;
                return Err(Fault::Garbled(format!("its response is not HTTP/1: {why}")));
            }
        };
        if !(100..200).contains(&head.status) || head.status == 101 {
            break head;
        }
        *began = true;
        let raw = head.raw.clone();
        flow.informational(told(head));
        to.write(raw, Bytes::new()).await.map_err(of_client)?;
        to.flush().await.map_err(of_client)?;
    };
    *began = true;
    let switches =
        head.status == 101 || manner.method == "CONNECT" && (200..300).contains(&head.status);
    let framing = Framing::of_response(&head, manner.method).map_err(Fault::Garbled)?;
    let mut body = body::Reader::new(framing);
    let keeps = manner.keeps && !body.ends_with_connection() && keeps(&head);
    let mut raw = on_its_way(&head, manner, flow);
    if switches {
        to.write(raw, Bytes::new()).await.map_err(of_client)?;
        to.flush().await.map_err(of_client)?;
        return Ok(Answered::Switched(head));
    }
    let method_has_body = manner.method != "HEAD";
    let peek = async {
        let held = super::held::one(from, framing).await;
        held.map(|(body, _)| body)
    };
    let ruled = ruled::response(manner.proxy, manner.in_force, told(head), flow, peek).await;
    if ruled.abort {
        return Err(Fault::Ruled);
    }
    if let Some(head) = &ruled.head {
        raw = ruled::response_bytes(head);
    }
    if let Some(body) = ruled.body {
        // What the origin sends in its place is not read, so its connection cannot be reused.
        let body = if method_has_body { body } else { Bytes::new() };
        to.write(raw, body).await.map_err(of_client)?;
        to.flush().await.map_err(of_client)?;
        return Ok(Answered::Whole { keeps: false });
    }
    let throttle = ruled.throttle.or(manner.throttle);
    let passing =
        Passing { from, to, body: &mut body, flow, direction: Direction::Response, throttle };
    passing.pass(raw).await.map_err(|broken| match broken {
        Broken::From(error) => of_origin(error),
        Broken::Framing(why) => Fault::Garbled(format!("the body of its answer: {why}")),
        Broken::To(error) => of_client(error),
    })?;
    flow.trailers(Direction::Response, body.trailers());
    Ok(Answered::Whole { keeps })
}

/// The head of an answer as the client gets it.
fn on_its_way(head: &head::Response, manner: &Manner<'_>, flow: &FlowRecorder) -> Bytes {
    if !manner.proxy.settings().strip_alt_svc
        || head::values(&head.headers, "alt-svc").next().is_none()
    {
        return head.raw.clone();
    }
    flow.note("removed Alt-Svc from the response, so that the client does not switch to QUIC");
    head::edited(&head.raw, None, &|name| name.eq_ignore_ascii_case(b"alt-svc").then(Vec::new))
}

/// The head of an answer, or what is wrong with it.
async fn next_head(from: &mut Reader) -> Result<Result<head::Response, String>, Fault> {
    loop {
        match head::response(&mut from.buffer) {
            Ok(Some(head)) => return Ok(Ok(head)),
            Ok(None) => {}
            Err(why) => return Ok(Err(why)),
        }
        if from.fill_line().await.map_err(of_origin)? == 0 {
            let what = match from.buffer.is_empty() {
                true => "it closed without a response",
                false => "its response head is truncated",
            };
            return Err(of_origin(io::Error::new(io::ErrorKind::UnexpectedEof, what)));
        }
    }
}

fn keeps(head: &head::Response) -> bool {
    match head.version {
        HttpVersion::Http10 => head::has_token(&head.headers, "connection", "keep-alive"),
        _ => !head::has_token(&head.headers, "connection", "close"),
    }
}

pub(super) fn told(head: head::Response) -> ResponseHead {
    ResponseHead {
        version: head.version,
        status: head.status,
        reason: head.reason,
        headers: head.headers,
        raw: head.raw,
    }
}

fn of_origin(error: io::Error) -> Fault {
    Fault::Origin(error.into())
}

/// A body on its way.
struct Passing<'a> {
    from: &'a mut Reader,
    to: &'a mut Writer,
    body: &'a mut body::Reader,
    flow: &'a FlowRecorder,
    direction: Direction,
    throttle: Option<u64>,
}

enum Broken {
    From(io::Error),
    Framing(String),
    To(io::Error),
}

/// The data of a body in a piece of the wire. Those of chunks are joined, so that a peer that sends it
/// byte by byte is not told byte by byte.
fn joined(piece: &Bytes, data: &[std::ops::Range<usize>]) -> Bytes {
    match data {
        [] => Bytes::new(),
        [one] => piece.slice(one.clone()),
        many => many.iter().flat_map(|range| &piece[range.clone()]).copied().collect(),
    }
}

impl Passing<'_> {
    /// Passes `head` and the body behind it on, as it comes.
    async fn pass(self, mut head: Bytes) -> Result<(), Broken> {
        let Self { from, to, body, flow, direction, throttle } = self;
        let mut data = Vec::new();
        loop {
            if !from.buffer.is_empty() && !body.is_done() {
                let count = body
                    .read(&from.buffer, &mut |range| data.push(range))
                    .map_err(Broken::Framing)?;
                let piece = from.buffer.split_to(count).freeze();
                flow.body(direction, joined(&piece, &data));
                data.clear();
                ruled::throttled(piece.len(), throttle).await;
                to.write(std::mem::take(&mut head), piece).await.map_err(Broken::To)?;
            }
            if !head.is_empty() {
                to.write(std::mem::take(&mut head), Bytes::new()).await.map_err(Broken::To)?;
            }
            if body.is_done() {
                return to.flush().await.map_err(Broken::To);
            }
            to.flush().await.map_err(Broken::To)?;
            if from.fill().await.map_err(Broken::From)? == 0 {
                if body.ends_with_connection() {
                    return Ok(());
                }
                let cut = io::Error::new(io::ErrorKind::UnexpectedEof, "it closed before the end");
                return Err(Broken::From(cut));
            }
        }
    }
}
