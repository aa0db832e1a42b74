'use strict';

// What the tests share: certificates, a server that answers, and waiting for events.

const { once } = require('events');
const fs = require('fs');
const path = require('path');
// JUDGE=node runs the tests against Node's own TLS: what they expect is what it does.
const tls = process.env.JUDGE === 'node' ? require('node:tls') : require('..');

const file = (name) => path.join(__dirname, 'certificates', name);
const pem = (name) => fs.readFileSync(file(`${name}.pem`), 'utf8');
const identity = (name) => ({ key: pem(`${name}-key`), cert: pem(`${name}-cert`) });

/** A listening server that ends with the test. */
async function serve(t, options, onSecure = (socket) => socket.pipe(socket)) {
  const server = tls.createServer({ ...identity('server'), ...options }, onSecure);
  server.on('error', (error) => { throw error; });
  const open = new Set();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return { server, port: server.address().port };
}

/** A client that trusts the tests' root. */
function client(port, options) {
  return tls.connect({ port, host: '127.0.0.1', ca: pem('ca-cert'), ...options });
}

/** A client that has connected and been judged. */
async function connected(port, options) {
  const socket = client(port, options);
  await once(socket, 'secureConnect');
  return socket;
}

/** Everything that comes until the end. */
async function readAll(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The names of events in the order in which they come. */
function record(emitter, names) {
  const seen = [];
  for (const name of names) emitter.on(name, () => seen.push(name));
  return seen;
}

module.exports = { client, connected, file, identity, pem, readAll, record, serve, tls };
