'use strict';

// What the handle under a socket of Node's says, and what is sent by its descriptor.

const { executionAsyncId } = require('async_hooks');
const native = require('../native');

/**
 * The descriptor of a socket of Node's own, where what is sent by it goes behind all that was written to the
 * socket; else -1.
 */
function freeDescriptor(socket) {
  const state = socket._writableState;
  if (state.length > 0 || state.corked > 0 || state.ending || socket.destroyed || socket.connecting) return -1;
  return socket._handle?.fd ?? -1;
}

/** How many bytes have gone by the descriptor of a handle. */
const sentBeside = Symbol('sent beside');

const bytesWritten = {
  configurable: true,
  get() {
    return Reflect.get(Object.getPrototypeOf(this), 'bytesWritten', this) + this[sentBeside];
  },
};

/** Counts bytes that were sent by the descriptor of a socket, for its `bytesWritten`. */
function countSent(socket, count) {
  countSentBy(socket._handle, count);
}

function countSentBy(handle, count) {
  if (handle[sentBeside] === undefined) {
    handle[sentBeside] = 0;
    Object.defineProperty(handle, 'bytesWritten', bytesWritten);
  }
  handle[sentBeside] += count;
}

/** What the handle under a stream says of it, where it has one. */
function handleFacts(stream) {
  const handle = stream?._handle;
  return {
    asyncId: handle?.getAsyncId?.() ?? executionAsyncId(),
    fd: handle?.fd ?? -1,
    handle,
    hasRef: handle?.hasRef?.() ?? true,
    isOpen: Boolean(handle),
    writeQueueSize: handle?.writeQueueSize ?? stream?.writableLength ?? 0,
  };
}

/**
 * Whether bytes wait at a stream that the event loop has not seen yet. Where the agents of Node ask
 * so themselves, its handles know it.
 */
function hasPendingRead(stream) {
  const handle = stream?._handle;
  if (!handle) return false;
  return handle.hasPendingRead ? handle.hasPendingRead() : native.hasPendingRead(handle.fd ?? -1);
}

/** Whether http.Agent asks so, before it takes a connection that was idle. */
function asksForPendingReads(stream) {
  return stream?._handle?.hasPendingRead !== undefined;
}

/** Writes past the queue of the stream: the caller has no other write pending. */
function writeAtOnce(socket, data, callback) {
  socket._writeGeneric(false, data, 'buffer', callback);
}

module.exports = {
  asksForPendingReads,
  countSent,
  countSentBy,
  freeDescriptor,
  handleFacts,
  hasPendingRead,
  writeAtOnce,
};
