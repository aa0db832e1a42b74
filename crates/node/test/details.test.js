'use strict';

// Small things that programs and libraries have come to rely on, each as Node does it.

const assert = require('node:assert');
const { constants: { SSL_OP_NO_TLSv1_3 } } = require('node:crypto');
const diagnosticsChannel = require('node:diagnostics_channel');
const { execFile } = require('node:child_process');
const { once } = require('node:events');
const { test } = require('node:test');
const { promisify } = require('node:util');
const { client, connected, file, identity, pem, record, serve, tls } = require('../support');

const [major, minor] = process.versions.node.split('.').map(Number);
const closed = (socket) => new Promise((resolve) => socket.once('close', resolve));
const names = (certificate) => {
  const found = [];
  for (let at = certificate; at; at = at.issuerCertificate) found.push(at.subject.split('\n').at(-1));
  return found;
};

test('a certificate of the peer has the next one that it has sent as its issuer', async (t) => {
  const chain = { ...identity('client'), cert: pem('client-cert') + pem('ca-cert') };
  const { port, server } = await serve(t, { requestCert: true, ca: pem('ca-cert') });
  const opened = once(server, 'secureConnection');
  const socket = await connected(port, chain);
  const [peer] = await opened;
  assert.deepStrictEqual(names(peer.getPeerX509Certificate()), ['CN=a client', 'CN=Test root']);
  assert.deepStrictEqual(names(socket.getPeerX509Certificate()), ['CN=localhost', 'CN=Test root']);
  assert.deepStrictEqual(names(socket.getX509Certificate()), ['CN=a client']);
  socket.destroy();
});

test('without its issuer on the wire it has none, though it is known', async (t) => {
  const { port } = await serve(t);
  const socket = await connected(port);
  assert.deepStrictEqual(names(socket.getPeerX509Certificate()), ['CN=localhost']);
  socket.destroy();
});

test('a client that resumes a session has no certificate of its server', async (t) => {
  const { port } = await serve(t, {}, (socket) => socket.write('x'));
  const first = client(port);
  const [session] = await once(first, 'session');
  first.destroy();
  const second = await connected(port, { session });
  assert.deepStrictEqual([second.isSessionReused(), second.getPeerX509Certificate(), second.getPeerCertificate()],
    [true, undefined, {}]);
  second.destroy();
});

for (const [name, refuse] of Object.entries({
  'an error': (callback) => callback(new Error('no')),
  'a throw': () => { throw new Error('no'); },
  'no context': (callback) => callback(null, { no: 'context' }),
})) {
  test(`the server knows whom the client wanted when its SNICallback answers with ${name}`, async (t) => {
    const { port, server } = await serve(t, { SNICallback: (servername, callback) => refuse(callback) });
    client(port, { servername: 'Wanted.example' }).on('error', () => {});
    const [, socket] = await once(server, 'tlsClientError');
    assert.strictEqual(socket.servername, 'Wanted.example');
  });
}

test('a function for a buffer is asked before the first data, and after all', async (t) => {
  const { port } = await serve(t, {}, (socket) => socket.end('twelve bytes'));
  const seen = [];
  const socket = client(port, {
    onread: {
      buffer: () => { seen.push('buffer'); return Buffer.alloc(8); },
      callback: (length) => { seen.push(length); return true; },
    },
  });
  seen.push('made');
  await closed(socket);
  assert.deepStrictEqual(seen, ['buffer', 'made', 8, 'buffer', 4, 'buffer']);
});

test('certificates of other sources than Node itself end with a line', { skip: !tls.getCACertificates }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['-p', `
    const { tls } = require(${JSON.stringify(require.resolve('../support'))});
    const ends = (type) => tls.getCACertificates(type).at(-1).endsWith('\\n');
    JSON.stringify([ends('bundled'), ends('extra'), ends('default'),
      (tls.setDefaultCACertificates(tls.getCACertificates('extra')), ends('default'))]);
  `], { env: { ...process.env, NODE_EXTRA_CA_CERTS: file('ca-cert.pem') } });
  // Node 20 has the function only in its last versions, and only ours before.
  const expected = major < 22 && process.env.JUDGE === 'node' ? stdout.trim() : '[false,true,true,true]';
  assert.strictEqual(stdout.trim(), expected);
});

const compresses = (major === 24 && minor >= 22) || major >= 26;

test('certificates cannot be compressed without TLS 1.3', { skip: !compresses && process.env.JUDGE === 'node' }, () => {
  const make = (options) => tls.createSecureContext({ certificateCompression: ['zlib'], ...options });
  for (const options of [{ maxVersion: 'TLSv1.2' }, { secureProtocol: 'TLSv1_2_method' }, { secureProtocol: 'SSLv23_method' }]) {
    assert.throws(() => make(options), {
      code: 'ERR_INVALID_ARG_VALUE',
      message: 'certificateCompression requires a TLS protocol range that includes TLSv1.3',
    });
  }
  make({ secureOptions: SSL_OP_NO_TLSv1_3 });
  make({ maxVersion: 'TLSv1.2', certificateCompression: [] });
  make({ secureProtocol: 'TLS_method' });
});

for (const method of ['SSLv23_method', 'SSLv23_client_method']) {
  test(`${method} ends with TLS 1.2`, async (t) => {
    const { port } = await serve(t);
    const socket = await connected(port, { secureProtocol: method });
    assert.strictEqual(socket.getProtocol(), 'TLSv1.2');
    socket.destroy();
  });
}

for (const [maxVersion, when, expected] of [
  ['TLSv1.2', 'secureConnect', ['secureConnect', 'session', 'secure']],
  ['TLSv1.2', 'session', ['secureConnect', 'session', 'secure']],
  ['TLSv1.3', 'secureConnect', ['secureConnect', 'secure']],
]) {
  test(`sessions that were there are told of a socket that is destroyed in '${when}' (${maxVersion})`, async (t) => {
    const { port } = await serve(t, { maxVersion });
    const socket = client(port);
    const seen = record(socket, ['secure', 'secureConnect', 'session']);
    socket.on(when, () => socket.destroy());
    await closed(socket);
    assert.deepStrictEqual(seen, expected);
  });
}

test('SNI keeps the case of the name', async (t) => {
  const asked = [];
  const { port, server } = await serve(t, {
    SNICallback: (servername, callback) => { asked.push(servername); callback(null, null); },
  });
  const opened = once(server, 'secureConnection');
  const socket = await connected(port, { servername: 'LOCALhost' });
  const [peer] = await opened;
  assert.deepStrictEqual([asked, peer.servername, socket.servername], [['LOCALhost'], 'LOCALhost', 'LOCALhost']);
  socket.destroy();
});

test('who is told of client sockets is told of the TLSSocket', { skip: major < 22 && 'not told of TLS' }, async (t) => {
  const { port } = await serve(t);
  const told = [];
  const listen = ({ socket }) => told.push(socket);
  diagnosticsChannel.subscribe('net.client.socket', listen);
  const socket = client(port);
  const other = client(port);
  diagnosticsChannel.unsubscribe('net.client.socket', listen);
  assert.deepStrictEqual(told.map((one) => [socket, other].indexOf(one)), [0, 1]);
  await Promise.all([once(socket, 'secureConnect'), once(other, 'secureConnect')]);
  socket.destroy();
  other.destroy();
});
