'use strict';

// tls.connect: a client connection, and the judgement of its server.

const net = require('net');
const defaults = require('./defaults');
const { connectionReset, major, nodeError } = require('./errors');
const { checkServerIdentity } = require('./identity');
const { hostOf, nativeTls, normalizedArgs } = require('./internals');
const sessions = require('./sessions');
const { TLSSocket } = require('./socket');
const validate = require('./validate');

const { checkServerIdentity: builtin } = nativeTls;

function connect(...args) {
  // As set by the program, should it have replaced them.
  const { checkServerIdentity, createSecureContext } = require('./index');
  const [given, callback] = connectArguments(args);
  const options = {
    rejectUnauthorized: !allowsUnauthorized(),
    ciphers: defaults.values.DEFAULT_CIPHERS,
    checkServerIdentity,
    minDHSize: 1024,
    ...given,
  };
  validate.func(options.checkServerIdentity, 'options.checkServerIdentity');
  checkMinDHSize(options.minDHSize);
  // Only `false` turns it off: an `undefined` that is spread over the default keeps it.
  options.rejectUnauthorized = options.rejectUnauthorized !== false;
  const servername = checkedServername(options.servername);
  const secureContext = options.secureContext || createSecureContext(options);
  const { socket } = options;
  const tlsSocket = new TLSSocket(socket, {
    allowHalfOpen: socket ? socket.allowHalfOpen : Boolean(options.allowHalfOpen),
    pipe: Boolean(options.path),
    secureContext,
    isServer: false,
    requestCert: true,
    rejectUnauthorized: options.rejectUnauthorized,
    session: options.session,
    ALPNProtocols: options.ALPNProtocols,
    requestOCSP: options.requestOCSP,
    enableTrace: options.enableTrace,
    pskCallback: options.pskCallback,
    highWaterMark: options.highWaterMark,
    onread: options.onread,
    signal: options.signal,
    noDelay: options.noDelay,
    keepAlive: options.keepAlive,
    keepAliveInitialDelay: options.keepAliveInitialDelay,
  });
  if (callback) tlsSocket.once('secureConnect', callback);
  if (!socket) {
    if (options.timeout) tlsSocket.setTimeout(options.timeout);
    tlsSocket.connect(options, tlsSocket._start);
  }
  tlsSocket._releaseControl();
  tlsSocket._peerName = peerName(options);
  if (options.session) {
    sessions.check(options.session);
    tlsSocket.setSession(options.session);
  }
  if (servername) tlsSocket.setServername(servername);
  if (socket) tlsSocket._start();
  const onEarlyEnd = () => tellEarlyEnd(tlsSocket, options);
  tlsSocket.on('secure', () => judge(tlsSocket, options, onEarlyEnd));
  tlsSocket.prependListener('end', onEarlyEnd);
  return tlsSocket;
}

/** (options[, callback]), (path[, options][, callback]), (port[, host][, options][, callback]). */
function connectArguments(args) {
  const [options, callback] = normalizedArgs(args);
  const more = [args[1], args[2]].find((arg) => arg !== null && typeof arg === 'object');
  return [Object.assign(options, more), callback];
}

let warned = false;

function allowsUnauthorized() {
  const allows = process.env.NODE_TLS_REJECT_UNAUTHORIZED === '0';
  if (allows && !warned) {
    warned = true;
    process.emitWarning("Setting the NODE_TLS_REJECT_UNAUTHORIZED environment variable to '0' makes " +
      'TLS connections and HTTPS requests insecure by disabling certificate verification.');
  }
  return allows;
}

let warnedOfAddress = false;

/** SNI names hosts, not addresses (RFC 6066, 3). */
/** Node 20 takes a bad one for a fault of its own. */
function checkMinDHSize(size) {
  if (major >= 22) {
    validate.number(size, 'options.minDHSize', 1);
  } else if (!(size > 0) || typeof size !== 'number') {
    const wanted = typeof size === 'number' ? 'a positive number' : 'a number';
    throw nodeError('ERR_INTERNAL_ASSERTION', `options.minDHSize is not ${wanted}: ${String(size)}`);
  }
}

function checkedServername(servername) {
  if (!servername || !net.isIP(servername)) return servername;
  const text = 'Setting the TLS ServerName to an IP address is not permitted by RFC 6066';
  if (major >= 25) throw nodeError('ERR_INVALID_ARG_VALUE', 'options.servername', servername, text);
  if (!warnedOfAddress) {
    warnedOfAddress = true;
    process.emitWarning(`${text}. This will be ignored in a future version.`, 'DeprecationWarning', 'DEP0123');
  }
  return undefined;
}

/** The handshake is complete: is the server authenticated? */
function judge(socket, options, onEarlyEnd) {
  if (socket.destroyed) return; // by another listener
  const { type, size } = socket.getEphemeralKeyInfo() ?? {};
  if (type === 'DH' && size < options.minDHSize) {
    socket._emitTLSError(nodeError('ERR_TLS_DH_PARAM_SIZE', size));
    socket.destroy();
    return;
  }
  const error = socket._verifyError() ?? checkIdentity(socket, options);
  if (error) {
    socket.authorized = false;
    socket.authorizationError = error.code || error.message;
    if (options.rejectUnauthorized) {
      socket.destroy(error);
      return;
    }
  } else {
    socket.authorized = true;
  }
  socket.secureConnecting = false;
  socket.emit('secureConnect');
  socket._releaseSessions();
  socket.off('end', onEarlyEnd);
}

/** Not asked again of a server that was found to be this one when the session was made. */
function checkIdentity(socket, options) {
  if (socket._isVerifiedBySession()) return undefined;
  // Node's own function does not know of the CA's limits on a common name; ours says the same but for them.
  const check = options.checkServerIdentity === nativeTls.checkServerIdentity ? checkServerIdentity : options.checkServerIdentity;
  return check(peerName(options), socket._handle.getJudgedCertificate());
}

function peerName({ servername, host, socket }) {
  return servername || host || hostOf(socket) || 'localhost';
}

function tellEarlyEnd(socket, { path, host, port, localAddress }) {
  if (socket._hadError) return;
  socket._hadError = true;
  const error = connectionReset(
    'Client network socket disconnected before secure TLS connection was established');
  Object.assign(error, { path, host, port, localAddress });
  socket.destroy(error);
}

module.exports = { connect };
