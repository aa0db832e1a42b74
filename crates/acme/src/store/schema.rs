//! The tables. What is looked for has columns; the rest of a record is one text of JSON, so that
//! what a later version adds needs no other table.

use super::database::{Database, Durability, Error};

/// Raised when an older program could no longer work with the tables.
const VERSION: i64 = 1;

/// `BLOB` is written `BYTEA` for PostgreSQL.
pub(super) const TABLES: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, number BIGINT, value BLOB)",
    // Those that were used, until they are too old anyway.
    "CREATE TABLE IF NOT EXISTS nonce (nonce TEXT PRIMARY KEY, expires BIGINT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS nonce_expires ON nonce (expires)",
    "CREATE TABLE IF NOT EXISTS account (id TEXT PRIMARY KEY, thumbprint TEXT NOT NULL UNIQUE, \
     status TEXT NOT NULL, created BIGINT NOT NULL, body TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS eab (kid TEXT PRIMARY KEY, account TEXT, created BIGINT NOT NULL, \
     body TEXT NOT NULL)",
    // Tokens for users without an ACME client; of the secret, its digest.
    "CREATE TABLE IF NOT EXISTS token (id TEXT PRIMARY KEY, digest TEXT NOT NULL UNIQUE, created \
     BIGINT NOT NULL, expires BIGINT NOT NULL, uses BIGINT NOT NULL, body TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, account TEXT NOT NULL, status TEXT NOT \
     NULL, created BIGINT NOT NULL, expires BIGINT NOT NULL, claimed BIGINT, serial TEXT, body TEXT \
     NOT NULL)",
    "CREATE INDEX IF NOT EXISTS orders_account ON orders (account, id)",
    "CREATE INDEX IF NOT EXISTS orders_expires ON orders (expires)",
    "CREATE TABLE IF NOT EXISTS authz (id TEXT PRIMARY KEY, account TEXT NOT NULL, identifier TEXT \
     NOT NULL, status TEXT NOT NULL, expires BIGINT NOT NULL, claimed BIGINT, body TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS authz_account ON authz (account, identifier, status)",
    "CREATE INDEX IF NOT EXISTS authz_expires ON authz (expires)",
    // For the page: what has failed, the last first.
    "CREATE INDEX IF NOT EXISTS orders_failed ON orders (created) WHERE status = 'invalid'",
    "CREATE INDEX IF NOT EXISTS authz_failed ON authz (claimed) WHERE status = 'invalid'",
    "CREATE TABLE IF NOT EXISTS issuer (id TEXT PRIMARY KEY, since BIGINT NOT NULL, replaced BIGINT, \
     chain TEXT NOT NULL)",
    // Without `der`: the number is taken, and the certificate not yet made.
    "CREATE TABLE IF NOT EXISTS certificate (serial TEXT PRIMARY KEY, issuer TEXT NOT NULL, account \
     TEXT, created BIGINT NOT NULL, not_after BIGINT NOT NULL, revoked BIGINT, reason TEXT, \
     replaced TEXT, subject TEXT NOT NULL, names TEXT NOT NULL, der BLOB)",
    "CREATE INDEX IF NOT EXISTS certificate_revoked ON certificate (issuer, revoked) WHERE revoked \
     IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS certificate_issuer ON certificate (issuer, created)",
    "CREATE INDEX IF NOT EXISTS certificate_not_after ON certificate (not_after)",
    "CREATE INDEX IF NOT EXISTS certificate_created ON certificate (created)",
    "CREATE TABLE IF NOT EXISTS crl (issuer TEXT PRIMARY KEY, number BIGINT NOT NULL, made BIGINT, \
     next_update BIGINT, stale BIGINT NOT NULL, der BLOB)",
    "CREATE TABLE IF NOT EXISTS audit (n BIGINT PRIMARY KEY, time BIGINT NOT NULL, what TEXT NOT \
     NULL, hash TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS audit_head (id BIGINT PRIMARY KEY, n BIGINT NOT NULL, hash TEXT NOT \
     NULL)",
    "INSERT INTO audit_head (id, n, hash) VALUES (1, 0, '') ON CONFLICT DO NOTHING",
];

/// Makes what is not there yet.
pub(super) fn create(database: &dyn Database) -> Result<(), Error> {
    let mut there = None;
    database.transaction(Durability::Disk, &mut |tx| {
        for table in TABLES {
            tx.execute(table, &[])?;
        }
        tx.execute(
            "INSERT INTO meta (name, number) VALUES ('version', $1) ON CONFLICT DO NOTHING",
            &[VERSION.into()],
        )?;
        let rows = tx.query("SELECT number FROM meta WHERE name = 'version'", &[])?;
        there = rows.first().and_then(|row| row.integer(0));
        Ok(())
    })?;
    match there {
        Some(VERSION) => Ok(()),
        version => Err(Error(format!(
            "the tables have version {}, and this program supports {VERSION}",
            version.unwrap_or_default()
        ))),
    }
}
