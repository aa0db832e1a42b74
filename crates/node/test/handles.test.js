'use strict';

// What Node does not document of its sockets and packages of npm use all the same: see the table in
// docs/node-parity-package.md, which names the packages.

const assert = require('node:assert');
const { once } = require('node:events');
const net = require('node:net');
const { Duplex, PassThrough, duplexPair } = require('node:stream');
const { test } = require('node:test');
const { client, connected, identity, pem, readAll, serve, tls } = require('../support');

/** Two streams, each of which reads what is written to the other. */
function pair() {
  if (duplexPair) return duplexPair();
  const [there, back] = [new PassThrough(), new PassThrough()];
  return [Duplex.from({ readable: back, writable: there }), Duplex.from({ readable: there, writable: back })];
}

function streamSocketClass() {
  return new tls.TLSSocket(new PassThrough())._handle._parentWrap.constructor;
}

test('the class under a TLSSocket over a stream makes a socket of any stream', async () => {
  const JSStreamSocket = streamSocketClass();
  assert.strictEqual(JSStreamSocket.name, 'JSStreamSocket');
  const [one, other] = pair();
  const socket = new JSStreamSocket(one);
  assert.ok(socket instanceof net.Socket);
  assert.strictEqual(socket.stream, one);
  socket.write('there');
  other.write('back');
  assert.strictEqual(String((await once(other, 'data'))[0]), 'there');
  assert.strictEqual(String((await once(socket, 'data'))[0]), 'back');
  socket._handle.getpeername = (out) => { Object.assign(out, { address: '192.0.2.1', port: 7 }); };
  assert.deepStrictEqual([socket.remoteAddress, socket.remotePort], ['192.0.2.1', 7]);
  const closed = once(socket, 'close');
  socket.destroy();
  await closed;
  assert.ok(one.destroyed);
});

test('TLS goes over such a socket', async (t) => {
  const { port } = await serve(t);
  const JSStreamSocket = streamSocketClass();
  const socket = client(port, { socket: new JSStreamSocket(net.connect(port, '127.0.0.1')), servername: 'localhost' });
  await once(socket, 'secureConnect');
  socket.write('x');
  assert.strictEqual(String((await once(socket, 'data'))[0]), 'x');
  socket.destroy();
});

test('a TLSSocket has its parent, and its handle the parent’s', async (t) => {
  const { port } = await serve(t);
  const raw = net.connect(port, '127.0.0.1');
  await once(raw, 'connect');
  const socket = client(port, { socket: raw, servername: 'localhost' });
  assert.strictEqual(socket._parent, raw);
  assert.strictEqual(socket._handle._parentWrap, raw);
  assert.strictEqual(socket._handle._parent, raw._handle);
  assert.strictEqual(socket.ssl, socket._handle);
  await once(socket, 'secureConnect');
  socket.destroy();
});

test('a handle is closed without a callback, and taken away', async (t) => {
  const { port, server } = await serve(t, {}, (socket) => socket.on('error', () => {}));
  const opened = once(server, 'secureConnection');
  const socket = await connected(port);
  const [peer] = await opened;
  const closed = new Promise((resolve) => peer.once('close', resolve));
  socket._handle.close();
  socket._handle = null;
  peer.resume();
  await closed;
  assert.deepStrictEqual([socket.getCipher(), socket.getProtocol(), socket.getPeerCertificate()], [null, null, null]);
  assert.deepStrictEqual([socket.remoteAddress, socket.isSessionReused()], [undefined, null]);
});

for (const [trusted, code] of [[pem('ca-cert'), undefined], [[], 'UNABLE_TO_VERIFY_LEAF_SIGNATURE']]) {
  test(`a socket made by hand is started and judged by hand (${code ?? 'trusted'})`, async (t) => {
    const { port } = await serve(t);
    const raw = net.connect(port, '127.0.0.1');
    await once(raw, 'connect');
    const secureContext = tls.createSecureContext({ ca: trusted });
    const socket = new tls.TLSSocket(raw, { requestCert: true, rejectUnauthorized: true, secureContext, isServer: false });
    socket._start();
    await once(socket, 'secure');
    assert.strictEqual(socket.ssl.verifyError()?.code, code);
    assert.deepStrictEqual([socket._secureEstablished, socket._controlReleased, socket._hadError], [true, false, false]);
    socket.destroy();
  });
}

test('what a socket answers is its handle’s answer, which a program may replace', async (t) => {
  const { port } = await serve(t, { ALPNProtocols: ['one'] });
  const socket = await connected(port, { ALPNProtocols: ['one'], servername: 'localhost' });
  assert.strictEqual(socket._handle.getALPNNegotiatedProtocol(), 'one');
  assert.deepStrictEqual(socket._handle.getCipher(), socket.getCipher());
  assert.strictEqual(socket._handle.getProtocol(), 'TLSv1.3');
  assert.strictEqual(socket._handle.isSessionReused(), false);
  socket._handle.getCipher = () => ({ name: 'mine' });
  socket._handle.isSessionReused = () => true;
  assert.deepStrictEqual([socket.getCipher(), socket.isSessionReused()], [{ name: 'mine' }, true]);
  socket.destroy();
});

test('a context takes another CA later', async (t) => {
  const { port } = await serve(t);
  const secureContext = tls.createSecureContext({ ca: pem('stranger-cert') });
  secureContext.context.addCACert(pem('ca-cert'));
  const socket = await connected(port, { secureContext, ca: undefined });
  assert.strictEqual(socket.authorized, true);
  socket.destroy();
});

test('the error of authorization is a code, and null where there is none', async (t) => {
  const { port } = await serve(t);
  const trusted = await connected(port);
  const other = await connected(port, { ca: [], rejectUnauthorized: false });
  assert.deepStrictEqual([trusted.authorizationError, other.authorizationError],
    [null, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE']);
  trusted.destroy();
  other.destroy();
});

test('the prototype serves sockets of another making', async (t) => {
  const server = net.createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  function Other(options) { net.Socket.call(this, options); }
  Other.prototype = Object.create(tls.TLSSocket.prototype, { constructor: { value: Other } });
  const raw = net.connect(server.address().port, '127.0.0.1');
  await once(raw, 'connect');
  const other = new Other({ handle: raw._handle });
  assert.ok(other instanceof tls.TLSSocket);
  other.end('through');
  assert.strictEqual(String(await readAll(other)), 'through');
});

test('sockets and servers are those of node:tls, too', async (t) => {
  const native = process.getBuiltinModule?.('node:tls') ?? require('node:tls');
  const { server, port } = await serve(t);
  const socket = await connected(port);
  for (const { TLSSocket, Server } of [tls, native]) {
    assert.ok(socket instanceof TLSSocket && server instanceof Server);
    assert.ok(new native.TLSSocket(new PassThrough()) instanceof TLSSocket);
    assert.ok(native.createServer() instanceof Server);
    assert.ok(!(new net.Socket() instanceof TLSSocket) && !(net.createServer() instanceof Server));
  }
  assert.strictEqual(socket.constructor, tls.TLSSocket);
  socket.destroy();
});

test('nothing of Node’s own TLS shows through', () => {
  const { TLSSocket } = process.getBuiltinModule?.('node:tls') ?? require('node:tls');
  const own = new Set();
  for (let at = tls.TLSSocket.prototype; at !== net.Socket.prototype; at = Object.getPrototypeOf(at)) {
    if (at === TLSSocket.prototype && tls.TLSSocket !== TLSSocket) break;
    for (const name of Object.getOwnPropertyNames(at)) own.add(name);
  }
  assert.deepStrictEqual(Object.getOwnPropertyNames(TLSSocket.prototype).filter((name) => !own.has(name)), []);
});
