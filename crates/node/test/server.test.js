'use strict';

const assert = require('node:assert');
const EventEmitter = require('node:events');
const { once } = EventEmitter;
const net = require('node:net');
const { test } = require('node:test');
const { InTurns } = require('../js/in-turns');
const { client, connected, identity, pem, readAll, serve, tls } = require('../support');

for (const version of ['TLSv1.2', 'TLSv1.3']) {
  test(`a client without the certificate that is asked for is refused by an alert (${version})`, async (t) => {
    const { port, server } = await serve(t, { requestCert: true, ca: pem('ca-cert') });
    const told = once(server, 'tlsClientError');
    const [error] = await once(client(port, { maxVersion: version }), 'error');
    assert.match(error.code, /ALERT/);
    const [reason, socket] = await told;
    assert.strictEqual(reason.code, 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE');
    assert.strictEqual(socket.destroyed, true);
  });

  test(`a client with a certificate of a stranger is closed without a word (${version})`, async (t) => {
    const { port, server } = await serve(t, { requestCert: true, ca: pem('ca-cert') });
    const told = once(server, 'tlsClientError');
    const socket = client(port, { ...identity('stranger'), maxVersion: version });
    socket.on('error', (error) => assert.strictEqual(error.code, 'ECONNRESET'));
    socket.resume();
    await new Promise((resolve) => { socket.on('close', resolve); });
    assert.strictEqual((await told)[0].message, 'socket hang up');
  });
}

test('a client that is asked and not required may come without', async (t) => {
  const seen = [];
  const options = { requestCert: true, rejectUnauthorized: false, ca: pem('ca-cert') };
  const { port } = await serve(t, options, (socket) => {
    seen.push(socket.authorized, socket.authorizationError, socket.getPeerCertificate());
    socket.end();
  });
  await readAll(await connected(port));
  assert.deepStrictEqual(seen, [false, 'UNABLE_TO_GET_ISSUER_CERT', {}]);
});

test('a client that nobody asked is not authorized', async (t) => {
  const seen = [];
  const { port } = await serve(t, {}, (socket) => {
    seen.push(socket.authorized, socket.authorizationError);
    socket.end();
  });
  await readAll(await connected(port, identity('client')));
  assert.deepStrictEqual(seen, [false, null]);
});

test('contexts are found by the name that the client asks for', async (t) => {
  const { port, server } = await serve(t, {}, (socket) => socket.end(String(socket.servername)));
  server.addContext('*.example', identity('named'));
  const named = await connected(port, { servername: 'named.example' });
  assert.strictEqual(named.getPeerCertificate().subject.CN, 'named.example');
  assert.strictEqual((await readAll(named)).toString(), 'named.example');
  const other = await connected(port, { servername: 'localhost' });
  assert.strictEqual(other.getPeerCertificate().subject.CN, 'localhost');
  other.destroy();
  const nameless = await connected(port);
  assert.strictEqual((await readAll(nameless)).toString(), 'false');
});

const sniAnswers = [
  ['an error', (name, done) => setImmediate(done, new Error('no such host')), 'no such host'],
  ['a throw', () => { throw new Error('thrown'); }, 'thrown'],
  ['no context', (name, done) => done(null, {}), 'Invalid SNI context'],
];
for (const [what, SNICallback, message] of sniAnswers) {
  test(`SNICallback answers with ${what}`, async (t) => {
    const { port, server } = await serve(t, { SNICallback });
    const told = once(server, 'tlsClientError');
    await once(client(port, { servername: 'localhost' }), 'error');
    assert.strictEqual((await told)[0].message, message);
  });
}

test('callbacks are asked in the order of Node, and may answer later', async (t) => {
  const order = [];
  const { port, server } = await serve(t, {
    ALPNCallback({ servername, protocols }) {
      order.push(['alpn', servername, protocols]);
      return 'two';
    },
    SNICallback(name, done) {
      order.push(['sni', name]);
      setImmediate(done, null, tls.createSecureContext(identity('named')));
    },
  }, (socket) => socket.end());
  server.on('OCSPRequest', (cert, issuer, done) => {
    order.push(['ocsp', Buffer.isBuffer(cert), issuer]);
    setImmediate(done, null, Buffer.from('staple'));
  });
  const socket = client(port, {
    servername: 'named.example', ALPNProtocols: ['one', 'two'], requestOCSP: true,
  });
  const [staple] = await once(socket, 'OCSPResponse');
  await once(socket, 'secureConnect');
  assert.strictEqual(staple.toString(), 'staple');
  assert.strictEqual(socket.alpnProtocol, 'two');
  await readAll(socket);
  assert.deepStrictEqual(order, [
    ['alpn', 'named.example', ['one', 'two']], ['sni', 'named.example'], ['ocsp', true, null],
  ]);
});

test('an ALPNCallback may refuse, and may not invent', async (t) => {
  let answer;
  const { port, server } = await serve(t, { ALPNCallback: () => answer });
  const first = once(server, 'tlsClientError');
  const [error] = await once(client(port, { ALPNProtocols: ['a'] }), 'error');
  assert.strictEqual(error.code, 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL');
  assert.strictEqual((await first)[0].code, 'ERR_SSL_NO_APPLICATION_PROTOCOL');
  answer = 'invented';
  const second = once(server, 'tlsClientError');
  await once(client(port, { ALPNProtocols: ['a'] }), 'error');
  assert.strictEqual((await second)[0].code, 'ERR_TLS_ALPN_CALLBACK_INVALID_RESULT');
});

test('what is no TLS is told once, by its name', async (t) => {
  const { port, server } = await serve(t);
  const told = once(server, 'tlsClientError');
  net.connect(port, '127.0.0.1').end('GET / HTTP/1.1\r\n\r\n').on('error', () => {});
  const [error] = await told;
  assert.strictEqual(error.code, 'ERR_SSL_HTTP_REQUEST');
  assert.strictEqual(error.reason, 'http request');
});

test('a silent client is told after the timeout, and stays until somebody destroys it', async (t) => {
  const { port, server } = await serve(t, { handshakeTimeout: 20 });
  const raw = net.connect(port, '127.0.0.1');
  const [error, socket] = await once(server, 'tlsClientError');
  assert.strictEqual(error.code, 'ERR_TLS_HANDSHAKE_TIMEOUT');
  assert.strictEqual(socket.destroyed, false);
  socket.destroy();
  raw.resume();
  await once(raw, 'close');
});

test('a server may be given other certificates while it runs', async (t) => {
  const { port, server } = await serve(t, {}, (socket) => socket.resume());
  const before = await connected(port);
  server.setSecureContext(identity('named'));
  const after = await connected(port, { rejectUnauthorized: false });
  assert.strictEqual(before.getPeerCertificate().subject.CN, 'localhost');
  assert.strictEqual(after.getPeerCertificate().subject.CN, 'named.example');
  before.destroy();
  after.destroy();
});

test('a listener that rejects ends its connection', async (t) => {
  EventEmitter.captureRejections = true;
  t.after(() => { EventEmitter.captureRejections = false; });
  const { port, server } = await serve(t, {}, async () => {
    throw new Error('rejected');
  });
  const failed = new Promise((resolve) => server.prependListener('secureConnection',
    (socket) => socket.on('error', resolve)));
  const socket = await connected(port);
  socket.resume();
  assert.strictEqual((await failed).message, 'rejected');
});

test('the key log has the same lines on both sides', async (t) => {
  const lines = { server: [], client: [] };
  const { port, server } = await serve(t, {}, (socket) => socket.end());
  server.on('keylog', (line) => lines.server.push(line.toString()));
  const socket = client(port);
  socket.on('keylog', (line) => lines.client.push(line.toString()));
  await once(socket, 'secureConnect');
  await readAll(socket);
  assert.ok(lines.client.every((line) => /^[A-Z_0-9]+ [0-9a-f]{64} [0-9a-f]+\n$/.test(line)));
  assert.deepStrictEqual(lines.client.toSorted?.() ?? [...lines.client].sort(), [...lines.server].sort());
  assert.ok(lines.client.length >= 5);
});

test('who speaks no TLS and does not stop is not listened to', async (t) => {
  const { port } = await serve(t, {});
  const junk = Buffer.alloc(1024 * 1024, 42);
  const socket = net.connect(port, '127.0.0.1', () => {
    socket.write(junk);
    socket.write(junk);
  });
  const [error] = await once(socket, 'error');
  assert.match(error.code, /^(?:ECONNRESET|EPIPE)$/);
});

for (const [name, client12] of [['SNICallback', {}], ['ALPNCallback', { ALPNProtocols: ['a'] }], ['pskCallback', {
  ciphers: 'PSK-AES128-GCM-SHA256', maxVersion: 'TLSv1.2', checkServerIdentity() {},
  pskCallback: () => ({ psk: Buffer.alloc(16), identity: 'a' }),
}]]) {
  test(`a callback that throws ends its connection and no more (${name})`, async (t) => {
    const thrown = new Error('of the program');
    const options = { [name]: () => { throw thrown; }, ciphers: client12.ciphers };
    const { port, server } = await serve(t, options);
    const told = once(server, 'tlsClientError');
    const [error] = await once(client(port, { servername: 'localhost', ...client12 }), 'error');
    assert.match(error.code, /^(?:ECONNRESET|ERR_SSL_)/);
    assert.strictEqual((await told)[0], thrown);
  });
}

test('a servername with a zero in it is sent nowhere', { skip: process.env.JUDGE === 'node' }, async (t) => {
  const { port, server } = await serve(t, {});
  server.on('secureConnection', () => assert.fail('it was sent'));
  const [error] = await once(client(port, { servername: 'localhost\0.example', checkServerIdentity() {} }), 'error');
  assert.ok(error.code);
});

/** A server that does not look at the sockets under its connections. */
async function unwatched(t, onSecure) {
  const server = tls.createServer(identity('server'), onSecure).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { server, port: server.address().port };
}

test('a connection has a socket under it for who asks', async (t) => {
  const { server, port } = await unwatched(t, (socket) => {
    const { _parentWrap: raw } = socket._handle;
    assert.ok(raw instanceof net.Socket);
    assert.strictEqual(raw.remotePort, socket.remotePort);
    socket.write('before');
    raw.once('close', () => server.emit('gone'));
    socket.end(' and after');
  });
  const gone = once(server, 'gone');
  assert.strictEqual(String(await readAll(await connected(port))), 'before and after');
  await gone;
});

test('addresses, options and counts of a connection', async (t) => {
  const { server, port } = await unwatched(t, (socket) => {
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 1000);
    socket.ref();
    server.getConnections((error, count) => socket.end(JSON.stringify([
      error, count, socket.remoteAddress, socket.remotePort, socket.remoteFamily, socket.localPort, socket.address(),
    ])));
  });
  const socket = await connected(port);
  const { localPort } = socket;
  assert.deepStrictEqual(JSON.parse(await readAll(socket)), [
    null, 1, '127.0.0.1', localPort, 'IPv4', port, { address: '127.0.0.1', family: 'IPv4', port },
  ]);
  server.close();
  await once(server, 'close');
});

test('a client that does not read holds its server up, and then has all', async (t) => {
  const size = 32 * 1024 * 1024;
  const { port } = await unwatched(t, (socket) => {
    assert.strictEqual(socket.write(Buffer.alloc(size, 'a')), false);
    socket.end('z');
  });
  const all = await readAll(await connected(port));
  assert.strictEqual(all.length, size + 1);
  assert.ok(all.subarray(0, size).every((byte) => byte === 97));
});

test('small writes in all encodings come in order', async (t) => {
  const { port } = await unwatched(t, (socket) => {
    socket.cork();
    for (const [text, encoding] of [['ä€', 'utf8'], ['ä', 'latin1'], ['a', 'ascii'], ['a', 'utf16le'], ['ff', 'hex']]) {
      socket.write(text, encoding);
    }
    socket.write(new Uint8Array([1, 2]));
    socket.uncork();
    socket.write('');
    socket.end('é');
  });
  assert.strictEqual((await readAll(await connected(port))).toString('hex'), 'c3a4e282ace4616100ff0102c3a9');
});

test('a client that resets its connection is told, and gone from the count', async (t) => {
  const { server, port } = await unwatched(t, (socket) => {
    socket.on('error', (error) => server.emit('told', error));
    socket.write('hello');
    socket.resume();
  });
  const told = once(server, 'told');
  const raw = net.connect(port, '127.0.0.1');
  const socket = tls.connect({ socket: raw, ca: pem('ca-cert') });
  await once(socket, 'data');
  raw.resetAndDestroy();
  assert.strictEqual((await told)[0].code, 'ECONNRESET');
  server.close();
  await once(server, 'close');
});

test('clients that come all at once are all served', async (t) => {
  const { server, port } = await unwatched(t, (socket) => socket.pipe(socket));
  const answers = await Promise.all(Array.from({ length: 40 }, async (_, number) => {
    const socket = client(port);
    socket.end(`${number}`);
    return Number(String(await readAll(socket)));
  }));
  assert.deepStrictEqual(answers, Array.from({ length: 40 }, (_, number) => number));
  server.close();
  await once(server, 'close');
});

test('of many that come all at once eight have their step in a turn of the event loop', async () => {
  const taken = [];
  const turns = new InTurns((one) => taken.push(one));
  const all = Array.from({ length: 20 }, (_, number) => number);
  for (const one of all) turns.add(one);
  const seen = [taken.length];
  while (taken.length < all.length) {
    await new Promise(setImmediate);
    seen.push(taken.length);
  }
  assert.deepStrictEqual(seen, [8, 16, 20]);
  assert.deepStrictEqual(taken, all);
});
