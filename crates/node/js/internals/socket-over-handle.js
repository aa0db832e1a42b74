'use strict';

// The socket of ours.

const net = require('net');
const { Readable } = require('stream');
const { nativeTls } = require('./builtin');
const { gather, gatherAll, gathered, join, toBuffer } = require('./gathered');

const { push } = Readable.prototype;

/**
 * A net.Socket over a handle that is not one of libuv: among the options are `handle` and `manualStart`. What it
 * writes is given to `_send`.
 */
class SocketOverHandle extends net.Socket {
  #isOurs = true;

  /** The address of the socket under it, for callers that ask this one. */
  _takeAddressesOf(socket) {
    this._host = socket._host;
    this.autoSelectFamilyAttemptedAddresses = socket.autoSelectFamilyAttemptedAddresses;
  }

  /** Reports activity, for `setTimeout`. */
  _stir() {
    this._unrefTimer();
  }

  /**
   * Gives data to the reader; false: no more for now. To one that flows as fast as they come they are given without
   * the buffer, of which nothing is left to do then but to ask for more, which comes by itself.
   */
  _give(data) {
    const state = this._readableState;
    const flows = state.flowing === true && state.length === 0 && !state.sync && !state.decoder &&
      state.pipes.length === 0 && !state.ended && !state.destroyed && data.length > 0 && this.push === push;
    if (!flows || this.listenerCount('data') === 0) return this.push(data);
    state.reading = false;
    state.dataEmitted = true;
    this.emit('data', data);
    return true;
  }

  /** Gives the end of the data to the reader, once. */
  _pushEnd() {
    if (this._readableState.endEmitted) return;
    this.push(null);
    this.read(0);
  }

  _writeGeneric(isMany, data, encoding, callback) {
    // There are packages that give the prototype to sockets of another making.
    if (!(#isOurs in this)) return super._writeGeneric(isMany, data, encoding, callback);
    if (this.connecting) {
      this.#writeLater(isMany, data, encoding, callback);
      return undefined;
    }
    this._pendingData = null;
    this._pendingEncoding = '';
    const fd = this._descriptor();
    if (fd >= 0) {
      if (!isMany && typeof data !== 'string') return this._sendBy(fd, data, data.length, callback);
      const length = isMany ? gatherAll(data) : gather(data, encoding, 0);
      if (length >= 0) return this._sendBy(fd, gathered, length, callback);
    }
    return this._send(isMany ? join(data) : toBuffer(data, encoding), callback);
  }

  /** Keeps the data where net.Socket counts them. */
  #writeLater(isMany, data, encoding, callback) {
    this._pendingData = data;
    this._pendingEncoding = encoding;
    const onClose = () => this._unsendable(callback);
    this.once('connect', () => {
      this.off('close', onClose);
      this._writeGeneric(isMany, data, encoding, callback);
    });
    this.once('close', onClose);
  }
}

// A check for Node's own TLS sockets is true for ours: `instanceof` looks at prototypes.
// All that is between the two is overridden, by TLSSocket; the constructor stays net.Socket's.
Object.setPrototypeOf(SocketOverHandle.prototype, nativeTls.TLSSocket.prototype);

module.exports = { SocketOverHandle };
