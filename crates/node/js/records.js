'use strict';

// Records on their way in and out: where one ends, and room for those that are made.

const rooms = require('./rooms');

/** A record holds at most 2^14 bytes (RFC 8446, 5.1) and its header, nonce, type and tag take up to
 * 29; the session may have something of its own to send first. */
const MOST_IN_RECORD = 16384;
const RECORD_OVERHEAD = 32;
const OWN_OUTPUT = 128;
const RECORD_HEADER = 5;

/**
 * Encrypts data in records of at most `fragment` bytes. The room that they lie in is for the caller
 * to give back when they are sent.
 */
function seal(session, data, fragment) {
  const count = Math.ceil(data.length / fragment);
  const room = rooms.take(data.length + count * RECORD_OVERHEAD + OWN_OUTPUT);
  const length = session.encrypt(data, room);
  return { records: length > 0 ? room.subarray(0, length) : session.takeOutput(), room };
}

/** One after the other; either may be missing. */
function joined(first, second) {
  if (!first || !second) return first || second;
  return Buffer.concat([first, second]);
}

/** How many bytes of `chunk` belong to the record that `begun` is the front of; undefined: who knows. */
function missingOfRecord(begun, chunk) {
  const byte = (at) => (at < begun.length ? begun[at] : chunk[at - begun.length]);
  const length = (byte(3) << 8) | byte(4);
  const missing = RECORD_HEADER + length - begun.length;
  return begun.length + chunk.length < RECORD_HEADER || missing <= 0 ? undefined : missing;
}

module.exports = { MOST_IN_RECORD, joined, missingOfRecord, seal };
