'use strict';

// An https.Agent that goes through the proxy of the environment, where Node does: `proxyEnv`, and
// NODE_USE_ENV_PROXY for the agent of requests that name none.

const assert = require('node:assert');
const { execFile } = require('node:child_process');
const { once } = require('node:events');
const http = require('node:http');
const net = require('node:net');
const { test } = require('node:test');
const { promisify } = require('node:util');
const { identity, pem } = require('../support');
const judge = process.env.JUDGE === 'node' && require('node:https');
const https = judge || require('../js/https.js');

/** Node 20, and the first releases of 22, know no `proxyEnv`. */
const known = Object.getOwnPropertySymbols(new http.Agent({ proxyEnv: { HTTP_PROXY: 'http://localhost:1' } }))
  .some(({ description }) => description === 'kProxyConfig');
const proxied = { skip: !known && `Node ${process.version} knows no proxyEnv` };

function closing(t, server) {
  const open = new Set();
  server.on(server.listenerCount('secureConnection') ? 'secureConnection' : 'connection', (socket) => {
    socket.on('error', () => {});
    open.add(socket);
  });
  t.after(() => { server.close(); for (const socket of open) socket.destroy(); });
  return server;
}

async function listening(t, server) {
  closing(t, server).listen(0);
  await once(server, 'listening');
  return server.address().port;
}

function origin(t) {
  return listening(t, https.createServer(identity('server'), (request, response) => response.end(request.url)));
}

/** A proxy, and what it was asked for. `answer` may do otherwise than tunnel. */
async function proxy(t, { answer = tunnel, make = () => http.createServer() } = {}) {
  const asked = [];
  const server = make().on('connect', (request, client) => {
    asked.push({ url: request.url, headers: request.headers });
    client.on('error', () => {});
    answer(request, client);
  });
  return { asked, port: await listening(t, server) };
}

function tunnel(request, client) {
  const { hostname, port } = new URL(`http://${request.url}`);
  const server = net.connect(port, hostname.replace(/[[\]]/g, ''), () => {
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    server.pipe(client).pipe(server);
  });
  server.on('error', () => client.destroy());
  client.on('close', () => server.destroy());
}

/** The body of the answer, or the error. */
function ask(t, proxyEnv, options, agentOptions) {
  const agent = new https.Agent({ proxyEnv, ...agentOptions });
  t.after(() => agent.destroy());
  return new Promise((resolve) => {
    const request = https.get({ agent, host: 'localhost', path: '/here', ca: pem('ca-cert'), ...options }, async (response) => {
      resolve((await response.toArray()).join(''));
    });
    request.on('error', resolve);
  });
}

test('a request goes through the tunnel of a proxy', proxied, async (t) => {
  const port = await origin(t);
  const { asked, port: proxyPort } = await proxy(t);
  const env = { HTTPS_PROXY: `http://us%40er:p%3Ass@localhost:${proxyPort}` };
  assert.strictEqual(await ask(t, env, { port }, { keepAlive: true }), '/here');
  const credentials = Buffer.from('us@er:p:ss').toString('base64');
  assert.deepStrictEqual(asked, [{
    url: `localhost:${port}`,
    headers: { 'proxy-authorization': `Basic ${credentials}`, 'proxy-connection': 'keep-alive', host: `localhost:${port}` },
  }]);
});

test('an address of IPv6 is named in brackets', proxied, async (t) => {
  const port = await origin(t);
  const { asked, port: proxyPort } = await proxy(t);
  await ask(t, { https_proxy: `http://localhost:${proxyPort}` }, { port, host: '::1', servername: 'localhost' });
  assert.strictEqual(asked[0].url, `[::1]:${port}`);
});

test('the server behind a tunnel is judged by its own name', proxied, async (t) => {
  const port = await origin(t);
  const { port: proxyPort } = await proxy(t);
  const error = await ask(t, { HTTPS_PROXY: `http://localhost:${proxyPort}` }, { port, servername: 'elsewhere.example' });
  assert.strictEqual(error.code, 'ERR_TLS_CERT_ALTNAME_INVALID');
  const untrusted = await ask(t, { HTTPS_PROXY: `http://localhost:${proxyPort}` }, { port, ca: [] });
  assert.strictEqual(untrusted.code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
});

for (const [list, host, goesThrough] of [
  ['localhost', 'localhost', false],
  ['LOCALHOST', 'localhost', false],
  [' example.org , localhost ', 'localhost', false],
  ['*', 'localhost', false],
  ['*', '127.0.0.1', false],
  ['.localhost', 'localhost', false],
  ['*.localhost', 'localhost', true],
  ['host', 'localhost', true],
  ['localhost:PORT', 'localhost', false],
  ['localhost:1', 'localhost', true],
  ['localhost', '127.0.0.1', true],
  ['127.0.0.0-127.0.0.255', '127.0.0.1', false],
  ['127.0.1.0-127.0.1.255', '127.0.0.1', true],
]) {
  test(`NO_PROXY=${list} and a request to ${host}`, proxied, async (t) => {
    const port = await origin(t);
    const { asked, port: proxyPort } = await proxy(t);
    const env = { HTTPS_PROXY: `http://localhost:${proxyPort}`, NO_PROXY: list.replace('PORT', port) };
    assert.strictEqual(await ask(t, env, { port, host }), '/here');
    assert.strictEqual(asked.length, goesThrough ? 1 : 0);
  });
}

test('a proxy for http, and one of another kind, are none for https', proxied, async (t) => {
  const port = await origin(t);
  for (const env of [{ HTTP_PROXY: 'http://127.0.0.1:1' }, { HTTPS_PROXY: 'socks5://127.0.0.1:1' }]) {
    assert.strictEqual(await ask(t, env, { port }), '/here');
  }
});

test('a proxy that is spoken to over TLS is judged, too', proxied, async (t) => {
  const port = await origin(t);
  const { asked, port: proxyPort } = await proxy(t, { make: () => https.createServer(identity('server')) });
  const error = await ask(t, { HTTPS_PROXY: `https://localhost:${proxyPort}` }, { port });
  assert.strictEqual(error.code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  assert.strictEqual(asked.length, 0);
});

test('what a proxy answers other than 200 is told, and without its credentials', proxied, async (t) => {
  const { port: proxyPort } = await proxy(t, {
    answer: (request, client) => client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'),
  });
  const error = await ask(t, { HTTPS_PROXY: `http://localhost:${proxyPort}` }, { port: 9 });
  assert.strictEqual(error.code, 'ERR_PROXY_TUNNEL');
  assert.strictEqual(error.statusCode, 407);
  assert.match(error.message, /^Failed to establish tunnel to localhost:9 via http:\/\/localhost:\d+\/?: HTTP\/1\.1 407/);
});

test('a proxy that hangs up, or is not there', proxied, async (t) => {
  const { port: proxyPort } = await proxy(t, { answer: (request, client) => client.end() });
  const error = await ask(t, { HTTPS_PROXY: `http://localhost:${proxyPort}` }, { port: 9 });
  assert.strictEqual(error.message, 'Connection to establish proxy tunnel ended unexpectedly');
  const absent = await ask(t, { HTTPS_PROXY: 'http://127.0.0.1:1' }, { port: 9 });
  assert.strictEqual(absent.code, 'ECONNREFUSED');
});

test('a proxy that never answers runs into the timeout of the request', proxied, async (t) => {
  const { port: proxyPort } = await proxy(t, { answer: () => {} });
  const error = await ask(t, { HTTPS_PROXY: `http://localhost:${proxyPort}` }, { port: 9, timeout: 50 });
  assert.strictEqual(error.message, 'Connection to establish proxy tunnel timed out after 50ms');
});

test('an answer that has no end is not read for ever', { skip: proxied.skip || (judge && 'not all lines of Node look') }, async (t) => {
  const { port: proxyPort } = await proxy(t, {
    answer: (request, client) => client.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`),
  });
  const error = await ask(t, { HTTPS_PROXY: `http://localhost:${proxyPort}` }, { port: 9 });
  assert.match(error.message, /^Proxy response headers exceeded \d+ bytes$/);
});

test('options that TLS refuses are an error of the request', { skip: proxied.skip || (judge && 'ends the process in some lines of Node') }, async (t) => {
  const { port: proxyPort } = await proxy(t);
  const port = await origin(t);
  const error = await ask(t, { HTTPS_PROXY: `http://localhost:${proxyPort}` }, { port, minVersion: 'none' });
  assert.strictEqual(error.code, 'ERR_TLS_INVALID_PROTOCOL_VERSION');
});

test('a proxy that cannot be one is refused when the agent is made', proxied, () => {
  for (const HTTPS_PROXY of ['http://[bad', 'http://a\r\nb']) {
    assert.throws(() => new https.Agent({ proxyEnv: { HTTPS_PROXY } }), { code: 'ERR_PROXY_INVALID_CONFIG' });
  }
});

test('a tunnel that the program opens itself comes by the callback', proxied, async (t) => {
  const port = await origin(t);
  const { port: proxyPort } = await proxy(t);
  const agent = new https.Agent({ proxyEnv: { HTTPS_PROXY: `http://localhost:${proxyPort}` } });
  const [error, socket] = await new Promise((resolve) => {
    agent.createConnection({ host: 'localhost', port, ca: pem('ca-cert') }, (...result) => resolve(result));
  });
  assert.strictEqual(error, null);
  assert.ok(socket.encrypted && socket.authorized);
  socket.destroy();
});

for (const [env, flags, goesThrough] of [
  [{ NODE_USE_ENV_PROXY: '1' }, [], true],
  [{}, ['--use-env-proxy'], true],
  [{}, [], false],
  [{ NODE_USE_ENV_PROXY: '1', NO_PROXY: 'localhost' }, [], false],
]) {
  test(`the global agent, with ${JSON.stringify(env)} ${flags}`, proxied, async (t) => {
    const port = await origin(t);
    const { asked, port: proxyPort } = await proxy(t);
    const module = judge ? 'node:https' : require.resolve('../js/https.js');
    const program = `require(${JSON.stringify(module)}).get({ host: 'localhost', port: ${port},
      ca: ${JSON.stringify(pem('ca-cert'))} }, ({ statusCode }) => { console.log(statusCode); process.exit(); })`;
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, '-e', program], {
      env: { ...process.env, HTTPS_PROXY: `http://localhost:${proxyPort}`, ...env }, timeout: 20_000,
    });
    assert.strictEqual(stdout, '200\n');
    assert.strictEqual(asked.length, goesThrough ? 1 : 0);
  });
}
