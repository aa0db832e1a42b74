'use strict';

// What Node's HTTP/2 is given in place of a TLSSocket. Its C++ half reads and writes a handle of its
// own kind, which ours is not; it has one for any stream, and this shows that one as the socket's.
// All else is the socket's own, so that a session is `encrypted` and knows its `alpnProtocol`, and
// `session.socket` is a TLSSocket with its certificate and name.

const internals = require('./internals');
const { TLSSocket } = require('./socket');

/** What a session looks at before there is anything to read. */
const NOT_YET = { isStreamBase: true };

/** A socket of ours for a session of Node's; any other stream as it is. */
function carrier(socket) {
  return socket instanceof TLSSocket ? new Proxy(socket, new Carrier()) : socket;
}

class Carrier {
  #stream = null;
  #isWaitedFor = false;
  #isListenedTo = false;

  get(socket, name) {
    if (name === '_handle') return this.#handleOf(socket);
    // A session empties what was read before it came; here that comes by the stream.
    if (name === 'readableLength') return 0;
    if (name === 'once') return (event, listener) => this.#once(socket, event, listener);
    if (name === 'on') return (event, listener) => this.#on(socket, event, listener);
    const value = socket[name];
    return typeof value === 'function' && name !== 'constructor' ? value.bind(socket) : value;
  }

  set(socket, name, value) {
    socket[name] = value;
    return true;
  }

  #handleOf(socket) {
    if (socket._handle === null) return null;
    if (socket.connecting || socket.secureConnecting) return NOT_YET;
    this.#stream ??= internals.streamSocket(socket);
    return this.#stream._handle;
  }

  /** To a session, a failed write is the end of a connection and no error: what it wrote is told. */
  #on(socket, event, listener) {
    const isFirst = event === 'error' && !this.#isListenedTo;
    if (isFirst) this.#isListenedTo = true;
    return socket.on(event, isFirst ? (error) => {
      if (error.syscall !== 'write') Reflect.apply(listener, socket, [error]);
    } : listener);
  }

  /** The first thing that a session waits for is a connection, which for a TLSSocket is a secure one. */
  #once(socket, event, listener) {
    const isFirst = event === 'connect' && !this.#isWaitedFor;
    if (isFirst) this.#isWaitedFor = true;
    return socket.once(isFirst && socket.secureConnecting ? 'secureConnect' : event, listener);
  }
}

module.exports = { carrier };
