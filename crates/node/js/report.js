'use strict';

// What `Session.receive` says of a chunk of bytes: see src/sinks.rs. It says it by numbers in one
// array that serves all sessions, which is read before any other caller can use it.

const { MOST_IN_RECORD } = require('./records');

const HEADER = 3;
const RECORDS = 1024;
const report = new Uint32Array(HEADER + 2 * RECORDS);
const reportBytes = Buffer.from(report.buffer);
const HAS_OUTPUT = 1;
const PEER_CLOSED = 2;
const FAILED = 4;
const MORE = 8;
const HAS_EVENTS = 16;
const ELSEWHERE = 0xffffffff;

/** So many records in one chunk are no messages of which each is an answer to one of ours. */
const MANY = 16;

/** Data of short chunks are put into one of these, one behind the other, as Buffer's own pool does. */
const SLAB = 16 * 1024;
const SHORT = 4 * 1024;
let slab = Buffer.allocUnsafeSlow(SLAB);
let used = 0;

/** Decrypts what is in `chunk`, in place, and gives what came of it. */
function receive(session, chunk) {
  session.receive(chunk, reportBytes);
  const consumed = report[0];
  return told(recordsOf(session, chunk), hasRest(consumed, chunk.length) ? chunk.subarray(consumed) : null);
}

/**
 * The same of the bytes `from..to` of a room that others will use: nothing of it is kept. Where one record is all
 * that there is to tell, its data are given by themselves.
 */
function receiveLent(session, room, from, to) {
  const isShort = to - from <= SHORT;
  if (isShort && used + to - from > SLAB) {
    slab = Buffer.allocUnsafeSlow(SLAB);
    used = 0;
  }
  const target = isShort ? slab : Buffer.allocUnsafeSlow(to - from);
  session.receiveLent(room, from, to, target, isShort ? used : 0, reportBytes);
  const consumed = from + report[0];
  if (report[2] === 1 && report[1] === 0 && consumed === to && report[HEADER] !== ELSEWHERE) {
    const end = report[HEADER] + report[HEADER + 1];
    if (isShort) used = aligned(end);
    return target.subarray(report[HEADER], end);
  }
  const records = recordsOf(session, target);
  if (isShort) used = endOfLast();
  return told(records, hasRest(consumed, to) ? Buffer.from(room.subarray(consumed, to)) : null);
}

function hasRest(consumed, end) {
  return consumed < end && !(report[1] & FAILED);
}

function told(records, rest) {
  const flags = report[1];
  return {
    records,
    rest,
    hasOutput: (flags & HAS_OUTPUT) !== 0,
    hasEvents: (flags & HAS_EVENTS) !== 0,
    hasMore: (flags & MORE) !== 0,
    peerClosed: (flags & PEER_CLOSED) !== 0,
    failed: (flags & FAILED) !== 0,
  };
}

/**
 * The data of the records, mostly as views of the chunk in which they were decrypted. Those that lie one behind the
 * other are given as one where the peer has cut them itself: a record that is full goes on in the next, and one of
 * many small ones is a piece of a stream. Node's own TLS gives them one by one, plain TCP as they come.
 */
function recordsOf(session, chunk) {
  const records = [];
  const end = HEADER + 2 * report[2];
  const isStream = report[2] >= MANY;
  let elsewhere = null;
  for (let at = HEADER; at < end; at += 2) {
    const offset = report[at];
    let length = report[at + 1];
    if (offset === ELSEWHERE) {
      elsewhere ??= session.takeData();
      records.push(elsewhere.subarray(0, length));
      elsewhere = elsewhere.subarray(length);
      continue;
    }
    while (at + 2 < end && report[at + 2] === offset + length && (isStream || report[at + 1] === MOST_IN_RECORD)) {
      at += 2;
      length += report[at + 1];
    }
    records.push(chunk.subarray(offset, offset + length));
  }
  return records;
}

/** As in Buffer's pool, data begin at a multiple of eight. */
function aligned(end) {
  return (end + 7) & ~7;
}

/** Where the next data go. */
function endOfLast() {
  let end = used;
  for (let at = HEADER + 2 * report[2] - 2; at >= HEADER; at -= 2) {
    if (report[at] !== ELSEWHERE) {
      end = report[at] + report[at + 1];
      break;
    }
  }
  return aligned(end);
}

module.exports = { receive, receiveLent };
