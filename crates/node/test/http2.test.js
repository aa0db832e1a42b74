'use strict';

const assert = require('node:assert');
const { once } = require('node:events');
const net = require('node:net');
const { test } = require('node:test');
const { promisify } = require('node:util');
const { client, identity, pem, readAll, tls } = require('../support');
const judge = process.env.JUDGE === 'node';
const http2 = judge ? require('node:http2') : require('../js/http2.js');
const https = judge ? require('node:https') : require('../js/https.js');

async function serve(t, options, listener) {
  const server = http2.createSecureServer({ ...identity('server'), ...options }, listener);
  const open = new Set();
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    open.add(socket);
  });
  server.listen(0);
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return { server, url: `https://localhost:${server.address().port}`, port: server.address().port };
}

async function connected(t, url, options) {
  const session = http2.connect(url, { ca: pem('ca-cert'), ...options });
  t.after(() => session.destroy());
  await once(session, 'connect');
  return session;
}

async function ask(session, headers, body) {
  const stream = session.request({ ':method': 'POST', ...headers });
  stream.end(body);
  const [response] = await once(stream, 'response');
  return { response, body: await readAll(stream) };
}

test('a session is encrypted, and knows its protocol and its socket', async (t) => {
  const seen = [];
  const { server, url } = await serve(t, { ca: pem('ca-cert'), requestCert: true });
  server.on('session', ({ encrypted, alpnProtocol, socket }) => {
    const { CN } = socket.getPeerCertificate().subject;
    seen.push({ encrypted, alpnProtocol, servername: socket.servername, authorized: socket.authorized, CN });
  });
  const connecting = http2.connect(url, { ca: pem('ca-cert'), ...identity('client') });
  t.after(() => connecting.destroy());
  assert.strictEqual(connecting.connecting, true);
  assert.strictEqual(connecting.encrypted, undefined);
  const [session, socket] = await once(connecting, 'connect');
  assert.strictEqual(session, connecting);
  assert.ok(socket.encrypted && socket.authorized);
  assert.ok(session.socket instanceof tls.TLSSocket);
  assert.deepStrictEqual([session.encrypted, session.alpnProtocol, session.socket.servername], [true, 'h2', 'localhost']);
  assert.deepStrictEqual(session.originSet, [url]);
  assert.strictEqual(session.socket.getPeerCertificate().subject.CN, 'localhost');
  assert.throws(() => session.socket.write('x'), { code: 'ERR_HTTP2_NO_SOCKET_MANIPULATION' });
  await promisify(session.ping.bind(session))();
  assert.deepStrictEqual(seen, [
    { encrypted: true, alpnProtocol: 'h2', servername: 'localhost', authorized: true, CN: 'a client' },
  ]);
});

test('streams go both ways, many at once and large', async (t) => {
  const { url } = await serve(t, {}, (request, response) => request.pipe(response));
  const session = await connected(t, url);
  const sizes = [0, 1, 20_000, 3_000_000, ...Array.from({ length: 20 }, (_, n) => n)];
  const answers = await Promise.all(sizes.map((size) => ask(session, { ':path': '/' }, Buffer.alloc(size, 1))));
  assert.deepStrictEqual(answers.map(({ body }) => body.length), sizes);
});

test('a session that is closed lets its streams end, and its socket', async (t) => {
  const { url, server } = await serve(t, {}, (request, response) => request.pipe(response));
  const session = await connected(t, url);
  const begun = once(server, 'stream');
  const answer = ask(session, { ':path': '/' }, 'last');
  await begun;
  const closed = once(session, 'close');
  session.close();
  assert.strictEqual((await answer).body.toString(), 'last');
  await closed;
  assert.strictEqual(session.socket, undefined);
  server.close();
  await once(server, 'close');
});

test('HTTP/1.1 where the client knows nothing else', async (t) => {
  const { url } = await serve(t, { allowHTTP1: true }, (request, response) => {
    response.end(`${request.httpVersion} ${request.socket.encrypted} ${request.socket.alpnProtocol}`);
  });
  const request = https.get(url, { ca: pem('ca-cert'), agent: false });
  const [response] = await once(request, 'response');
  assert.strictEqual((await readAll(response)).toString(), '1.1 true false');
  const session = await connected(t, url);
  assert.strictEqual((await ask(session, { ':path': '/' })).body.toString(), '2.0 true h2');
});

test('who speaks no HTTP/2 is told so, or is the program\'s', async (t) => {
  const { port, server } = await serve(t, {});
  const told = await readAll(client(port));
  assert.match(told.toString(), /^HTTP\/1\.0 403 Forbidden/);
  server.on('unknownProtocol', (socket) => socket.end(`protocol: ${socket.alpnProtocol}`));
  assert.strictEqual((await readAll(client(port))).toString(), 'protocol: false');
});

test('a server that is not trusted, or has another name, is an error of the session', async (t) => {
  const { url } = await serve(t, {});
  for (const [options, code] of [
    [{ ca: [] }, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    [{ ca: pem('ca-cert'), servername: 'elsewhere.example' }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ]) {
    const session = http2.connect(url, options);
    const [error] = await once(session, 'error');
    assert.strictEqual(error.code, code);
    assert.strictEqual(session.destroyed, true);
  }
});

test('nobody there is an error of the session', async () => {
  const [error] = await once(http2.connect('https://127.0.0.1:1'), 'error');
  assert.strictEqual(error.code, 'ECONNREFUSED');
});

test('a socket of the program\'s carries one session', async (t) => {
  const { url, port } = await serve(t, {}, (request, response) => response.end('ok'));
  const socket = client(port, { ALPNProtocols: ['h2'] });
  await once(socket, 'secureConnect');
  const session = http2.connect(url, { createConnection: () => socket });
  t.after(() => session.destroy());
  assert.strictEqual((await ask(session, { ':path': '/' })).body.toString(), 'ok');
  assert.deepStrictEqual([session.encrypted, session.alpnProtocol], [true, 'h2']);
  assert.throws(() => http2.connect(url, { createConnection: () => socket }), { code: 'ERR_HTTP2_SOCKET_BOUND' });
});

test('a socket of the program\'s may be connecting still', async (t) => {
  const { url, port } = await serve(t, {}, (request, response) => response.end('ok'));
  const session = http2.connect(url, { createConnection: () => client(port, { ALPNProtocols: ['h2'] }) });
  t.after(() => session.destroy());
  assert.strictEqual((await ask(session, { ':path': '/' })).body.toString(), 'ok');
});

test('connect as a promise, and HTTP/2 without TLS', async (t) => {
  const server = http2.createServer((request, response) => response.end('plain')).listen(0);
  await once(server, 'listening');
  t.after(() => server.close());
  const session = await promisify(http2.connect)(`http://localhost:${server.address().port}`);
  assert.deepStrictEqual([session.encrypted, session.alpnProtocol], [false, 'h2c']);
  assert.strictEqual((await ask(session, { ':path': '/' })).body.toString(), 'plain');
  session.close();
});

test('a peer that vanishes ends the session and its streams', async (t) => {
  const { url, server } = await serve(t, {}, () => {});
  server.on('stream', (stream) => stream.session.destroy());
  const session = await connected(t, url);
  const stream = session.request({ ':path': '/' });
  stream.on('error', () => {});
  session.on('error', () => {});
  await Promise.all([once(stream, 'close'), once(session, 'close')]);
  assert.strictEqual(session.destroyed, true);
});

test('the settings and certificate of a server are its own', async (t) => {
  const { url } = await serve(t, { settings: { maxConcurrentStreams: 7 } }, (request, response) => response.end());
  const session = await connected(t, url);
  if (session.remoteSettings?.maxConcurrentStreams !== 7) await once(session, 'remoteSettings');
  assert.strictEqual(session.remoteSettings.maxConcurrentStreams, 7);
});

test('a session over a tunnel of the program\'s', async (t) => {
  const { url, port } = await serve(t, {}, (request, response) => response.end('ok'));
  const relay = net.createServer((here) => {
    const there = net.connect(port);
    here.pipe(there).pipe(here);
    for (const socket of [here, there]) socket.on('error', () => {});
  }).listen(0);
  await once(relay, 'listening');
  t.after(() => relay.close());
  const socket = net.connect(relay.address().port);
  const session = await connected(t, url, { socket });
  assert.strictEqual((await ask(session, { ':path': '/' })).body.toString(), 'ok');
  session.close();
});

test('what Node refuses is refused', () => {
  assert.throws(() => http2.connect('ssh://localhost'), { code: 'ERR_HTTP2_UNSUPPORTED_PROTOCOL' });
  assert.throws(() => http2.connect('no url'), { code: 'ERR_INVALID_URL' });
  assert.throws(() => http2.connect('https://localhost', 5), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => http2.createSecureServer(5), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => http2.createSecureServer({ settings: 5 }), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('a session ends whose peer gives a stream up while it writes', async (t) => {
  const { server, url } = await serve(t);
  let request;
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    stream.on('data', (chunk) => {
      stream.write(chunk);
      request.pause();
      request.close(http2.constants.NGHTTP2_CANCEL);
    });
  });
  const session = http2.connect(url, { ca: pem('ca-cert') });
  request = session.request({ ':method': 'POST' });
  request.resume();
  request.write(Buffer.alloc(1024 * 1024));
  await once(request, 'close');
  session.close();
  const closed = once(server, 'close');
  server.close();
  await closed;
});
