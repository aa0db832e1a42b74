//! The full-text index and the facts by column, made in the background: it never has the file for long, and waits while
//! traffic is heavy.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior, params};

use super::functions::{LOOKED_THROUGH, body_text};
use super::{Shared, bodies, facts, schema};

/// Flows in one transaction, and bytes of text that they may have together before it takes no more.
const AT_ONCE: i64 = 100;
const MOST_TEXT: usize = 1 << 20;
/// Events in a second that are heavy traffic: an entry of the index costs as much as all else that is done
/// for a flow.
const HEAVY: u128 = 1_000;

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
            // An error here is told by the store's own thread, if it is one of the disk.
            let block = facts::make_next(&mut database, made).unwrap_or(None);
            made = block.unwrap_or(made);
            if !some(&mut database, shared).unwrap_or(false) && block.is_none() {
                break;
            }
            let events = u128::from(shared.busy.swap(0, Ordering::Relaxed));
            let since = std::mem::replace(&mut looked, Instant::now()).elapsed();
            if events * 1000 > HEAVY * since.as_millis().max(1) {
                let _ = woken.recv_timeout(Duration::from_millis(200));
                std::thread::sleep(Duration::from_millis(200));
            }
        }
    }
}

/// Takes some finished flows. `false` when none is left.
fn some(database: &mut Connection, shared: &Shared) -> rusqlite::Result<bool> {
    let rows = waiting(database)?;
    if rows.is_empty() {
        return Ok(false);
    }
    let mut texts = Vec::with_capacity(rows.len());
    let mut bytes = 0;
    for id in rows {
        let (id, head, bodies) = text(database, shared, id)?;
        bytes += head.len() + bodies[0].len() + bodies[1].len();
        texts.push((id, head, bodies));
        if bytes >= MOST_TEXT {
            break;
        }
    }
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (id, head, bodies) in &texts {
        let done =
            transaction.prepare_cached("DELETE FROM unindexed WHERE flow=?")?.execute([id])?;
        // Else the cap has taken it in the meantime.
        if done > 0 {
            transaction
                .prepare_cached("INSERT INTO search(rowid,head,request,response) VALUES(?,?,?,?)")?
                .execute(params![id, head, bodies[0], bodies[1]])?;
        }
    }
    transaction.commit()?;
    Ok(true)
}

fn waiting(database: &Connection) -> rusqlite::Result<Vec<i64>> {
    database
        .prepare_cached(
            "SELECT u.flow FROM unindexed u JOIN flow f ON f.id=u.flow WHERE f.outcome<>0 LIMIT ?",
        )?
        .query_map([AT_ONCE], |row| row.get(0))?
        .collect()
}

type Text = (i64, String, [String; 2]);

fn text(database: &Connection, shared: &Shared, id: i64) -> rusqlite::Result<Text> {
    let (mut head, heads) = database
        .prepare_cached(
            "SELECT f.method,f.scheme,f.authority,f.path,d.request_head,d.response_head,f.error,d.notes
             FROM flow f JOIN detail d ON d.flow=f.id WHERE f.id=?",
        )?
        .query_row([id], |row| {
            let text = |n| row.get::<_, Option<String>>(n).map(Option::unwrap_or_default);
            let blob = |n| row.get::<_, Option<Vec<u8>>>(n).map(Option::unwrap_or_default);
            let head = format!("{} {}://{}{} {} {}", text(0)?, text(1)?, text(2)?, text(3)?, text(6)?, text(7)?);
            Ok((head, [blob(4)?, blob(5)?]))
        })?;
    for one in &heads {
        head.push(' ');
        head.push_str(&String::from_utf8_lossy(one));
    }
    let mut bodies = [String::new(), String::new()];
    for (side, body) in bodies.iter_mut().enumerate() {
        let data = bodies::recorded(database, &shared.path, id, side, 0, LOOKED_THROUGH)?;
        body.push_str(&body_text(&data, &heads[side]).unwrap_or_default());
    }
    let mut frames = database.prepare_cached(
        "SELECT direction,data FROM frame WHERE flow=? AND kind IN (1,2) ORDER BY n LIMIT 4096",
    )?;
    let mut rows = frames.query([id])?;
    while let Some(row) = rows.next()? {
        let body = &mut bodies[usize::from(row.get::<_, i64>(0)? != 0)];
        if let Some(text) = crate::content::as_text(row.get_ref(1)?.as_bytes().unwrap_or_default())
            && body.len() < LOOKED_THROUGH
        {
            body.push(' ');
            body.push_str(text);
        }
    }
    let mut statements =
        database.prepare_cached("SELECT text FROM statement WHERE flow=? ORDER BY n LIMIT 4096")?;
    let mut rows = statements.query([id])?;
    while let Some(row) = rows.next()? {
        if bodies[0].len() < LOOKED_THROUGH {
            bodies[0].push(' ');
            bodies[0].push_str(row.get_ref(0)?.as_str().unwrap_or_default());
        }
    }
    Ok((id, head, bodies))
}
