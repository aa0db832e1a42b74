'use strict';

// tls.Server: a net.Server whose connections are wrapped, and told when they are secure.

const { constants: { SSL_OP_CIPHER_SERVER_PREFERENCE }, createHash } = require('crypto');
const EventEmitter = require('events');
const net = require('net');
const { deprecate } = require('util');
const { convertALPNProtocols } = require('./alpn');
const { SecureContext, createSecureContext } = require('./context');
const { handleOf } = require('./context-handle');
const { connectionReset, major, nodeError } = require('./errors');
const { acceptBy, hasInstance, madeBy, nativeTls } = require('./internals');
const { TLSSocket } = require('./socket');
const validate = require('./validate');

const HANDSHAKE_TIMEOUT = 120_000;
const kSettings = Symbol('settings');
const kErrorTold = Symbol('error told');

function Server(options, listener) {
  if (!(this instanceof Server)) return new Server(options, listener);
  if (typeof options === 'function') {
    listener = options;
    options = {};
  } else if (options === undefined || options === null || typeof options === 'object') {
    options ??= {};
  } else {
    throw nodeError('ERR_INVALID_ARG_TYPE', 'options', 'Object', options);
  }
  if (options.pskIdentityHint) validate.string(options.pskIdentityHint, 'options.pskIdentityHint');
  if (options.pskCallback) {
    validate.func(options.pskCallback, 'pskCallback');
  }
  this._contexts = [];
  this.requestCert = options.requestCert === true;
  this.rejectUnauthorized = options.rejectUnauthorized !== false;
  this.ALPNCallback = options.ALPNCallback;
  if (options.ALPNProtocols) convertALPNProtocols(options.ALPNProtocols, this);
  if (options.ALPNCallback && options.ALPNProtocols) {
    throw nodeError('ERR_TLS_ALPN_CALLBACK_WITH_PROTOCOLS');
  }
  this.setSecureContext(options);
  this[kSettings] = settings(options);
  net.Server.call(this, options, onConnection);
  if (listener) this.on('secureConnection', listener);
}

// Also one of Node's own servers, for `instanceof`.
Object.setPrototypeOf(Server.prototype, nativeTls.Server.prototype);
Object.setPrototypeOf(Server, net.Server);
Object.defineProperty(Server, Symbol.hasInstance, hasInstance(Server, madeBy(nativeTls.Server)));

function settings(options) {
  const { handshakeTimeout, SNICallback, enableTrace, pauseOnConnect, highWaterMark } = options;
  const { pskCallback, pskIdentityHint } = options;
  const timeout = handshakeTimeout || HANDSHAKE_TIMEOUT;
  validate.number(timeout, 'options.handshakeTimeout');
  if (SNICallback) validate.func(SNICallback, 'options.SNICallback');
  return {
    handshakeTimeout: timeout, SNICallback, enableTrace, pauseOnConnect, highWaterMark, pskCallback, pskIdentityHint,
  };
}

/** Wraps a connection. Also called for what the program emits as 'connection' by hand. */
function onConnection(rawSocket) {
  const given = this[kSettings];
  // Each by its name: a copy of the settings with more in it would cost as much as the socket.
  const socket = new TLSSocket(rawSocket, {
    handshakeTimeout: given.handshakeTimeout,
    enableTrace: given.enableTrace,
    pauseOnConnect: given.pauseOnConnect,
    highWaterMark: given.highWaterMark,
    pskCallback: given.pskCallback,
    pskIdentityHint: given.pskIdentityHint,
    // Without contexts by name there is nothing to look up.
    SNICallback: given.SNICallback ?? (this._contexts.length > 0 ? findContext.bind(this) : undefined),
    secureContext: this._sharedCreds,
    isServer: true,
    server: this,
    requestCert: this.requestCert,
    rejectUnauthorized: this.rejectUnauthorized,
    ALPNProtocols: this.ALPNProtocols,
    ALPNCallback: this.ALPNCallback,
  });
  socket.on('secure', onSecure);
  socket[kErrorTold] = false;
  socket.on('close', onClose);
  socket.on('_tlsError', onError);
}

/** As soon as it listens. */
Server.prototype._listen2 = function listen2(...args) {
  net.Server.prototype._listen2.apply(this, args);
  acceptBy(this, onConnection, (accepted) => onConnection.call(this, accepted));
};

function onSecure() {
  if (this._requestCert) judge(this);
  if (!this.destroyed && this._releaseControl()) {
    this.secureConnecting = false;
    this._tlsOptions.server.emit('secureConnection', this);
  }
}

function judge(socket) {
  const error = socket._verifyError();
  if (error === null) {
    socket.authorized = true;
    return;
  }
  socket.authorizationError = error.code;
  if (socket._rejectUnauthorized) socket.destroy();
}

function onError(error) {
  tell(this, error);
}

function onClose(hadError) {
  if (!hadError && isOurs(this)) tell(this, connectionReset('socket hang up'));
}

/** Whether the program does not have the socket yet, and was told of no failure. */
function isOurs(socket) {
  return !socket._controlReleased && !socket[kErrorTold];
}

/** A failure before the program has the socket is the server's to tell, once. */
function tell(socket, error) {
  if (!isOurs(socket)) return;
  socket[kErrorTold] = true;
  socket._tlsOptions.server.emit('tlsClientError', error, socket);
}

/** The context for a name: the one added last whose pattern fits. */
function findContext(servername, callback) {
  const found = this._contexts.findLast(([pattern]) => pattern.test(servername));
  callback(null, found?.[1]);
}

Server.prototype.addContext = function addContext(servername, context) {
  if (!servername) throw nodeError('ERR_TLS_REQUIRED_SERVER_NAME');
  const escaped = servername.replace(/[.^$+?\-\\[\]{}()|/]/g, '\\$&').replaceAll('*', '[^.]*');
  // Node 20 looks at the case (CVE-2026-48928).
  const pattern = new RegExp(`^${escaped}$`, 'i');
  const secureContext = context instanceof SecureContext ? context : createSecureContext(context);
  this._contexts.push([pattern, handleOf(secureContext)]);
};

/** What a server hands on to its context unless it is false, null or the like, as Node does. */
const CONTEXT_OPTIONS = [
  'allowPartialTrustChain', 'ca', 'cert', 'certificateCompression', 'ciphers', 'clientCertEngine', 'crl',
  'dhparam', 'key', 'maxVersion', 'minVersion', 'passphrase', 'pfx', 'secureOptions', 'secureProtocol',
  'sessionIdContext',
];

/** And what it hands on whatever it is. */
const JUDGED_OPTIONS = ['ecdhCurve', 'privateKeyEngine', 'privateKeyIdentifier', 'sigalgs'];

/** Replaces the context for the connections to come. As in Node, the server has all that it is made of. */
Server.prototype.setSecureContext = function setSecureContext(options) {
  validate.object(options, 'options');
  for (const name of CONTEXT_OPTIONS) this[name] = options[name] || undefined;
  for (const name of JUDGED_OPTIONS) this[name] = options[name];
  this.honorCipherOrder = options.honorCipherOrder === undefined || Boolean(options.honorCipherOrder);
  this.sessionIdContext ??= defaultSessionIdContext();
  // Kept for the contexts to come.
  if (options.sessionTimeout) this.sessionTimeout = options.sessionTimeout;
  if (options.ticketKeys) this.ticketKeys = options.ticketKeys;
  const chosen = {};
  for (const name of [...CONTEXT_OPTIONS, ...JUDGED_OPTIONS, 'honorCipherOrder', 'sessionTimeout', 'ticketKeys']) {
    chosen[name] = this[name];
  }
  // Asking for the server's order sets a bit among them, whatever they were.
  const secureOptions = this.secureOptions ?? 0;
  chosen.secureOptions = this.honorCipherOrder ? secureOptions | SSL_OP_CIPHER_SERVER_PREFERENCE : secureOptions;
  this._sharedCreds = createSecureContext(chosen);
};

const SET_OPTIONS = [
  'ca', 'cert', 'ciphers', 'clientCertEngine', 'crl', 'dhparam', 'ecdhCurve', 'key', 'maxVersion', 'minVersion',
  'passphrase', 'pfx', 'secureProtocol', 'sessionIdContext', 'ticketKeys',
];

/** The same for all processes of a cluster, which have the same command line. */
function defaultSessionIdContext() {
  return createHash('sha1').update(process.argv.join(' ')).digest('hex').slice(0, 32);
}

Server.prototype.getTicketKeys = function getTicketKeys() {
  return this._sharedCreds.context.getTicketKeys();
};

Server.prototype.setTicketKeys = function setTicketKeys(keys) {
  validate.view(keys);
  if (keys.byteLength !== 48) {
    throw nodeError('ERR_INTERNAL_ASSERTION', 'Session ticket keys must be a 48-byte buffer');
  }
  this._sharedCreds.context.setTicketKeys(validate.bytes(keys));
};

/** What the primary of a cluster keeps for all its workers: see node:cluster. */
Server.prototype._getServerData = function _getServerData() {
  return { ticketKeys: this.getTicketKeys().toString('hex') };
};

Server.prototype._setServerData = function _setServerData(data) {
  this.setTicketKeys(Buffer.from(data.ticketKeys, 'hex'));
};

/** As long as the host has it: the settings for contexts to come, as properties. */
if (Object.hasOwn(nativeTls.Server.prototype, 'setOptions')) {
  Server.prototype.setOptions = deprecate(function setOptions(options) {
    this.requestCert = options.requestCert === true;
    this.rejectUnauthorized = options.rejectUnauthorized !== false;
    for (const name of SET_OPTIONS) {
      if (options[name]) this[name] = options[name];
    }
    for (const name of ['secureOptions', 'sessionTimeout']) {
      if (options[name] !== undefined) this[name] = options[name];
    }
    if (options.ALPNProtocols) convertALPNProtocols(options.ALPNProtocols, this);
  }, 'Server.prototype.setOptions() is deprecated. Use Server.prototype.setSecureContext() instead.', 'DEP0122');
}

Server.prototype[EventEmitter.captureRejectionSymbol] = function rejected(error, event, socket) {
  if (event === 'secureConnection') socket.destroy(error);
  else net.Server.prototype[EventEmitter.captureRejectionSymbol].call(this, error, event, socket);
};

function createServer(options, listener) {
  return new Server(options, listener);
}

module.exports = { Server, createServer };
