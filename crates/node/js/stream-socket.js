'use strict';

// A net.Socket over any Duplex, as Node has one under a TLSSocket over such a stream. There are
// packages that take its class from there (`_handle._parentWrap.constructor`), to give a stream to
// code that needs a socket.

const { executionAsyncId } = require('async_hooks');
const { nodeError } = require('./errors');
const { SocketOverHandle } = require('./internals');

class StreamSocket extends SocketOverHandle {
  /** The stream under it. */
  stream;

  constructor(stream) {
    super({ handle: new StreamHandle(stream), manualStart: true });
    this.stream = stream;
    this._handle.owner = this;
  }

  /** Of SocketOverHandle: writes one piece of data. */
  _send(data, callback) {
    this._stir();
    this._handle?.write(data, callback);
  }

  /** Of SocketOverHandle. */
  _descriptor() {
    return -1;
  }

  _unsendable(callback) {
    callback(nodeError('ERR_SOCKET_CLOSED_BEFORE_CONNECTION'));
  }
}

// The name by which it is known.
Object.defineProperty(StreamSocket, 'name', { value: 'JSStreamSocket' });

/** What net.Socket asks of a handle, answered by a stream. It listens to it from the first read on. */
class StreamHandle {
  #stream;
  #owner;
  #listens = false;
  reading = false;
  bytesRead = 0;
  bytesWritten = 0;

  constructor(stream) {
    this.#stream = stream;
  }

  set owner(owner) {
    this.#owner = owner;
  }

  readStart() {
    this.reading = true;
    if (!this.#listens) this.#listen();
    this.#stream.resume();
    return 0;
  }

  readStop() {
    this.reading = false;
    this.#stream.pause();
    return 0;
  }

  #listen() {
    this.#listens = true;
    const stream = this.#stream;
    const onData = (chunk) => {
      if (typeof chunk === 'string' || stream.readableObjectMode) {
        stream.pause();
        stream.off('data', onData);
        this.#owner.emit('error', nodeError('ERR_STREAM_WRAP'));
        return;
      }
      this.bytesRead += chunk.length;
      this.#owner._stir();
      if (!this.#owner.push(chunk)) this.readStop();
    };
    stream.on('data', onData);
    stream.once('end', () => this.#owner._pushEnd());
    stream.on('error', (error) => this.#owner.destroy(error));
    stream.once('close', () => this.#owner.destroy());
  }

  write(data, callback) {
    this.bytesWritten += data.length;
    this.#stream.write(data, callback);
  }

  shutdown(request) {
    this.#stream.end(() => request.oncomplete(0));
    return 0;
  }

  close(callback) {
    this.#stream.destroy();
    if (callback) setImmediate(callback);
  }

  getAsyncId() {
    return executionAsyncId();
  }

  ref() {
    this.#stream.ref?.();
  }

  unref() {
    this.#stream.unref?.();
  }

  getpeername() {
    return 0;
  }

  getsockname() {
    return 0;
  }
}

module.exports = { StreamSocket };
