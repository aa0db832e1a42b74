//! A store in one file: SQLite, with a log that is written ahead, so that readers never wait.

mod disk;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql, TransactionBehavior, params_from_iter};

use super::database::{Database, Durability, Error, Row, Statements, Value, Work, blocking};
use super::schema;
use disk::Disk;

/// A database in a file, which several processes may use.
pub struct Sqlite {
    /// One at a time: SQLite has no more, and waits for others by looking again.
    writer: Mutex<Connection>,
    /// In memory there are neither.
    readers: Option<Readers>,
    disk: Option<Disk>,
}

struct Readers {
    path: std::path::PathBuf,
    idle: Mutex<Vec<Connection>>,
}

/// How long another process may write before this one gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// Statements that are kept compiled, for each connection.
const STATEMENTS: usize = 128;

/// Pages of the log (4 KiB) before they are copied into the database. Most are of the same few pages,
/// written again and again: the longer the log, the less there is to copy.
const LOG_PAGES: i64 = 8000;

/// KiB of pages that the writer keeps, which as a rule no other connection changes.
const WRITER_KIB: i64 = 32 * 1024;

impl Sqlite {
    /// Opens the database in `path`, and creates it when missing. Only its owner can read it.
    ///
    /// # Errors
    /// When it cannot be opened, or is of a newer version of this program.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let named = |e: &dyn std::fmt::Display| Error(format!("{}: {e}", path.display()));
        create_private(path).map_err(|e| named(&e))?;
        let writer = Mutex::new(writer(path).map_err(|e| named(&e))?);
        let readers = Readers { path: path.to_owned(), idle: Mutex::default() };
        let mut opened = Self { writer, readers: Some(readers), disk: None };
        schema::create(&opened).map_err(|e| named(&e))?;
        opened.disk = Some(Disk::open(path).map_err(|e| named(&e))?);
        Ok(opened)
    }

    /// One that is gone with the process, for tests.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn in_memory() -> Result<Self, Error> {
        let writer = Connection::open_in_memory()?;
        parse_once(&writer)?;
        let opened = Self { writer: Mutex::new(writer), readers: None, disk: None };
        schema::create(&opened)?;
        Ok(opened)
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        // A panic between two statements left an open transaction, which its guard rolled back.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Database for Sqlite {
    fn is_shared(&self) -> bool {
        false
    }

    fn execute(&self, sql: &'static str, values: &[Value]) -> Result<u64, Error> {
        Direct(&self.writer()).execute(sql, values)
    }

    fn query(&self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, Error> {
        let Some(readers) = &self.readers else {
            return Direct(&self.writer()).query(sql, values);
        };
        let idle = || readers.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let connection = match kept {
            Some(connection) => connection,
            None => connect(&readers.path)?,
        };
        let found = Direct(&connection).query(sql, values);
        idle().push(connection);
        found
    }

    /// By the writer's connection, when no write is under way: it has the pages at hand, while a reader's are
    /// out of date after each change.
    fn find(&self, sql: &'static str, values: &[Value]) -> Result<Option<Row>, Error> {
        let found = match self.writer.try_lock() {
            Ok(writer) => Direct(&writer).query(sql, values)?,
            Err(_) => self.query(sql, values)?,
        };
        Ok(found.into_iter().next())
    }

    fn transaction(&self, durability: Durability, work: Work<'_>) -> Result<(), Error> {
        let mut writer = self.writer();
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        work(&mut Direct(&transaction))?;
        transaction.commit()?;
        drop(writer);
        match (durability, &self.disk) {
            (Durability::Disk, Some(disk)) => blocking(|| disk.keep()),
            _ => Ok(()),
        }
    }
}

struct Direct<'a>(&'a Connection);

impl Statements for Direct<'_> {
    fn execute(&mut self, sql: &'static str, values: &[Value]) -> Result<u64, Error> {
        let mut statement = self.0.prepare_cached(sql)?;
        Ok(statement.execute(params_from_iter(values))? as u64)
    }

    fn query(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, Error> {
        let mut statement = self.0.prepare_cached(sql)?;
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let value = |column| {
                Ok(match row.get_ref(column)? {
                    ValueRef::Null | ValueRef::Real(_) => Value::Null,
                    ValueRef::Integer(number) => Value::Integer(number),
                    ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                    ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
                })
            };
            (0..columns).map(value).collect::<rusqlite::Result<Vec<_>>>().map(Row)
        };
        let rows = statement.query_map(params_from_iter(values), row)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}

fn connect(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    parse_once(&connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(connection)
}

/// Statements are kept as they were parsed.
fn parse_once(connection: &Connection) -> Result<(), Error> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Without this guarantee SQLite parses and plans a statement anew for each value that is bound to it where a
    // value could change the plan: in a join, and for a LIMIT.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn writer(path: &Path) -> Result<Connection, Error> {
    let connection = connect(path)?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    // Less than nothing: not in pages.
    connection.pragma_update(None, "cache_size", -WRITER_KIB)?;
    Ok(connection)
}

fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ())
}
