'use strict';

// Node's own TLS, loaded before anything else of ours can make Node load it.

const http = require('http');

/**
 * Node's `tls`, asked of Node itself: `require` may be answered by `sealwire/register`.
 *
 * It must be loaded before the first `X509Certificate.prototype.toLegacyObject`: that makes Node
 * load the inner half of `tls` first, which needs the outer one; then Node's own TLS is without
 * `createSecureContext` for the rest of the process, and with it `fetch`, `http2` and `https`.
 */
const nativeTls = process.getBuiltinModule?.('node:tls') ?? require('node:tls');

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

module.exports = { markAsTunnel, nativeTls, proxyOf };
