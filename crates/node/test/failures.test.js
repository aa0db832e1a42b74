'use strict';

// In which order, and by which errors, a connection that fails is told.

const assert = require('node:assert');
const { once } = require('node:events');
const { spawn } = require('node:child_process');
const net = require('node:net');
const { test } = require('node:test');
const { client, file, pem, serve } = require('../support');
const needed = require('../support/needed');

const major = Number(process.versions.node.split('.')[0]);
/** What a write is told that was never sent: nothing in Node 20. */
const canceled = major < 22 ? null : 'ECANCELED';
const unsent = major < 22 ? null : 'EBADF';

/** Writes three times and ends; what is told until the socket is closed. */
async function tellAll(socket) {
  const seen = [];
  const told = (name) => (error) => seen.push([name, error && (error.code ?? error.message)]);
  socket.on('error', told('error'));
  socket.write('a', told('a'));
  socket.write('b', told('b'));
  socket.end('c', told('c'));
  await new Promise((resolve) => socket.once('close', resolve));
  return seen;
}

async function plainServer(t, onConnection) {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    onConnection(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return server.address().port;
}

test('a server that is refused: the error, and then the writes', async (t) => {
  const { port } = await serve(t);
  const code = 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
  assert.deepStrictEqual(await tellAll(client(port, { ca: [] })),
    [['error', code], ['a', unsent], ['b', code], ['c', code]]);
});

test('a server that speaks no TLS: the write that waits has the error, and it is EPROTO', async (t) => {
  const port = await plainServer(t, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  assert.deepStrictEqual(await tellAll(client(port)),
    [['a', 'EPROTO'], ['b', 'EPROTO'], ['c', 'EPROTO'], ['error', 'EPROTO']]);
});

test('the same without a write is OpenSSL’s error', async (t) => {
  const port = await plainServer(t, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const [error] = await once(client(port), 'error');
  assert.match(error.code, /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/);
});

test('EPROTO is an error of the system with OpenSSL’s words', async (t) => {
  const { port } = await serve(t, { maxVersion: 'TLSv1.2' });
  const socket = client(port, { minVersion: 'TLSv1.3' });
  socket.write('x');
  const [error] = await once(socket, 'error');
  const { errno, code, syscall } = error;
  assert.deepStrictEqual({ errno, code, syscall }, { errno: -71, code: 'EPROTO', syscall: 'write' });
  assert.match(error.message, /^write EPROTO .*error:0A00042E:SSL routines:\w*:tlsv1 alert protocol version:.*SSL alert number 70/);
});

test('a server that goes away: the error, and then the writes', async (t) => {
  const port = await plainServer(t, (socket) => socket.once('data', () => socket.end()));
  const code = 'ECONNRESET';
  assert.deepStrictEqual(await tellAll(client(port)),
    [['error', code], ['a', canceled], ['b', code], ['c', code]]);
});

test('a socket destroyed in the handshake: the error, and then the writes', async (t) => {
  const port = await plainServer(t, (socket) => socket.resume());
  const socket = client(port);
  socket.once('connect', () => setImmediate(() => socket.destroy(new Error('mine'))));
  assert.deepStrictEqual(await tellAll(socket),
    [['error', 'mine'], ['a', canceled], ['b', 'mine'], ['c', 'mine']]);
});

/** OpenSSL's words for records that are none; those of 3.2 to 3.5.5 look at the length first. */
const [, minor3, patch3] = process.versions.openssl.split('.').map((part) => Number.parseInt(part, 10));
const isOld = minor3 < 5 || (minor3 === 5 && patch3 < 6);
const long = isOld && minor3 >= 2 ? 'packet length too long' : 'wrong version number';

for (const [name, junk, reason] of [
  ['a greeting', 'hello world\n', long],
  ['a request of HTTP', 'GET / HTTP/1.1\r\n\r\n', 'http request'],
  ['text with a small number for a length', Buffer.from('hel\0\x05world'), 'wrong version number'],
  ['a type that there is not', Buffer.from([0x63, 3, 3, 0, 5, 1, 2, 3, 4, 5]), 'unexpected message'],
  ['another version', Buffer.from([22, 9, 9, 0, 5, 1, 2, 3, 4, 5]), 'wrong version number'],
  ['a record that is too long', Buffer.concat([Buffer.from([22, 3, 3, 0x60, 0]), Buffer.alloc(100)]),
    isOld ? 'packet length too long' : 'data length too long'],
]) {
  test(`what is no TLS has OpenSSL’s name: ${name}`, async (t) => {
    const port = await plainServer(t, (socket) => socket.once('data', () => socket.end(junk)));
    const [error] = await once(client(port), 'error');
    assert.deepStrictEqual([error.reason, error.code],
      [reason, `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}`]);
    const { port: secure, server } = await serve(t);
    const told = once(server, 'tlsClientError');
    net.connect(secure, '127.0.0.1').on('error', () => {}).end(junk);
    assert.strictEqual((await told)[0].reason, reason);
  });
}

// Node destroys the socket of who is refused, and what it had still to read makes a reset of that.
const ofNode = process.env.JUDGE === 'node' && 'Node gives no time to read the alert';

/** What a program ends with that is given this much to send, and all that it says. */
async function ended(program, args, input) {
  const child = spawn(program, args);
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => { said += data; });
  const [status] = await once(child, 'close');
  return { said, status };
}

test('who is refused while it sends hears why', { skip: ofNode }, async (t) => {
  if (!needed.programs(t, 'openssl', 'curl')) return;
  const { server, port } = await serve(t, { requestCert: true, ca: [pem('ca-cert')] });
  const refused = [];
  server.on('tlsClientError', (error) => refused.push(error.code));
  const body = Buffer.alloc(300_000, 'x\n');
  for (let i = 0; i < 3; i++) {
    const openssl = await ended('openssl', ['s_client', '-quiet', '-connect', `127.0.0.1:${port}`], body);
    assert.match(openssl.said, /alert certificate required|alert number 116/);
    const url = `https://localhost:${port}/`;
    const curl = await ended('curl',
      ['-sS', '--cacert', file('ca-cert.pem'), '--data-binary', '@-', '-H', 'Expect:', url], body);
    assert.match(curl.said, /certificate required/);
  }
  assert.deepStrictEqual(refused, Array(6).fill('ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE'));
});

/** A ClientHello with nothing in it: TLS, which is refused by an alert. */
const EMPTY_HELLO = Buffer.from([22, 3, 1, 0, 4, 1, 0, 0, 0]);

/** A client that the server refuses, and that stays; `carrier` is its socket at the server. */
async function refused(t) {
  const { server, port } = await serve(t);
  const told = once(server, 'tlsClientError');
  const accepted = once(server, 'connection');
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => {}).resume().write(EMPTY_HELLO);
  t.after(() => socket.destroy());
  const [carrier] = await accepted;
  await told;
  return { carrier, socket };
}

test('who is refused and goes on is not listened to for ever', { skip: ofNode }, async (t) => {
  const { carrier, socket } = await refused(t);
  const write = () => { if (!socket.destroyed) socket.write(Buffer.alloc(64 * 1024), write); };
  write();
  await once(carrier, 'close');
  assert.ok(carrier.bytesRead < 2 * 1024 * 1024, `${carrier.bytesRead} bytes`);
});

test('who is refused and stays is sent away', { skip: ofNode }, async (t) => {
  const { carrier, socket } = await refused(t);
  await once(socket, 'end');
  if (!carrier.destroyed) await once(carrier, 'close');
});
