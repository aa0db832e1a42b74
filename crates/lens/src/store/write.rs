//! The store's thread: folds what comes, and commits it.

use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use rusqlite::{CachedStatement, Connection, ErrorCode, Transaction, params};
use serde_json::json;

use super::facts;
use super::fold::{ConnectionChange, Folded, LONG, OpenFlow};
use super::inbox::{Arrivals, Command, weight};
use super::keep::{First, Keeper};
use super::segment::Segments;
use super::{Live, Shared};
use crate::flow::{Event, FlowId, FrameKind, HandshakeFacts, Leg};

/// Bytes and events after which a transaction does not wait for more.
const MOST_BYTES: usize = 4 << 20;
const MOST_EVENTS: u64 = 4_096;

pub(super) fn first_free(database: &Connection) -> rusqlite::Result<(u64, u64)> {
    let most =
        |sql| database.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned);
    Ok((
        most("SELECT ifnull(max(id),0) FROM connection")? + 1,
        most("SELECT ifnull(max(id),0) FROM flow")? + 1,
    ))
}

pub(super) fn run(
    database: Connection,
    shared: Arc<Shared>,
    (connection, flow): (u64, u64),
    arrivals: &Arrivals,
    wake: &SyncSender<()>,
) {
    let segments = Segments::new(&shared.path);
    let folded =
        Folded { longest_body: (shared.options.keep / 4).max(1 << 20), ..Folded::default() };
    let first = First { connection: connection.cast_signed(), flow: flow.cast_signed() };
    let keeper = Keeper::new(shared.options.keep, first);
    let mut writer = Writer { database, shared, segments, folded, keeper, events: 0, newest: 0 };
    loop {
        for command in arrivals.take(writer.shared.options.delay) {
            match command {
                Command::Event(event) => writer.event(event),
                Command::LeftOut(flow) => writer.left_out(flow),
                Command::Flush(done) => {
                    writer.commit();
                    let _ = done.send(());
                }
                Command::Close => return writer.commit(),
            }
        }
        writer.commit();
        let _ = wake.try_send(());
    }
}

struct Writer {
    database: Connection,
    shared: Arc<Shared>,
    segments: Segments,
    folded: Folded,
    keeper: Keeper,
    /// Events since the last transaction.
    events: u64,
    /// The block of the newest flow.
    newest: i64,
}

impl Writer {
    fn event(&mut self, event: Event) {
        let bytes = weight(&event.what) as u64;
        self.folded.event(event);
        self.events += 1;
        self.shared.waiting.fetch_sub(bytes, Ordering::Relaxed);
        self.shared.facts.fetch_sub(1, Ordering::Relaxed);
        if self.folded.bytes >= MOST_BYTES || self.events >= MOST_EVENTS {
            self.commit();
        }
    }

    fn left_out(&mut self, flow: FlowId) {
        let left_out = self.shared.left_out.lock();
        let left_out = left_out.unwrap_or_else(PoisonError::into_inner).remove(&flow);
        self.folded.dropped(flow, left_out.unwrap_or_default());
        self.shared.facts.fetch_sub(1, Ordering::Relaxed);
    }

    fn commit(&mut self) {
        self.shared.busy.fetch_add(std::mem::take(&mut self.events), Ordering::Relaxed);
        if self.folded.is_empty() {
            return;
        }
        if self.shared.is_stopped.load(Ordering::Relaxed) {
            self.folded = Folded { longest_body: self.folded.longest_body, ..Folded::default() };
            return;
        }
        let changed: Arc<[FlowId]> = self.folded.changed.as_slice().into();
        let bytes = self.folded.bytes as u64;
        match self.write() {
            Ok(()) => {
                if !changed.is_empty() {
                    let _ = self.shared.live.send(Live::Changed(changed));
                }
            }
            // What is folded stays, and is written with what comes next.
            Err(error) if is_busy(&error) => return,
            Err(error) => self.shared.stop_for(&error),
        }
        if let Err(error) = self.keeper.keep(&mut self.database, &mut self.segments, bytes)
            && !is_busy(&error)
        {
            self.shared.stop_for(&error);
        }
    }

    fn write(&mut self) -> rusqlite::Result<()> {
        let transaction =
            self.database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let folded = &mut self.folded;
        let mut rows = Rows::prepare(&transaction)?;
        for change in folded.connections.drain(..) {
            connection(&transaction, change)?;
        }
        for key in folded.wire_changed.drain(..) {
            if let Some(state) = folded.wire.get_mut(&key) {
                wire(&transaction, &mut self.segments, key, state)?;
            }
        }
        for id in folded.changed.drain(..) {
            let Some(open) = folded.flows.get_mut(&id) else { continue };
            if !open.is_written {
                let block = facts::block_of(id.0.cast_signed());
                // It comes so late that those around it have been noted.
                if block < self.newest {
                    let (first, last) = facts::places(block);
                    transaction
                        .prepare_cached("DELETE FROM fact WHERE place BETWEEN ? AND ?")?
                        .execute([first, last])?;
                }
                self.newest = self.newest.max(block);
            }
            flow(&transaction, &mut rows, &mut self.segments, id, open)?;
            if open.over {
                folded.flows.remove(&id);
            }
        }
        folded.bytes = 0;
        drop(rows);
        transaction.commit()?;
        // What is left of a burst.
        if folded.flows.capacity() > 1024 && folded.flows.len() * 4 < folded.flows.capacity() {
            folded.flows.shrink_to_fit();
        }
        Ok(())
    }
}

impl Shared {
    /// The disk refused. SQLite and the system call a full one by different names: whichever met it first.
    fn stop_for(&self, error: &rusqlite::Error) {
        self.stop(if is_full(error) {
            format!("recording stopped: the disk of {} is full ({error})", self.path.display())
        } else {
            format!("recording stopped: {error}")
        });
    }
}

fn is_full(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::ToSqlConversionFailure(cause) => cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|e| e.kind() == std::io::ErrorKind::StorageFull),
        error => error.sqlite_error_code() == Some(ErrorCode::DiskFull),
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// What is written of every flow, prepared once for a transaction.
struct Rows<'t> {
    /// A new flow, and one that has a row already.
    flow: [CachedStatement<'t>; 2],
    detail: [CachedStatement<'t>; 2],
    unindexed: CachedStatement<'t>,
}

impl<'t> Rows<'t> {
    fn prepare(transaction: &'t Transaction<'_>) -> rusqlite::Result<Self> {
        // To replace, SQLite keeps of each page what would undo it; so only what must be is replaced.
        let both = |values: &str| {
            Ok::<_, rusqlite::Error>([
                transaction.prepare_cached(&format!("INSERT OR IGNORE INTO {values}"))?,
                transaction.prepare_cached(&format!("INSERT OR REPLACE INTO {values}"))?,
            ])
        };
        Ok(Self {
            flow: both("flow VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")?,
            detail: both("detail VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)")?,
            unindexed: transaction.prepare_cached("INSERT OR IGNORE INTO unindexed VALUES(?)")?,
        })
    }
}

fn flow(
    transaction: &Transaction<'_>,
    rows: &mut Rows<'_>,
    segments: &mut Segments,
    id: FlowId,
    open: &mut OpenFlow,
) -> rusqlite::Result<()> {
    let id = id.0.cast_signed();
    // A body that is whole, short, and not in parts lies in the flow's own row.
    let mut inline: [Option<Vec<u8>>; 2] = [None, None];
    for (side, inline) in inline.iter_mut().enumerate() {
        let body = &mut open.bodies[side];
        if open.over && body.written == 0 && body.parts.is_empty() {
            *inline = Some(std::mem::take(&mut body.pending));
            continue;
        }
        for (at, data) in std::mem::take(&mut body.parts) {
            part(transaction, segments, (id, side, body.written, at), &data)?;
            body.written += data.len() as u64;
        }
        let rest = std::mem::take(&mut body.pending);
        if !rest.is_empty() {
            part(transaction, segments, (id, side, body.written, body.at), &rest)?;
            body.written += rest.len() as u64;
        }
    }
    let again = usize::from(open.is_written);
    row(&mut rows.flow[again], id, open)?;
    detail(&mut rows.detail[again], id, open, &inline)?;
    for (at, frame) in open.frames.drain(..) {
        open.frames_written += 1;
        transaction.prepare_cached("INSERT OR REPLACE INTO frame VALUES(?,?,?,?,?,?,?)")?.execute(
            params![
                id,
                open.frames_written,
                at,
                super::fold::side(frame.direction) as i64,
                kind(frame.kind),
                frame.length.cast_signed(),
                &frame.data[..]
            ],
        )?;
    }
    for (at, statement) in open.statements.drain(..) {
        open.statements_written += 1;
        transaction
            .prepare_cached("INSERT OR REPLACE INTO statement VALUES(?,?,?,?,?,?,?,?)")?
            .execute(params![
                id,
                open.statements_written,
                at,
                statement.text,
                statement.took.as_micros() as i64,
                statement.rows.map(u64::cast_signed),
                statement.bytes.cast_signed(),
                statement.error
            ])?;
    }
    if !open.is_written {
        rows.unindexed.execute([id])?;
    }
    open.is_written = true;
    open.is_new = false;
    open.is_changed = false;
    Ok(())
}

fn row(insert: &mut CachedStatement<'_>, id: i64, open: &OpenFlow) -> rusqlite::Result<()> {
    let (host, port) = open.host();
    insert.execute(params![
        id,
        open.connection.cast_signed(),
        open.started,
        open.waited,
        open.took,
        open.method,
        open.scheme,
        open.authority,
        host,
        port,
        open.path,
        open.version,
        open.status,
        open.kind,
        open.sizes[0].cast_signed(),
        open.sizes[1].cast_signed(),
        open.outcome,
        open.error,
        open.flags,
        open.repeats.map(u64::cast_signed)
    ])?;
    Ok(())
}

fn detail(
    insert: &mut CachedStatement<'_>,
    id: i64,
    open: &OpenFlow,
    inline: &[Option<Vec<u8>>; 2],
) -> rusqlite::Result<()> {
    let body = |n: usize| inline[n].as_deref().and_then(filled);
    insert.execute(params![
        id,
        open.protocol,
        open.stream,
        &open.reason[..],
        &open.heads[0][..],
        filled(&open.heads[1][..]),
        filled(&open.trailers[0][..]),
        filled(&open.trailers[1][..]),
        filled(&open.informational[..]),
        filled(&open.notes[..]),
        open.bodies[0].dropped.cast_signed(),
        open.bodies[1].dropped.cast_signed(),
        body(0),
        body(1)
    ])?;
    Ok(())
}

/// What is empty is no value.
fn filled<T: AsRef<[u8]> + ?Sized>(data: &T) -> Option<&T> {
    Some(data).filter(|data| !data.as_ref().is_empty())
}

/// A part of a body: `place` is flow, side, position and time.
fn part(
    transaction: &Transaction<'_>,
    segments: &mut Segments,
    (flow, side, position, at): (i64, usize, u64, i64),
    data: &[u8],
) -> rusqlite::Result<()> {
    let is_long = data.len() >= LONG || position >= LONG as u64;
    let (inline, segment) = stored(segments, is_long, data)?;
    transaction.prepare_cached("INSERT OR REPLACE INTO part VALUES(?,?,?,?,?,?,?,?)")?.execute(
        params![
            flow,
            side as i64,
            position.cast_signed(),
            at,
            data.len() as i64,
            inline,
            segment.map(|s| s.0),
            segment.map(|s| s.1)
        ],
    )?;
    Ok(())
}

/// The data themselves, or the segment and the place in it where they lie now.
type Stored<'a> = (Option<&'a [u8]>, Option<(i64, i64)>);

fn stored<'a>(
    segments: &mut Segments,
    is_long: bool,
    data: &'a [u8],
) -> rusqlite::Result<Stored<'a>> {
    if !is_long {
        return Ok((Some(data), None));
    }
    let place =
        segments.append(data).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
    Ok((None, Some(place)))
}

fn wire(
    transaction: &Transaction<'_>,
    segments: &mut Segments,
    (connection, leg): (crate::flow::ConnectionId, Leg),
    state: &mut super::fold::WireState,
) -> rusqlite::Result<()> {
    for (at, direction, data) in state.pieces.drain(..) {
        let (inline, segment) = stored(segments, data.len() >= LONG, &data)?;
        state.written += 1;
        transaction
            .prepare_cached("INSERT OR REPLACE INTO wire VALUES(?,?,?,?,?,?,?,?,?)")?
            .execute(params![
                connection.0.cast_signed(),
                number(leg),
                state.written,
                at,
                super::fold::side(direction) as i64,
                data.len() as i64,
                inline,
                segment.map(|s| s.0),
                segment.map(|s| s.1)
            ])?;
    }
    Ok(())
}

fn connection(transaction: &Transaction<'_>, change: ConnectionChange) -> rusqlite::Result<()> {
    use ConnectionChange::{Connected, Disconnected, Handshake, Named, Origin, PassedBy};
    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
        transaction.prepare_cached(sql)?.execute(values).map(drop)
    };
    match change {
        Named(id) => run("INSERT OR IGNORE INTO connection(id) VALUES(?)", &[&id.cast_signed()]),
        Connected(id, at, client, entrance) => run(
            "INSERT INTO connection(id,started,client,entrance) VALUES(?1,?2,?3,?4)
             ON CONFLICT(id) DO UPDATE SET started=?2,client=?3,entrance=?4",
            &[&id.cast_signed(), &at, &client, &entrance],
        ),
        Origin(id, host, port, address) => run(
            "INSERT INTO connection(id,host,port,address) VALUES(?1,?2,?3,?4)
             ON CONFLICT(id) DO UPDATE SET host=?2,port=?3,address=ifnull(?4,address)",
            &[&id.cast_signed(), &host, &port, &address],
        ),
        PassedBy(id, reason) => run(
            "INSERT INTO connection(id,passed) VALUES(?1,?2) ON CONFLICT(id) DO UPDATE SET passed=?2",
            &[&id.cast_signed(), &reason],
        ),
        Disconnected(id, at, [sent, received], fault) => run(
            "INSERT INTO connection(id,ended,sent,received,fault) VALUES(?1,?2,?3,?4,?5)
             ON CONFLICT(id) DO UPDATE SET ended=?2,sent=?3,received=?4,fault=?5",
            &[&id.cast_signed(), &at, &sent.cast_signed(), &received.cast_signed(), &fault],
        ),
        Handshake(id, leg, at, facts) => run(
            "INSERT OR REPLACE INTO handshake VALUES(?,?,?,?,?,?,?,?)",
            &[
                &id.cast_signed(),
                &number(leg),
                &at,
                &told(&facts).to_string(),
                &facts.key_log.join("\n"),
                &chain(&facts),
                &&facts.wire[0][..],
                &&facts.wire[1][..],
            ],
        ),
    }
}

pub(super) fn number(leg: Leg) -> i64 {
    match leg {
        Leg::Client => 0,
        Leg::Origin => 1,
    }
}

fn kind(kind: FrameKind) -> i64 {
    match kind {
        FrameKind::Text => 1,
        FrameKind::Binary => 2,
        FrameKind::Close => 8,
        FrameKind::Ping => 9,
        FrameKind::Pong => 10,
    }
}

/// Certificates one behind the other, each with its length in front.
fn chain(facts: &HandshakeFacts) -> Vec<u8> {
    let mut out = Vec::new();
    for certificate in &facts.chain {
        out.extend_from_slice(&(certificate.der.len() as u32).to_be_bytes());
        out.extend_from_slice(&certificate.der);
    }
    out
}

/// What a handshake says, but for its secrets and its bytes.
fn told(facts: &HandshakeFacts) -> serde_json::Value {
    let text = |data: &Bytes| String::from_utf8_lossy(data).into_owned();
    json!({
        "version": facts.version,
        "cipher": facts.cipher,
        "group": facts.group,
        "alpn": facts.alpn.as_ref().map(text),
        "resumed": facts.resumed,
        "hello": {
            "server_name": facts.hello.server_name,
            "alpn": facts.hello.alpn.iter().map(text).collect::<Vec<_>>(),
            "ja3": facts.hello.ja3,
            "ja4": facts.hello.ja4,
        },
        "verdict": facts.verdict.as_ref().map(|verdict| json!({
            "authorized": verdict.authorized,
            "code": verdict.code,
            "evidence": verdict.evidence,
            "advice": verdict.advice,
        })),
        "public_revocation": facts.public_revocation,
        "asked_for_certificate": facts.asked_for_certificate,
        "told": facts.told,
        "failure": facts.failure.as_ref().map(|failure| json!({
            "reason": failure.reason,
            "alert": failure.alert,
            "refused_certificate": failure.refused_certificate,
        })),
    })
}
