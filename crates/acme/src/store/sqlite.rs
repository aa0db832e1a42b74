//! A store in one file: SQLite, with a log that is written ahead, so that readers never wait.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql, TransactionBehavior, params_from_iter};

use super::database::{Database, Durability, Error, Row, Statements, Value, Work};
use super::schema;

/// A database in a file, which several processes may use.
pub struct Sqlite {
    /// One writer at a time: SQLite has no more, and waits for others by looking again.
    writers: Mutex<Writers>,
    readers: Option<Readers>,
}

struct Writers {
    quick: Connection,
    /// Waits for the disk at each commit. Without one (in memory) the other does.
    durable: Option<Connection>,
}

struct Readers {
    path: std::path::PathBuf,
    idle: Mutex<Vec<Connection>>,
}

/// How long another process may write before this one gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// Statements that are kept compiled, for each connection.
const STATEMENTS: usize = 128;

impl Sqlite {
    /// Opens the database in `path`, and makes it when there is none. Only its owner can read it.
    ///
    /// # Errors
    /// When it cannot be opened, or is of a newer version of this program.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let named = |e: Error| Error(format!("{}: {e}", path.display()));
        create_private(path).map_err(|e| Error(format!("{}: {e}", path.display())))?;
        let quick = connect(path, "NORMAL").map_err(named)?;
        let durable = connect(path, "FULL").map_err(named)?;
        let writers = Writers { quick, durable: Some(durable) };
        let readers = Readers { path: path.to_owned(), idle: Mutex::default() };
        let opened = Self { writers: Mutex::new(writers), readers: Some(readers) };
        schema::create(&opened).map_err(named)?;
        Ok(opened)
    }

    /// One that is gone with the process, for tests.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn in_memory() -> Result<Self, Error> {
        let quick = Connection::open_in_memory()?;
        quick.set_prepared_statement_cache_capacity(STATEMENTS);
        let opened = Self { writers: Mutex::new(Writers { quick, durable: None }), readers: None };
        schema::create(&opened)?;
        Ok(opened)
    }

    fn writers(&self) -> MutexGuard<'_, Writers> {
        // A panic between two statements left an open transaction, which its guard rolled back.
        self.writers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Database for Sqlite {
    fn execute(&self, sql: &'static str, values: &[Value]) -> Result<u64, Error> {
        Direct(&self.writers().quick).execute(sql, values)
    }

    fn query(&self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, Error> {
        let Some(readers) = &self.readers else {
            return Direct(&self.writers().quick).query(sql, values);
        };
        let idle = || readers.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let connection = match kept {
            Some(connection) => connection,
            None => connect(&readers.path, "NORMAL")?,
        };
        let found = Direct(&connection).query(sql, values);
        idle().push(connection);
        found
    }

    fn transaction(&self, durability: Durability, work: Work<'_>) -> Result<(), Error> {
        let mut writers = self.writers();
        let writers = &mut *writers;
        let connection = match (durability, &mut writers.durable) {
            (Durability::Disk, Some(durable)) => durable,
            _ => &mut writers.quick,
        };
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        work(&mut Direct(&transaction))?;
        Ok(transaction.commit()?)
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

fn connect(path: &Path, synchronous: &str) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    Ok(connection)
}

fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ())
}
