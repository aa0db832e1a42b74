//! What a CA remembers: accounts, orders, authorizations, certificates, revocation lists, and a log.
//!
//! One set of statements over whatever [`Database`] there is. Several processes may use one
//! database: whatever only one of them may do is claimed by an `UPDATE` that names the state before.

mod accounts;
mod audit;
mod certificates;
mod database;
mod failures;
mod known;
mod orders;
#[cfg(feature = "postgres")]
mod postgres;
mod records;
mod schema;
mod sqlite;
mod tokens;

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::{Clock, Seconds};
pub(crate) use accounts::Made;
pub use audit::LogEntry;
pub use certificates::{Counts, Filter};
pub use database::{Database, Durability, Error, Row, Statements, Value};
pub use failures::Failed;
use known::KnownAccounts;
#[cfg(feature = "postgres")]
pub use postgres::Postgres;
pub use records::{
    Account, AccountRules, AccountStatus, Authz, AuthzStatus, Challenge, ChallengeKind,
    ChallengeStatus, EabKey, Event, Issued, IssuerRecord, Order, OrderStatus, SignedCrl, Token,
};
pub use sqlite::Sqlite;

/// The memory of a CA.
#[derive(Clone)]
pub struct Store {
    database: Arc<dyn Database>,
    /// Where the database is ours alone.
    known: Option<Arc<KnownAccounts>>,
    clock: Clock,
}

impl Store {
    /// Over a database.
    pub fn new(database: impl Database + 'static, clock: Clock) -> Self {
        let known = (!database.is_shared()).then(Arc::default);
        Self { database: Arc::new(database), known, clock }
    }

    /// In a file of SQLite.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path, clock: Clock) -> Result<Self, Error> {
        Ok(Self::new(Sqlite::open(path)?, clock))
    }

    /// The clock that its records are dated by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether other servers may work with the same database.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.database.is_shared()
    }

    /// A secret of so many bytes, shared by all users of this database: created on first use.
    ///
    /// # Errors
    /// When the database fails.
    pub fn shared_secret(&self, name: &str) -> Result<Vec<u8>, Error> {
        let made = random::<32>()?;
        self.database.execute(
            "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            &[name.into(), made.as_slice().into()],
        )?;
        let rows = self.database.query("SELECT value FROM meta WHERE name = $1", &[name.into()])?;
        let secret = rows.first().and_then(|row| row.blob(0)).map(<[u8]>::to_vec);
        secret.ok_or_else(|| Error(format!("the secret {name} is gone")))
    }

    /// Uses a nonce up. False: it was used before.
    ///
    /// # Errors
    /// When the database fails.
    pub fn use_nonce(&self, nonce: &str, expires: Seconds) -> Result<bool, Error> {
        let used = self.database.execute(
            "INSERT INTO nonce (nonce, expires) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            &[nonce.into(), expires.into()],
        )?;
        Ok(used == 1)
    }

    /// Removes expired records: nonces, orders and authorizations. Certificates and
    /// accounts stay.
    ///
    /// # Errors
    /// When the database fails.
    pub fn prune(&self) -> Result<(), Error> {
        const KEPT: Seconds = 30 * 86_400;
        let now = self.clock.now();
        let db = &self.database;
        db.execute("DELETE FROM nonce WHERE expires < $1", &[now.into()])?;
        let long_ago = now - KEPT;
        db.execute("DELETE FROM token WHERE expires < $1", &[long_ago.into()])?;
        db.execute("DELETE FROM orders WHERE expires < $1", &[long_ago.into()])?;
        db.execute("DELETE FROM authz WHERE expires < $1", &[long_ago.into()])?;
        Ok(())
    }

    fn one<T>(
        &self,
        sql: &'static str,
        values: &[Value],
        read: impl Fn(&Row) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        self.database.find(sql, values)?.as_ref().map(read).transpose()
    }
}

/// A name that cannot be guessed, for URLs.
///
/// # Errors
/// When there are no random bytes.
pub fn random_id() -> Result<String, Error> {
    Ok(crate::jws::base64url(&random::<16>()?))
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error("no random bytes".to_owned()))?;
    Ok(bytes)
}

fn to_json<T: Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|e| Error(e.to_string()))
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|e| Error(format!("a record cannot be read: {e}")))
}

/// A state as the word that stands in its column.
fn word<T: Serialize>(state: T) -> Value {
    let json = serde_json::to_value(state).unwrap_or_default();
    json.as_str().unwrap_or_default().into()
}

fn state<T: DeserializeOwned>(word: &str) -> Result<T, Error> {
    serde_json::from_value(word.into()).map_err(|e| Error(format!("a state is unknown: {e}")))
}
