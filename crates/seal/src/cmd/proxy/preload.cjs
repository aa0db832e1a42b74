// Sends fetch, http and https of a Node.js that has no --use-env-proxy through the proxy of
// `seal proxy run`. Loaded by NODE_OPTIONS=--require; does nothing elsewhere.
'use strict';
(() => {
  const url = process.env.SEAL_PROXY;
  if (!url || !process.versions || !process.versions.node || process.versions.bun) return;
  if (process.allowedNodeEnvironmentFlags.has('--use-env-proxy')) return;
  const net = require('net');
  const tls = require('tls');
  const http = require('http');
  const https = require('https');
  const proxy = new URL(url);
  const isAddress = (host) => net.isIP(host) !== 0;

  // A connection to host:port through the proxy.
  function tunnel(host, port, done) {
    const authority = `${net.isIPv6(host) ? `[${host}]` : host}:${port}`;
    const socket = net.connect(Number(proxy.port), proxy.hostname);
    let head = Buffer.alloc(0);
    const failed = (error) => done(error);
    socket.once('error', failed);
    socket.on('readable', function read() {
      for (let chunk; (chunk = socket.read()) !== null; ) {
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) continue;
        socket.removeListener('readable', read);
        socket.removeListener('error', failed);
        const rest = head.subarray(end + 4);
        if (rest.length > 0) socket.unshift(rest);
        const status = head.toString('latin1', 0, head.indexOf('\r\n')).split(' ')[1];
        if (status === '200') return done(null, socket);
        socket.destroy();
        return done(new Error(`the proxy has no way to ${authority}: ${status}`));
      }
    });
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  }

  const plain = http.Agent.prototype.createConnection;
  http.Agent.prototype.createConnection = function createConnection(options, done) {
    if (options.socketPath || options.seal || typeof done !== 'function') {
      return plain.call(this, options, done);
    }
    tunnel(options.host || 'localhost', options.port || 80, done);
  };
  const secure = https.Agent.prototype.createConnection;
  https.Agent.prototype.createConnection = function createConnection(options, done) {
    if (options.socketPath || options.socket || typeof done !== 'function') {
      return secure.call(this, options, done);
    }
    const host = options.host || 'localhost';
    tunnel(host, options.port || 443, (error, socket) => {
      if (error) return done(error);
      const servername = options.servername ?? (isAddress(host) ? '' : host);
      done(null, tls.connect({ ...options, host, socket, servername }));
    });
  };

  // fetch is undici's, whose dispatcher is made when it is first loaded.
  const dispatcher = Symbol.for('undici.globalDispatcher.1');
  function connect(options, done) {
    const { hostname, protocol, servername } = options;
    const host = hostname.replace(/^\[|\]$/g, '');
    const port = options.port || (protocol === 'https:' ? 443 : 80);
    tunnel(host, port, (error, socket) => {
      if (error) return done(error, null);
      if (protocol !== 'https:') return done(null, socket);
      const name = servername || (isAddress(host) ? '' : host);
      const over = tls.connect({ socket, servername: name, host, ALPNProtocols: ['http/1.1'] });
      const failed = (failure) => done(failure, null);
      over.once('error', failed);
      over.once('secureConnect', () => {
        over.removeListener('error', failed);
        done(null, over);
      });
    });
  }
  try {
    void globalThis.Headers; // loads it
    const Agent = globalThis[dispatcher]?.constructor;
    if (Agent) globalThis[dispatcher] = new Agent({ connect });
  } catch {
    // A Node.js without fetch.
  }
})();
