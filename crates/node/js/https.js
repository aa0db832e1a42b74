'use strict';

// The exports of node:https: the HTTP of node:http over our TLS.

const http = require('http');
const tls = require('./index');
const validate = require('./validate');

/**
 * An https.Server is a tls.Server that carries what an http.Server does. `node:http` keeps its
 * settings in properties of the server and its work in two listeners, so both are taken over from
 * an http.Server made with the same options.
 */
function Server(options, listener) {
  if (!(this instanceof Server)) return new Server(options, listener);
  if (typeof options === 'function') {
    listener = options;
    options = {};
  }
  if (options !== undefined && options !== null) validate.object(options, 'options');
  options = { ALPNProtocols: defaultProtocols(options), ...options };
  if (options.ALPNProtocols === undefined) delete options.ALPNProtocols;
  tls.Server.call(this, options);
  const model = new http.Server(options);
  for (const key of Reflect.ownKeys(model)) {
    if (!Object.hasOwn(this, key)) {
      Object.defineProperty(this, key, Object.getOwnPropertyDescriptor(model, key));
    }
  }
  this.httpAllowHalfOpen = false;
  this.on('listening', model.listeners('listening')[0] ?? (() => {}));
  this.on('secureConnection', model.listeners('connection')[0]);
  this.on('tlsClientError', (error, socket) => {
    if (!this.emit('clientError', error, socket)) socket.destroy(error);
  });
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

/** HTTP/1.1 is what it speaks, unless the program chooses protocols itself. */
function defaultProtocols(options) {
  return options?.ALPNCallback ? undefined : ['http/1.1'];
}

function createServer(options, listener) {
  return new Server(options, listener);
}

// --- clients ------------------------------------------------------------------------------------

/**
 * Options that make two connections different, so that an agent must not share them, in the order
 * of Node's agents, and how each is told.
 */
const DISTINCT = {
  ca: ifSet,
  cert: ifSet,
  clientCertEngine: ifSet,
  ciphers: ifSet,
  key: ifSet,
  pfx: (value) => (Array.isArray(value) ? value.map((one) => one?.buf ?? one).join(',') : ifSet(value)),
  rejectUnauthorized: ifGiven,
  servername: (value, { host }) => (value === host ? '' : ifSet(value)),
  minVersion: ifSet,
  maxVersion: ifSet,
  secureProtocol: ifSet,
  crl: ifSet,
  honorCipherOrder: ifGiven,
  ecdhCurve: ifSet,
  dhparam: ifSet,
  secureOptions: ifGiven,
  sessionIdContext: ifSet,
  sigalgs: (value) => (value ? JSON.stringify(value) : ''),
  privateKeyIdentifier: ifSet,
  privateKeyEngine: ifSet,
};
const SESSIONS = 100;

function ifSet(value) {
  return value ? String(value) : '';
}

function ifGiven(value) {
  return value === undefined ? '' : String(value);
}

/** An http.Agent over TLS, which keeps the newest session for each kind of connection. */
function Agent(options) {
  if (!(this instanceof Agent)) return new Agent(options);
  const { defaultPort = 443, protocol = 'https:' } = options ?? {};
  http.Agent.call(this, { ...options, defaultPort, protocol });
  // Older versions of Node do not take them from the options.
  Object.assign(this, { defaultPort, protocol });
  this.maxCachedSessions = this.options.maxCachedSessions ?? SESSIONS;
  this._sessionCache = { map: {}, list: [] };
}

Object.setPrototypeOf(Agent.prototype, http.Agent.prototype);
Object.setPrototypeOf(Agent, http.Agent);

Agent.prototype.createConnection = function createConnection(...args) {
  const callback = typeof args.at(-1) === 'function' ? args.at(-1) : undefined;
  const options = connectionOptions(args);
  const key = options._agentKey;
  if (key && options.session === undefined) options.session = this._getSession(key);
  const socket = tls.connect(options);
  if (key) {
    socket.on('session', (session) => this._cacheSession(key, session));
    socket.once('close', (hadError) => {
      if (hadError) this._evictSession(key);
    });
  }
  if (callback && this.keepAlive === undefined) callback(null, socket);
  return socket;
};

Agent.prototype.getName = function getName(options = {}) {
  const parts = Object.entries(DISTINCT).map(([name, tell]) => tell(options[name], options));
  return [http.Agent.prototype.getName.call(this, options), ...parts].join(':');
};

Agent.prototype._getSession = function getSession(key) {
  return this._sessionCache.map[key];
};

Agent.prototype._cacheSession = function cacheSession(key, session) {
  if (this.maxCachedSessions === 0) return;
  const { map, list } = this._sessionCache;
  if (!map[key]) {
    if (list.length >= this.maxCachedSessions) delete map[list.shift()];
    list.push(key);
  }
  map[key] = session;
};

Agent.prototype._evictSession = function evictSession(key) {
  const { map, list } = this._sessionCache;
  const at = list.indexOf(key);
  if (at < 0) return;
  list.splice(at, 1);
  delete map[key];
};

function connectionOptions(args) {
  const [first, second, third] = args;
  if (first !== null && typeof first === 'object') return { ...first };
  const options = { ...[second, third].find((arg) => arg !== null && typeof arg === 'object') };
  if (first !== undefined && typeof first !== 'function') options.port = first;
  if (typeof second === 'string') options.host = second;
  return options;
}

// A browser-like agent: connections are kept, and the fastest address wins.
const globalAgent = new Agent({ keepAlive: true, scheduling: 'lifo', timeout: 5000 });

/** (url[, options][, callback]) or (options[, callback]). */
function request(...args) {
  let options = {};
  if (typeof args[0] === 'string') options = urlOptions(new URL(args.shift()));
  else if (args[0] instanceof URL) options = urlOptions(args.shift());
  if (args[0] && typeof args[0] !== 'function') Object.assign(options, args.shift());
  options._defaultAgent = module.exports.globalAgent;
  return new http.ClientRequest(options, args[0]);
}

function urlOptions(url) {
  const { hostname, pathname, search, hash, protocol, href, username, password, port } = url;
  const options = {
    protocol,
    hostname: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
    hash,
    search,
    pathname,
    path: `${pathname}${search}`,
    href,
  };
  if (port !== '') options.port = Number(port);
  if (username || password) options.auth = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return options;
}

function get(...args) {
  const sent = request(...args);
  sent.end();
  return sent;
}

module.exports = { Agent, Server, createServer, get, globalAgent, request };
