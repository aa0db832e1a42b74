//! What is read of a session file.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::bodies::{piece, recorded};
use super::rows::{
    BodyPart, COLUMNS, ConnectionFacts, Detail, FrameRow, HandshakeRow, StatementRow, Summary,
    WireRow,
};
use super::search::named;
use super::words::Words;
use super::{StoreError, schema};
use crate::query::{Condition, Filter, Parameter};

/// Reads a session file, while it is recorded or years later. Calls block, for milliseconds; from
/// several threads each has a connection of its own.
pub struct Reader {
    pub(super) path: PathBuf,
    idle: Mutex<Vec<Connection>>,
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

impl Order {
    pub(super) fn sql(self) -> &'static str {
        match self {
            Self::Oldest => "ASC",
            Self::Newest => "DESC",
        }
    }
}

/// The longest time that a question may take.
const LONGEST_SEARCH: Duration = Duration::from_secs(10);

impl Reader {
    /// Opens a session file.
    ///
    /// # Errors
    /// When it is not there, or none of ours.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if !path.is_file() {
            return Err(StoreError(format!("no session file {}", path.display())));
        }
        let first = schema::readable(path)?;
        Ok(Self { path: path.to_owned(), idle: Mutex::new(vec![first]) })
    }

    /// Of these flows, those that match.
    ///
    /// # Errors
    /// When it cannot be read, or takes longer than ten seconds.
    pub fn among(&self, filter: &Filter, ids: &[i64]) -> Result<Vec<Summary>, StoreError> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        let words = Words::of(filter, &self.path);
        self.with(|c| {
            let until = Instant::now() + LONGEST_SEARCH;
            let words = words.noted(c, &ids, until)?.unwrap_or_default();
            let (wher, values) = sql_of(filter.condition(&words));
            let and = if wher.is_empty() { " WHERE " } else { " AND " };
            let named = named(&ids);
            let sql = format!("SELECT {COLUMNS} FROM flow{wher}{and}id IN ({named}) ORDER BY id");
            c.prepare(&sql)?.query_map(params_from_iter(values), Summary::of)?.collect()
        })
    }

    /// One flow.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn detail(&self, id: i64) -> Result<Option<Detail>, StoreError> {
        self.with(|c| {
            let sql = format!("SELECT {COLUMNS} FROM flow WHERE id=?");
            let Some(line) = c.prepare_cached(&sql)?.query_row([id], Summary::of).optional()?
            else {
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
            .query_row([id], |row| Detail::of(row, line.clone(), parts))
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
            .query_map([id, i64::from(of_response)], BodyPart::of)?
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
            .query_map([id, after, limit], FrameRow::of)?
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
            .query_map([id, after, limit], StatementRow::of)?
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
            .query_row([id], ConnectionFacts::of)
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
            .query_map([connection], HandshakeRow::of)?
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

    /// How many flows are not in the index of words yet, 10,000 at most: open ones are left out.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn unindexed(&self) -> Result<u64, StoreError> {
        self.with(|c| {
            c.query_row(
                "SELECT count(*) FROM (SELECT 1 FROM unindexed u CROSS JOIN flow f ON f.id=u.flow
                 WHERE f.outcome<>0 LIMIT 10000)",
                [],
                |row| row.get(0),
            )
        })
        .map(i64::cast_unsigned)
    }

    pub(super) fn with<T>(
        &self,
        read: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
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
        let read = read(&mut connection).map_err(|e| match e.sqlite_error_code() {
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

pub(super) fn sql_of(condition: Condition) -> (String, Vec<Value>) {
    let value = |parameter| match parameter {
        Parameter::Text(text) => Value::Text(text),
        Parameter::Number(number) => Value::Integer(number),
        Parameter::Flows(noted) => Value::Blob(noted),
    };
    let wher =
        if condition.sql.is_empty() { String::new() } else { format!(" WHERE {}", condition.sql) };
    (wher, condition.parameters.into_iter().map(value).collect())
}
