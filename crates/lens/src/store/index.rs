//! The index of words and the facts by column, made in the background: it never has the file for long, and waits while
//! traffic is heavy.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};

use super::facts::{block_of, range};
use super::run::Making;
use super::text::Text;
use super::{Shared, facts, schema};

/// Flows that wait before they are taken: a search reads the texts of those, and each run of the index by itself.
const ENOUGH: usize = 256;
/// Flows that are taken at once, and the bytes of their texts before no more are.
const AT_ONCE: i64 = facts::BLOCK;
const MOST_TEXT: usize = 1 << 20;
/// Events in a second that are heavy traffic: to index a flow costs as much as to record it.
const HEAVY: u128 = 1_000;
/// In heavy traffic, so many times what its last piece of work took it waits before the next, within limits.
const REST: u32 = 9;
const LEAST_REST: Duration = Duration::from_millis(200);
const LONGEST_REST: Duration = Duration::from_secs(1);

pub(super) fn run(shared: &Shared, woken: &Receiver<()>) {
    let Ok(mut database) = schema::writable(&shared.path) else { return };
    let mut looked = Instant::now();
    let mut made = facts::NONE;
    loop {
        match woken.recv_timeout(Duration::from_secs(1)) {
            Err(RecvTimeoutError::Disconnected) => return,
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
        }
        while !shared.is_stopped.load(Ordering::Relaxed) && !shared.closing.load(Ordering::Relaxed)
        {
            let began = Instant::now();
            // An error here is told by the store's own thread, if it is one of the disk.
            let block = facts::make_next(&mut database, made).unwrap_or(None);
            made = block.unwrap_or(made);
            let least = if shared.all_indexed.load(Ordering::Relaxed) { 1 } else { ENOUGH };
            if !some(&mut database, &shared.path, least).unwrap_or(false) && block.is_none() {
                break;
            }
            let events = u128::from(shared.busy.swap(0, Ordering::Relaxed));
            let since = std::mem::replace(&mut looked, Instant::now()).elapsed();
            if events * 1000 > HEAVY * since.as_millis().max(1)
                && !rest(shared, woken, (began.elapsed() * REST).clamp(LEAST_REST, LONGEST_REST))
            {
                return;
            }
        }
    }
}

/// Waits for so long, unless a caller waits for the index. `false` when the store has closed.
fn rest(shared: &Shared, woken: &Receiver<()>, long: Duration) -> bool {
    let until = Instant::now() + long;
    while !shared.all_indexed.load(Ordering::Relaxed) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        // Woken by each transaction, and by the end of the store.
        if woken.recv_timeout(left) == Err(RecvTimeoutError::Disconnected) {
            return false;
        }
    }
    true
}

/// Takes some flows that are over, if there are so many. `false` when there are not.
pub(super) fn some(database: &mut Connection, path: &Path, least: usize) -> rusqlite::Result<bool> {
    let waiting = waiting(database)?;
    if waiting.len() < least {
        return Ok(false);
    }
    let mut bytes = 0;
    for flows in waiting.chunk_by(|a, b| block_of(*a) == block_of(*b)) {
        let (run, count) = read(database, path, flows, MOST_TEXT - bytes)?;
        bytes += run.bytes();
        write(database, run, &flows[..count])?;
        if bytes >= MOST_TEXT {
            break;
        }
    }
    Ok(true)
}

/// The words of flows of one block until there are so many bytes of text, and how many flows that are. In one
/// transaction: each statement by itself would take the locks of the file anew.
fn read(
    database: &mut Connection,
    path: &Path,
    flows: &[i64],
    most: usize,
) -> rusqlite::Result<(Making, usize)> {
    let transaction = database.transaction()?;
    let mut run = Making::default();
    for (n, id) in flows.iter().enumerate() {
        let place = id - range(block_of(*id)).0;
        run.add(place as u16, &Text::read(&transaction, path, *id)?);
        if run.bytes() >= most {
            return Ok((run, n + 1));
        }
    }
    Ok((run, flows.len()))
}

fn waiting(database: &Connection) -> rusqlite::Result<Vec<i64>> {
    // CROSS: SQLite would look at each flow whether it waits.
    database
        .prepare_cached(
            "SELECT u.flow FROM unindexed u CROSS JOIN flow f ON f.id=u.flow WHERE f.outcome<>0
             ORDER BY u.flow LIMIT ?",
        )?
        .query_map([AT_ONCE], |row| row.get(0))?
        .collect()
}

fn write(database: &mut Connection, run: Making, flows: &[i64]) -> rusqlite::Result<()> {
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for row in flows.chunk_by(|a, b| a + 1 == *b) {
        let done = transaction
            .prepare_cached("DELETE FROM unindexed WHERE flow BETWEEN ? AND ?")?
            .execute([row[0], row[row.len() - 1]])?;
        // The cap has taken some in the meantime, or another program has them in the index: those that are left
        // are taken with the next.
        if done < row.len() {
            return Ok(());
        }
    }
    if let Some(first) = flows.first() {
        run.write(&transaction, *first)?;
    }
    transaction.commit()
}
