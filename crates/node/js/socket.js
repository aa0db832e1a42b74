'use strict';

// TLSSocket: the stream that programs read and write.

const net = require('net');
const { addAbortSignal } = require('stream');
const { explain } = require('./advice');
const { Connection } = require('./connection');
const defaults = require('./defaults');
const { nodeError } = require('./errors');
const { ssl } = require('./failures');
const { TLSHandle } = require('./handle');
const {
  Accepted, SocketOverHandle, connectFor, hasInstance, madeBy, nativeTls, normalizedArgs, runTicks,
} = require('./internals');
const keyLog = require('./keylog');
const { OnRead } = require('./onread');
const { checkOptions } = require('./options');
const { roleOf } = require('./role');
const sessions = require('./sessions');
const trace = require('./trace');
const validate = require('./validate');

class TLSSocket extends SocketOverHandle {
  #connection;
  #role;
  /** Sessions that wait for the verdict. */
  #sessionsHeld = true;
  #onread;
  /** When the connection was negotiated again the last time, and the callers that wait for its end. */
  #renegotiation = { isDisabled: false, last: 0, done: null };

  constructor(socket, options) {
    const tlsOptions = { ...options };
    checkOptions(tlsOptions);
    const role = roleOf(tlsOptions);
    const connection = new Connection(role);
    super({
      handle: new TLSHandle(connection, role),
      manualStart: true,
      // net.Socket sets these in any case; where they are there already, it need not change what the options are
      // made of, which costs it more than all else that it does.
      emitClose: false,
      autoDestroy: true,
      decodeStrings: false,
      allowHalfOpen: socket ? socket.allowHalfOpen : tlsOptions.allowHalfOpen,
      pauseOnCreate: tlsOptions.pauseOnConnect,
      highWaterMark: tlsOptions.highWaterMark,
      noDelay: tlsOptions.noDelay,
      keepAlive: tlsOptions.keepAlive,
      keepAliveInitialDelay: tlsOptions.keepAliveInitialDelay,
    });
    this.#connection = connection;
    this.#role = role;
    role.socket = this;
    connection.owner = new TLSSocket.#Owner(this);
    this._tlsOptions = tlsOptions;
    this._secureEstablished = false;
    this._securePending = false;
    this._newSessionPending = false;
    this._controlReleased = false;
    this.secureConnecting = true;
    this._SNICallback = null;
    this.servername = null;
    this.alpnProtocol = null;
    this.authorized = false;
    this.authorizationError = null;
    this.encrypted = true;
    this.ssl = this._handle;
    this._requestCert = Boolean(tlsOptions.requestCert || !tlsOptions.isServer);
    this._rejectUnauthorized = Boolean(tlsOptions.rejectUnauthorized);
    this.#onread = socket ? undefined : OnRead.from(tlsOptions.onread);
    this.on('error', this._tlsError);
    this._init(socket);
    // Only now: the signal may be aborted already, and then everything must be there to be closed.
    if (tlsOptions.signal) addAbortSignal(tlsOptions.signal, this);
    process.nextTick(() => this.#readFirst(socket));
  }

  _init(socket) {
    const options = this._tlsOptions;
    this.server = options.server;
    if (options.isServer && options.SNICallback) this._SNICallback = options.SNICallback;
    if (options.handshakeTimeout > 0) this.setTimeout(options.handshakeTimeout, this._handleTimeout);
    if (socket) this.#adopt(socket);
    else this.connecting = true;
    if (options.enableTrace || trace.isWanted()) this.enableTrace();
  }

  /** What the connection tells: see `Connection.owner`. */
  static #Owner = class {
    #of;

    constructor(socket) {
      this.#of = socket;
    }

    stirred() {
      this.#of._stir();
    }

    named(servername) {
      this.#of.servername ??= servername;
    }

    complete() {
      this.#of._finishInit();
    }

    data(data) {
      return this.#of.#onData(data);
    }

    delivered() {
      if (this.#of.readableFlowing === false) runTicks();
    }

    told(what) {
      this.#of.#onTold(what);
    }

    end() {
      this.#of._pushEnd();
    }

    failed(error) {
      this.#of.#onFailure(error);
    }

    transportFailed(error) {
      this.#of._emitTLSError(error);
    }

    close() {
      this.#of.destroy();
    }

    closeWhenRead() {
      this.#of.#destroyWhenRead();
    }
  };

  /** Takes over a transport of the program's. */
  #adopt(socket) {
    if (socket instanceof Accepted) {
      this._server = this.server;
      this.#connection.attach(socket, { isGiven: true });
      return;
    }
    if (socket instanceof net.Socket) {
      this._parent = socket;
      this.connecting = socket.connecting;
      socket.once('connect', () => {
        this.connecting = false;
        this.emit('connect');
      });
    }
    socket.on('error', (error) => this._emitTLSError(error));
    socket.once('close', () => this.#connection.transportClosed());
    this.#connection.attach(socket, { isGiven: true });
  }

  /** Reads on the next tick, so that the program can set its listeners first. */
  #readFirst(socket) {
    if (!this._handle) return;
    if (socket instanceof net.Socket && socket.readableLength) {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) this.#connection.receive(chunk);
    }
    if (!this._handle) return;
    if (socket?.readableEnded) this._pushEnd();
    if (!this._tlsOptions.pauseOnConnect) this.read(0);
    else this._handle.readStart();
  }

  /** Connects a TCP or pipe transport of our own. */
  connect(...args) {
    const [options, callback] = normalizedArgs(args);
    if (callback) this.once('connect', callback);
    if (this.destroyed) return this;
    this.connecting = true;
    const { noDelay, keepAlive, keepAliveInitialDelay } = { ...options, ...this._tlsOptions };
    // Half-open, so that our goodbye can follow the peer's.
    const socket = new net.Socket({ allowHalfOpen: true, noDelay, keepAlive, keepAliveInitialDelay });
    for (const event of ['lookup', 'connectionAttempt', 'connectionAttemptFailed', 'connectionAttemptTimeout']) {
      socket.on(event, (...values) => this.emit(event, ...values));
    }
    socket.once('connect', () => {
      this.connecting = false;
      this._takeAddressesOf(socket);
      this._stir();
      this.emit('connect');
      this.emit('ready');
    });
    socket.on('error', (error) => this.destroy(error));
    socket.once('close', () => this.destroy());
    this.#connection.attach(socket, { isGiven: false });
    connectFor(this, socket, options);
    this._stir();
    return this;
  }

  // --- the connection -----------------------------------------------------------------------------

  _start() {
    if (this.connecting) {
      this.once('connect', this._start);
      return;
    }
    this._handle?.start();
  }

  /** The handshake is complete; the peer has not been judged yet. */
  _finishInit() {
    if (!this._handle) return;
    const { alpn, serverName } = this._handle.agreed;
    this.alpnProtocol = alpn ? alpn.toString('latin1') : false;
    // A client keeps the name as it was written.
    const { servername } = this.#role;
    const isOwnName = serverName !== undefined && servername?.toLowerCase() === serverName;
    this.servername ??= (isOwnName ? servername : serverName) ?? false;
    this._secureEstablished = true;
    if (this._tlsOptions.handshakeTimeout > 0) this.setTimeout(0, this._handleTimeout);
    this.emit('secure');
  }

  /** What the session tells besides data. */
  #onTold({ keyLog: lines, hasOcsp, ocspResponse, sessions: count, renegotiating, renegotiated }) {
    if (lines > 0) keyLog.tell(this, this.#connection.session);
    if (hasOcsp) this.emit('OCSPResponse', ocspResponse ?? null);
    if (count > 0 && !this.#sessionsHeld) this._releaseSessions();
    for (let n = 0; n < renegotiating; n += 1) this.#onRenegotiating();
    for (let n = 0; n < renegotiated; n += 1) this.#onRenegotiated();
  }

  /** The peer, or we, have begun to negotiate the connection again. */
  #onRenegotiating() {
    if (this.destroyed) return;
    const { CLIENT_RENEG_LIMIT: limit, CLIENT_RENEG_WINDOW: window } = defaults.values;
    const now = process.uptime();
    if (now - this.#renegotiation.last >= window) this._handle.handshakes = 0;
    this.#renegotiation.last = now;
    if (this._tlsOptions.isServer) {
      this._handle.handshakes += 1;
      if (this._handle.handshakes > limit) {
        this._emitTLSError(nodeError('ERR_TLS_SESSION_ATTACK'));
        return;
      }
    }
    if (this.#renegotiation.isDisabled) this._emitTLSError(nodeError('ERR_TLS_RENEGOTIATION_DISABLED'));
  }

  #onRenegotiated() {
    if (this.destroyed) return;
    this.#connection.renew();
    const { done } = this.#renegotiation;
    this.#renegotiation.done = null;
    if (done !== null) process.nextTick(done);
    this.emit('secure');
  }

  /**
   * Tells the sessions that the server has given, from the verdict on; also to a program that has
   * destroyed the socket meanwhile, since they are good for the next one.
   */
  _releaseSessions() {
    this.#sessionsHeld = false;
    const { session } = this.#connection;
    for (let more = session.nextSession(); more; more = session.nextSession()) {
      if (this.listenerCount('session') > 0) this.emit('session', this.#sealedSession());
      // Code that awaits one event sees it before the next.
      if (session.hasNextSession()) runTicks();
    }
  }

  #sealedSession() {
    // In TLS 1.3 no session exists before a ticket has come; as in Node, its bytes resume nothing then.
    const session = this.#connection.session.currentSession() ?? Buffer.alloc(0);
    return sessions.seal({ session, name: this._peerName ?? '', verified: this.authorized });
  }

  #onFailure(error) {
    if (this._hadError) return;
    this._hadError = true;
    if (!this._secureEstablished) {
      // Not released yet, `_tlsError` tells the server and swallows the error. The socket is closed
      // after that, so that a listener can still look at it.
      this._closeAfterHandlingError = true;
      this.destroy(error);
    } else if (this._tlsOptions.isServer && this._rejectUnauthorized &&
        error.code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE') {
      this.destroy();
    } else {
      this._emitTLSError(error);
    }
  }

  /** Gives data to the program; false: it wants no more for now. */
  #onData(data) {
    if (this._handle.mustBeSilent) {
      this.destroy();
      return false;
    }
    return this.#onread ? this.#onread.deliver(this, data) : this._give(data);
  }

  /** From now on data go to this reader, as to that of the option `onread`. */
  _readBy(reader) {
    this.#onread = reader;
  }

  /** Nothing more can come; what came is for the program to read. */
  #destroyWhenRead() {
    setImmediate(() => {
      if (this.readableLength > 0 && !this.readableEnded) this.once('end', () => this.destroy());
      else this.destroy();
    });
  }

  pause() {
    if (#onread in this && this.#onread && this._handle?.reading) this._handle.readStop();
    return super.pause();
  }

  resume() {
    if (#onread in this && this.#onread && this._handle && !this._handle.reading) this._handle.readStart();
    return super.resume();
  }

  // --- errors before and after the server has let the socket go -----------------------------------

  _handleTimeout() {
    this._emitTLSError(nodeError('ERR_TLS_HANDSHAKE_TIMEOUT'));
  }

  _emitTLSError(error) {
    const released = this._tlsError(error);
    if (released) this.emit('error', released);
  }

  _tlsError(error) {
    this.emit('_tlsError', error);
    return this._controlReleased ? error : null;
  }

  _releaseControl() {
    if (this._controlReleased) return false;
    this._controlReleased = true;
    this.off('error', this._tlsError);
    return true;
  }

  /** Why the peer is not authorized, as an error, or null. */
  _verifyError() {
    return this._handle.verifyError();
  }

  // --- writing ------------------------------------------------------------------------------------

  /** Of SocketOverHandle: writes one piece of data. */
  _send(data, callback) {
    if (!this._handle) {
      callback(nodeError('ERR_SOCKET_CLOSED'));
      return false;
    }
    this._stir();
    this.#connection.write(data, callback);
    return undefined;
  }

  /** Of SocketOverHandle: the descriptor to write records to at once; -1: none. */
  _descriptor() {
    return this._handle ? this.#connection.descriptor : -1;
  }

  /** Of SocketOverHandle: writes the first `length` bytes of `data`, which are its own only during this call. */
  _sendBy(fd, data, length, callback) {
    this._stir();
    this.#connection.writeBy(fd, data, length, callback);
  }

  /** Of SocketOverHandle: the socket was closed before it was connected. */
  _unsendable(callback) {
    callback(nodeError('ERR_SOCKET_CLOSED_BEFORE_CONNECTION'));
  }

  /** As in Node: ends what TLS there is, and leaves the socket to be closed. */
  _destroySSL() {
    this.ssl?.destroySSL();
    this.ssl = null;
  }

  /** In Node, puts TLS around a handle; here the connection takes its transport itself. */
  _wrapHandle() {
    return this._handle;
  }

  _destroy(error, callback) {
    super._destroy(error, callback);
    this.ssl = null;
  }

  // --- settings -------------------------------------------------------------------------------------

  /** Offers a session to the server. One with another server is passed over. */
  setSession(session) {
    this.#role.offer(session, this._peerName);
  }

  getSession() {
    if (!this._handle) return null;
    if (!this._handle.agreed) return undefined;
    return this.#sealedSession();
  }

  /** Whether the server of the session that was resumed was found to be this one, by name too. */
  _isVerifiedBySession() {
    return this.isSessionReused() && Boolean(this.#role.offered?.verified);
  }

  getPeerCertificate(detailed) {
    return this._handle ? this._handle.getPeerCertificate(detailed) ?? {} : null;
  }

  getPeerX509Certificate() {
    return this._handle?.getPeerX509Certificate();
  }

  getCertificate() {
    return this._handle ? this._handle.getCertificate() ?? {} : null;
  }

  getX509Certificate() {
    return this._handle?.getX509Certificate();
  }

  exportKeyingMaterial(length, label, context) {
    validate.uint32(length, 'length', true);
    validate.string(label, 'label');
    if (context !== undefined) validate.view(context, 'context');
    if (!this._secureEstablished) throw nodeError('ERR_TLS_INVALID_STATE');
    return this._handle ? this._handle.exportKeyingMaterial(length, label, context) : null;
  }

  setServername(name) {
    validate.string(name, 'name');
    if (this._tlsOptions.isServer) throw nodeError('ERR_TLS_SNI_FROM_SERVER');
    this.#role.servername = name;
  }

  /** Shows this certificate, whatever the client offers: for use in ALPNCallback and SNICallback. */
  setKeyCert(context) {
    if (this._handle) this.#role.show(context);
  }

  setMaxSendFragment(size) {
    validate.int32(size, 'size');
    return this._handle.setMaxSendFragment(size);
  }

  /** From now on it ends the connection. The engine for new peers declines it in any case. */
  disableRenegotiation() {
    this.#renegotiation.isDisabled = true;
  }

  renegotiate(options, callback) {
    validate.object(options, 'options');
    if (callback !== undefined) validate.func(callback, 'callback');
    if (this.destroyed) return undefined;
    if (this.getProtocol() === 'TLSv1.3') {
      if (callback) process.nextTick(callback, ssl('ERR_SSL_WRONG_SSL_VERSION'));
      return false;
    }
    const { requestCert = this._requestCert, rejectUnauthorized = this._rejectUnauthorized } = options;
    const why = this.#connection.renegotiate(
      this._tlsOptions.isServer ? Boolean(requestCert) : null, Boolean(rejectUnauthorized));
    if (why !== null) {
      if (callback) process.nextTick(callback, explain(nodeError('ERR_TLS_RENEGOTIATION_UNSUPPORTED'), why));
      return false;
    }
    this._requestCert = Boolean(requestCert || !this._tlsOptions.isServer);
    this._rejectUnauthorized = Boolean(rejectUnauthorized);
    if (callback) this.#renegotiation.done = callback;
    return true;
  }

  /** Tells the records from now on, on stderr. */
  enableTrace() {
    this.#connection.trace();
  }
}

// What is asked of the handle as it is; a socket without one answers null.
for (const name of [
  'getCipher', 'getEphemeralKeyInfo', 'getFinished', 'getPeerFinished', 'getProtocol', 'getSharedSigalgs',
  'getTLSTicket', 'isSessionReused',
]) {
  TLSSocket.prototype[name] = function ask(...args) {
    return this._handle ? this._handle[name](...args) : null;
  };
}

// By which Node gives a socket another handle while it looks for an address that answers: that is done
// by the socket under this one.
for (const symbol of Object.getOwnPropertySymbols(nativeTls.TLSSocket.prototype)) {
  if (symbol.description === 'kReinitializeHandle') TLSSocket.prototype[symbol] = function reinitialize() {};
}

Object.defineProperty(TLSSocket, Symbol.hasInstance, hasInstance(TLSSocket, madeBy(nativeTls.TLSSocket)));

module.exports = { TLSSocket };
