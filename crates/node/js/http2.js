'use strict';

// The exports of node:http2: its frames and streams over our TLS.

const http = require('http');
const { isIP } = require('net');
const { promisify } = require('util');
const { carrier } = require('./http2-carrier');
const { builtin } = require('./internals');
const { takeOver, tellClientError } = require('./https-server');
const tls = require('./index');
const validate = require('./validate');

const http2 = builtin('node:http2');

/**
 * A tls.Server that does what the plain Http2Server of Node does with its connections, and for
 * `allowHTTP1` what an http.Server does: each keeps its settings in properties of the server.
 */
function Http2SecureServer(options, listener) {
  if (options !== undefined) validate.object(options, 'options');
  const model = http2.createServer({ ...options });
  tls.Server.call(this, { ...options, ...protocols(options) });
  if (options?.allowHTTP1 === true) speakHttp1(this, options);
  takeOver(this, model);
  const [serve] = model.listeners('connection');
  this.on('secureConnection', (socket) => serve.call(this, isHttp1(socket) ? socket : carrier(socket)));
  for (const onListener of model.listeners('newListener')) this.on('newListener', onListener);
  if (typeof listener === 'function') this.on('request', listener);
  this.on('tlsClientError', tellClientError);
}

Object.setPrototypeOf(Http2SecureServer.prototype, tls.Server.prototype);
Object.setPrototypeOf(Http2SecureServer, tls.Server);

let isComplete = false;

/** Takes the methods of Node's secure server over, which is not exported; they ask nothing of its TLS. */
function completePrototype() {
  isComplete = true;
  const native = Object.getPrototypeOf(http2.createSecureServer());
  for (const key of Reflect.ownKeys(native)) {
    if (key === 'constructor') continue;
    Object.defineProperty(Http2SecureServer.prototype, key, Object.getOwnPropertyDescriptor(native, key));
  }
}

function speakHttp1(server, options) {
  const { Http1IncomingMessage, Http1ServerResponse, http1Options } = options;
  const given = { IncomingMessage: Http1IncomingMessage, ServerResponse: Http1ServerResponse };
  const known = Object.entries(given).filter(([, value]) => value !== undefined);
  const model = new http.Server({ ...options, ...Object.fromEntries(known), ...http1Options });
  const timeout = Object.getOwnPropertyDescriptor(model, 'timeout');
  takeOver(server, model);
  // Sessions of HTTP/2 have a setting of that name, too.
  if (timeout) delete server.timeout;
  const [onListening] = model.listeners('listening');
  if (onListening) server.on('listening', onListening);
}

function isHttp1({ alpnProtocol }) {
  return alpnProtocol === false || alpnProtocol === 'http/1.1';
}

/** HTTP/2, and HTTP/1.1 where that is allowed, unless the program chooses protocols itself. */
function protocols(options) {
  if (options?.ALPNCallback) return {};
  return { ALPNProtocols: options?.allowHTTP1 === true ? ['h2', 'http/1.1'] : ['h2'] };
}

function createSecureServer(options, listener) {
  if (!isComplete) completePrototype();
  return new Http2SecureServer(options, listener);
}

// --- clients ------------------------------------------------------------------------------------

/** (authority[, options][, listener]). */
function connect(authority, options, listener) {
  if (typeof options === 'function') {
    listener = options;
    options = undefined;
  }
  const isOptions = options === undefined || options !== null && typeof options === 'object';
  const own = typeof options?.createConnection === 'function' ? options.createConnection : undefined;
  if (!isOptions || !own && protocolOf(authority, options) !== 'https:') {
    return http2.connect(authority, options, listener);
  }
  const open = own ?? connectSecurely;
  return http2.connect(authority, {
    ...options,
    createConnection: (...args) => carrier(Reflect.apply(open, options, args)),
  }, listener);
}

Object.defineProperty(connect, promisify.custom, {
  value: (authority, options) => new Promise((resolve, reject) => {
    const session = connect(authority, options, () => {
      session.off('error', reject);
      resolve(session);
    });
    session.once('error', reject);
  }),
});

function protocolOf(authority, options) {
  const { protocol } = typeof authority === 'string' ? new URL(authority) : authority ?? {};
  return protocol || options?.protocol || 'https:';
}

function connectSecurely(authority, options) {
  const { hostname, host: other, port } = authority;
  const host = hostname ? hostname.replace(/^\[|\]$/g, '') : other || 'localhost';
  const { createConnection, ...given } = options;
  const servername = options.servername || (isIP(host) ? undefined : host);
  return tls.connect(Number(port || 443), host, { ...given, ...protocols(options), servername });
}

const ours = { connect, createSecureServer };
if (http2.performServerHandshake) {
  ours.performServerHandshake = function performServerHandshake(socket, options = {}) {
    return http2.performServerHandshake(carrier(socket), options);
  };
}

module.exports = { ...http2, ...ours };
