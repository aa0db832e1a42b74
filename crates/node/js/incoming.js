'use strict';

// What has come and what is made of it: bytes of the transport that are not used yet, and data that
// are decrypted and not delivered yet.

const { joined, missingOfRecord } = require('./records');
const { receive, receiveLent } = require('./report');

class Incoming {
  #received = null;
  #ready = [];
  #decrypting = false;
  /** Whether more has come since the last decryption began. */
  #arrived = false;
  #sink;

  /**
   * `sink` is told what comes of the bytes: `data(bytes)`, `output()` when the session has something
   * of its own to send, `told()`, `closed()` when the peer says that it sends no more, and
   * `failed()`. `isOver()` stops it.
   */
  constructor(sink) {
    this.#sink = sink;
  }

  get isEmpty() {
    return this.#received === null && this.#ready.length === 0;
  }

  /** How many bytes wait to be used. */
  get size() {
    return this.#received?.length ?? 0;
  }

  /** Whether it is at work: a listener of the program's may ask. */
  get isBusy() {
    return this.#decrypting;
  }

  push(chunk) {
    this.#arrived = true;
    this.#received = joined(this.#received, chunk);
  }

  /** Puts bytes before all others. */
  unshift(chunk) {
    this.#received = joined(chunk, this.#received);
  }

  /** All bytes that wait, or null. */
  takeAll() {
    const all = this.#received;
    this.#received = null;
    return all;
  }

  /** Forgets what is not decrypted. */
  clear() {
    this.#received = null;
  }

  /**
   * Takes `chunk` of an open connection. Where it has the end of a record that was begun, that record
   * alone is joined and decrypted, and not all that came with its end.
   */
  pushRecords(session, chunk) {
    this.#arrived = true;
    const begun = this.#received;
    if (begun !== null && !this.#decrypting) {
      const missing = missingOfRecord(begun, chunk);
      if (missing !== undefined && missing < chunk.length) {
        this.#received = Buffer.concat([begun, chunk.subarray(0, missing)]);
        this.decrypt(session);
        if (this.#sink.isOver()) return;
        chunk = chunk.subarray(missing);
      }
    }
    this.#received = joined(this.#received, chunk);
  }

  /**
   * Takes, decrypts and delivers the first `length` of `bytes`, which are lent: nothing of them is looked
   * at later. Not while it is at work.
   */
  takeLent(session, bytes, length) {
    let from = 0;
    if (this.#ready.length > 0) {
      this.push(Buffer.from(bytes.subarray(0, length)));
      this.decrypt(session);
      return;
    }
    if (this.#received !== null) {
      const missing = missingOfRecord(this.#received, bytes.subarray(0, length));
      if (missing === undefined || missing >= length) {
        this.push(Buffer.from(bytes.subarray(0, length)));
        this.decrypt(session);
        return;
      }
      this.push(bytes.subarray(0, missing));
      this.decrypt(session);
      if (this.#sink.isOver()) return;
      from = missing;
    }
    if (this.#received === null) {
      this.#decryptLent(session, bytes, from, length);
    } else {
      this.push(Buffer.from(bytes.subarray(from, length)));
      this.decrypt(session);
    }
  }

  #decryptLent(session, bytes, from, to) {
    this.#decrypting = true;
    try {
      this.#arrived = false;
      const report = receiveLent(session, bytes, from, to);
      if (report instanceof Uint8Array) {
        this.#sink.data(report);
        if (!this.#arrived) return;
      } else if (!this.#tell(report)) {
        return;
      }
      this.#decryptAll(session);
    } finally {
      this.#rest();
    }
  }

  /**
   * Decrypts and delivers what has come. What arrives while a listener is at it waits its turn, so
   * that data stay in order over a transport that answers at once.
   */
  decrypt(session) {
    if (this.#decrypting) return;
    this.#decrypting = true;
    try {
      this.#decryptAll(session);
    } finally {
      this.#rest();
    }
  }

  #rest() {
    this.#decrypting = false;
    // A listener has thrown: the data behind it are not lost.
    if (this.#ready.length > 0 && !this.#sink.isOver()) process.nextTick(() => this.#sink.again());
  }

  #decryptAll(session) {
    this.#deliver();
    while (this.#received !== null && !this.#sink.isOver()) {
      this.#arrived = false;
      if (!this.#tell(receive(session, this.#received))) return;
    }
  }

  /** Tells what came of some bytes; whether there may be more in those that wait. */
  #tell(report) {
    this.#received = report.rest;
    this.#ready = report.records;
    if (report.hasOutput) this.#sink.output();
    if (report.hasEvents) this.#sink.told();
    this.#deliver();
    if (this.#sink.isOver()) return false;
    if (report.failed) this.#sink.failed();
    else if (report.peerClosed) this.#sink.closed();
    return !report.failed && !report.peerClosed && (report.hasMore || this.#arrived);
  }

  #deliver() {
    while (this.#ready.length > 0 && !this.#sink.isOver()) this.#sink.data(this.#ready.shift());
  }
}

module.exports = { Incoming };
