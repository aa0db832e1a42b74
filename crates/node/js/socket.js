'use strict';

// TLSSocket: the stream that programs read and write.

const net = require('net');
const { addAbortSignal } = require('stream');
const { splitALPNProtocols } = require('./alpn');
const { createSecureContext, isContext, nativeContext } = require('./context');
const { nodeError } = require('./errors');
const handshakeFacts = require('./facts');
const { ssl, verifyError } = require('./failures');
const { TLSHandle } = require('./handle');
const { answerHello, asksHello, storeSession } = require('./hello');
const keyLog = require('./keylog');
const { Session } = require('./native');
const { intoBuffer, usable } = require('./onread');
const { checkOptions } = require('./options');
const sessions = require('./sessions');
const trace = require('./trace');
const validate = require('./validate');

class TLSSocket extends net.Socket {
  #facts = null;
  #servername;
  /** The session that is offered to the server. */
  #offered;
  /** Sessions that wait for the verdict. */
  #sessionsHeld = true;
  #onread;

  constructor(socket, options) {
    const tlsOptions = { ...options };
    checkOptions(tlsOptions);
    // `this` does not exist yet, and the handle needs it only later.
    let self;
    const role = {
      isServer: Boolean(tlsOptions.isServer),
      session: () => self.#makeSession(),
      onHello: (hello, reply) => answerHello(self, hello, reply),
      onSession: (id, data, proceed) => storeSession(self, id, data, proceed),
    };
    const handle = new TLSHandle(role);
    super({
      handle,
      allowHalfOpen: socket ? socket.allowHalfOpen : tlsOptions.allowHalfOpen,
      pauseOnCreate: tlsOptions.pauseOnConnect,
      manualStart: true,
      highWaterMark: tlsOptions.highWaterMark,
      noDelay: tlsOptions.noDelay,
      keepAlive: tlsOptions.keepAlive,
      keepAliveInitialDelay: tlsOptions.keepAliveInitialDelay,
    });
    self = this;
    handle.owner = this;
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
    this.ssl = handle;
    this._requestCert = Boolean(tlsOptions.requestCert || !tlsOptions.isServer);
    this._rejectUnauthorized = Boolean(tlsOptions.rejectUnauthorized);
    this.#onread = socket ? undefined : usable(tlsOptions.onread);
    this.on('error', this._tlsError);
    this._init(socket);
    // Only now: the signal may be aborted already, and then everything must be there to be closed.
    if (tlsOptions.signal) addAbortSignal(tlsOptions.signal, this);
    process.nextTick(() => this.#readFirst(socket));
  }

  _init(socket) {
    const options = this._tlsOptions;
    this.server = options.server;
    this._handle.context = options.secureContext || options.credentials || createSecureContext(options);
    nativeContext(this._handle.context);
    if (options.isServer) {
      if (options.SNICallback) this._SNICallback = options.SNICallback;
      this.ssl.asksHello = asksHello(this);
      this.ssl.storesSessions = options.server?.listenerCount?.('newSession') > 0;
      this.ssl.logsKeys = keyLog.isWanted(this);
    }
    if (options.handshakeTimeout > 0) this.setTimeout(options.handshakeTimeout, this._handleTimeout);
    if (options.enableTrace || trace.isWanted()) this.enableTrace();
    if (socket) this.#adopt(socket);
    else this.connecting = true;
  }

  /** Takes over a transport of the program's. */
  #adopt(socket) {
    if (socket instanceof net.Socket) {
      this._parent = socket;
      this.connecting = socket.connecting;
      socket.once('connect', () => {
        this.connecting = false;
        this.emit('connect');
      });
    }
    const handle = this._handle;
    socket.on('error', (error) => this._emitTLSError(error));
    socket.once('close', () => handle.transportClosed());
    handle.attach(socket);
  }

  /** Reads on the next tick, so that the program can set its listeners first. */
  #readFirst(socket) {
    if (!this._handle) return;
    if (socket instanceof net.Socket && socket.readableLength) {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) this._handle.receive(chunk);
    }
    if (!this._handle) return;
    if (socket?.readableEnded) this._onEof();
    if (!this._tlsOptions.pauseOnConnect) this.read(0);
    else this._handle.readStart();
  }

  /** Connects a TCP or pipe transport of our own. */
  connect(...args) {
    const [options, callback] = net._normalizeArgs(args);
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
      this._host = socket._host;
      this.autoSelectFamilyAttemptedAddresses = socket.autoSelectFamilyAttemptedAddresses;
      this._unrefTimer();
      this.emit('connect');
      this.emit('ready');
    });
    socket.on('error', (error) => this.destroy(error));
    socket.once('close', () => this.destroy());
    this._handle.attach(socket);
    socket.connect(options);
    this._unrefTimer();
    return this;
  }

  // --- the native session -----------------------------------------------------------------------

  #makeSession() {
    const context = nativeContext(this.ssl.context);
    const { ALPNProtocols, isServer } = this._tlsOptions;
    const alpn = ALPNProtocols ? splitALPNProtocols(ALPNProtocols) : [];
    if (isServer) {
      return Session.server(context, {
        requestCertificate: this._requestCert,
        requireCertificate: this._rejectUnauthorized,
        askClientHello: this.ssl.asksHello,
        askStoreSession: this.ssl.storesSessions,
        keyLog: this.ssl.logsKeys,
        alpn,
      });
    }
    return Session.client(context, {
      serverName: this.#servername,
      session: this.#offered?.session,
      requestOcsp: Boolean(this._tlsOptions.requestOCSP),
      keyLog: true,
      alpn,
    });
  }

  _start() {
    if (this.connecting) {
      this.once('connect', this._start);
      return;
    }
    this._handle?.start();
  }

  /** The handshake is complete; the peer has not been judged yet. */
  _onHandshakeDone() {
    this.#facts = this._handle.facts;
    this._finishInit();
  }

  _finishInit() {
    if (!this._handle) return;
    const { alpn, serverName } = this.#facts;
    this.alpnProtocol = alpn ? alpn.toString('latin1') : false;
    // A client keeps the name as it was written; on the wire it is in lower case.
    const isOwnName = serverName !== undefined && this.#servername?.toLowerCase() === serverName;
    this.servername ??= (isOwnName ? this.#servername : serverName) ?? false;
    this._secureEstablished = true;
    if (this._tlsOptions.handshakeTimeout > 0) this.setTimeout(0, this._handleTimeout);
    this.emit('secure');
  }

  /** What the session tells besides data. */
  _onTold({ keyLog: lines, hasOcsp, ocspResponse, sessions: count }) {
    if (lines > 0) keyLog.tell(this, this._handle.session);
    if (hasOcsp) this.emit('OCSPResponse', ocspResponse ?? null);
    if (count > 0 && !this.#sessionsHeld) this._releaseSessions();
  }

  /** Tells the sessions that the server has given, from the verdict on. */
  _releaseSessions() {
    this.#sessionsHeld = false;
    while (this._handle?.session.nextSession()) {
      if (this.listenerCount('session') > 0) this.emit('session', this.getSession());
    }
  }

  _onFailure(error) {
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

  _onEof() {
    if (this._readableState.endEmitted) return;
    this.push(null);
    this.read(0);
  }

  /** Gives data to the program; false: it wants no more for now. */
  _onData(data) {
    this._unrefTimer();
    return this.#onread ? intoBuffer(this, this.#onread, data) : this.push(data);
  }

  pause() {
    if (this.#onread && this._handle?.reading) this._handle.readStop();
    return super.pause();
  }

  resume() {
    if (this.#onread && this._handle && !this._handle.reading) this._handle.readStart();
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

  _verifyError() {
    const refusal = this.#facts?.refusal;
    return refusal ? verifyError(refusal) : null;
  }

  // --- writing ------------------------------------------------------------------------------------

  _writeGeneric(isMany, data, encoding, callback) {
    if (this.connecting) {
      this.#writeLater(isMany, data, encoding, callback);
      return undefined;
    }
    this._pendingData = null;
    this._pendingEncoding = '';
    if (!this._handle) {
      callback(nodeError('ERR_SOCKET_CLOSED'));
      return false;
    }
    this._unrefTimer();
    this._handle.write(isMany ? join(data) : toBuffer(data, encoding), callback);
    return undefined;
  }

  #writeLater(isMany, data, encoding, callback) {
    this._pendingData = data;
    this._pendingEncoding = encoding;
    const onClose = () => callback(nodeError('ERR_SOCKET_CLOSED_BEFORE_CONNECTION'));
    this.once('connect', () => {
      this.off('close', onClose);
      this._writeGeneric(isMany, data, encoding, callback);
    });
    this.once('close', onClose);
  }

  _destroy(error, callback) {
    super._destroy(error, callback);
    this.ssl = null;
  }

  // --- settings -------------------------------------------------------------------------------------

  /** Offers a session to the server. One with another server is passed over. */
  setSession(session) {
    const bytes = typeof session === 'string' ? Buffer.from(session, 'latin1') : session;
    sessions.check(bytes);
    this.#offered = sessions.open(bytes, this._peerName);
  }

  getSession() {
    if (!this._handle) return null;
    if (!this.#facts) return undefined;
    // In TLS 1.3 there is none before a ticket has come; as in Node, its bytes resume nothing then.
    const session = this._handle.session.currentSession() ?? Buffer.alloc(0);
    return sessions.seal({ session, name: this._peerName ?? '', verified: this.authorized });
  }

  /** Whether the server of the session that was resumed was found to be this one, by name too. */
  _isVerifiedBySession() {
    return this.isSessionReused() && Boolean(this.#offered?.verified);
  }

  setServername(name) {
    validate.string(name, 'name');
    if (this._tlsOptions.isServer) throw nodeError('ERR_TLS_SNI_FROM_SERVER');
    this.#servername = name;
  }

  /** Shows this certificate, whatever the client offers: for use in ALPNCallback and SNICallback. */
  setKeyCert(context) {
    if (!this._handle) return;
    this._handle.keyCert = nativeContext(isContext(context) ? context : createSecureContext(context || {}));
  }

  setMaxSendFragment(size) {
    validate.int32(size, 'size');
    if (!this._handle) throw new TypeError("Cannot read properties of null (reading 'setMaxSendFragment')");
    return this._handle.setMaxSendFragment(size);
  }

  disableRenegotiation() {
    // The engine never renegotiates: the peer is told so by a no_renegotiation alert.
  }

  renegotiate(options, callback) {
    validate.object(options, 'options');
    if (callback !== undefined) validate.func(callback, 'callback');
    if (this.destroyed) return undefined;
    const error = this.getProtocol() === 'TLSv1.3' ?
      ssl('ERR_SSL_WRONG_SSL_VERSION') : nodeError('ERR_TLS_RENEGOTIATION_UNSUPPORTED');
    if (callback) process.nextTick(callback, error);
    return false;
  }

  /** Tells the records from now on, on stderr. */
  enableTrace() {
    this._handle?.trace();
  }
}

function toBuffer(data, encoding) {
  return typeof data === 'string' ? Buffer.from(data, encoding) : data;
}

function join(chunks) {
  return Buffer.concat(chunks.allBuffers ? chunks.map((entry) => entry.chunk ?? entry) :
    chunks.map(({ chunk, encoding }) => toBuffer(chunk, encoding)));
}

handshakeFacts.mixInto(TLSSocket);

module.exports = { TLSSocket };
