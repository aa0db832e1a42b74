//! The log of what happened: each entry holds the one before it by its hash, so that none can be
//! changed or taken out without all that follow.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;

use super::{Durability, Error, Event, Row, Statements, Store, to_json};
use crate::clock::Seconds;

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Its number, from 1.
    pub n: i64,
    /// When.
    pub time: Seconds,
    /// What, in JSON.
    pub what: String,
    /// Over all of it and the hash before it.
    pub hash: String,
}

impl Store {
    /// Writes an entry of its own.
    pub(crate) fn log(&self, event: &Event) -> Result<(), Error> {
        self.database.transaction(Durability::Process, &mut |tx| self.log_in(tx, event))
    }

    /// Writes an entry together with what it is about.
    pub(super) fn log_in(&self, tx: &mut dyn Statements, event: &Event) -> Result<(), Error> {
        // Takes the head, so that entries come one after the other.
        let head =
            tx.query("UPDATE audit_head SET n = n + 1 WHERE id = 1 RETURNING n, hash", &[])?;
        let head = head.first().ok_or_else(|| Error("the log has lost its head".to_owned()))?;
        let n = head.integer(0).unwrap_or(0);
        let (time, what) = (self.clock.now(), to_json(event)?);
        let hash = hash(head.text(1)?, n, time, &what);
        tx.execute(
            "INSERT INTO audit (n, time, what, hash) VALUES ($1, $2, $3, $4)",
            &[n.into(), time.into(), what.into(), hash.as_str().into()],
        )?;
        tx.execute("UPDATE audit_head SET hash = $1 WHERE id = 1", &[hash.into()])?;
        Ok(())
    }

    /// Entries behind number `after`, so many at most.
    ///
    /// # Errors
    /// When the database fails.
    pub fn log_entries(&self, after: i64, limit: i64) -> Result<Vec<LogEntry>, Error> {
        let rows = self.database.query(
            "SELECT n, time, what, hash FROM audit WHERE n > $1 ORDER BY n LIMIT $2",
            &[after.into(), limit.into()],
        )?;
        rows.iter().map(entry).collect()
    }

    /// Follows the log from its beginning: how many entries it has.
    ///
    /// # Errors
    /// With the first entry that does not hold.
    pub fn check_log(&self) -> Result<i64, Error> {
        const AT_ONCE: i64 = 1000;
        let (mut last, mut before) = (0, String::new());
        loop {
            let entries = self.log_entries(last, AT_ONCE)?;
            for entry in &entries {
                let expected = hash(&before, entry.n, entry.time, &entry.what);
                if entry.n != last + 1 || entry.hash != expected {
                    return Err(Error(format!("the log does not hold at entry {}", last + 1)));
                }
                (last, before) = (entry.n, expected);
            }
            if entries.is_empty() {
                break;
            }
        }
        let head = self.database.query("SELECT n, hash FROM audit_head WHERE id = 1", &[])?;
        let whole = head.first().is_some_and(|head| {
            head.integer(0) == Some(last) && head.text(1).is_ok_and(|hash| hash == before)
        });
        match whole {
            true => Ok(last),
            false => Err(Error(format!("the log ends at entry {last}, and should not"))),
        }
    }
}

fn entry(row: &Row) -> Result<LogEntry, Error> {
    Ok(LogEntry {
        n: row.integer(0).unwrap_or(0),
        time: row.integer(1).unwrap_or(0),
        what: row.text(2)?.to_owned(),
        hash: row.text(3)?.to_owned(),
    })
}

fn hash(before: &str, n: i64, time: Seconds, what: &str) -> String {
    let whole = format!("{before}\n{n}\n{time}\n{what}");
    HEXLOWER.encode(digest(&SHA256, whole.as_bytes()).as_ref())
}
