//! Databases' protocols, as far as statements and their results go.

mod mysql;
mod postgres;

use std::time::{Duration, Instant};

use sealwire::starttls::Protocol;

use crate::flow::{Direction, FlowId, Statement};

/// How much of a statement's text is kept.
const LONGEST_TEXT: usize = 64 * 1024;
/// How many statements may wait for their results.
const MOST_WAITING: usize = 1024;

/// Reads the two sides of a session. What it does not understand, it passes over for good.
pub(crate) struct Reader(Kind);

enum Kind {
    None,
    Postgres(Box<postgres::Session>),
    Mysql(Box<mysql::Session>),
}

/// A statement that is over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) text: String,
    pub(crate) took: Duration,
    pub(crate) rows: Option<u64>,
    pub(crate) bytes: u64,
    pub(crate) error: Option<String>,
}

impl Reader {
    pub(crate) fn of(protocol: Protocol) -> Self {
        Self(match protocol {
            Protocol::Postgres => Kind::Postgres(Box::default()),
            Protocol::Mysql => Kind::Mysql(Box::default()),
            _ => Kind::None,
        })
    }

    /// Reads what one side sent.
    pub(crate) fn read(&mut self, from: Direction, bytes: &[u8], done: &mut impl FnMut(Done)) {
        match &mut self.0 {
            Kind::None => {}
            Kind::Postgres(session) => session.read(from, bytes, done),
            Kind::Mysql(session) => session.read(from, bytes, done),
        }
    }

    /// The session is over: statements without an end have one.
    pub(crate) fn end(&mut self, done: &mut impl FnMut(Done)) {
        match &mut self.0 {
            Kind::None => {}
            Kind::Postgres(session) => session.end(done),
            Kind::Mysql(session) => session.end(done),
        }
    }

    /// A server's error with this text, where the protocol has such.
    pub(crate) fn error(&self, protocol: Protocol, text: &str) -> Option<Vec<u8>> {
        match protocol {
            Protocol::Postgres => Some(postgres::error(text)),
            Protocol::Mysql => Some(mysql::error(text)),
            _ => None,
        }
    }
}

impl Done {
    pub(crate) fn told(self, flow: FlowId) -> Statement {
        let Self { text, took, rows, bytes, error } = self;
        Statement { flow, text, took, rows, bytes, error }
    }
}

/// A statement whose result is awaited.
#[derive(Debug)]
struct Waiting {
    text: String,
    since: Instant,
    rows: Option<u64>,
    bytes: u64,
    error: Option<String>,
}

impl Waiting {
    fn new(text: String) -> Self {
        Self { text, since: Instant::now(), rows: None, bytes: 0, error: None }
    }

    fn done(self) -> Done {
        let Self { text, since, rows, bytes, error } = self;
        Done { text, took: since.elapsed(), rows, bytes, error }
    }
}

/// Text of a client or a server, as much as is kept.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST_TEXT)]).into_owned()
}
