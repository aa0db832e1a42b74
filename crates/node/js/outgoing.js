'use strict';

// Data on their way out: encrypted, or waiting until they may be.

const { MOST_IN_RECORD, roomFor } = require('./records');
const rooms = require('./rooms');

class Outgoing {
  #fragment = MOST_IN_RECORD;
  /** Whether the session has the end of our handshake to say, and the peer is not judged yet. */
  #isHolding = false;
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

  /** Leaves what the session has to say with it until something is sent: data go together with it. */
  hold() {
    this.#isHolding = true;
  }

  get isHolding() {
    return this.#isHolding;
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
    this.#isHolding = false;
    const bytes = length > 0 ? room.subarray(0, length) : session.takeOutput();
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

  /** The same past the stream of the transport, which sends what its descriptor does not take at once. */
  writeBy(session, link, fd, data, length, callback) {
    if (length === 0) {
      process.nextTick(callback, null);
      return;
    }
    this.#isHolding = false;
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

  /** Sends what the session has to say itself. */
  say(session, link) {
    this.#isHolding = false;
    const fd = link.descriptor;
    if (fd < 0) {
      link.send(session.takeOutput());
      return;
    }
    const sent = session.sendOutput(fd);
    link.sentBeside(sent >= 0 ? sent : -1 - sent);
    if (sent < 0) link.send(session.takeOutput());
  }

  /** Sends the write that has waited. */
  flush(session, link) {
    if (this.#waiting === null) return;
    const { data, callback } = this.#waiting;
    this.#waiting = null;
    this.write(session, link, data, callback);
  }

  /** Sends the end of the handshake if nothing else has taken it along. */
  release(session, link) {
    if (this.#isHolding) this.say(session, link);
  }

  /** Fails the pending write with the reason; false: no write is pending. */
  giveUp(error) {
    if (this.#waiting === null) return false;
    const { callback } = this.#waiting;
    this.#waiting = null;
    callback(error);
    return true;
  }
}

module.exports = { Outgoing };
