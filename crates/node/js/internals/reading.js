'use strict';

// How bytes are read from a socket of Node's into a buffer that is used again.

const net = require('net');

/** As much as Node offers the system for a read. One is enough: its bytes are copied at once. */
const room = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * The properties that the option `onread` of net.Socket sets, which have no names. Undefined: this
 * Node's internals changed, and sockets keep allocating memory for each read.
 */
const onreadProperties = (() => {
  const socket = new net.Socket({ onread: { buffer: room, callback: () => true } });
  const symbols = Object.getOwnPropertySymbols(socket);
  const [buffer, callback, next] = ['kBuffer', 'kBufferCb', 'kBufferGen']
    .map((name) => symbols.find(({ description }) => description === name));
  return buffer && callback && next && { buffer, callback, next };
})();

/**
 * Takes the bytes of a net.Socket where Node hands them to the stream, before they are buffered: the
 * socket itself sees neither data nor end, as when Node's own TLS takes its handle over. Else a
 * socket that allows no half-open state would close its side before we have said goodbye.
 *
 * `on.chunk` gets bytes and says whether it wants more; `on.lent`, if it is there, gets a buffer and how many
 * bytes of it have come, where they are only lent. `on.end` is called at the end, `on.unwritten` when a write has
 * failed: that must not end the socket before what came from the peer is read.
 * The function given back undoes it.
 */
function takeOver(socket, on) {
  const { _writeGeneric } = socket;
  socket._writeGeneric = function writeGeneric(isMany, data, encoding, callback) {
    return _writeGeneric.call(this, isMany, data, encoding, (error) => {
      if (error) on.unwritten(error);
      callback();
    });
  };
  socket.push = (chunk) => (chunk === null ? on.end() : on.chunk(chunk));
  const lent = on.lent ?? ((bytes, length) => on.chunk(Buffer.from(bytes.subarray(0, length))));
  if (isPlain(socket)) readInto(socket, lent);
  return () => {
    delete socket.push;
    delete socket._writeGeneric;
  };
}

/** Whether it is a socket of Node's own, and not of a class derived from it. */
function isPlain(socket) {
  return socket.constructor === net.Socket;
}

/**
 * Node allocates 64 KiB for each read and shrinks it to what came: a tenth of all the work for a
 * short request, most of it for the garbage collector. With the option `onread` a socket reads into
 * one buffer again and again; sockets that were made without it, as by a net.Server, are given here
 * what that option sets.
 */
function readInto(socket, onLent) {
  if (!onreadProperties) return;
  if (socket.connecting) socket.once('connect', () => setOnread(socket, onLent));
  else setOnread(socket, onLent);
}

function setOnread(socket, onLent) {
  if (typeof socket._handle?.useUserBuffer !== 'function') return;
  socket[onreadProperties.buffer] = room;
  socket[onreadProperties.next] = null;
  socket[onreadProperties.callback] = (length) => onLent(room, length);
  socket._handle.useUserBuffer(room);
}

/** Has a socket read on that was told to stop. */
function readOn(socket) {
  if (!socket.destroyed) socket._read(0);
}

module.exports = { isPlain, onreadProperties, readOn, room, takeOver };
