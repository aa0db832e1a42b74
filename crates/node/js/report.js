'use strict';

// What `Session.receive` says of a chunk of bytes: see src/sinks.rs. It says it by numbers in one
// array that serves all sessions, which is read before anybody else can come to use it.

const HEADER = 3;
const RECORDS = 256;
const report = new Uint32Array(HEADER + 2 * RECORDS);
const reportBytes = Buffer.from(report.buffer);
const HAS_OUTPUT = 1;
const PEER_CLOSED = 2;
const FAILED = 4;
const MORE = 8;
const TOLD = 16;
const ELSEWHERE = 0xffffffff;

/** Decrypts what is in `chunk`, in place, and gives what came of it. */
function receive(session, chunk) {
  session.receive(chunk, reportBytes);
  const [consumed, flags, count] = report;
  return {
    records: recordsOf(session, chunk, count),
    rest: consumed < chunk.length && !(flags & FAILED) ? chunk.subarray(consumed) : null,
    hasOutput: Boolean(flags & HAS_OUTPUT),
    hasTold: Boolean(flags & TOLD),
    hasMore: Boolean(flags & MORE),
    peerClosed: Boolean(flags & PEER_CLOSED),
    failed: Boolean(flags & FAILED),
  };
}

/** The data of each record, mostly as views of the chunk in which they were decrypted. */
function recordsOf(session, chunk, count) {
  const records = [];
  let elsewhere = null;
  for (let at = HEADER; at < HEADER + 2 * count; at += 2) {
    const offset = report[at];
    const length = report[at + 1];
    if (offset === ELSEWHERE) {
      elsewhere ??= session.takeData();
      records.push(elsewhere.subarray(0, length));
      elsewhere = elsewhere.subarray(length);
    } else {
      records.push(chunk.subarray(offset, offset + length));
    }
  }
  return records;
}

module.exports = { receive };
