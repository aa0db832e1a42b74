'use strict';

// What Node's HTTP/2 is given in place of a TLSSocket. Its C++ half reads and writes a handle of its
// own kind, unlike ours; it has one for any stream, and this shows that one as the socket's.
// All else is the socket's own, so that a session is `encrypted` and knows its `alpnProtocol`, and
// `session.socket` is a TLSSocket with its certificate and name.

const EventEmitter = require('events');
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
    this.#stream ??= internals.streamSocket(new Wire(socket));
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

/**
 * The data of a socket as the stream that Node's handle uses, past the buffers that the socket has for
 * programs.
 *
 * By a handle of Node's TLS a write is done at once as a rule, here it takes a turn of the event loop.
 * A session that hears in that turn that all is over stops reading and waits for ever. So what comes
 * waits until the write is done; after that it is delivered even when reading was stopped meanwhile, as
 * Node's TLS does with what it has decrypted.
 */
class Wire extends EventEmitter {
  readable = true;
  writable = true;
  #socket;
  /** What is written between `cork` and `uncork`, in one piece. */
  #corked = null;
  #isWriting = false;
  #isPaused = false;
  #isStarted = false;
  /** What has come meanwhile, and whether that is all. */
  #arrived = [];
  #isEnded = false;

  constructor(socket) {
    super();
    this.#socket = socket;
    // What it has read for the program before there was a session.
    for (let data = socket.read(); data !== null; data = socket.read()) this.#arrived.push(data);
    socket._readBy({ deliver: (_socket, data) => this.#deliver(data) });
    socket.once('end', () => {
      this.#isEnded = true;
      if (this.#isStarted && !this.#isWriting) this.emit('end');
    });
    socket.once('close', () => this.emit('close'));
  }

  pause() {
    this.#isPaused = true;
    this.#socket._handle?.readStop();
  }

  resume() {
    this.#isPaused = false;
    if (this.#isStarted) this.#deliverAll();
    else process.nextTick(() => this.#start());
  }

  /** In the tick after the handle was made: then the session listens to it. */
  #start() {
    this.#isStarted = true;
    this.#deliverAll();
  }

  /** False: no more for now. */
  #deliver(data) {
    const goesOn = this.#isStarted && !this.#isWriting;
    if (goesOn) this.emit('data', data);
    else this.#arrived.push(data);
    return goesOn;
  }

  #deliverAll() {
    while (this.#arrived.length > 0 && !this.#isWriting) this.emit('data', this.#arrived.shift());
    if (this.#isWriting) return;
    if (this.#isEnded) this.emit('end');
    else if (!this.#isPaused) this.#socket._handle?.readStart();
  }

  cork() {
    this.#corked = [];
  }

  write(data, callback) {
    if (this.#corked === null) this.#writeAll([{ data, callback }]);
    else this.#corked.push({ data, callback });
  }

  uncork() {
    const all = this.#corked;
    this.#corked = null;
    if (all.length > 0) this.#writeAll(all);
  }

  #writeAll(pieces) {
    const data = pieces.length === 1 ? pieces[0].data : Buffer.concat(pieces.map((piece) => piece.data));
    this.#isWriting = true;
    internals.writeAtOnce(this.#socket, data, (error) => {
      for (const { callback } of pieces) callback(error);
      // The handle is told in the next turn; this comes after it.
      setImmediate(() => this.#written());
    });
  }

  #written() {
    this.#isWriting = false;
    this.#deliverAll();
  }

  end(callback) {
    this.#socket.end(callback);
  }

  destroy() {
    this.#socket.destroy();
  }
}

module.exports = { carrier };
