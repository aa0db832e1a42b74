'use strict';

// Records as bytes: where one ends, and how much room it needs.

/** A record holds at most 2^14 bytes (RFC 8446, 5.1) and its header, nonce, type and tag take up to
 * 29; the session may have something of its own to send first. */
const MOST_IN_RECORD = 16384;
const RECORD_OVERHEAD = 32;
const OWN_OUTPUT = 128;
const RECORD_HEADER = 5;

/** The room for `length` bytes of data in records of `fragment` bytes. */
function roomFor(length, fragment) {
  return length + Math.ceil(length / fragment) * RECORD_OVERHEAD + OWN_OUTPUT;
}

/** Two pieces as one; either may be null. */
function joined(first, second) {
  if (first === null || second === null) return first ?? second;
  return Buffer.concat([first, second]);
}

/** How many bytes of `chunk` belong to the record that `begun` is the front of; undefined: unknown. */
function missingOfRecord(begun, chunk) {
  const byte = (at) => (at < begun.length ? begun[at] : chunk[at - begun.length]);
  const length = (byte(3) << 8) | byte(4);
  const missing = RECORD_HEADER + length - begun.length;
  return begun.length + chunk.length < RECORD_HEADER || missing <= 0 ? undefined : missing;
}

const CHANGE_CIPHER_SPEC = 20;
const APPLICATION_DATA = 23;

/** Whether a client's bytes are not a readable handshake message: it has come to Finished. */
function isEncryptedOrAnnounced(bytes) {
  return bytes[0] === APPLICATION_DATA || bytes[0] === CHANGE_CIPHER_SPEC;
}

module.exports = { MOST_IN_RECORD, isEncryptedOrAnnounced, joined, missingOfRecord, roomFor };
