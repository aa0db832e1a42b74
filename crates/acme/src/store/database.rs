//! What a store needs of a database: statements with values, and transactions. The statements are
//! the same for all: `$1` stands for a value everywhere, numbered as they first come.

use std::fmt;

use tokio::runtime::{Handle, RuntimeFlavor};

/// The database failed, or what it holds is not ours.
#[derive(Debug, Clone)]
pub struct Error(pub(crate) String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// A value of a statement or of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// None.
    Null,
    /// A whole number.
    Integer(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Blob(bytes.to_vec())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// What a query found in one place.
#[derive(Debug, Clone)]
pub struct Row(pub(crate) Vec<Value>);

impl Row {
    /// A text that has to be there.
    pub(crate) fn text(&self, column: usize) -> Result<&str, Error> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(Error(format!("column {column} of a row is not text"))),
        }
    }

    /// A number, if there is one.
    pub(crate) fn integer(&self, column: usize) -> Option<i64> {
        match self.0.get(column) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// Bytes, if there are any.
    pub(crate) fn blob(&self, column: usize) -> Option<&[u8]> {
        match self.0.get(column) {
            Some(Value::Blob(bytes)) => Some(bytes),
            _ => None,
        }
    }
}

/// Statements, in a transaction or each in one of its own.
pub trait Statements {
    /// Changes something, and tells how many rows.
    ///
    /// # Errors
    /// When the database fails.
    fn execute(&mut self, sql: &'static str, values: &[Value]) -> Result<u64, Error>;

    /// Looks something up; may change it as well (`RETURNING`).
    ///
    /// # Errors
    /// When the database fails.
    fn query(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, Error>;
}

/// How durable a change must be before the work continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It outlives the process: a power cut may undo it, and the client asks again.
    Process,
    /// It outlives a power cut: what is handed out afterwards cannot be taken back.
    Disk,
}

/// The work of a transaction. It may be done twice, when the database asks for it.
pub(crate) type Work<'a> = &'a mut dyn FnMut(&mut dyn Statements) -> Result<(), Error>;

/// A database under a store. Every call blocks.
pub trait Database: Send + Sync {
    /// Whether several servers may work with it at once; otherwise it is the file of one.
    fn is_shared(&self) -> bool;

    /// One change.
    ///
    /// # Errors
    /// When the database fails.
    fn execute(&self, sql: &'static str, values: &[Value]) -> Result<u64, Error>;

    /// A look.
    ///
    /// # Errors
    /// When the database fails.
    fn query(&self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, Error>;

    /// A look for the row that a key has.
    ///
    /// # Errors
    /// When the database fails.
    fn find(&self, sql: &'static str, values: &[Value]) -> Result<Option<Row>, Error> {
        Ok(self.query(sql, values)?.into_iter().next())
    }

    /// Several statements, all of them or none. Those of others come before or after.
    ///
    /// # Errors
    /// Those of `work`, after which nothing is changed, and those of the database.
    fn transaction(
        &self,
        durability: Durability,
        work: &mut dyn FnMut(&mut dyn Statements) -> Result<(), Error>,
    ) -> Result<(), Error>;
}

/// Work that waits: a thread of a runtime that has several is lent out for as long. It is needed where a
/// connection drives a runtime of its own, which must not happen on a thread that drives another.
pub(super) fn blocking<T>(work: impl FnOnce() -> T) -> T {
    let several = |handle: Handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread;
    match Handle::try_current().is_ok_and(several) {
        true => tokio::task::block_in_place(work),
        false => work(),
    }
}
