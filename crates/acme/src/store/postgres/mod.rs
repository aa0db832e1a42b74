//! A store in PostgreSQL: several nodes of a CA on one database.

mod tls;
mod value;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ::postgres::config::{Host, SslMode};
use ::postgres::error::SqlState;
use ::postgres::{Client, Config, GenericClient, Statement};
use sealwire::Connector;

use super::database::{Database, Durability, Error, Row, Statements, Value, Work, blocking};
use super::schema;
use tls::Tls;

/// A database that several processes and machines may use. Every call blocks; the only thread of a
/// runtime that has one must not make it.
pub struct Postgres {
    config: Config,
    tls: Tls,
    idle: Mutex<Vec<Connection>>,
}

/// With its statements, each prepared once.
struct Connection {
    client: Client,
    prepared: Prepared,
    used: Instant,
}

type Prepared = HashMap<&'static str, Statement>;

/// How often a transaction is tried that others got in the way of.
const TRIES: u32 = 8;

/// What the tables are made under, so that one node at a time makes them. Any number will do that
/// no other program uses: this one is "sealwire" in ASCII.
const MAKING: i64 = 0x7365_616c_7769_7265;

const CONNECT: Duration = Duration::from_secs(10);

/// A connection that was idle for longer is asked whether it still lives.
const FRESH: Duration = Duration::from_secs(1);

impl Postgres {
    /// Connects to the database of this URL (`postgres://USER:PASSWORD@HOST:PORT/DATABASE`, or
    /// libpq's `host=... dbname=...`), and creates missing tables.
    ///
    /// Over TLS the server has to prove its name to `connector`, whatever `sslmode` says. Without
    /// an `sslmode` TLS is required to other machines, and used on this one where it is offered.
    ///
    /// # Errors
    /// When the URL cannot be read, the server not be reached, or the tables are of a newer version.
    pub fn connect(url: &str, password: Option<&str>, connector: Connector) -> Result<Self, Error> {
        // A URL may hold a password: it is not repeated.
        let mut config: Config = url.parse().map_err(|e| told("the database's URL", &e))?;
        if let Some(password) = password {
            config.password(password);
        }
        if !url.contains("sslmode") && config.get_hosts().iter().any(is_elsewhere) {
            config.ssl_mode(SslMode::Require);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        config.application_name("seal ca");
        let opened = Self { config, tls: Tls(connector), idle: Mutex::default() };
        blocking(|| opened.make_tables())?;
        Ok(opened)
    }

    /// Where it is, without secrets.
    #[must_use]
    pub fn place(&self) -> String {
        let host = self.config.get_hosts().first().map(shown).unwrap_or_default();
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        let user = self.config.get_user().unwrap_or_default();
        let name = self.config.get_dbname().unwrap_or(user);
        format!("postgres://{host}:{port}/{name}")
    }

    fn make_tables(&self) -> Result<(), Error> {
        // Held by a connection of its own, and given up with it.
        let mut connection = self.take()?;
        connection.client.execute("SELECT pg_advisory_lock($1)", &[&MAKING])?;
        let made = schema::create(self);
        connection.client.execute("SELECT pg_advisory_unlock($1)", &[&MAKING])?;
        self.give_back(connection);
        made
    }

    fn take(&self) -> Result<Connection, Error> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        while let Some(mut connection) = idle() {
            let fresh = connection.used.elapsed() < FRESH;
            if fresh || connection.client.is_valid(CONNECT).is_ok() {
                return Ok(connection);
            }
        }
        let client = self.config.connect(self.tls.clone()).map_err(|e| told(&self.place(), &e))?;
        Ok(Connection { client, prepared: Prepared::new(), used: Instant::now() })
    }

    fn give_back(&self, mut connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if connection.client.is_closed() {
            // The server has gone, and with it all others.
            idle.clear();
        } else {
            connection.used = Instant::now();
            idle.push(connection);
        }
    }

    /// Runs `work` over a connection of its own.
    fn with<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T, Error>) -> Result<T, Error> {
        blocking(|| {
            let mut connection = self.take()?;
            let done = work(&mut connection);
            self.give_back(connection);
            done
        })
    }
}

impl Drop for Postgres {
    /// Connections say goodbye, and wait for it.
    fn drop(&mut self) {
        let idle = self.idle.get_mut().unwrap_or_else(PoisonError::into_inner);
        blocking(|| idle.clear());
    }
}

impl Database for Postgres {
    fn is_shared(&self) -> bool {
        true
    }

    fn execute(&self, sql: &'static str, values: &[Value]) -> Result<u64, Error> {
        self.with(|one| Direct::new(&mut one.client, &mut one.prepared).execute(sql, values))
    }

    fn query(&self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, Error> {
        self.with(|one| Direct::new(&mut one.client, &mut one.prepared).query(sql, values))
    }

    fn transaction(&self, durability: Durability, work: Work<'_>) -> Result<(), Error> {
        self.with(|one| {
            for _ in 1..TRIES {
                match one.attempt(durability, work) {
                    Err(Failed { in_the_way: true, .. }) => {}
                    ended => return ended.map_err(|failed| failed.error),
                }
            }
            one.attempt(durability, work).map_err(|failed| failed.error)
        })
    }
}

/// A transaction that came to nothing.
struct Failed {
    error: Error,
    /// Others were: it may well go through now.
    in_the_way: bool,
}

impl Connection {
    fn attempt(&mut self, durability: Durability, work: Work<'_>) -> Result<(), Failed> {
        let failed =
            |e: ::postgres::Error| Failed { in_the_way: is_in_the_way(&e), error: e.into() };
        let mut transaction = self.client.transaction().map_err(failed)?;
        if durability == Durability::Process {
            transaction.batch_execute("SET LOCAL synchronous_commit TO off").map_err(failed)?;
        }
        let mut direct = Direct::new(&mut transaction, &mut self.prepared);
        let worked = work(&mut direct);
        let in_the_way = direct.in_the_way;
        // Dropped, it is rolled back.
        worked.map_err(|error| Failed { error, in_the_way })?;
        transaction.commit().map_err(failed)
    }
}

struct Direct<'a, C> {
    client: &'a mut C,
    prepared: &'a mut Prepared,
    in_the_way: bool,
}

impl<'a, C: GenericClient> Direct<'a, C> {
    fn new(client: &'a mut C, prepared: &'a mut Prepared) -> Self {
        Self { client, prepared, in_the_way: false }
    }

    fn note(&mut self, error: ::postgres::Error) -> Error {
        self.in_the_way |= is_in_the_way(&error);
        error.into()
    }

    fn statement(&mut self, sql: &'static str) -> Result<Statement, Error> {
        if let Some(known) = self.prepared.get(sql) {
            return Ok(known.clone());
        }
        let made = self.client.prepare(sql).map_err(|e| self.note(e))?;
        self.prepared.insert(sql, made.clone());
        Ok(made)
    }
}

impl<C: GenericClient> Statements for Direct<'_, C> {
    fn execute(&mut self, sql: &'static str, values: &[Value]) -> Result<u64, Error> {
        if sql.starts_with("CREATE ") {
            let sql = sql.replace(" BLOB", " BYTEA");
            return self.client.batch_execute(&sql).map(|()| 0).map_err(|e| self.note(e));
        }
        let statement = self.statement(sql)?;
        self.client.execute(&statement, &value::bound(values)).map_err(|e| self.note(e))
    }

    fn query(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, Error> {
        let statement = self.statement(sql)?;
        let rows =
            self.client.query(&statement, &value::bound(values)).map_err(|e| self.note(e))?;
        rows.iter().map(value::row).collect()
    }
}

/// Whether another transaction was in the way, and this one has to be done again.
fn is_in_the_way(error: &::postgres::Error) -> bool {
    let code = error.code();
    [&SqlState::T_R_SERIALIZATION_FAILURE, &SqlState::T_R_DEADLOCK_DETECTED]
        .into_iter()
        .any(|in_the_way| code == Some(in_the_way))
}

fn is_elsewhere(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            let address = name.parse().map(|ip: std::net::IpAddr| ip.is_loopback());
            !address.unwrap_or(name == "localhost")
        }
        #[cfg(unix)]
        Host::Unix(_) => false,
    }
}

fn shown(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    }
}

impl From<::postgres::Error> for Error {
    fn from(error: ::postgres::Error) -> Self {
        told("PostgreSQL", &error)
    }
}

/// With all its reasons: the outermost only says which step failed.
fn told(place: &str, error: &::postgres::Error) -> Error {
    let mut text = format!("{place}: {error}");
    let mut reason = std::error::Error::source(error);
    while let Some(inner) = reason {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        reason = inner.source();
    }
    Error(text)
}
