'use strict';

// https.Server: a tls.Server that does what an http.Server does.

const http = require('http');
const tls = require('./index');
const validate = require('./validate');

/**
 * `node:http` keeps its settings in properties of the server and its work in two listeners, so both
 * are taken over from an http.Server made with the same options.
 */
function Server(options, listener) {
  if (!(this instanceof Server)) return new Server(options, listener);
  if (typeof options === 'function') {
    listener = options;
    options = {};
  }
  if (options !== undefined && options !== null) validate.object(options, 'options');
  options = { noDelay: true, ALPNProtocols: defaultProtocols(options), ...options };
  if (options.ALPNProtocols === undefined) delete options.ALPNProtocols;
  tls.Server.call(this, options);
  const model = new http.Server(options);
  takeOver(this, model);
  this.httpAllowHalfOpen = false;
  this.on('listening', model.listeners('listening')[0] ?? (() => {}));
  this.on('secureConnection', model.listeners('connection')[0]);
  this.on('tlsClientError', tellClientError);
  if (listener) this.on('request', listener);
}

Object.setPrototypeOf(Server.prototype, tls.Server.prototype);
Object.setPrototypeOf(Server, tls.Server);

for (const name of ['close', 'closeAllConnections', 'closeIdleConnections', 'setTimeout']) {
  if (http.Server.prototype[name]) Server.prototype[name] = http.Server.prototype[name];
}
if (Symbol.asyncDispose && http.Server.prototype[Symbol.asyncDispose]) {
  Server.prototype[Symbol.asyncDispose] = function dispose() {
    return new Promise((resolve, reject) => {
      this.close((error) => (error ? reject(error) : resolve()));
    });
  };
}

/** Gives `server` what `model` keeps in properties of its own, unless it has it. */
function takeOver(server, model) {
  for (const key of Reflect.ownKeys(model)) {
    if (!Object.hasOwn(server, key)) {
      Object.defineProperty(server, key, Object.getOwnPropertyDescriptor(model, key));
    }
  }
}

/** HTTP/1.1 is what it speaks, unless the program chooses protocols itself. */
function defaultProtocols(options) {
  return options?.ALPNCallback ? undefined : ['http/1.1'];
}

/** Failed clients are the program's business, if it listens. */
function tellClientError(error, socket) {
  if (!this.emit('clientError', error, socket)) socket.destroy(error);
}

function createServer(options, listener) {
  return new Server(options, listener);
}

module.exports = { Server, createServer, takeOver, tellClientError };
