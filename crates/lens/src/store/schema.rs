//! The session file: tables, settings of SQLite, and whether a file is one of ours.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::StoreError;

/// Prepared statements that a connection keeps: more than the store has, so that none is parsed twice.
const STATEMENTS: usize = 64;

/// "Seal" in ASCII, where SQLite keeps whose file it is.
const APPLICATION: i64 = 0x5365_616c;
/// Of the tables below.
const VERSION: i64 = 4;

/// Bytes of a page. The usual 4 KiB hold two flows with short bodies and waste the rest, and SQLite writes each
/// page by four system calls: its frame's head and itself to the log, from there, and to the file.
const PAGE: u32 = 16 * 1024;

const TABLES: &str = "
CREATE TABLE connection(
  id INTEGER PRIMARY KEY, started INTEGER, client TEXT, entrance TEXT, host TEXT, port INTEGER,
  address TEXT, passed TEXT, ended INTEGER, sent INTEGER, received INTEGER, fault TEXT);
CREATE TABLE handshake(
  connection INTEGER, leg INTEGER, at INTEGER, facts TEXT, key_log TEXT, chain BLOB,
  wire_client BLOB, wire_server BLOB, PRIMARY KEY(connection, leg)) WITHOUT ROWID;
CREATE TABLE flow(
  id INTEGER PRIMARY KEY, connection INTEGER, started INTEGER, waited INTEGER, took INTEGER,
  method TEXT, scheme TEXT, authority TEXT, host TEXT, port INTEGER, path TEXT, version TEXT,
  status INTEGER, type TEXT, request_size INTEGER, response_size INTEGER, outcome INTEGER,
  error TEXT, flags INTEGER, repeats INTEGER);
CREATE TABLE detail(
  flow INTEGER PRIMARY KEY, protocol TEXT, stream INTEGER, reason BLOB, request_head BLOB,
  response_head BLOB, request_trailers BLOB, response_trailers BLOB, informational TEXT, notes TEXT,
  request_dropped INTEGER, response_dropped INTEGER, request_body BLOB, response_body BLOB);
CREATE TABLE part(
  flow INTEGER, direction INTEGER, position INTEGER, at INTEGER, length INTEGER, data BLOB,
  segment INTEGER, place INTEGER, PRIMARY KEY(flow, direction, position)) WITHOUT ROWID;
CREATE TABLE frame(
  flow INTEGER, n INTEGER, at INTEGER, direction INTEGER, kind INTEGER, length INTEGER, data BLOB,
  PRIMARY KEY(flow, n)) WITHOUT ROWID;
CREATE TABLE statement(
  flow INTEGER, n INTEGER, at INTEGER, text TEXT, took INTEGER, rows INTEGER, bytes INTEGER,
  error TEXT, PRIMARY KEY(flow, n)) WITHOUT ROWID;
CREATE TABLE wire(
  connection INTEGER, leg INTEGER, n INTEGER, at INTEGER, direction INTEGER, length INTEGER,
  data BLOB, segment INTEGER, place INTEGER, PRIMARY KEY(connection, leg, n)) WITHOUT ROWID;
CREATE TABLE fact(place INTEGER PRIMARY KEY, data BLOB);
CREATE TABLE unindexed(flow INTEGER PRIMARY KEY);
CREATE TABLE run(flow INTEGER PRIMARY KEY, data BLOB);
CREATE TABLE word(place INTEGER PRIMARY KEY, data BLOB);
CREATE TABLE spot(place INTEGER PRIMARY KEY, data BLOB);
";

/// Makes a new file, or opens one for more.
pub(super) fn writable(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path).map_err(|e| StoreError::open(path, &e))?;
    let told = |e: &rusqlite::Error| StoreError::open(path, e);
    parse_once(&connection).map_err(|e| told(&e))?;
    let is_new = connection
        .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0))
        .map_err(|e| told(&e))?
        == 0;
    if is_new {
        let layout = format!("PRAGMA page_size={PAGE}; PRAGMA auto_vacuum=INCREMENTAL");
        connection.execute_batch(&layout).map_err(|e| told(&e))?;
    } else {
        check(&connection, path)?;
    }
    connection
        .execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-8000;
             PRAGMA wal_autocheckpoint=1000;
             PRAGMA journal_size_limit=67108864; PRAGMA trusted_schema=OFF;",
        )
        .map_err(|e| told(&e))?;
    connection.busy_timeout(Duration::from_secs(10)).map_err(|e| told(&e))?;
    if is_new {
        let sql = format!(
            "BEGIN;{TABLES}PRAGMA application_id={APPLICATION};PRAGMA user_version={VERSION};COMMIT"
        );
        connection.execute_batch(&sql).map_err(|e| told(&e))?;
    }
    Ok(connection)
}

/// Opens a file for reading.
pub(super) fn readable(path: &Path) -> Result<Connection, StoreError> {
    // Not read-only: a file whose recorder was killed has its last second in the WAL, and reading
    // that rebuilds its index. `query_only` keeps us from writing all the same.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .or_else(|_| Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY))
        .map_err(|e| StoreError::open(path, &e))?;
    check(&connection, path)?;
    parse_once(&connection).map_err(|e| StoreError::open(path, &e))?;
    let _ = connection.busy_timeout(Duration::from_secs(5));
    connection
        .execute_batch("PRAGMA query_only=ON; PRAGMA cache_size=-4000; PRAGMA trusted_schema=OFF;")
        .map_err(|e| StoreError::open(path, &e))?;
    super::functions::add(&connection).map_err(|e| StoreError::open(path, &e))?;
    Ok(connection)
}

/// Statements are kept as they were parsed.
fn parse_once(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Without this guarantee SQLite parses and plans a statement anew for each value that is bound to it where a
    // value could change the plan: in a join, and for a LIMIT. It took twice as long as to read the flow.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let number = |pragma: &str| {
        connection
            .query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0))
            .map_err(|e| StoreError::open(path, &e))
    };
    if number("application_id")? != APPLICATION {
        return Err(StoreError(format!("{} is not a session file of seal proxy", path.display())));
    }
    match number("user_version")? {
        VERSION => Ok(()),
        other => {
            let age = if other < VERSION { "an older" } else { "a newer" };
            Err(StoreError(format!(
                "{} was recorded by {age} seal (version {other} of its tables; this one reads {VERSION}): \
                 export it there as HAR, and import that here",
                path.display()
            )))
        }
    }
}
