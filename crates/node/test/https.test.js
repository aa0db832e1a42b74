'use strict';

const assert = require('node:assert');
const { once } = require('node:events');
const { test } = require('node:test');
const { identity, pem, readAll } = require('../support');
const https = process.env.JUDGE === 'node' ? require('node:https') : require('../js/https.js');

async function serve(t, options, onRequest) {
  const server = https.createServer({ ...identity('server'), ...options }, onRequest);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => { server.close(); server.closeAllConnections(); });
  return { server, port: server.address().port };
}

async function ask(port, options) {
  const request = https.request({ port, host: 'localhost', ca: pem('ca-cert'), ...options });
  request.end(options?.body);
  const [response] = await once(request, 'response');
  return { response, body: (await readAll(response)).toString() };
}

test('a request and its answer', async (t) => {
  const { port } = await serve(t, {}, async (request, response) => {
    response.end(`${request.method} ${request.url} ${await readAll(request)} ${request.socket.encrypted}`);
  });
  const { response, body } = await ask(port, { method: 'POST', path: '/a', body: 'text' });
  assert.strictEqual(response.statusCode, 200);
  assert.strictEqual(body, 'POST /a text true');
});

test('get takes a URL', async (t) => {
  const { port } = await serve(t, {}, (request, response) => response.end(request.url));
  const request = https.get(`https://localhost:${port}/b?c=d`, { ca: pem('ca-cert') });
  const [response] = await once(request, 'response');
  assert.strictEqual((await readAll(response)).toString(), '/b?c=d');
});

test('an agent keeps a connection', async (t) => {
  const { port } = await serve(t, {}, (request, response) => response.end());
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const ports = [];
  for (let n = 0; n < 3; n++) {
    const { response } = await ask(port, { agent });
    ports.push(response.socket?.localPort ?? ports[0]);
  }
  assert.strictEqual(new Set(ports).size, 1);
});

test('an agent resumes sessions', async (t) => {
  const reused = [];
  const { port } = await serve(t, {}, (request, response) => {
    reused.push(request.socket.isSessionReused());
    response.end();
  });
  const agent = new https.Agent({ keepAlive: false });
  for (let n = 0; n < 2; n++) {
    const { response } = await ask(port, { agent, maxVersion: 'TLSv1.2' });
    if (!response.socket?.destroyed) await once(response.socket ?? response, 'close');
  }
  assert.deepStrictEqual(reused, [false, true]);
});

test('a server that is not trusted is an error of the request', async (t) => {
  const { port } = await serve(t, {}, (request, response) => response.end());
  const request = https.get({ port, host: 'localhost', ca: [], agent: false });
  const [error] = await once(request, 'error');
  assert.strictEqual(error.code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
});

test('a client certificate reaches the request', async (t) => {
  const { port } = await serve(t, { requestCert: true, ca: pem('ca-cert') }, (request, response) => {
    response.end(`${request.socket.authorized} ${request.socket.getPeerCertificate().subject.CN}`);
  });
  assert.strictEqual((await ask(port, identity('client'))).body, 'true a client');
});

test('a large answer arrives whole', async (t) => {
  const { port } = await serve(t, {}, (request, response) => response.end(Buffer.alloc(5_000_000, 1)));
  assert.strictEqual((await ask(port)).body.length, 5_000_000);
});

test('an upgrade hands the socket over', async (t) => {
  const { port, server } = await serve(t, {});
  server.on('upgrade', (request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    socket.pipe(socket);
  });
  const request = https.request({
    port, host: 'localhost', ca: pem('ca-cert'), headers: { Connection: 'Upgrade', Upgrade: 'echo' },
  });
  request.end();
  const [, socket] = await once(request, 'upgrade');
  socket.end('back and forth');
  assert.strictEqual((await readAll(socket)).toString(), 'back and forth');
});
