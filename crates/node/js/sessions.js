'use strict';

// Client sessions as the bytes that programs keep: an envelope as Node's, with the name of the
// server, and in it the native handle and whether the server was found to be the one of that name.

const MAGIC = Buffer.from('\0nodejs:tls:session:1\0', 'latin1');

function seal({ session, name, verified }) {
  const identity = Buffer.from(name);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(identity.length);
  return Buffer.concat([MAGIC, length, identity, Buffer.of(verified ? 1 : 0), session]);
}

/** What can be no session at all is refused. */
function check(session) {
  if (ArrayBuffer.isView(session)) return;
  const error = new TypeError('Session must be a buffer');
  error.code = 'ERR_INVALID_ARG_TYPE';
  throw error;
}

/** What is in an envelope, unless it is for another server. Bytes of anything else are not a session. */
function open(bytes, name) {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = MAGIC.length + 2;
  if (view.length < start || !view.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const end = start + view.readUInt16BE(MAGIC.length);
  if (view.length < end + 1) return undefined;
  if (name !== undefined && view.toString('utf8', start, end) !== name) return undefined;
  return { verified: view[end] === 1, session: view.subarray(end + 1) };
}

module.exports = { check, open, seal };
