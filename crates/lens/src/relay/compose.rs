//! Requests that no client sent: they pass like any other, with a client in memory.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::flow::{Composed, Entrance, HttpVersion, What};
use crate::http::{Link, Relay, Upstream, ask_one, ask_two};
use crate::intercept::{ConnectionRecorder, Order, Proxy, Stream, Target};

/// What is on its way between the client in memory and the relay.
const ROOM: usize = 64 * 1024;

/// Sends one, and reads its answer to the end.
pub(super) async fn serve(proxy: Arc<Proxy>, order: Order) {
    let Order { request, began } = order;
    let recorder = proxy.recorder().connection().composing(request.head.repeats, began);
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    recorder.connected(proxy.address().unwrap_or(here), Entrance::Composed);
    let fault = send(proxy, &recorder, request).await.err();
    recorder.record(What::Disconnected { connection: recorder.connection(), bytes: [0, 0], fault });
}

async fn send(
    proxy: Arc<Proxy>,
    recorder: &ConnectionRecorder,
    request: Composed,
) -> Result<(), String> {
    let Composed { head, body } = request;
    let tls = head.scheme == "https";
    let wants_two = head.version == HttpVersion::Http2;
    let target = Target::parse(&head.authority, Some(if tls { 443 } else { 80 }))
        .ok_or("it names no origin")?;
    let protocols: &[&[u8]] = if wants_two { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
    let origin = proxy.reach_by(recorder, &target, tls.then_some(protocols)).await;
    let is_two = wants_two
        && match &origin {
            Ok(origin) => !tls || origin.stream.alpn() == Some(b"h2"),
            Err(_) => true,
        };
    let (ours, client) = tokio::io::duplex(ROOM);
    let client = Stream::memory(client);
    let recorder = recorder.clone();
    let relay = Relay { proxy, recorder, target, tls, host: None, once: true };
    if is_two {
        let serving = relay.serve_two(client, origin);
        return tokio::join!(serving, ask_two(ours, &head, body)).0;
    }
    let upstream = match origin {
        Ok(origin) => Upstream::Origin { link: Link::new(origin.stream), asked: origin.asked },
        Err(refusal) => Upstream::Refused(refusal),
    };
    tokio::join!(relay.serve(client, upstream), ask_one(ours, &head, body)).0.map(drop)
}
