'use strict';

// Everything of Node's that this package uses and that Node does not document: the one place to look
// at when a new version of Node comes. What has no substitute is looked for when the package is
// loaded, and named when it is missing; the rest says what is done without it.

const { executionAsyncId } = require('async_hooks');
const diagnosticsChannel = require('diagnostics_channel');
const EventEmitter = require('events');
const http = require('http');
const Module = require('module');
const net = require('net');
const { writeSync } = require('fs');
const { PassThrough, Readable } = require('stream');
const native = require('./native');

const { getBuiltinModule } = process;

/** A module of Node's own, asked of Node itself: `require` may be answered by `sealwire/register`. */
function builtin(name) {
  return getBuiltinModule ? Reflect.apply(getBuiltinModule, process, [name]) : Reflect.apply(load, Module, [name, null, false]);
}

const { _load: load } = Module;

/**
 * Node's `tls`.
 *
 * It must be loaded before the first `X509Certificate.prototype.toLegacyObject`: that makes Node
 * load the inner half of `tls` first, which needs the outer one; then Node's own TLS is without
 * `createSecureContext` for the rest of the process, and with it `fetch`, `http2` and `https`.
 */
const nativeTls = builtin('node:tls');

/** What there must be, and whether it is there. */
const NEEDED = {
  'net._normalizeArgs': () => typeof net._normalizeArgs === 'function',
  'net.Socket.prototype._unrefTimer': () => typeof net.Socket.prototype._unrefTimer === 'function',
  'net.Socket.prototype._writeGeneric': () => typeof net.Socket.prototype._writeGeneric === 'function',
  'net.Socket.prototype._read': () => typeof net.Socket.prototype._read === 'function',
  'the option "handle" of net.Socket': takesHandles,
  'Module._load': () => typeof Module._load === 'function',
};

/** A handle with the least that net.Socket asks of one. */
function takesHandles() {
  const handle = { getAsyncId: () => 0 };
  return new net.Socket({ handle, manualStart: true })._handle === handle;
}

/** The names of what this Node lacks. */
function missing() {
  return Object.keys(NEEDED).filter((name) => !NEEDED[name]());
}

function check() {
  const names = missing();
  if (names.length === 0) return;
  throw new Error(`sealwire does not know this Node: ${process.version} is without ${names.join(', ')}. ` +
    'It is made for Node 20, 22, 24, 25 and 26.');
}

check();

// --- sockets of Node's that carry records -------------------------------------------------------

/** As much as Node offers the system for a read. One is enough: its bytes are copied at once. */
const room = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * The properties that the option `onread` of net.Socket sets, which have no names. Undefined: this
 * Node has others, and sockets go on to allocate memory for each read.
 */
const onreadProperties = (() => {
  const socket = new net.Socket({ onread: { buffer: room, callback: () => true } });
  const symbols = Object.getOwnPropertySymbols(socket);
  const [buffer, callback, next] = ['kBuffer', 'kBufferCb', 'kBufferGen']
    .map((name) => symbols.find(({ description }) => description === name));
  return buffer && callback && next && { buffer, callback, next };
})();

/**
 * Takes the bytes of a net.Socket where Node hands them to the stream, before they are buffered: the
 * socket itself sees neither data nor end, as when Node's own TLS takes its handle over. Else a
 * socket that allows no half-open state would close its side before we have said goodbye.
 *
 * `on.chunk` gets bytes and says whether it wants more; `on.lent`, if it is there, gets a buffer and how many
 * bytes of it have come, where they are only lent. `on.end` is called at the end, `on.unwritten` when a write has
 * failed: that must not end the socket before what came from the peer is read.
 * The function given back undoes it.
 */
function takeOver(socket, on) {
  const { _writeGeneric } = socket;
  socket._writeGeneric = function writeGeneric(isMany, data, encoding, callback) {
    return _writeGeneric.call(this, isMany, data, encoding, (error) => {
      if (error) on.unwritten(error);
      callback();
    });
  };
  socket.push = (chunk) => (chunk === null ? on.end() : on.chunk(chunk));
  const lent = on.lent ?? ((bytes, length) => on.chunk(Buffer.from(bytes.subarray(0, length))));
  if (isPlain(socket)) readInto(socket, lent);
  return () => {
    delete socket.push;
    delete socket._writeGeneric;
  };
}

/** Whether it is a socket of Node's own, and not of a class derived from it. */
function isPlain(socket) {
  return socket.constructor === net.Socket;
}

/**
 * Node allocates 64 KiB for each read and shrinks it to what came: a tenth of all the work for a
 * short request, most of it for the garbage collector. With the option `onread` a socket reads into
 * one buffer again and again; sockets that were made without it, as by a net.Server, are given here
 * what that option sets.
 */
function readInto(socket, onLent) {
  if (!onreadProperties) return;
  if (socket.connecting) socket.once('connect', () => setOnread(socket, onLent));
  else setOnread(socket, onLent);
}

function setOnread(socket, onLent) {
  if (typeof socket._handle?.useUserBuffer !== 'function') return;
  socket[onreadProperties.buffer] = room;
  socket[onreadProperties.next] = null;
  socket[onreadProperties.callback] = (length) => onLent(room, length);
  socket._handle.useUserBuffer(room);
}

/**
 * The descriptor of a socket of Node's own, where what is sent by it goes behind all that was written to the
 * socket; else -1.
 */
function freeDescriptor(socket) {
  const state = socket._writableState;
  if (state.length > 0 || state.corked > 0 || state.ending || socket.destroyed || socket.connecting) return -1;
  return socket._handle?.fd ?? -1;
}

/** How many bytes have gone by the descriptor of a handle. */
const sentBeside = Symbol('sent beside');

const bytesWritten = {
  configurable: true,
  get() {
    return Reflect.get(Object.getPrototypeOf(this), 'bytesWritten', this) + this[sentBeside];
  },
};

/** Counts bytes that were sent by the descriptor of a socket, for its `bytesWritten`. */
function countSent(socket, count) {
  countSentBy(socket._handle, count);
}

function countSentBy(handle, count) {
  if (handle[sentBeside] === undefined) {
    handle[sentBeside] = 0;
    Object.defineProperty(handle, 'bytesWritten', bytesWritten);
  }
  handle[sentBeside] += count;
}

// --- connections that a server has accepted ------------------------------------------------------

/**
 * What Node's reading of a handle goes by: the property of the handle for who is told, the function that tells it,
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
  /** Who is told. */
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
 * Has a server that listens give what it accepts to `take(accepted)`, where nobody but `listener` would see the
 * socket that Node makes of it, and nothing is asked of it that only a socket does.
 */
function acceptBy(server, listener, take) {
  const handle = server._handle;
  if (typeof handle?.onconnection !== 'function') return;
  const { onconnection } = handle;
  handle.onconnection = function accept(error, client) {
    if (error || !isSimple(server, listener) || !Accepted.canBe(client)) {
      Reflect.apply(onconnection, this, [error, client]);
      return;
    }
    if (server.noDelay) client.setNoDelay?.(true);
    server._connections += 1;
    take(new Accepted(client, server));
  };
}

const acceptedSockets = diagnosticsChannel.channel('net.server.socket');
const { emit } = EventEmitter.prototype;

function isSimple(server, listener) {
  const { connection } = server._events;
  return connection === listener && server.emit === emit && !server.maxConnections && !server.blockList &&
    !server.pauseOnConnect && !server.keepAlive && !acceptedSockets.hasSubscribers;
}

/** Has a socket read on that was told to stop. */
function readOn(socket) {
  if (!socket.destroyed) socket._read(0);
}

/** What the handle under a stream says of it, where it has one. */
function handleFacts(stream) {
  const handle = stream?._handle;
  return {
    asyncId: handle?.getAsyncId?.() ?? executionAsyncId(),
    fd: handle?.fd ?? -1,
    handle,
    hasRef: handle?.hasRef?.() ?? true,
    isOpen: Boolean(handle),
    writeQueueSize: handle?.writeQueueSize ?? stream?.writableLength ?? 0,
  };
}

/**
 * Whether bytes wait at a stream that the event loop has not seen yet. Where the agents of Node ask
 * so themselves, its handles know it.
 */
function hasPendingRead(stream) {
  const handle = stream?._handle;
  if (!handle) return false;
  return handle.hasPendingRead ? handle.hasPendingRead() : native.hasPendingRead(handle.fd ?? -1);
}

/** Whether http.Agent asks so, before it takes a connection that was idle. */
function asksForPendingReads(stream) {
  return stream?._handle?.hasPendingRead !== undefined;
}

/** The name that the program gave a socket to connect to. */
function hostOf(socket) {
  return socket?._host;
}

const clientSockets = diagnosticsChannel.channel('net.client.socket');

/**
 * Connects a socket on behalf of another: whoever is told of client sockets (the channel
 * `net.client.socket`) is told of `owner`.
 */
function connectFor(owner, socket, options) {
  if (!clientSockets.hasSubscribers) {
    socket.connect(options);
    return;
  }
  clientSockets.publish = (message) => {
    delete clientSockets.publish;
    clientSockets.publish(message.socket === socket ? { ...message, socket: owner } : message);
  };
  try {
    socket.connect(options);
  } finally {
    delete clientSockets.publish;
  }
}

const { push } = Readable.prototype;

// --- the socket of ours -------------------------------------------------------------------------

/** A net.Socket over a handle that is not one of libuv; what it writes is given to `send`. */
class SocketOverHandle extends net.Socket {
  #isOurs = true;

  constructor(handle, options) {
    super({ ...options, handle, manualStart: true });
  }

  /** Where the socket under it was connected to, for who asks this one. */
  _takeAddressesOf(socket) {
    this._host = socket._host;
    this.autoSelectFamilyAttemptedAddresses = socket.autoSelectFamilyAttemptedAddresses;
  }

  /** Says that something is going on, for `setTimeout`. */
  _stir() {
    this._unrefTimer();
  }

  /**
   * Gives data to who reads; false: no more for now. To one that flows as fast as they come they are given without
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

  /** Gives the end of the data to who reads, once. */
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

// Whoever asks whether a socket is one of Node's own TLS hears yes: `instanceof` looks at prototypes.
// All that is between the two is overridden, by TLSSocket; the constructor stays net.Socket's.
Object.setPrototypeOf(SocketOverHandle.prototype, nativeTls.TLSSocket.prototype);

/** What is answered to `instanceof` for `ours`: its own, and those of which `isOther` says so. */
function hasInstance(ours, isOther) {
  const { [Symbol.hasInstance]: isInstance } = Function.prototype;
  return {
    configurable: true,
    value(object) {
      return Reflect.apply(isInstance, this, [object]) || (this === ours && isOther(object));
    },
  };
}

/** Whether Node's own class has made it. */
function madeBy(native) {
  return (object) => Reflect.apply(Function.prototype[Symbol.hasInstance], native, [object]);
}

/** As much as is gathered of what is written in pieces: more is joined in a buffer of its own. */
const gathered = Buffer.allocUnsafeSlow(64 * 1024);

/** Puts all pieces there, and gives how many bytes they are; -1: they do not fit. */
function gatherAll(chunks) {
  const { allBuffers } = chunks;
  let end = 0;
  for (let n = 0; n < chunks.length && end >= 0; n += 1) {
    const entry = chunks[n];
    const isEntry = !allBuffers || entry.chunk !== undefined;
    end = isEntry ? gather(entry.chunk, entry.encoding, end) : gather(entry, 'buffer', end);
  }
  return end;
}

/** Puts one there, behind `start` others, and gives where it ends. */
function gather(data, encoding, start) {
  if (typeof data !== 'string') {
    if (data.length > gathered.length - start) return -1;
    gathered.set(data, start);
    return start + data.length;
  }
  if (data.length === 0) return start;
  // No encoding makes more than three bytes of what counts as one in a string.
  if (data.length * 3 > gathered.length - start) return -1;
  return start + gathered.write(data, start, encoding);
}

function toBuffer(data, encoding) {
  return typeof data === 'string' ? Buffer.from(data, encoding) : data;
}

function join(chunks) {
  return Buffer.concat(chunks.allBuffers ? chunks.map((entry) => entry.chunk ?? entry) :
    chunks.map(({ chunk, encoding }) => toBuffer(chunk, encoding)));
}

/** Whether whoever asks, by a getter that calls this, is Node's own TLS. */
function isAskedByNodesTls() {
  const { stackTraceLimit } = Error;
  Reflect.set(Error, 'stackTraceLimit', 3);
  const { stack } = new Error();
  Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  return /node:(_tls_|internal\/tls\/)/.test(stack.split('\n')[3] ?? '');
}

/** (options[, callback]), (path[, ..]), (port[, host][, ..]) as [options, callback]. */
function normalizedArgs(args) {
  return net._normalizeArgs(args);
}

/**
 * Does what is due on the next tick, as Node's own TLS does after each record that it delivers. Who
 * reads on 'readable' sees the difference: there are programs that read once for each record, and
 * since Node 26 a read gives one. Without it, they read more seldom and get more at a time.
 */
const runTicks = process._tickCallback ?? (() => {});

// --- HTTP/2 and fetch ---------------------------------------------------------------------------

const NativeTLSSocket = nativeTls.TLSSocket;
let StreamSocket;

/**
 * Node's own net.Socket over any stream: the one by which its C++ half uses a stream of JavaScript.
 * Its class is found where Node's TLS puts it under a TLSSocket over such a stream.
 */
function streamSocket(stream) {
  StreamSocket ??= findStreamSocket();
  const socket = new StreamSocket(stream);
  // Who has the stream is told by the stream.
  socket.on('error', () => {});
  return socket;
}

function findStreamSocket() {
  const socket = new NativeTLSSocket(new PassThrough());
  socket.on('error', () => {});
  const { constructor } = socket._handle._parentWrap;
  socket.destroy();
  return constructor;
}

/**
 * Has all that Node has made over its own TLS connect by `connect`: fetch, WebSocket, EventSource, and
 * an http.Agent whose proxy is spoken to over TLS. They look it up for each connection. Gives whether
 * that could be done.
 */
function connectBy(connect) {
  return Reflect.set(nativeTls, 'connect', connect);
}

// --- agents -------------------------------------------------------------------------------------

/**
 * The proxy that Node has read from an agent's `proxyEnv`, with `protocol`, `href`, `auth`,
 * `proxyConnectionOptions` and `shouldUseProxy(host, port)`. Undefined where there is none, and in
 * versions of Node that know no such option.
 */
function proxyOf(agent) {
  const key = Object.getOwnPropertySymbols(agent).find(({ description }) => description === 'kProxyConfig');
  return key && (agent[key] ?? undefined);
}

let tunnelMark;

/**
 * Tells an http.Agent that what it is given is not the socket to use: that one comes later, by the
 * callback. The mark is the property for which the agent looks.
 */
function markAsTunnel(socket) {
  tunnelMark ??= findTunnelMark();
  socket[tunnelMark] = true;
}

function findTunnelMark() {
  let found;
  const probe = new Proxy({}, {
    get(_target, key) {
      found = key;
      return true;
    },
  });
  const agent = new http.Agent();
  agent.createConnection = () => probe;
  agent.createSocket({}, { servername: '' }, () => {});
  return found;
}

// --- the process --------------------------------------------------------------------------------

/** Writes to stderr at once, whatever the program has done to `process.stderr`. */
const writeToStderr = process._rawDebug ?? ((text) => writeSync(2, `${text}\n`));

/** Has `replacementFor(name)` answer `require`, unless it gives undefined. */
function interceptRequire(replacementFor) {
  const { _load } = Module;
  Module._load = function load(request, ...rest) {
    return replacementFor(request) ?? Reflect.apply(_load, this, [request, ...rest]);
  };
}

/** Writes past the queue of the stream: the caller has none under way. */
function writeAtOnce(socket, data, callback) {
  socket._writeGeneric(false, data, 'buffer', callback);
}

module.exports = {
  Accepted,
  SocketOverHandle,
  acceptBy,
  asksForPendingReads,
  builtin,
  connectBy,
  connectFor,
  countSent,
  freeDescriptor,
  handleFacts,
  hasInstance,
  hasPendingRead,
  hostOf,
  interceptRequire,
  isAskedByNodesTls,
  isPlain,
  madeBy,
  markAsTunnel,
  missing,
  nativeTls,
  normalizedArgs,
  onreadProperties,
  proxyOf,
  readOn,
  readingBy,
  runTicks,
  streamSocket,
  takeOver,
  writeAtOnce,
  writeToStderr,
};
