'use strict';

const assert = require('node:assert');
const { execFileSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const nodeTls = require('node:tls');
const { client, connected, identity, pem, readAll, record, serve, tls } = require('../support');

test('a client is told who the server is, and data go both ways', async (t) => {
  const { port } = await serve(t, {}, (socket) => socket.end('hello'));
  const socket = await connected(port);
  assert.strictEqual(socket.authorized, true);
  assert.strictEqual(socket.authorizationError, null);
  assert.strictEqual(socket.encrypted, true);
  assert.ok(socket instanceof net.Socket && socket instanceof tls.TLSSocket);
  assert.strictEqual(socket.getProtocol(), 'TLSv1.3');
  assert.strictEqual(socket.getPeerCertificate().subject.CN, 'localhost');
  assert.strictEqual(socket.getPeerCertificate(true).issuerCertificate.subject.CN, 'Test root');
  assert.strictEqual(socket.getPeerX509Certificate().subject, 'CN=localhost');
  assert.strictEqual(socket.remotePort, port);
  assert.strictEqual((await readAll(socket)).toString(), 'hello');
});

test('events come in the order of Node', async (t) => {
  const { port } = await serve(t, {}, (socket) => socket.end('x'));
  const socket = client(port);
  const seen = record(socket, ['connect', 'ready', 'secureConnect', 'secure', 'data', 'end', 'close']);
  await once(socket, 'close');
  assert.deepStrictEqual(seen, ['connect', 'ready', 'secureConnect', 'secure', 'data', 'end', 'close']);
});

const refusals = [
  ['an unknown root', { ca: pem('stranger-cert') }, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ['nobody trusted', { ca: [] }, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ['another name', { servername: 'example.com' }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
];
for (const [what, options, code] of refusals) {
  test(`a server is refused: ${what}`, async (t) => {
    let secure = 0;
    const { port, server } = await serve(t, {}, () => secure++);
    const told = once(server, 'tlsClientError');
    const socket = client(port, options);
    const [error] = await once(socket, 'error');
    assert.strictEqual(error.code, code);
    assert.strictEqual(socket.authorized, false);
    assert.strictEqual((await told)[0].code, 'ECONNRESET');
    assert.strictEqual(secure, 0, 'the server must not believe that it was accepted');
  });

  test(`a server that is not rejected is still not authorized: ${what}`, async (t) => {
    const { port } = await serve(t, {}, (socket) => socket.end());
    const socket = await connected(port, { ...options, rejectUnauthorized: false });
    assert.strictEqual(socket.authorized, false);
    assert.strictEqual(socket.authorizationError, code);
    socket.destroy();
  });
}

test('what is written early is never sent to a server that is refused', async (t) => {
  const received = [];
  const { port, server } = await serve(t, {}, (socket) => socket.on('data', (data) => received.push(data)));
  const socket = client(port, { ca: [] });
  socket.write('secret');
  await Promise.all([once(socket, 'error'), once(server, 'tlsClientError')]);
  assert.deepStrictEqual(received, []);
});

test('undefined does not switch the verification off', async (t) => {
  const { port } = await serve(t);
  const [error] = await once(client(port, { ca: [], rejectUnauthorized: undefined }), 'error');
  assert.strictEqual(error.code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
});

test('checkServerIdentity has the last word', async (t) => {
  const { port } = await serve(t);
  const refused = new Error('not today');
  let asked;
  const socket = client(port, {
    servername: 'localhost',
    checkServerIdentity(name, cert) {
      asked = [name, cert.subject.CN];
      return refused;
    },
  });
  assert.strictEqual((await once(socket, 'error'))[0], refused);
  assert.deepStrictEqual(asked, ['localhost', 'localhost']);
  assert.strictEqual(socket.authorizationError, 'not today');
});

/** A CA with a limit on names, and a server's certificate below it that has a common name only. */
function limited(t, commonName) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sealwire-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const run = (line) => execFileSync('openssl', line.split(' '), { cwd: folder, stdio: 'pipe' });
  const key = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';
  run(`req -x509 ${key} -keyout ca.key -out ca.pem -days 2 -subj /CN=Limited -addext ` +
    'nameConstraints=critical,permitted;DNS:in.example,excluded;DNS:secret.in.example');
  run(`req -new ${key} -keyout leaf.key -out leaf.csr -subj /CN=${commonName}`);
  run('x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -days 1 -out leaf.pem');
  const read = (name) => fs.readFileSync(path.join(folder, name));
  return { ca: read('ca.pem'), cert: read('leaf.pem'), key: read('leaf.key') };
}

test('a common name is held to the limits of the CA', { skip: process.env.JUDGE === 'node' }, async (t) => {
  for (const [commonName, servername, code] of [
    ['www.in.example', 'www.in.example', null],
    ['W*W.in.example', 'www.in.example', null],
    ['s*t.in.example', 'shut.in.example', null],
    ['s*t.in.example', 'secret.in.example', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ]) {
    const { ca, cert, key } = limited(t, commonName);
    const { port } = await serve(t, { cert, key });
    for (const checkServerIdentity of [undefined, tls.checkServerIdentity, nodeTls.checkServerIdentity]) {
      const options = { ca, servername, rejectUnauthorized: false };
      if (checkServerIdentity) options.checkServerIdentity = checkServerIdentity;
      const socket = await connected(port, options);
      assert.strictEqual(socket.authorizationError, code, `${commonName} ${servername}`);
      assert.strictEqual(socket.authorized, code === null);
      socket.destroy();
    }
  }
});

test('nobody there is an error of the socket', async (t) => {
  const { server, port } = await serve(t);
  server.close();
  await once(server, 'close');
  const [error] = await once(client(port), 'error');
  assert.strictEqual(error.code, 'ECONNREFUSED');
});

test('a peer that goes away in the handshake is an error with its address', async (t) => {
  const server = net.createServer((socket) => socket.once('data', () => socket.end())).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address();
  const [error] = await once(client(port), 'error');
  assert.strictEqual(error.code, 'ECONNRESET');
  assert.match(error.message, /before secure TLS connection/);
  assert.strictEqual(error.port, port);
});

test('the protocol is limited by either side', async (t) => {
  const { port } = await serve(t, { maxVersion: 'TLSv1.2' }, (socket) => socket.end());
  const socket = await connected(port);
  assert.strictEqual(socket.getProtocol(), 'TLSv1.2');
  assert.match(socket.getCipher().name, /^ECDHE-ECDSA-/);
  const [error] = await once(client(port, { minVersion: 'TLSv1.3' }), 'error');
  assert.match(error.code, /^ERR_SSL_/);
  assert.strictEqual(error.library, 'SSL routines');
});

test('a signal aborts a connection', async (t) => {
  const { port } = await serve(t);
  const controller = new AbortController();
  const socket = client(port, { signal: controller.signal });
  controller.abort();
  const [error] = await once(socket, 'error');
  assert.strictEqual(error.name, 'AbortError');
});

test('application protocols are agreed, and none in common is an error', async (t) => {
  const { port } = await serve(t, { ALPNProtocols: ['b', 'a'] }, (socket) => socket.end());
  const socket = await connected(port, { ALPNProtocols: ['a', 'b'] });
  assert.strictEqual(socket.alpnProtocol, 'b');
  const [error] = await once(client(port, { ALPNProtocols: ['c'] }), 'error');
  assert.strictEqual(error.code, 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL');
});

test('keying material is the same on both sides', async (t) => {
  const secrets = [];
  const { port } = await serve(t, {}, (socket) => {
    secrets.push(socket.exportKeyingMaterial(32, 'EXPERIMENTAL-x', Buffer.from('context')));
    secrets.push(socket.getFinished(), socket.getPeerFinished());
    socket.end();
  });
  const socket = await connected(port);
  const early = client(port);
  assert.throws(() => early.exportKeyingMaterial(32, 'x'), { code: 'ERR_TLS_INVALID_STATE' });
  early.destroy();
  const mine = [socket.exportKeyingMaterial(32, 'EXPERIMENTAL-x', Buffer.from('context')),
    socket.getPeerFinished(), socket.getFinished()];
  await readAll(socket);
  assert.deepStrictEqual(mine, secrets);
});

test('the certificate of a client is shown and judged', async (t) => {
  const seen = [];
  const { port } = await serve(t, { requestCert: true, ca: pem('ca-cert') }, (socket) => {
    seen.push(socket.authorized, socket.getPeerCertificate().subject.CN);
    socket.end();
  });
  await readAll(await connected(port, identity('client')));
  assert.deepStrictEqual(seen, [true, 'a client']);
});

test('a client keeps the name of its server as it was written', async (t) => {
  const { port } = await serve(t, {});
  const socket = await connected(port, { servername: 'LocalHost' });
  assert.strictEqual(socket.servername, 'LocalHost');
  assert.ok(socket.authorized);
  socket.destroy();
});
