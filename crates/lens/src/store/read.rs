//! What is read of a session file.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use serde::Serialize;

use super::{StoreError, head, schema, segment};
use crate::flow::Header;
use crate::query::{Filter, Parameter};

/// Reads a session file, while it is recorded or years later. Calls block, for milliseconds; from
/// several threads each has a connection of its own.
pub struct Reader {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

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

/// Which flows first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As they came.
    #[default]
    Oldest,
    /// The newest first.
    Newest,
}

/// A part of a list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Page {
    /// Which first.
    pub order: Order,
    /// How many are left out.
    pub from: u64,
    /// How many at most.
    pub limit: u64,
}

/// The longest time that a search may take.
const LONGEST_SEARCH: Duration = Duration::from_secs(10);

const COLUMNS: &str = "id,connection,started,waited,took,method,scheme,authority,path,version,\
     status,type,request_size,response_size,outcome,error,flags,repeats";

impl Reader {
    /// Opens a session file.
    ///
    /// # Errors
    /// When it is not there, or none of ours.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if !path.is_file() {
            return Err(StoreError(format!("there is no session file {}", path.display())));
        }
        let first = schema::readable(path)?;
        Ok(Self { path: path.to_owned(), idle: Mutex::new(vec![first]) })
    }

    /// Flows that match, in order.
    ///
    /// # Errors
    /// When the file cannot be read, or the search took too long.
    pub fn list(&self, filter: &Filter, page: Page) -> Result<Vec<Summary>, StoreError> {
        let (wher, mut values) = condition(filter);
        let order = match page.order {
            Order::Oldest => "ASC",
            Order::Newest => "DESC",
        };
        values.push(Value::Integer(page.limit.min(10_000).cast_signed()));
        values.push(Value::Integer(page.from.min(1 << 60).cast_signed()));
        let sql = format!("SELECT {COLUMNS} FROM flow{wher} ORDER BY id {order} LIMIT ? OFFSET ?");
        self.with(|c| {
            c.prepare_cached(&sql)?.query_map(params_from_iter(values), summary)?.collect()
        })
    }

    /// How many match.
    ///
    /// # Errors
    /// As for [`Reader::list`].
    pub fn count(&self, filter: &Filter) -> Result<u64, StoreError> {
        let (wher, values) = condition(filter);
        let sql = format!("SELECT count(*) FROM flow{wher}");
        self.with(|c| c.prepare_cached(&sql)?.query_row(params_from_iter(values), |row| row.get(0)))
            .map(i64::cast_unsigned)
    }

    /// The numbers of all that match, in order.
    ///
    /// # Errors
    /// As for [`Reader::list`].
    pub fn ids(&self, filter: &Filter) -> Result<Vec<i64>, StoreError> {
        let (wher, values) = condition(filter);
        let sql = format!("SELECT id FROM flow{wher} ORDER BY id");
        self.with(|c| {
            c.prepare_cached(&sql)?.query_map(params_from_iter(values), |row| row.get(0))?.collect()
        })
    }

    /// Of these flows, those that match.
    ///
    /// # Errors
    /// As for [`Reader::list`].
    pub fn among(&self, filter: &Filter, ids: &[i64]) -> Result<Vec<Summary>, StoreError> {
        let (wher, values) = condition(filter);
        let and = if wher.is_empty() { " WHERE " } else { " AND " };
        let mut sql = format!("SELECT {COLUMNS} FROM flow{wher}{and}id IN (");
        for (n, id) in ids.iter().enumerate() {
            sql.push_str(if n == 0 { "" } else { "," });
            sql.push_str(&id.to_string());
        }
        sql.push_str(") ORDER BY id");
        self.with(|c| c.prepare(&sql)?.query_map(params_from_iter(values), summary)?.collect())
    }

    /// One flow.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn detail(&self, id: i64) -> Result<Option<Detail>, StoreError> {
        self.with(|c| {
            let sql = format!("SELECT {COLUMNS} FROM flow WHERE id=?");
            let Some(line) = c.prepare_cached(&sql)?.query_row([id], summary).optional()? else {
                return Ok(None);
            };
            let recorded = |side: i64| {
                c.prepare_cached(
                    "SELECT ifnull(sum(length),0) FROM part WHERE flow=? AND direction=?",
                )?
                .query_row([id, side], |row| row.get::<_, i64>(0))
            };
            let parts = [recorded(0)?, recorded(1)?];
            c.prepare_cached(
                "SELECT protocol,stream,reason,request_head,response_head,request_trailers,
                 response_trailers,informational,notes,request_dropped,response_dropped,
                 length(request_body),length(response_body) FROM detail WHERE flow=?",
            )?
            .query_row([id], |row| detail(row, line.clone(), parts))
            .optional()
        })
    }

    /// What was recorded of a body, from a position on, at most so many bytes: as it passed, so still
    /// compressed where it was.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn body(
        &self,
        id: i64,
        of_response: bool,
        from: u64,
        most: usize,
    ) -> Result<Vec<u8>, StoreError> {
        let side = usize::from(of_response);
        self.with(|c| recorded(c, &self.path, id, side, from.min(1 << 60).cast_signed(), most))
    }

    /// When the pieces of a body passed; empty for a body that came within one transaction.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn body_parts(&self, id: i64, of_response: bool) -> Result<Vec<BodyPart>, StoreError> {
        self.with(|c| {
            c.prepare_cached(
                "SELECT at,position,length FROM part WHERE flow=? AND direction=? ORDER BY position LIMIT 100000",
            )?
            .query_map([id, i64::from(of_response)], |row| {
                Ok(BodyPart { at: ms(row.get(0)?), position: row.get(1)?, length: row.get(2)? })
            })?
            .collect()
        })
    }

    /// WebSocket messages, after the number `after`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn frames(&self, id: i64, after: i64, limit: i64) -> Result<Vec<FrameRow>, StoreError> {
        self.with(|c| {
            c.prepare_cached(
                "SELECT n,at,direction,kind,length,data FROM frame WHERE flow=? AND n>? ORDER BY n LIMIT ?",
            )?
            .query_map([id, after, limit], |row| {
                Ok(FrameRow {
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
            })?
            .collect()
        })
    }

    /// Statements, after the number `after`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn statements(
        &self,
        id: i64,
        after: i64,
        limit: i64,
    ) -> Result<Vec<StatementRow>, StoreError> {
        self.with(|c| {
            c.prepare_cached(
                "SELECT n,at,text,took,rows,bytes,error FROM statement WHERE flow=? AND n>? ORDER BY n LIMIT ?",
            )?
            .query_map([id, after, limit], |row| {
                Ok(StatementRow {
                    n: row.get(0)?,
                    at: ms(row.get(1)?),
                    text: row.get(2)?,
                    took: ms(row.get(3)?),
                    rows: row.get(4)?,
                    bytes: row.get(5)?,
                    error: row.get(6)?,
                })
            })?
            .collect()
        })
    }

    /// A connection.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn connection(&self, id: i64) -> Result<Option<ConnectionFacts>, StoreError> {
        self.with(|c| {
            c.prepare_cached(
                "SELECT id,started,client,entrance,host,port,address,passed,ended,sent,received,fault
                 FROM connection WHERE id=?",
            )?
            .query_row([id], |row| {
                Ok(ConnectionFacts {
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
            })
            .optional()
        })
    }

    /// The handshakes of a connection: the client's leg, the origin's.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn handshakes(&self, connection: i64) -> Result<Vec<HandshakeRow>, StoreError> {
        self.with(|c| {
            c.prepare_cached(
                "SELECT leg,at,facts,key_log,chain,wire_client,wire_server FROM handshake
                 WHERE connection=? ORDER BY leg",
            )?
            .query_map([connection], |row| {
                let facts: String = row.get(2)?;
                Ok(HandshakeRow {
                    is_client: row.get::<_, i64>(0)? == 0,
                    at: row.get(1)?,
                    facts: serde_json::from_str(&facts).unwrap_or_default(),
                    key_log: row.get(3)?,
                    chain: certificates(row.get_ref(4)?.as_bytes().unwrap_or_default()),
                    wire: [row.get(5)?, row.get(6)?],
                })
            })?
            .collect()
        })
    }

    /// What the network carried of a connection, in order of its legs; empty unless it was kept.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn wire(&self, connection: i64, most: usize) -> Result<Vec<WireRow>, StoreError> {
        self.with(|c| {
            let mut query = c.prepare_cached(
                "SELECT leg,at,direction,length,data,segment,place FROM wire WHERE connection=?
                 ORDER BY leg,n",
            )?;
            let mut rows = query.query([connection])?;
            let (mut out, mut bytes) = (Vec::new(), 0);
            while let Some(row) = rows.next()? {
                let data = piece(&self.path, row, 3)?;
                bytes += data.len();
                if bytes > most {
                    break;
                }
                out.push(WireRow {
                    is_client_leg: row.get::<_, i64>(0)? == 0,
                    at: row.get(1)?,
                    outward: row.get::<_, i64>(2)? == 0,
                    data,
                });
            }
            Ok(out)
        })
    }

    /// How many flows cannot be found by their text yet: open ones are left out.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn unindexed(&self) -> Result<u64, StoreError> {
        self.with(|c| {
            c.query_row(
                "SELECT count(*) FROM unindexed u JOIN flow f ON f.id=u.flow WHERE f.outcome<>0",
                [],
                |row| row.get(0),
            )
        })
        .map(i64::cast_unsigned)
    }

    fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => schema::readable(&self.path)?,
        };
        let until = Instant::now() + LONGEST_SEARCH;
        connection
            .progress_handler(100_000, Some(move || Instant::now() > until))
            .map_err(StoreError::read)?;
        let read = read(&connection).map_err(|e| match e.sqlite_error_code() {
            Some(rusqlite::ErrorCode::OperationInterrupted) => StoreError(format!(
                "the search took longer than {} s; narrow the filter",
                LONGEST_SEARCH.as_secs()
            )),
            _ => StoreError::read(e),
        });
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < 4 {
            idle.push(connection);
        }
        read
    }
}

fn condition(filter: &Filter) -> (String, Vec<Value>) {
    let condition = filter.condition();
    let value = |parameter| match parameter {
        Parameter::Text(text) => Value::Text(text),
        Parameter::Number(number) => Value::Integer(number),
    };
    let wher =
        if condition.sql.is_empty() { String::new() } else { format!(" WHERE {}", condition.sql) };
    (wher, condition.parameters.into_iter().map(value).collect())
}

/// Milliseconds of microseconds.
fn ms(micros: i64) -> f64 {
    micros as f64 / 1e3
}

fn summary(row: &Row<'_>) -> rusqlite::Result<Summary> {
    let flags: i64 = row.get(16)?;
    Ok(Summary {
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

fn detail(row: &Row<'_>, line: Summary, parts: [i64; 2]) -> rusqlite::Result<Detail> {
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
    Ok(Detail {
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

/// What was recorded of a body.
pub(super) fn recorded(
    c: &Connection,
    path: &Path,
    id: i64,
    side: usize,
    from: i64,
    most: usize,
) -> rusqlite::Result<Vec<u8>> {
    let column = ["request_body", "response_body"][side];
    let inline = c
        .prepare_cached(&format!("SELECT substr({column},?,?) FROM detail WHERE flow=?"))?
        .query_row([from + 1, most as i64, id], |row| row.get::<_, Option<Vec<u8>>>(0))
        .optional()?
        .flatten();
    if let Some(inline) = inline.filter(|data| !data.is_empty()) {
        return Ok(inline);
    }
    let mut query = c.prepare_cached(
        "SELECT position,length,data,segment,place FROM part
         WHERE flow=? AND direction=? AND position+length>? ORDER BY position",
    )?;
    let mut rows = query.query([id, side as i64, from])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        let data = piece(path, row, 1)?;
        let skip = usize::try_from(from - row.get::<_, i64>(0)?).unwrap_or(0);
        out.extend_from_slice(data.get(skip..).unwrap_or_default());
        if out.len() >= most {
            out.truncate(most);
            break;
        }
    }
    Ok(out)
}

/// Data in a row or in a segment: columns length, data, segment, place from `first` on.
fn piece(path: &Path, row: &Row<'_>, first: usize) -> rusqlite::Result<Vec<u8>> {
    let Some(number) = row.get::<_, Option<i64>>(first + 2)? else { return row.get(first + 1) };
    let length: i64 = row.get(first)?;
    segment::read(path, number, row.get(first + 3)?, usize::try_from(length).unwrap_or(0))
        .map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))
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
