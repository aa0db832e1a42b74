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

/** Goes on with the handshake of a session; resolves to what came of it. */
function advance(session, received) {
  return new Promise((resolve, reject) => {
    last = (last + 1) >>> 0;
    workers.advance(session, last, received);
    waiting.set(last, { resolve, reject });
  });
}

function deliver() {
  for (let count = 0; count < AT_ONCE; count++) {
    const done = workers.take();
    if (done === null) return;
    const { resolve, reject } = waiting.get(done.token);
    waiting.delete(done.token);
    if (done.progress) resolve(done.progress);
    else reject(new Error('the TLS engine has panicked'));
  }
  setImmediate(deliver);
}

module.exports = { advance };
