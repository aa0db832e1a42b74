'use strict';

// https.Agent: an http.Agent over TLS, which keeps the newest session for each kind of connection.

const http = require('http');
const { agentKey } = require('./agent-key');
const { builtin } = require('./internals');
const tls = require('./index');
const tunnel = require('./tunnel');

const SESSIONS = 100;

/**
 * Marks a request that has a `checkServerIdentity` of its own, and its connection. A resumed session
 * and a connection that is open already are not checked again, so it gets neither, and leaves none.
 */
const kOwnIdentityCheck = Symbol('per-request checkServerIdentity');

function Agent(options) {
  if (!(this instanceof Agent)) return new Agent(options);
  const defaultPort = options?.defaultPort ?? 443;
  const protocol = options?.protocol ?? 'https:';
  http.Agent.call(this, { ...options, defaultPort, protocol });
  // Older versions of Node do not take them from the options.
  Object.assign(this, { defaultPort, protocol });
  this.maxCachedSessions = this.options.maxCachedSessions ?? SESSIONS;
  this._sessionCache = { map: {}, list: [] };
  // Node's own listener comes after it, and does not hand on what is destroyed.
  this.prependListener('free', destroyIfSpoken);
}

Object.setPrototypeOf(Agent.prototype, http.Agent.prototype);
Object.setPrototypeOf(Agent, http.Agent);

/** Agents that are not ours borrow this and the functions for sessions. */
Agent.prototype.createConnection = function createConnection(...args) {
  const callback = typeof args.at(-1) === 'function' ? args.at(-1) : undefined;
  const options = connectionOptions(args);
  const ownCheck = Boolean(options[kOwnIdentityCheck]);
  const key = ownCheck ? undefined : options._agentKey;
  if (key) options.session ??= this._getSession(key);
  const prepare = (socket) => {
    if (ownCheck) socket[kOwnIdentityCheck] = true;
    if (key) keepSessions(this, key, socket);
    return socket;
  };
  const way = tunnel.wayFor(this, options);
  if (way) return tunnel.open(way, options, prepare, callback);
  return prepare(tls.connect(options));
};

function keepSessions(agent, key, socket) {
  socket.on('session', (session) => agent._cacheSession(key, session));
  socket.once('close', (hadError) => {
    if (hadError) agent._evictSession(key);
  });
}

const { Agent: HostAgent } = builtin('node:https');
/** Whether the host's own names tell all that makes two connections different: then ours are the same. */
const hostTellsAll = HostAgent.prototype.getName.call(http.globalAgent, { session: 'x' }) !==
  HostAgent.prototype.getName.call(http.globalAgent, {});

Agent.prototype.getName = function getName(options = {}) {
  const name = hostTellsAll ? HostAgent.prototype.getName.call(this, options) :
    `${http.Agent.prototype.getName.call(this, options)}:${agentKey(options)}`;
  return options[kOwnIdentityCheck] ? `${name}:${options[kOwnIdentityCheck]}` : name;
};

/** Whether a connection that has become idle may be used again. From now on its server must be silent. */
Agent.prototype.keepSocketAlive = function keepSocketAlive(socket) {
  if (socket[kOwnIdentityCheck]) return false;
  if (!http.Agent.prototype.keepSocketAlive.call(this, socket)) return false;
  if (socket.readableLength > 0) return false;
  socket._handle?.rest?.();
  return true;
};

Agent.prototype.addRequest = function addRequest(...args) {
  dropWhatHasSpoken(this.freeSockets);
  http.Agent.prototype.addRequest.apply(this, args);
};

/** Takes out idle connections on which something waits, where Node's agent does not look itself. */
function dropWhatHasSpoken(freeSockets) {
  for (const [name, sockets] of Object.entries(freeSockets)) {
    if (sockets[0]?._handle?.isAskedForPendingReads) return;
    sockets.forEach(destroyIfSpoken);
    const silent = sockets.filter((socket) => !socket.destroyed);
    if (silent.length < sockets.length) sockets.splice(0, sockets.length, ...silent);
    if (silent.length === 0) delete freeSockets[name];
  }
}

function destroyIfSpoken(socket) {
  if (!socket.connecting && socket._handle?.hasPendingRead?.()) socket.destroy();
}

Agent.prototype.reuseSocket = function reuseSocket(socket, request) {
  socket._handle?.wake?.();
  http.Agent.prototype.reuseSocket.call(this, socket, request);
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

/** (options), (port[, host][, options]), each with a callback behind. */
function connectionOptions(args) {
  const [first, second, third] = args;
  if (first !== null && typeof first === 'object') return { ...first };
  const options = { ...[second, third].find((arg) => arg !== null && typeof arg === 'object') };
  if (first !== undefined && typeof first !== 'function') options.port = first;
  if (typeof second === 'string') options.host = second;
  return options;
}

/** Whether a request brings a `checkServerIdentity` that is not the one of all its agent's connections. */
function hasOwnIdentityCheck({ agent, checkServerIdentity, createConnection }, defaultAgent) {
  if (checkServerIdentity === undefined || checkServerIdentity === tls.checkServerIdentity) return false;
  if (agent === false) return true;
  if (!agent && typeof createConnection === 'function') return true;
  return (agent ?? defaultAgent)?.options?.checkServerIdentity === undefined;
}

/** Like a browser: connections are kept, and the environment's proxy is used if Node uses it. */
function makeGlobalAgent(proxyEnv = http.globalAgent.options.proxyEnv) {
  return new Agent({ keepAlive: true, scheduling: 'lifo', timeout: 5000, proxyEnv });
}

module.exports = { Agent, globalAgent: makeGlobalAgent(), hasOwnIdentityCheck, kOwnIdentityCheck, makeGlobalAgent };
