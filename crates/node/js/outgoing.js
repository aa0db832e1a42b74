'use strict';

// Data on their way out: encrypted, or waiting until they may be.

const { MOST_IN_RECORD, roomFor } = require('./records');
const rooms = require('./rooms');

class Outgoing {
  #fragment = MOST_IN_RECORD;
  /** The end of our handshake, until the peer is judged. */
  #held = null;
  /** A write from before the connection was open. */
  #waiting = null;

  /** How many bytes of data a record is to hold; false: not a size that TLS allows. */
  setFragment(size) {
    if (size < 512 || size > MOST_IN_RECORD) return false;
    this.#fragment = size;
    return true;
  }

  /** Tells the session, once there is one that encrypts. */
  applyFragment(session) {
    if (this.#fragment !== MOST_IN_RECORD) session.setMaxFragmentSize(this.#fragment);
  }

  /** Keeps records until something is sent. */
  hold(records) {
    this.#held = records;
  }

  /** Keeps a write until `flush`. */
  wait(data, callback) {
    this.#waiting = { data, callback };
  }

  /** Encrypts and sends. */
  write(session, link, data, callback) {
    if (data.length === 0) {
      link.send(data, callback);
      return;
    }
    const room = rooms.take(roomFor(data.length, this.#fragment));
    let length;
    try {
      length = session.encrypt(data, room);
    } catch (error) {
      callback(error);
      return;
    }
    const records = length > 0 ? room.subarray(0, length) : session.takeOutput();
    const bytes = this.#withHeld(records);
    if (!bytes) {
      // The connection is being negotiated again: the session sends it afterwards.
      process.nextTick(callback, null);
      return;
    }
    link.send(bytes, (error) => {
      // A socket that has written is done with the bytes; another stream may keep them.
      if (!error && link.owned) rooms.give(room);
      callback(error);
    });
  }

  get isHolding() {
    return this.#held !== null;
  }

  /** The same past the stream of the transport, which sends what its descriptor does not take at once. */
  writeBy(session, link, fd, data, length, callback) {
    if (length === 0) {
      process.nextTick(callback, null);
      return;
    }
    let sent;
    try {
      sent = session.send(fd, data, length);
    } catch (error) {
      callback(error);
      return;
    }
    const isAll = sent >= 0;
    link.sentBeside(isAll ? sent : -1 - sent);
    const rest = isAll ? null : session.takeOutput();
    // Told later, as by Node's TLS: what is written until then goes in one piece.
    if (rest === null) process.nextTick(callback, null);
    else link.send(rest, callback);
  }

  /** Sends what the session has to say itself, and what was held. */
  say(session, link) {
    link.send(this.#withHeld(session.takeOutput()));
  }

  /** Sends the write that has waited. */
  flush(session, link) {
    if (this.#waiting === null) return;
    const { data, callback } = this.#waiting;
    this.#waiting = null;
    this.write(session, link, data, callback);
  }

  /** Sends the end of the handshake if nothing else has taken it along. */
  release(link) {
    link.send(this.#withHeld(null));
  }

  /** Gives up the write that waits, and tells it why; false: there is none. */
  giveUp(error) {
    if (this.#waiting === null) return false;
    const { callback } = this.#waiting;
    this.#waiting = null;
    callback(error);
    return true;
  }

  /** The end of the handshake goes together with the first data where there are some. */
  #withHeld(records) {
    const held = this.#held;
    this.#held = null;
    if (!held || !records) return held || records;
    return Buffer.concat([held, records]);
  }
}

module.exports = { Outgoing };
