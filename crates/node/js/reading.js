'use strict';

// Where a net.Socket reads into. Node allocates 64 KiB for each read and shrinks it to what came: a
// tenth of all the work for a short request, most of it for the garbage collector. With the option
// `onread` a socket reads into one buffer again and again; sockets that were made without it, as by
// a net.Server, are given here what that option sets.

const net = require('net');

/** As much as Node offers the system for a read. One is enough: its bytes are copied at once. */
const room = Buffer.allocUnsafeSlow(64 * 1024);

/** The properties that the option sets, which have no names; undefined: this Node has others. */
const properties = (() => {
  const socket = new net.Socket({ onread: { buffer: room, callback: () => true } });
  const symbols = Object.getOwnPropertySymbols(socket);
  const [buffer, callback, next] = ['kBuffer', 'kBufferCb', 'kBufferGen']
    .map((name) => symbols.find(({ description }) => description === name));
  return buffer && callback && next && { buffer, callback, next };
})();

/**
 * Has what `socket` reads given to `onChunk`, in a buffer of its own; false: no more for now. Where
 * that cannot be had, the socket goes on to push its data.
 */
function readInto(socket, onChunk) {
  if (!properties) return;
  if (socket.connecting) socket.once('connect', () => set(socket, onChunk));
  else set(socket, onChunk);
}

function set(socket, onChunk) {
  if (typeof socket._handle?.useUserBuffer !== 'function') return;
  socket[properties.buffer] = room;
  socket[properties.next] = null;
  socket[properties.callback] = (length) => onChunk(Buffer.from(room.subarray(0, length)));
  socket._handle.useUserBuffer(room);
}

module.exports = { readInto };
