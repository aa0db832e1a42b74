'use strict';

// What carries the records of a TLS connection: a net.Socket of ours or of the program's, another
// TLSSocket, or any Duplex.

const net = require('net');
const { nodeError } = require('./errors');
const native = require('./native');
const { readInto } = require('./reading');

/**
 * Listens to a transport. `on.chunk` gets its bytes, `on.end` is called at its end. The functions
 * given back control it.
 */
function listen(stream, on) {
  return stream instanceof net.Socket ? listenToSocket(stream, on) : listenToStream(stream, on);
}

/**
 * Bytes of a net.Socket are taken where Node hands them to the stream, before they are buffered:
 * the socket itself sees neither data nor end, as when Node's own TLS takes its handle over. Else
 * a socket that allows no half-open state would close its side before we have said goodbye.
 */
function listenToSocket(socket, on) {
  let stopped = false;
  let writeError = null;
  // A failed write must not end the socket before what came from the peer is read; whoever wrote is
  // told by `takeWriteError`.
  const { _writeGeneric } = socket;
  socket._writeGeneric = function writeGeneric(isMany, data, encoding, callback) {
    return _writeGeneric.call(this, isMany, data, encoding, (error) => {
      if (error) writeError ??= error;
      callback();
    });
  };
  const take = (chunk) => {
    on.chunk(chunk);
    return !stopped;
  };
  socket.push = (chunk) => {
    if (chunk !== null) return take(chunk);
    on.end();
    return !stopped;
  };
  const plain = socket.constructor === net.Socket;
  if (plain) readInto(socket, take);
  return {
    // What such a socket has read belongs to nobody else and may be decrypted in place.
    owned: plain || socket.encrypted === true,
    pause() {
      stopped = true;
    },
    resume() {
      stopped = false;
      if (!socket.destroyed) socket._read(0);
    },
    takeWriteError() {
      return writeError;
    },
    detach() {
      delete socket.push;
      delete socket._writeGeneric;
    },
  };
}

function listenToStream(stream, on) {
  // Anything but bytes means that somebody else has set the stream up for text or objects.
  const onData = (chunk) => {
    if (typeof chunk === 'string' || stream.readableObjectMode) {
      stream.pause();
      stream.off('data', onData);
      stream.emit('error', nodeError('ERR_STREAM_WRAP'));
      return;
    }
    on.chunk(chunk);
  };
  stream.pause();
  stream.on('data', onData);
  stream.once('end', on.end);
  return {
    owned: false,
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    takeWriteError: () => null,
    detach: () => stream.off('data', onData),
  };
}

/** Whether bytes have come that the event loop has not seen yet. Not every Node looks itself. */
function hasPendingRead(stream) {
  const handle = stream?._handle;
  if (!handle) return false;
  return handle.hasPendingRead ? handle.hasPendingRead() : native.hasPendingRead(handle.fd ?? -1);
}

/** Nothing more can come; what came is for the program to read. */
function destroyWhenRead(stream) {
  setImmediate(() => {
    if (stream.readableLength > 0 && !stream.readableEnded) stream.once('end', () => stream.destroy());
    else stream.destroy();
  });
}

module.exports = { destroyWhenRead, hasPendingRead, listen };
