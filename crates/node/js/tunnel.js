'use strict';

// The way of an https.Agent through a proxy: `CONNECT`, and TLS with the server over the connection
// to the proxy (RFC 9110, 9.3.6). Which proxy, if any, Node itself has read from `proxyEnv`.

const http = require('http');
const net = require('net');
const { nodeError } = require('./errors');
const internals = require('./internals');
const tls = require('./index');

const END_OF_HEAD = '\r\n\r\n';

/** How to reach what `options` name, when it is through a proxy. */
function wayFor(agent, options) {
  const proxy = internals.proxyOf(agent);
  if (!proxy || (options.protocol || agent.protocol) !== 'https:' || options.socketPath) return undefined;
  if (!proxy.shouldUseProxy(options.host || 'localhost', options.port)) return undefined;
  const endpoint = endpointOf(agent, options);
  return { proxy, endpoint, request: connectRequest(agent, proxy, endpoint) };
}

function endpointOf(agent, { host, port }) {
  const endpoint = `${net.isIPv6(host) ? `[${host}]` : host}:${port || agent.defaultPort}`;
  // node:http has looked at the host of a request; this is for callers of createConnection itself.
  if (/[\r\n]/.test(endpoint)) throw nodeError('ERR_INVALID_ARG_VALUE', 'options.host', host);
  return endpoint;
}

function connectRequest(agent, { auth }, endpoint) {
  const lines = [`CONNECT ${endpoint} HTTP/1.1`];
  if (auth) lines.push(`proxy-authorization: ${auth}`);
  if (agent.keepAlive || agent.maxSockets !== Infinity) lines.push('proxy-connection: keep-alive');
  return `${[...lines, `host: ${endpoint}`].join('\r\n')}${END_OF_HEAD}`;
}

/**
 * Connects to the proxy and gives that socket at once, as Node does, marked so that an agent waits
 * for the one to use. That comes by the callback; `prepare` has seen it before any other caller.
 */
function open(way, options, prepare, callback = () => {}) {
  const { protocol, proxyConnectionOptions } = way.proxy;
  const { connect } = protocol === 'https:' ? tls : net;
  const socket = connect({ ...proxyConnectionOptions });
  internals.markAsTunnel(socket);
  ask(socket, way, options, (error) => {
    if (!error) {
      secure(socket, options, prepare, callback);
      return;
    }
    socket.destroy();
    callback(error, socket);
  });
  return socket;
}

/** Has the proxy open the tunnel. */
function ask(socket, way, { timeout, maxHeaderSize = http.maxHeaderSize }, callback) {
  let head = Buffer.alloc(0);
  const listeners = {
    [socket.encrypted ? 'secureConnect' : 'connect']: () => socket.write(way.request),
    readable: () => {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) {
        head = Buffer.concat([head, chunk]);
        const answer = answerIn(head, maxHeaderSize, way);
        // What a proxy says behind its answer is not the server's, and not read; as in Node.
        if (answer) return done(answer.error);
      }
    },
    end: () => done(nodeError('ERR_PROXY_TUNNEL', 'Connection to establish proxy tunnel ended unexpectedly')),
    error: (error) => done(error),
    timeout: () => done(timedOut(timeout)),
  };
  const done = (error) => {
    for (const [event, listener] of Object.entries(listeners)) socket.off(event, listener);
    if (timeout) socket.setTimeout(0);
    callback(error);
  };
  for (const [event, listener] of Object.entries(listeners)) socket.on(event, listener);
  if (timeout) socket.setTimeout(timeout);
}

/** The proxy's answer, once it is complete, or too long to be one. */
function answerIn(head, maxHeaderSize, { proxy, endpoint }) {
  const end = head.indexOf(END_OF_HEAD);
  if ((end < 0 ? head.length : end + END_OF_HEAD.length) > maxHeaderSize) {
    return { error: nodeError('ERR_PROXY_TUNNEL', `Proxy response headers exceeded ${maxHeaderSize} bytes`) };
  }
  if (end < 0) return undefined;
  const statusLine = head.toString('utf8', 0, head.indexOf('\r\n'));
  const [, status] = statusLine.split(' ');
  if (status === '200') return {};
  const text = `Failed to establish tunnel to ${endpoint} via ${proxy.href}: ${statusLine}`;
  return { error: Object.assign(nodeError('ERR_PROXY_TUNNEL', text), { statusCode: Number.parseInt(status, 10) }) };
}

function timedOut(timeout) {
  const error = nodeError('ERR_PROXY_TUNNEL', `Connection to establish proxy tunnel timed out after ${timeout}ms`);
  return Object.assign(error, { proxyTunnelTimeout: timeout });
}

/** Speaks TLS with the server at the other end. */
function secure(carrier, options, prepare, callback) {
  const { host } = options;
  let socket;
  try {
    socket = tls.connect({ servername: net.isIP(host) ? undefined : host, ...options, socket: carrier });
  } catch (error) {
    // Thrown here, no code could catch it.
    carrier.destroy();
    callback(error, carrier);
    return;
  }
  prepare(socket);
  const onError = (error) => callback(error, socket);
  socket.once('error', onError);
  socket.once('secureConnect', () => {
    socket.off('error', onError);
    callback(null, socket);
  });
  socket.on('free', () => carrier.emit('free'));
}

module.exports = { open, wayFor };
