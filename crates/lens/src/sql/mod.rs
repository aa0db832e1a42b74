//! Databases' protocols, as far as statements and their results go.

mod mysql;
mod postgres;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sealwire::starttls::Protocol;

use crate::flow::{Direction, FlowId, Statement};

/// How much of a statement's text is kept.
const LONGEST_TEXT: usize = 64 * 1024;
/// How many statements may wait for their results.
const MOST_WAITING: usize = 1024;
/// Bytes of all texts that wait, or that are remembered.
const MOST_TEXT: usize = 2 << 20;

/// RFC 5929, section 4: the client proves which certificate it was shown, and that is the proxy's.
const BINDS_CHANNEL: &str = "the client logs in by SCRAM-SHA-256-PLUS, which binds the log-in to the server's own \
     certificate: the server has to refuse it here, since the proxy decrypts. For this, set the client's \
     channel_binding=disable (PGCHANNELBINDING)";

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

    /// Once, what is to be said of the session itself.
    pub(crate) fn note(&mut self) -> Option<&'static str> {
        match &mut self.0 {
            Kind::Postgres(session) if session.binds_channel => {
                session.binds_channel = false;
                Some(BINDS_CHANNEL)
            }
            _ => None,
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
    text: Arc<str>,
    since: Instant,
    rows: Option<u64>,
    bytes: u64,
    error: Option<String>,
}

impl Waiting {
    fn new(text: impl Into<Arc<str>>) -> Self {
        Self { text: text.into(), since: Instant::now(), rows: None, bytes: 0, error: None }
    }

    fn done(self) -> Done {
        let Self { text, since, rows, bytes, error } = self;
        Done { text: text.as_ref().to_owned(), took: since.elapsed(), rows, bytes, error }
    }
}

/// Whether no more statements may wait for their results.
fn are_too_many<'a>(waiting: impl ExactSizeIterator<Item = Option<&'a Waiting>>) -> bool {
    waiting.len() >= MOST_WAITING
        || waiting.flatten().map(|one| one.text.len()).sum::<usize>() >= MOST_TEXT
}

/// Statements that a session comes back to by what it calls them.
#[derive(Debug, Default)]
struct Remembered {
    statements: HashMap<Vec<u8>, Arc<str>>,
    bytes: usize,
}

impl Remembered {
    /// When there are too many, those before are forgotten.
    fn insert(&mut self, name: &[u8], statement: Arc<str>) {
        self.remove(name);
        self.bytes += weight(name, &statement);
        if self.bytes > MOST_TEXT {
            *self = Self { statements: HashMap::new(), bytes: weight(name, &statement) };
        }
        self.statements.insert(name.to_vec(), statement);
    }

    fn get(&self, name: &[u8]) -> Arc<str> {
        self.statements.get(name).cloned().unwrap_or_default()
    }

    fn remove(&mut self, name: &[u8]) {
        if let Some(statement) = self.statements.remove(name) {
            self.bytes -= weight(name, &statement);
        }
    }
}

fn weight(name: &[u8], statement: &str) -> usize {
    const OVERHEAD: usize = 64;
    name.len() + statement.len() + OVERHEAD
}

/// Text of a client or a server, as much as is kept.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST_TEXT)]).into_owned()
}
