'use strict';

// The way to the threads that do the work of handshakes, and back.

const { Workers, hasOneCore } = require('./native');

/**
 * So many turns come back at once; then whatever else waits for the event loop has its turn. To open
 * a connection takes the JavaScript thread some 50 microseconds.
 */
const AT_ONCE = 8;

/** For how long turns are done here before the event loop goes on, in milliseconds. */
const AT_A_STRETCH = 1;

/** Turns on other threads. */
class Away {
  #waiting = new Map();
  #last = 0;
  #workers = new Workers(() => this.#deliver());
  /** Of each turn that comes back the number that it was given, and what it has brought. */
  #report = new Uint32Array(2 * AT_ONCE);
  #bytes = Buffer.from(this.#report.buffer);

  advance(session, received, owner) {
    this.#last = (this.#last + 1) >>> 0;
    this.#workers.advance(session, this.#last, received);
    this.#waiting.set(this.#last, owner);
  }

  #deliver() {
    const count = this.#workers.take(this.#bytes);
    for (let at = 0; at < 2 * count; at += 2) {
      const token = this.#report[at];
      const owner = this.#waiting.get(token);
      this.#waiting.delete(token);
      // Each separately: a listener that throws must not keep others from being called.
      process.nextTick(tell, owner, this.#report[at + 1]);
    }
    if (count === AT_ONCE) setImmediate(() => this.#deliver());
  }
}

/**
 * Turns on this thread, between whatever else the event loop does: where there is one core, another thread would
 * take the same time, and two switches to it and back.
 */
class Here {
  #waiting = [];

  advance(session, received, owner) {
    if (this.#waiting.length === 0) setImmediate(() => this.#work());
    this.#waiting.push({ session, received, owner });
  }

  #work() {
    const end = performance.now() + AT_A_STRETCH;
    let count = 0;
    try {
      do {
        const { session, received, owner } = this.#waiting[count];
        count += 1;
        process.nextTick(tell, owner, session.advance(received));
      } while (count < this.#waiting.length && performance.now() < end);
    } finally {
      // An error of one turn must not keep the others from theirs.
      this.#waiting.splice(0, count);
      if (this.#waiting.length > 0) setImmediate(() => this.#work());
    }
  }
}

/** For process.nextTick. */
function tell(owner, brought) {
  owner.advanced(brought);
}

const workers = hasOneCore() ? new Here() : new Away();

/** Continues the handshake of a session, and tells `owner` by `advanced(brought)`: see turn.js. */
function advance(session, received, owner) {
  workers.advance(session, received, owner);
}

module.exports = { advance, tell };
