'use strict';

// Memory for records on their way out. A fresh buffer of 64 KiB costs more than to encrypt into it:
// the system has to find and clear its pages. So those that a write has given back are used again.

/** As much as most streams write at once, and what the records add to it. */
const SIZE = 64 * 1024 + 1024;
/** Below, Node's own pool is cheaper. */
const SMALL = 4 * 1024;
const MOST_KEPT = 32;

const free = [];

/** A buffer with room for `size` bytes. */
function take(size) {
  if (size <= SMALL || size > SIZE) return Buffer.allocUnsafe(size);
  return free.pop() ?? Buffer.allocUnsafeSlow(SIZE);
}

/** Gives a buffer back that is no longer read. */
function give(room) {
  if (room.length === SIZE && free.length < MOST_KEPT) free.push(room);
}

module.exports = { give, take };
