'use strict';

// What Node itself has made over its TLS, when the package is registered: fetch, WebSocket and
// EventSource, an http.Agent whose proxy is spoken to over TLS, and `http.setGlobalProxyFromEnv`.

const http = require('http');
const { debuglog } = require('util');
const internals = require('./internals');

const debug = debuglog('sealwire');

function take() {
  // The dispatcher of fetch stays as it is, the program's own or Node's: each connects by `tls`.
  const isTaken = internals.connectBy((...args) => require('./index').connect(...args));
  debug('fetch, WebSocket and EventSource of Node connect by %s', isTaken ? 'this package' : "Node's own TLS");
  followGlobalProxy();
  recognizeServers();
}

/** `instanceof` of Node's own https.Server is true for ours. */
function recognizeServers() {
  const { Server } = internals.builtin('node:https');
  const isOurs = (object) => Object.prototype.isPrototypeOf.call(require('./https').Server.prototype, object);
  Object.defineProperty(Server, Symbol.hasInstance, internals.hasInstance(Server, isOurs));
}

/** Node gives its own https a new agent then; ours gets one, too, until it is undone. */
function followGlobalProxy() {
  const { setGlobalProxyFromEnv } = http;
  if (!setGlobalProxyFromEnv) return;
  http.setGlobalProxyFromEnv = function setGlobal(env = process.env) {
    const restore = setGlobalProxyFromEnv(env);
    if (!env.https_proxy && !env.HTTPS_PROXY) return restore;
    const https = require('./https');
    const { makeGlobalAgent } = require('./https-agent');
    const before = https.globalAgent;
    https.globalAgent = makeGlobalAgent(env);
    return function restoreAll() {
      https.globalAgent = before;
      restore();
    };
  };
}

module.exports = { take };
