//! What the relay tells the store: connections, handshakes, exchanges, as they happen.
//!
//! The relay only ever speaks [`Event`]s into a [`Recorder`]; the store, the terminal and the live
//! streams only ever read them. An event says a fact once, at the time it happened; nothing in it is
//! changed later.

mod compose;
mod exchange;
mod recorder;
mod tls;

pub use compose::{Composed, Sender, Sending};
pub use exchange::{
    Body, Direction, End, Frame, FrameKind, Header, HttpVersion, Outcome, RequestHead,
    ResponseHead, Statement,
};
pub use recorder::Recorder;
pub use tls::{
    CertificateFact, ClientHelloFacts, HandshakeFacts, Leg, PublicRevocationFacts, TlsFailure,
    VerdictFacts,
};

use std::net::SocketAddr;
use std::time::SystemTime;

use bytes::Bytes;

/// A client's connection to the proxy, unique in one session file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// One exchange (a request and its answer, a WebSocket, a database statement, an opaque stream),
/// unique in one session file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowId(pub u64);

/// A fact, and when it happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// The time by the system's clock.
    pub at: SystemTime,
    /// The fact.
    pub what: What,
}

/// What can happen.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum What {
    /// A client connected.
    Connected {
        /// The connection.
        connection: ConnectionId,
        /// Where the client is.
        client: SocketAddr,
        /// How it asked for its origin.
        entrance: Entrance,
    },
    /// The origin is known, from a CONNECT, a SOCKS request, a URL or the configuration.
    Origin {
        /// The connection.
        connection: ConnectionId,
        /// Host name or address, as the client wrote it.
        host: String,
        /// TCP port.
        port: u16,
        /// The address that was connected to, once it is.
        address: Option<SocketAddr>,
    },
    /// A handshake ended, well or not.
    Handshake {
        /// The connection.
        connection: ConnectionId,
        /// Which of the two.
        leg: Leg,
        /// What it agreed on, or why it failed.
        facts: Box<HandshakeFacts>,
    },
    /// TLS is passed through unread, and why ("on the list", "refused our certificate before", ...).
    PassedBy {
        /// The connection.
        connection: ConnectionId,
        /// The reason, in one line.
        reason: String,
    },
    /// The connection is closed on both sides.
    Disconnected {
        /// The connection.
        connection: ConnectionId,
        /// Bytes that the client sent and received, on the wire.
        bytes: [u64; 2],
        /// What broke it, when it did not end in order.
        fault: Option<String>,
    },
    /// The head of a request; the flow begins.
    Request {
        /// The new flow.
        flow: FlowId,
        /// Its connection.
        connection: ConnectionId,
        /// The head.
        head: Box<RequestHead>,
    },
    /// An informational answer (1xx other than 101).
    Informational {
        /// The flow.
        flow: FlowId,
        /// The head.
        head: Box<ResponseHead>,
    },
    /// The head of the answer.
    Response {
        /// The flow.
        flow: FlowId,
        /// The head.
        head: Box<ResponseHead>,
    },
    /// A piece of a body, as it passed: still compressed when the sender compressed it, without the
    /// transfer's framing (chunks, DATA frames).
    Body(Body),
    /// Trailers after a body.
    Trailers {
        /// The flow.
        flow: FlowId,
        /// The sender.
        direction: Direction,
        /// In their order.
        headers: Vec<Header>,
    },
    /// A WebSocket message, unmasked and inflated.
    Frame(Frame),
    /// A statement to a database, and what came of it.
    Statement(Statement),
    /// Something that the relay did to a flow, or could not do, in one line: a header that it took
    /// away, a rule that it followed, frames that it no longer reads.
    Note {
        /// The flow.
        flow: FlowId,
        /// The line.
        text: String,
    },
    /// Bytes of a connection as its wire carries them, TLS records where it speaks TLS: told only when
    /// the relay was asked to keep them, for a capture that other programs can open.
    Wire {
        /// The connection.
        connection: ConnectionId,
        /// On which of the two.
        leg: Leg,
        /// Towards the origin, or towards the client.
        direction: Direction,
        /// The bytes.
        data: Bytes,
    },
    /// The flow is over.
    End {
        /// The flow.
        flow: FlowId,
        /// How.
        end: End,
    },
}

/// How a client reached the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entrance {
    /// `CONNECT host:port`.
    Connect,
    /// A request with an absolute URL.
    AbsoluteForm,
    /// SOCKS 5.
    Socks5,
    /// The proxy stands for one origin.
    Reverse,
    /// The connection was captured below the program.
    Captured,
    /// None came in: the request was composed here, or is sent again.
    Composed,
}
