//! The cap on disk: the oldest flows go first.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::segment::Segments;
use super::{facts, run};

/// Transactions between two looks at the size, unless they wrote much of it.
const BETWEEN: u32 = 16;
const MUCH: u64 = 8;
/// Flows that go in one step.
const STEP: i64 = 2_000;

pub(super) struct Keeper {
    most: u64,
    /// Transactions since the last look, and the bytes of bodies in them.
    since: u32,
    written: u64,
    first: First,
}

/// The first connection and the first flow of this run of the recorder.
#[derive(Clone, Copy)]
pub(super) struct First {
    pub(super) connection: i64,
    pub(super) flow: i64,
}

impl Keeper {
    pub(super) fn new(most: u64, first: First) -> Self {
        Self { most, since: 0, written: 0, first }
    }

    /// Looks at the size now and then, and makes room when it is beyond the cap. So many bytes of bodies were
    /// written in this transaction.
    pub(super) fn keep(
        &mut self,
        database: &mut Connection,
        segments: &mut Segments,
        written: u64,
    ) -> rusqlite::Result<()> {
        self.since += 1;
        self.written += written;
        let is_much = self.written > self.most / MUCH;
        if self.since < BETWEEN && !is_much && segments.bytes < self.most {
            return Ok(());
        }
        (self.since, self.written) = (0, 0);
        if size(database)? + segments.bytes <= self.most {
            return Ok(());
        }
        // A tenth goes at once, so that this is not needed at each transaction.
        while size(database)? + segments.bytes > self.most / 10 * 9
            && forget(database, segments, self.first)?
        {}
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
fn forget(
    database: &mut Connection,
    segments: &mut Segments,
    of_this_run: First,
) -> rusqlite::Result<bool> {
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let number = |sql: &str, value: i64| {
        transaction.query_row(sql, [value], |row| row.get::<_, Option<i64>>(0))
    };
    let first = number("SELECT min(id)+?-0 FROM flow", 0)?;
    let last = number("SELECT max(id)+?-0 FROM flow", 0)?;
    let (Some(first), Some(last)) = (first, last) else { return Ok(false) };
    let before = first + ((last - first) / 10).clamp(1, STEP);
    let last_connection = number("SELECT max(connection) FROM flow WHERE id<?", before)?;
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
    forget_connections(&transaction, last_connection.unwrap_or(0), of_this_run)?;
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

/// Forgets the connections up to `last` that have no flow left.
fn forget_connections(
    transaction: &Transaction<'_>,
    last: i64,
    of_this_run: First,
) -> rusqlite::Result<()> {
    /// Flows that begin at once have their numbers in any order.
    const AT_ONCE: i64 = 1_000_000;
    let oldest = transaction
        .query_row("SELECT id,started FROM flow ORDER BY id LIMIT 1", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })
        .optional()?;
    let (id, started) = oldest.unwrap_or((i64::MAX, i64::MAX));
    // One that ended before the oldest flow began has none, and one of an earlier run has none if there is none of
    // that run.
    let before = if id >= of_this_run.flow { of_this_run.connection } else { 0 };
    let mut gone = transaction
        .prepare("DELETE FROM connection WHERE id<=? AND (ended<? OR id<?) RETURNING id")?;
    let gone = gone
        .query_map([last, started.saturating_sub(AT_ONCE), before], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<i64>>>()?;
    for sql in ["DELETE FROM wire WHERE connection=?", "DELETE FROM handshake WHERE connection=?"] {
        let mut forget = transaction.prepare(sql)?;
        for id in &gone {
            forget.execute([id])?;
        }
    }
    Ok(())
}
