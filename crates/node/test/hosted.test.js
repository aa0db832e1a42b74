'use strict';

// What Node itself has made over its TLS, under `sealwire/register`.

const assert = require('node:assert');
const { execFile } = require('node:child_process');
const { once } = require('node:events');
const http = require('node:http');
const net = require('node:net');
const { test } = require('node:test');
const { promisify } = require('node:util');
const needed = require('../support/needed');
const { file, identity } = require('../support');
const https = require('../js/https.js');
const http2 = require('../js/http2.js');

const register = require.resolve('../js/register.js');
const index = require.resolve('../js/index.js');

async function listening(t, server) {
  const open = new Set();
  for (const event of ['connection', 'secureConnection']) {
    server.on(event, (socket) => {
      socket.on('error', () => {});
      open.add(socket);
    });
  }
  server.listen(0);
  await once(server, 'listening');
  t.after(() => { server.close(); for (const socket of open) socket.destroy(); });
  return server.address().port;
}

/** What a program says in which our `connect` is counted as `connections`. */
async function run(program, { env = {}, flags = [] } = {}) {
  const source = `
    const ours = require(${JSON.stringify(index)});
    const { connect } = ours;
    let connections = 0;
    ours.connect = (...args) => { connections++; return connect(...args); };
    (async () => { ${program} })().then(() => process.exit(), (error) => { console.log(error); process.exit(1); });`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-r', register, ...flags, '-e', source], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: file('ca-cert.pem'), ...env }, timeout: 20_000,
  });
  return stdout.trim();
}

const origin = (t) => listening(t, https.createServer(identity('server'), (request, response) => request.pipe(response)));

test('fetch connects by the package', async (t) => {
  const port = await origin(t);
  const said = await run(`
    const response = await fetch('https://localhost:${port}/', { method: 'POST', body: 'hello' });
    const refused = await fetch('https://[::1]:${port}/'.replace('[::1]', 'localhost.')).catch((error) => error.cause.code);
    console.log(await response.text(), connections);`);
  assert.strictEqual(said.split(' ')[0], 'hello');
  assert.ok(Number(said.split(' ')[1]) >= 1, said);
});

test('fetch is refused what the package refuses', async (t) => {
  const port = await origin(t);
  const said = await run(`
    const error = await fetch('https://localhost:${port}/').catch(({ cause }) => cause);
    console.log(error.code, typeof error.evidence, connections);`, { env: { NODE_EXTRA_CA_CERTS: file('stranger-cert.pem') } });
  assert.match(said, /^UNABLE_TO_VERIFY_LEAF_SIGNATURE \w+ 1$/);
});

test('fetch speaks HTTP/2 as well as with the TLS of Node', async (t) => {
  const server = http2.createSecureServer({ ...identity('server'), allowHTTP1: true }, (request, response) => {
    response.end(request.httpVersion);
  });
  const port = await listening(t, server);
  const program = `console.log(await (await fetch('https://localhost:${port}/')).text());`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', `(async () => { ${program} process.exit(); })()`], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: file('ca-cert.pem') },
  });
  assert.strictEqual(await run(program), stdout.trim());
});

test('WebSocket connects by the package', { skip: !globalThis.WebSocket && 'this Node has none' }, async (t) => {
  if (!needed.modules(t, 'ws')) return;
  const { WebSocketServer } = require('ws');
  const server = https.createServer(identity('server'));
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`${data}`)));
  const port = await listening(t, server);
  const said = await run(`
    const { once } = require('events');
    const socket = new WebSocket('wss://localhost:${port}/');
    await once(socket, 'open');
    socket.send('text');
    const [{ data }] = await once(socket, 'message');
    console.log(data, connections);`);
  assert.strictEqual(said, 'text 1');
});

const [major] = process.versions.node.split('.').map(Number);

test('EventSource connects by the package', { skip: major < 22 && 'this Node has none' }, async (t) => {
  const port = await listening(t, https.createServer(identity('server'), (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: hello\n\n');
  }));
  const said = await run(`
    const { once } = require('events');
    const [{ data }] = await once(new EventSource('https://localhost:${port}/'), 'message');
    console.log(data, connections);`, { flags: ['--experimental-eventsource'] });
  assert.strictEqual(said, 'hello 1');
});

test('a dispatcher that the program has set for fetch is kept', async (t) => {
  const port = await origin(t);
  const said = await run(`
    const keys = [1, 2].map((n) => Symbol.for('undici.globalDispatcher.' + n));
    await fetch('data:,');
    const before = keys.map((key) => globalThis[key]);
    let dispatched = 0;
    keys.forEach((key, at) => {
      if (before[at]) globalThis[key] = { dispatch(...args) { dispatched++; return before[at].dispatch(...args); } };
    });
    await fetch('https://localhost:${port}/');
    console.log(dispatched, connections);`);
  assert.strictEqual(said, '1 1');
});

/** A proxy that knows CONNECT, and what it was asked for. */
async function proxy(t) {
  const asked = [];
  const server = http.createServer().on('connect', (request, client) => {
    asked.push(request.url);
    const { port } = new URL(`http://${request.url}`);
    const there = net.connect(port, 'localhost', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      there.pipe(client).pipe(there);
    });
    client.on('error', () => {});
    there.on('error', () => {});
  });
  return { asked, port: await listening(t, server) };
}

const envProxy = { skip: !process.allowedNodeEnvironmentFlags.has('--use-env-proxy') && 'this Node knows no proxy' };

test('fetch goes through the proxy of the environment, and TLS is ours', envProxy, async (t) => {
  const port = await origin(t);
  const { asked, port: proxyPort } = await proxy(t);
  const said = await run(`
    const response = await fetch('https://localhost:${port}/', { method: 'POST', body: 'hello' });
    console.log(await response.text(), connections);`, {
    env: { NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: `http://localhost:${proxyPort}` },
  });
  assert.strictEqual(said, 'hello 1');
  assert.deepStrictEqual(asked, [`localhost:${port}`]);
});

test('http goes through a proxy that is spoken to over TLS', envProxy, async (t) => {
  const port = await listening(t, https.createServer(identity('server'), (request, response) => response.end(request.url)));
  const said = await run(`
    const http = require('http');
    const agent = new http.Agent({ proxyEnv: { HTTP_PROXY: 'https://localhost:${port}' } });
    const body = await new Promise((resolve, reject) => {
      http.get('http://example.org/page', { agent }, (response) => response.once('data', resolve)).on('error', reject);
    });
    console.log(String(body), connections);`);
  assert.strictEqual(said, 'http://example.org/page 1');
});

test('setGlobalProxyFromEnv counts for https, and is undone', { skip: !http.setGlobalProxyFromEnv && 'this Node has none' }, async (t) => {
  const port = await origin(t);
  const { asked, port: proxyPort } = await proxy(t);
  const said = await run(`
    const https = require('https');
    const get = () => new Promise((resolve, reject) => {
      https.get('https://localhost:${port}/', ({ statusCode }) => resolve(statusCode)).on('error', reject);
    });
    const restore = require('http').setGlobalProxyFromEnv({ HTTPS_PROXY: 'http://localhost:${proxyPort}' });
    const through = await get();
    restore();
    console.log(through, await get());`);
  assert.strictEqual(said, '200 200');
  assert.strictEqual(asked.length, 1);
});

test('NODE_DEBUG=sealwire tells who connects', async () => {
  const { stderr } = await promisify(execFile)(process.execPath, ['-r', register, '-e', '0'], {
    env: { ...process.env, NODE_DEBUG: 'sealwire' },
  });
  assert.match(stderr, /fetch, WebSocket and EventSource of Node connect by this package/);
});
