//! Events folded into rows: what is open now, and what waits for the next transaction.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::head;
use crate::content;
use crate::flow::{
    ConnectionId, Direction, Entrance, Event, FlowId, Frame, HandshakeFacts, Leg, Outcome,
    RequestHead, ResponseHead, Statement, What,
};
use crate::query::{default_port, split_authority};

/// A body longer than this goes into segments; so does a part of this length.
pub(super) const LONG: usize = 64 * 1024;

pub(super) const WEBSOCKET: i64 = 1;
pub(super) const CHANGED: i64 = 2;
pub(super) const REQUEST_DROPPED: i64 = 4;
pub(super) const RESPONSE_DROPPED: i64 = 8;

/// All that is open, and all that waits.
#[derive(Default)]
pub(super) struct Folded {
    /// Boxed: a flow is as long as half a page, and a map moves what is in it.
    pub(super) flows: HashMap<FlowId, Box<OpenFlow>>,
    pub(super) changed: Vec<FlowId>,
    pub(super) connections: Vec<ConnectionChange>,
    pub(super) wire: HashMap<(ConnectionId, Leg), WireState>,
    pub(super) wire_changed: Vec<(ConnectionId, Leg)>,
    /// Bytes of bodies that wait here.
    pub(super) bytes: usize,
    /// The most that is recorded of one body.
    pub(super) longest_body: u64,
    pub(super) newest_connection: u64,
}

/// A flow that is not over.
#[derive(Default)]
pub(super) struct OpenFlow {
    pub(super) is_new: bool,
    pub(super) is_changed: bool,
    pub(super) is_written: bool,
    pub(super) over: bool,
    pub(super) connection: u64,
    pub(super) started: i64,
    pub(super) waited: Option<i64>,
    pub(super) took: Option<i64>,
    pub(super) method: String,
    pub(super) scheme: String,
    pub(super) authority: String,
    pub(super) path: String,
    pub(super) version: &'static str,
    pub(super) status: Option<u16>,
    pub(super) kind: Option<String>,
    pub(super) sizes: [u64; 2],
    pub(super) outcome: i64,
    pub(super) error: Option<String>,
    pub(super) flags: i64,
    pub(super) repeats: Option<u64>,
    pub(super) protocol: Option<String>,
    pub(super) stream: Option<u32>,
    pub(super) reason: Bytes,
    pub(super) heads: [Bytes; 2],
    pub(super) trailers: [Bytes; 2],
    pub(super) informational: String,
    pub(super) notes: String,
    pub(super) bodies: [BodyState; 2],
    pub(super) frames: Vec<(i64, Frame)>,
    pub(super) statements: Vec<(i64, Statement)>,
    pub(super) frames_written: i64,
    pub(super) statements_written: i64,
}

/// One body of an open flow.
#[derive(Default)]
pub(super) struct BodyState {
    /// What waits, and since when.
    pub(super) pending: Vec<u8>,
    pub(super) at: i64,
    /// What lies in parts already.
    pub(super) written: u64,
    pub(super) dropped: u64,
    /// Long parts, which wait for the transaction that files them.
    pub(super) parts: Vec<(i64, Vec<u8>)>,
}

/// The wire of one leg.
#[derive(Default)]
pub(super) struct WireState {
    pub(super) pieces: Vec<(i64, Direction, Bytes)>,
    pub(super) written: i64,
}

pub(super) enum ConnectionChange {
    /// A flow of it is told, and nothing of itself: so it is in a HAR. Its number is taken.
    Named(u64),
    Connected(u64, i64, String, &'static str),
    Origin(u64, String, u16, Option<String>),
    Handshake(u64, Leg, i64, Box<HandshakeFacts>),
    PassedBy(u64, String),
    Disconnected(u64, i64, [u64; 2], Option<String>),
}

impl Folded {
    pub(super) fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.connections.is_empty() && self.wire_changed.is_empty()
    }

    pub(super) fn event(&mut self, event: Event) {
        let at = micros(event.at);
        match event.what {
            What::Connected { connection, client, entrance } => {
                self.newest_connection = self.newest_connection.max(connection.0);
                let (client, entrance) = (client.to_string(), name(entrance));
                let connected = ConnectionChange::Connected(connection.0, at, client, entrance);
                self.connections.push(connected);
            }
            What::Origin { connection, host, port, address } => self.connections.push(
                ConnectionChange::Origin(connection.0, host, port, address.map(|a| a.to_string())),
            ),
            What::Handshake { connection, leg, facts } => {
                self.connections.push(ConnectionChange::Handshake(connection.0, leg, at, facts));
            }
            What::PassedBy { connection, reason } => {
                self.connections.push(ConnectionChange::PassedBy(connection.0, reason));
            }
            What::Disconnected { connection, bytes, fault } => {
                self.connections.push(ConnectionChange::Disconnected(
                    connection.0,
                    at,
                    bytes,
                    fault,
                ));
            }
            What::Wire { connection, leg, direction, data } => {
                self.wire(at, (connection, leg), direction, &data);
            }
            What::Request { flow, connection, head } => {
                self.named(connection);
                self.flow(flow, at, |open| open.request(connection, *head));
            }
            What::Informational { flow, head } => {
                self.flow(flow, at, |open| open.informational(at, &head));
            }
            What::Response { flow, head } => self.flow(flow, at, |open| open.response(at, *head)),
            What::Body(body) => self.body(at, body),
            What::Trailers { flow, direction, headers } => self.flow(flow, at, |open| {
                open.trailers[side(direction)] = head::encode(&Bytes::new(), &headers);
            }),
            What::Frame(frame) => {
                self.bytes += frame.data.len();
                self.flow(frame.flow, at, |open| {
                    open.flags |= WEBSOCKET;
                    open.sizes[side(frame.direction)] += frame.length;
                    // Not a slice of a buffer that is much longer.
                    let data = Bytes::copy_from_slice(&frame.data);
                    open.frames.push((at, Frame { data, ..frame }));
                });
            }
            What::Statement(statement) => {
                self.bytes += statement.text.len();
                self.flow(statement.flow, at, |open| open.statements.push((at, statement)));
            }
            What::Note { flow, text } => self.flow(flow, at, |open| {
                open.flags |= CHANGED;
                line(&mut open.notes, &text);
            }),
            What::End { flow, end } => self.flow(flow, at, |open| {
                open.over = true;
                open.took = Some((at - open.started).max(0));
                open.sizes = end.bodies;
                let (outcome, error) = match end.outcome {
                    Outcome::Complete => (1, None),
                    Outcome::ClientFailed(why) => (2, Some(why)),
                    Outcome::OriginFailed(why) => (3, Some(why)),
                    Outcome::Refused(why) => (4, Some(why)),
                };
                (open.outcome, open.error) = (outcome, error);
            }),
        }
    }

    fn named(&mut self, connection: ConnectionId) {
        if connection.0 > self.newest_connection {
            self.newest_connection = connection.0;
            self.connections.push(ConnectionChange::Named(connection.0));
        }
    }

    /// Bytes of each side that were left out.
    pub(super) fn dropped(&mut self, flow: FlowId, bytes: [u64; 2]) {
        self.flow(flow, 0, |open| {
            for (side, bytes) in bytes.into_iter().enumerate().filter(|(_, bytes)| *bytes > 0) {
                open.dropped(side, bytes);
            }
        });
    }

    fn flow(&mut self, id: FlowId, at: i64, change: impl FnOnce(&mut OpenFlow)) {
        let open = self.flows.entry(id).or_insert_with(|| {
            Box::new(OpenFlow { is_new: true, started: at, version: "", ..OpenFlow::default() })
        });
        if !open.is_changed {
            open.is_changed = true;
            self.changed.push(id);
        }
        change(open);
    }

    fn body(&mut self, at: i64, body: crate::flow::Body) {
        let longest = self.longest_body;
        self.bytes += body.data.len();
        self.flow(body.flow, at, |open| {
            let side = side(body.direction);
            open.sizes[side] += body.data.len() as u64;
            let state = &mut open.bodies[side];
            // A gap must stay visible: after the first, nothing is kept.
            if state.dropped > 0 || state.written + state.pending.len() as u64 >= longest {
                return open.dropped(side, body.data.len() as u64);
            }
            if state.pending.is_empty() {
                state.at = at;
            }
            match state.pending.is_empty() {
                // A short body comes in one piece, which has its own memory.
                true => state.pending = body.data.into(),
                false => state.pending.extend_from_slice(&body.data),
            }
            if state.pending.len() >= LONG {
                state.parts.push((state.at, std::mem::take(&mut state.pending)));
            }
        });
    }

    fn wire(&mut self, at: i64, key: (ConnectionId, Leg), direction: Direction, data: &[u8]) {
        self.bytes += data.len();
        let state = self.wire.entry(key).or_default();
        if state.pieces.is_empty() {
            self.wire_changed.push(key);
        }
        state.pieces.push((at, direction, Bytes::copy_from_slice(data)));
    }
}

impl OpenFlow {
    fn request(&mut self, connection: ConnectionId, head: RequestHead) {
        self.connection = connection.0;
        self.heads[0] = head::encode(&head.raw, &head.headers);
        self.version = head.version.name();
        self.repeats = head.repeats.map(|id| id.0);
        self.stream = head.stream;
        let is_websocket = head.protocol.as_deref() == Some("websocket");
        self.flags |= if is_websocket { WEBSOCKET } else { 0 };
        self.protocol = head.protocol;
        (self.method, self.scheme, self.authority, self.path) =
            (head.method, head.scheme, head.authority, head.path);
    }

    fn response(&mut self, at: i64, head: ResponseHead) {
        self.waited = Some((at - self.started).max(0));
        self.status = Some(head.status);
        self.kind = content::header(&head.headers, "content-type")
            .map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        self.heads[1] = head::encode(&head.raw, &head.headers);
        self.reason = head.reason;
        if head.status == 101
            && content::header(&head.headers, "upgrade")
                .is_some_and(|to| to.eq_ignore_ascii_case("websocket"))
        {
            self.flags |= WEBSOCKET;
        }
    }

    fn informational(&mut self, at: i64, head: &ResponseHead) {
        let mut told = format!("{:.1} ms: {}", (at - self.started) as f64 / 1e3, head.status);
        for header in &head.headers {
            told.push_str(&format!(
                " {}: {};",
                String::from_utf8_lossy(&header.name),
                String::from_utf8_lossy(&header.value)
            ));
        }
        line(&mut self.informational, &told);
    }

    fn dropped(&mut self, side: usize, bytes: u64) {
        self.bodies[side].dropped += bytes;
        self.flags |= [REQUEST_DROPPED, RESPONSE_DROPPED][side];
    }

    /// Host in lower case, and port.
    pub(super) fn host(&self) -> (String, u16) {
        let (host, port) = split_authority(&self.authority);
        (host.to_ascii_lowercase(), port.unwrap_or_else(|| default_port(&self.scheme)))
    }
}

pub(super) fn side(direction: Direction) -> usize {
    match direction {
        Direction::Request => 0,
        Direction::Response => 1,
    }
}

pub(super) fn micros(at: SystemTime) -> i64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as i64)
}

/// The limit on lines of one flow. An origin could send without end.
const MOST_LINES: usize = 64 * 1024;

fn line(to: &mut String, text: &str) {
    const REST: &str = "\n...";
    if to.len() + text.len() > MOST_LINES {
        if !to.ends_with(REST) {
            to.push_str(REST);
        }
        return;
    }
    if !to.is_empty() {
        to.push('\n');
    }
    to.push_str(&text.replace(['\r', '\n'], " "));
}

fn name(entrance: Entrance) -> &'static str {
    match entrance {
        Entrance::Connect => "connect",
        Entrance::AbsoluteForm => "absolute-form",
        Entrance::Socks5 => "socks5",
        Entrance::Reverse => "reverse",
        Entrance::Captured => "captured",
        Entrance::Composed => "composed",
    }
}
