'use strict';

// Connections that a server has accepted.

const diagnosticsChannel = require('diagnostics_channel');
const EventEmitter = require('events');
const net = require('net');
const { InTurns } = require('../in-turns');
const { countSentBy } = require('./handles');
const { onreadProperties, room } = require('./reading');

/**
 * What Node's reading of a handle goes by: the property of the handle for its owner, the function that notifies it,
 * and the method of a socket that it calls first. Undefined: this Node has others.
 */
const readingBy = (() => {
  const handle = { getAsyncId: () => 0 };
  const socket = new net.Socket({ handle, manualStart: true });
  const owner = Object.getOwnPropertySymbols(handle).find((key) => handle[key] === socket);
  const stir = Object.getOwnPropertySymbols(net.Socket.prototype)
    .find(({ description }) => description === 'kUpdateTimer');
  return onreadProperties && owner && stir && typeof handle.onread === 'function' ?
    { ...onreadProperties, owner, stir, onread: handle.onread } : { };
})();

const NOT_ENDED = { endEmitted: false };

/**
 * A connection that a server of Node's has accepted, without the socket that Node makes of one: that takes as much
 * time and memory as a TLSSocket, and few programs ever look at it. Its owner is told what comes: `lent(bytes,
 * length)` and `ended()` say whether more is wanted; `failed(error)`, and then `closed()`.
 */
class Accepted {
  /** As streams have it. */
  _handle;
  allowHalfOpen;
  /** The owner. */
  owner = null;
  bytesSent = 0;
  /** What Node's `onread` looks at. */
  _readableState = NOT_ENDED;
  destroyed = false;
  [readingBy.buffer] = room;
  [readingBy.next] = null;

  constructor(handle, { allowHalfOpen }) {
    this._handle = handle;
    this.allowHalfOpen = allowHalfOpen;
    handle[readingBy.owner] = this;
    handle.onread = readingBy.onread;
    handle.useUserBuffer(room);
  }

  /** Whether such a one can be made of this handle. */
  static canBe(handle) {
    return readingBy.owner !== undefined && handle.fd >= 0 && typeof handle.useUserBuffer === 'function';
  }

  [readingBy.callback](length) {
    return this.owner.lent(room, length);
  }

  [readingBy.stir]() {}

  /** By Node, only at the end: all else goes into the room. */
  push() {
    return this.owner.ended();
  }

  read() {}

  readStart() {
    const handle = this._handle;
    if (handle === null || handle.reading) return;
    handle.reading = true;
    const failure = handle.readStart();
    if (failure) this.destroy(new Error(`read ${failure}`));
  }

  /** By Node when it cannot read. */
  destroy(error) {
    if (this.destroyed) return;
    const { owner } = this;
    process.nextTick(() => owner.failed(error));
    this.close(() => owner.closed());
  }

  close(callback) {
    if (this.destroyed) {
      setImmediate(callback);
      return;
    }
    this.destroyed = true;
    const handle = this._handle;
    this._handle = null;
    handle.close(callback);
  }

  /** The socket that Node would have made, which has the handle from now on. */
  intoSocket() {
    const handle = this._handle;
    this._handle = null;
    this.destroyed = true;
    if (this.bytesSent > 0) countSentBy(handle, this.bytesSent);
    return new net.Socket({ handle, allowHalfOpen: this.allowHalfOpen, manualStart: true });
  }

  get fd() {
    return this._handle === null ? -1 : this._handle.fd;
  }

  ref() {
    this._handle?.ref();
  }

  unref() {
    this._handle?.unref();
  }

  setNoDelay(enable) {
    this._handle?.setNoDelay?.(enable);
  }

  setKeepAlive(enable, milliseconds) {
    this._handle?.setKeepAlive?.(enable, ~~(milliseconds / 1000));
  }

  setTypeOfService(tos) {
    this._handle?.setTypeOfService?.(tos);
  }

  getTypeOfService() {
    return this._handle?.getTypeOfService?.() ?? 0;
  }

  address() {
    const out = {};
    this._handle?.getsockname?.(out);
    return out;
  }

  get #peer() {
    const out = {};
    this._handle?.getpeername?.(out);
    return out;
  }

  get remoteAddress() {
    return this.#peer.address;
  }

  get remoteFamily() {
    return this.#peer.family;
  }

  get remotePort() {
    return this.#peer.port;
  }
}

/**
 * Has a server that listens give what it accepts to `take(accepted)`, where only `listener` would see the
 * socket that Node makes of it, and nothing is asked of it that only a socket does.
 */
function acceptBy(server, listener, take) {
  const handle = server._handle;
  if (typeof handle?.onconnection !== 'function') return;
  const { onconnection } = handle;
  const turns = new InTurns(take);
  handle.onconnection = function accept(error, client) {
    if (error || !isSimple(server, listener) || !Accepted.canBe(client)) {
      Reflect.apply(onconnection, this, [error, client]);
      return;
    }
    if (server.noDelay) client.setNoDelay?.(true);
    server._connections += 1;
    turns.add(new Accepted(client, server));
  };
}

const acceptedSockets = diagnosticsChannel.channel('net.server.socket');
const { emit } = EventEmitter.prototype;

function isSimple(server, listener) {
  const { connection } = server._events;
  return connection === listener && server.emit === emit && !server.maxConnections && !server.blockList &&
    !server.pauseOnConnect && !server.keepAlive && !acceptedSockets.hasSubscribers;
}

module.exports = { acceptBy, Accepted, readingBy };
