//! One exchange: heads, bodies, frames, statements and its end.

use bytes::Bytes;

use super::FlowId;

/// A header field as it was on the wire: case and order kept, bytes not checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name.
    pub name: Bytes,
    /// The value, without the white space around it.
    pub value: Bytes,
}

/// The version that a message was sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpVersion {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
    /// HTTP/2
    Http2,
}

/// The head of a request.
#[derive(Clone, Debug)]
pub struct RequestHead {
    /// The version.
    pub version: HttpVersion,
    /// The method, any token.
    pub method: String,
    /// `http`, `https`, `ws`, `wss`, or the name of another protocol (`postgres`, `mysql`, `smtp`, `tls`).
    pub scheme: String,
    /// Host and, where it is not the scheme's own, port.
    pub authority: String,
    /// Path and query as they were on the wire; empty where the protocol has no path.
    pub path: String,
    /// Header fields without HTTP/2's pseudo-headers.
    pub headers: Vec<Header>,
    /// The `:protocol` of an extended CONNECT (RFC 8441).
    pub protocol: Option<String>,
    /// The stream in HTTP/2.
    pub stream: Option<u32>,
    /// The flow that this one repeats or edits.
    pub repeats: Option<FlowId>,
    /// The bytes of the head as the wire carried them, before encryption; empty in HTTP/2.
    pub raw: Bytes,
}

/// The head of an answer.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// The version.
    pub version: HttpVersion,
    /// The status code.
    pub status: u16,
    /// The reason phrase of HTTP/1.
    pub reason: Bytes,
    /// Header fields without HTTP/2's pseudo-headers.
    pub headers: Vec<Header>,
    /// The bytes of the head as the wire carried them, before encryption; empty in HTTP/2.
    pub raw: Bytes,
}

/// The direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the origin.
    Request,
    /// From the origin to the client.
    Response,
}

/// A piece of a body.
#[derive(Clone, Debug)]
pub struct Body {
    /// The flow.
    pub flow: FlowId,
    /// The sender.
    pub direction: Direction,
    /// The bytes; long pieces are shared with the relay, not copied.
    pub data: Bytes,
}

/// A message of a WebSocket.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The flow of the upgrade.
    pub flow: FlowId,
    /// The sender.
    pub direction: Direction,
    /// What it is.
    pub kind: FrameKind,
    /// Its data, unmasked and inflated; cut where it is longer than is kept.
    pub data: Bytes,
    /// Its length when not cut.
    pub length: u64,
}

/// The kinds of WebSocket messages (RFC 6455, 11.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
    /// Ping.
    Ping,
    /// Pong.
    Pong,
    /// Close, with code and reason in the data.
    Close,
}

/// A statement to a database.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The flow of the database's session.
    pub flow: FlowId,
    /// The text as the client sent it.
    pub text: String,
    /// From the statement to the last byte of its result.
    pub took: std::time::Duration,
    /// Rows that came back or were changed, when the server says.
    pub rows: Option<u64>,
    /// Bytes of the result.
    pub bytes: u64,
    /// The server's error, in its words.
    pub error: Option<String>,
}

/// How a flow ended.
#[derive(Clone, Debug)]
pub struct End {
    /// In order or not.
    pub outcome: Outcome,
    /// Bytes of both bodies as they passed: the request's, the response's.
    pub bodies: [u64; 2],
}

/// In order or not.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// Both messages are whole.
    Complete,
    /// The client went away, or broke the protocol.
    ClientFailed(String),
    /// The origin could not be reached, failed, or broke the protocol.
    OriginFailed(String),
    /// A rule of ours ended it.
    Refused(String),
}

impl HttpVersion {
    /// Its name as a request line writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }
}
