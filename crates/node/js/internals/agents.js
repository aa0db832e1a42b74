'use strict';

// http.Agent.

const http = require('http');

/**
 * The proxy that Node has read from an agent's `proxyEnv`, with `protocol`, `href`, `auth`,
 * `proxyConnectionOptions` and `shouldUseProxy(host, port)`. Undefined where it is missing, and in
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

module.exports = { markAsTunnel, proxyOf };
