'use strict';

// The way to the threads that do the work of handshakes, and back.

const { Workers } = require('./native');

/**
 * So many turns come back at once; then whatever else waits for the event loop has its turn. To open
 * a connection takes the JavaScript thread some 50 microseconds.
 */
const AT_ONCE = 8;

const waiting = new Map();
let last = 0;

const workers = new Workers(deliver);

/** Continues the handshake of a session, and tells `owner` by `advanced(progress)`, or `panicked()`. */
function advance(session, received, owner) {
  last = (last + 1) >>> 0;
  workers.advance(session, last, received);
  waiting.set(last, owner);
}

function deliver() {
  for (let count = 0; count < AT_ONCE; count++) {
    const done = workers.take();
    if (done === null) return;
    const owner = waiting.get(done.token);
    waiting.delete(done.token);
    // Each separately: a listener that throws must not keep others from being called.
    process.nextTick(tell, owner, done.progress);
  }
  setImmediate(deliver);
}

function tell(owner, progress) {
  if (progress) owner.advanced(progress);
  else owner.panicked();
}

module.exports = { advance };
