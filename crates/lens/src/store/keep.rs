//! The cap on disk: the oldest flows go first.

use rusqlite::{Connection, TransactionBehavior};

use super::segment::Segments;
use super::{facts, run};

/// Transactions between two looks at the size.
const BETWEEN: u32 = 16;
/// Flows that go in one step.
const STEP: i64 = 2_000;

pub(super) struct Keeper {
    most: u64,
    since: u32,
}

impl Keeper {
    pub(super) fn new(most: u64) -> Self {
        Self { most, since: 0 }
    }

    /// Looks at the size now and then, and makes room when it is beyond the cap.
    pub(super) fn keep(
        &mut self,
        database: &mut Connection,
        segments: &mut Segments,
    ) -> rusqlite::Result<()> {
        self.since += 1;
        if self.since < BETWEEN && segments.bytes < self.most {
            return Ok(());
        }
        self.since = 0;
        if size(database)? + segments.bytes <= self.most {
            return Ok(());
        }
        // A tenth goes at once, so that this is not needed at each transaction.
        while size(database)? + segments.bytes > self.most / 10 * 9 && forget(database, segments)? {
        }
        Ok(())
    }
}

fn size(database: &Connection) -> rusqlite::Result<u64> {
    let number = |pragma: &str| {
        database.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0))
    };
    let pages = number("page_count")? - number("freelist_count")?;
    Ok((pages * number("page_size")?).max(0).cast_unsigned())
}

/// Forgets the oldest flows, a tenth of all at most. `false` when there is nothing left to forget.
fn forget(database: &mut Connection, segments: &mut Segments) -> rusqlite::Result<bool> {
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let number = |sql: &str, value: i64| {
        transaction.query_row(sql, [value], |row| row.get::<_, Option<i64>>(0))
    };
    let first = number("SELECT min(id)+?-0 FROM flow", 0)?;
    let last = number("SELECT max(id)+?-0 FROM flow", 0)?;
    let (Some(first), Some(last)) = (first, last) else { return Ok(false) };
    let before = first + ((last - first) / 10).clamp(1, STEP);
    // A flow that is still open is written again with its next event; so the newest may go, too.
    for sql in [
        "DELETE FROM unindexed WHERE flow<?1",
        "DELETE FROM detail WHERE flow<?1",
        "DELETE FROM part WHERE flow<?1",
        "DELETE FROM frame WHERE flow<?1",
        "DELETE FROM statement WHERE flow<?1",
        "DELETE FROM flow WHERE id<?1",
    ] {
        transaction.execute(sql, [before])?;
    }
    // What is left of a block of which some have gone is found by its rows.
    let (_, last_place) = facts::places(facts::block_of(before - 1));
    transaction.execute("DELETE FROM fact WHERE place<=?", [last_place])?;
    // A run stays as long as there are flows of its block.
    run::forget_before(&transaction, facts::range(facts::block_of(before)).0)?;
    let first_connection = number("SELECT min(connection)+?-0 FROM flow", 0)?.unwrap_or(i64::MAX);
    for sql in [
        "DELETE FROM wire WHERE connection<?1",
        "DELETE FROM handshake WHERE connection<?1",
        "DELETE FROM connection WHERE id<?1",
    ] {
        transaction.execute(sql, [first_connection])?;
    }
    let first_segment = number(
        "SELECT min(s) FROM (SELECT min(segment) s FROM part UNION ALL SELECT min(segment) FROM wire WHERE ?=0)",
        0,
    )?;
    transaction.commit()?;
    segments.forget_before(first_segment.unwrap_or(i64::MAX));
    // It gives back a page with each step.
    let mut vacuum = database.prepare("PRAGMA incremental_vacuum(20000)")?;
    let mut pages = vacuum.query([])?;
    while pages.next()?.is_some() {}
    Ok(true)
}
