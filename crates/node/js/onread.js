'use strict';

// The option `onread` of net.Socket: data go into a buffer of the program's.

/** The option, if it can be used. */
function usable(onread) {
  const { buffer, callback } = onread ?? {};
  const hasBuffer = buffer instanceof Uint8Array || typeof buffer === 'function';
  return hasBuffer && typeof callback === 'function' ? onread : undefined;
}

/** Gives data of `socket` to the program, a buffer at a time; false: it wants no more for now. */
function intoBuffer(socket, { buffer, callback }, data) {
  let more = true;
  for (let at = 0; at < data.length;) {
    const target = typeof buffer === 'function' ? buffer() : buffer;
    const length = Math.min(target.length, data.length - at);
    data.copy(target, 0, at, at + length);
    at += length;
    if (callback.call(socket, length, target) === false) more = false;
  }
  return more;
}

module.exports = { intoBuffer, usable };
