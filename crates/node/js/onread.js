'use strict';

// The option `onread` of net.Socket: data go into a buffer of the program's.

class OnRead {
  #callback;
  #next;
  #buffer;

  /** From the option, if it can be used. */
  static from(onread) {
    const { buffer, callback } = onread ?? {};
    const hasBuffer = buffer instanceof Uint8Array || typeof buffer === 'function';
    return hasBuffer && typeof callback === 'function' ? new OnRead(buffer, callback) : undefined;
  }

  constructor(buffer, callback) {
    this.#callback = callback;
    this.#next = typeof buffer === 'function' ? buffer : () => buffer;
    // As in Node, a buffer is there before the first data, and the next one right after them.
    this.#buffer = this.#next();
  }

  /** Gives data of `socket` to the program, a buffer at a time; false: it wants no more for now. */
  deliver(socket, data) {
    let more = true;
    for (let at = 0; at < data.length;) {
      const target = this.#buffer;
      const length = Math.min(target.length, data.length - at);
      data.copy(target, 0, at, at + length);
      at += length;
      if (this.#callback.call(socket, length, target) === false) more = false;
      this.#buffer = this.#next();
    }
    return more;
  }
}

module.exports = { OnRead };
