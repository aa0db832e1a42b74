//! What the rows of a session file say.

use rusqlite::Row;
use serde::Serialize;

use super::head;
use crate::flow::Header;

/// A flow in a line of a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The flow.
    pub id: i64,
    /// Its connection.
    pub connection: i64,
    /// When its request came: milliseconds since 1970.
    pub started: f64,
    /// Milliseconds until the head of the answer.
    pub waited: Option<f64>,
    /// Milliseconds until its end.
    pub took: Option<f64>,
    /// The method.
    pub method: String,
    /// The scheme.
    pub scheme: String,
    /// Host and, where it is not the scheme's own, port.
    pub authority: String,
    /// Path and query.
    pub path: String,
    /// The version of the request.
    pub version: String,
    /// The status.
    pub status: Option<u16>,
    /// The answer's media type, without parameters.
    pub r#type: Option<String>,
    /// Bytes of the request's body, as it passed.
    pub request_size: i64,
    /// Bytes of the answer's body, as it passed.
    pub response_size: i64,
    /// `open`, `complete`, `client-failed`, `origin-failed`, `refused`.
    pub outcome: &'static str,
    /// Why it was not complete.
    pub error: Option<String>,
    /// Whether WebSocket messages passed.
    pub websocket: bool,
    /// Whether a rule or a person changed it, or the relay took something away.
    pub changed: bool,
    /// Whether not all of a body was recorded.
    pub partial: bool,
    /// The flow that it repeats.
    pub repeats: Option<i64>,
}

/// One of the two messages of a flow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// Its header fields.
    pub headers: Vec<Header>,
    /// Its trailers.
    pub trailers: Vec<Header>,
    /// The head as it was on the wire before encryption; empty in HTTP/2.
    pub raw: Vec<u8>,
    /// Bytes of the body that were recorded.
    pub recorded: i64,
    /// Bytes of the body that were not.
    pub dropped: i64,
}

/// A flow, but for its bodies.
#[derive(Clone, Debug, PartialEq)]
pub struct Detail {
    /// The line of the list.
    pub summary: Summary,
    /// The request.
    pub request: Message,
    /// The answer.
    pub response: Message,
    /// The reason phrase.
    pub reason: Vec<u8>,
    /// The `:protocol` of an extended CONNECT.
    pub protocol: Option<String>,
    /// The stream in HTTP/2.
    pub stream: Option<i64>,
    /// Informational answers, one a line.
    pub informational: Option<String>,
    /// What the relay did to it, one a line.
    pub notes: Option<String>,
}

/// A piece of a body, with the time when it passed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BodyPart {
    /// Milliseconds since 1970.
    pub at: f64,
    /// Where it begins in the body.
    pub position: i64,
    /// Its length.
    pub length: i64,
}

/// A WebSocket message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameRow {
    /// Its number in the flow, from 1.
    pub n: i64,
    /// Microseconds since 1970.
    pub at: i64,
    /// Whether the client sent it.
    pub from_client: bool,
    /// `text`, `binary`, `close`, `ping`, `pong`.
    pub kind: &'static str,
    /// Its length.
    pub length: i64,
    /// What was kept of it.
    pub data: Vec<u8>,
}

/// A statement to a database.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatementRow {
    /// Its number in the flow, from 1.
    pub n: i64,
    /// Milliseconds since 1970.
    pub at: f64,
    /// The text.
    pub text: String,
    /// Milliseconds.
    pub took: f64,
    /// Rows.
    pub rows: Option<i64>,
    /// Bytes of the result.
    pub bytes: i64,
    /// The server's error.
    pub error: Option<String>,
}

/// A connection of a client.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs, reason = "named as the events are")]
pub struct ConnectionFacts {
    pub id: i64,
    pub started: Option<f64>,
    pub client: Option<String>,
    pub entrance: Option<String>,
    pub host: Option<String>,
    pub port: Option<u16>,
    pub address: Option<String>,
    pub passed_by: Option<String>,
    pub ended: Option<f64>,
    pub sent: Option<i64>,
    pub received: Option<i64>,
    pub fault: Option<String>,
}

/// A handshake of one of its two legs.
#[derive(Clone, Debug, PartialEq)]
pub struct HandshakeRow {
    /// Whether it is the client's leg.
    pub is_client: bool,
    /// Microseconds since 1970.
    pub at: i64,
    /// What it agreed on, as JSON.
    pub facts: serde_json::Value,
    /// Lines of SSLKEYLOGFILE.
    pub key_log: String,
    /// The certificates that were shown, in DER.
    pub chain: Vec<Vec<u8>>,
    /// The handshake's records: the TLS client's, the server's.
    pub wire: [Vec<u8>; 2],
}

/// A piece of what the network carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireRow {
    /// Whether it is the client's leg.
    pub is_client_leg: bool,
    /// Microseconds since 1970.
    pub at: i64,
    /// Towards the origin.
    pub outward: bool,
    /// The bytes.
    pub data: Vec<u8>,
}

/// The columns of a line.
pub(super) const COLUMNS: &str = "id,connection,started,waited,took,method,scheme,authority,path,version,\
     status,type,request_size,response_size,outcome,error,flags,repeats";

/// Milliseconds of microseconds.
fn ms(micros: i64) -> f64 {
    micros as f64 / 1e3
}

impl Summary {
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let flags: i64 = row.get(16)?;
        Ok(Self {
            id: row.get(0)?,
            connection: row.get(1)?,
            started: ms(row.get(2)?),
            waited: row.get::<_, Option<i64>>(3)?.map(ms),
            took: row.get::<_, Option<i64>>(4)?.map(ms),
            method: row.get(5)?,
            scheme: row.get(6)?,
            authority: row.get(7)?,
            path: row.get(8)?,
            version: row.get(9)?,
            status: row.get(10)?,
            r#type: row.get(11)?,
            request_size: row.get(12)?,
            response_size: row.get(13)?,
            outcome: match row.get::<_, i64>(14)? {
                0 => "open",
                1 => "complete",
                2 => "client-failed",
                3 => "origin-failed",
                _ => "refused",
            },
            error: row.get(15)?,
            websocket: flags & super::fold::WEBSOCKET != 0,
            changed: flags & super::fold::CHANGED != 0,
            partial: flags & (super::fold::REQUEST_DROPPED | super::fold::RESPONSE_DROPPED) != 0,
            repeats: row.get(17)?,
        })
    }
}

impl Detail {
    /// Without the columns of the line, which is read already, and with what lies in parts of bodies.
    pub(super) fn of(row: &Row<'_>, line: Summary, parts: [i64; 2]) -> rusqlite::Result<Self> {
        let blob = |n| row.get::<_, Option<Vec<u8>>>(n).map(Option::unwrap_or_default);
        let message = |head: usize, trailers: usize, dropped: usize, body: usize, parts: i64| {
            let head_data = blob(head)?;
            Ok::<_, rusqlite::Error>(Message {
                headers: head::decode(&head_data),
                trailers: head::decode(&blob(trailers)?),
                raw: head::raw(&head_data).to_vec(),
                recorded: row.get::<_, Option<i64>>(body)?.unwrap_or(0) + parts,
                dropped: row.get::<_, Option<i64>>(dropped)?.unwrap_or(0),
            })
        };
        Ok(Self {
            request: message(3, 5, 9, 11, parts[0])?,
            response: message(4, 6, 10, 12, parts[1])?,
            reason: blob(2)?,
            protocol: row.get(0)?,
            stream: row.get(1)?,
            informational: row.get(7)?,
            notes: row.get(8)?,
            summary: line,
        })
    }
}

impl FrameRow {
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            n: row.get(0)?,
            at: row.get(1)?,
            from_client: row.get::<_, i64>(2)? == 0,
            kind: match row.get::<_, i64>(3)? {
                1 => "text",
                2 => "binary",
                8 => "close",
                9 => "ping",
                _ => "pong",
            },
            length: row.get(4)?,
            data: row.get(5)?,
        })
    }
}

impl StatementRow {
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            n: row.get(0)?,
            at: ms(row.get(1)?),
            text: row.get(2)?,
            took: ms(row.get(3)?),
            rows: row.get(4)?,
            bytes: row.get(5)?,
            error: row.get(6)?,
        })
    }
}

impl ConnectionFacts {
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            started: row.get::<_, Option<i64>>(1)?.map(ms),
            client: row.get(2)?,
            entrance: row.get(3)?,
            host: row.get(4)?,
            port: row.get(5)?,
            address: row.get(6)?,
            passed_by: row.get(7)?,
            ended: row.get::<_, Option<i64>>(8)?.map(ms),
            sent: row.get(9)?,
            received: row.get(10)?,
            fault: row.get(11)?,
        })
    }
}

impl HandshakeRow {
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let facts: String = row.get(2)?;
        Ok(Self {
            is_client: row.get::<_, i64>(0)? == 0,
            at: row.get(1)?,
            facts: serde_json::from_str(&facts).unwrap_or_default(),
            key_log: row.get(3)?,
            chain: certificates(row.get_ref(4)?.as_bytes().unwrap_or_default()),
            wire: [row.get(5)?, row.get(6)?],
        })
    }
}

impl BodyPart {
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { at: ms(row.get(0)?), position: row.get(1)?, length: row.get(2)? })
    }
}

fn certificates(mut chain: &[u8]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    while let Some((length, rest)) = chain.split_first_chunk::<4>() {
        let Some((one, rest)) = rest.split_at_checked(u32::from_be_bytes(*length) as usize) else {
            break;
        };
        out.push(one.to_vec());
        chain = rest;
    }
    out
}
