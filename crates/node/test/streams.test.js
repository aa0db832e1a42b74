'use strict';

const assert = require('node:assert');
const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const stream = require('node:stream');
const { test } = require('node:test');
const { client, connected, identity, pem, readAll, serve, tls } = require('../support');

/** Two ends of a pipe in memory; not every Node that we support has stream.duplexPair. */
function pair() {
  let left;
  const right = new stream.Duplex({
    read() {},
    write(chunk, encoding, done) { left.push(Buffer.from(chunk)); done(); },
    final(done) { left.push(null); done(); },
  });
  left = new stream.Duplex({
    read() {},
    write(chunk, encoding, done) { right.push(Buffer.from(chunk)); done(); },
    final(done) { right.push(null); done(); },
  });
  return [left, right];
}

for (const size of [1, 16384, 16385, 3_000_000]) {
  test(`${size} bytes come back as they were sent`, async (t) => {
    const { port } = await serve(t);
    const socket = await connected(port);
    const data = randomBytes(size);
    socket.end(data);
    assert.ok((await readAll(socket)).equals(data));
    assert.strictEqual(socket.bytesWritten, size);
    assert.strictEqual(socket.bytesRead, size);
  });
}

test('many small writes arrive in order', async (t) => {
  const { port } = await serve(t);
  const socket = await connected(port);
  const words = Array.from({ length: 2000 }, (_, at) => `${at},`);
  for (const word of words) socket.write(word);
  socket.end();
  assert.strictEqual((await readAll(socket)).toString(), words.join(''));
});

test('a record is one piece of data', async (t) => {
  const { port } = await serve(t, {}, (socket) => {
    socket.write('one');
    setImmediate(() => socket.end('two'));
  });
  const pieces = [];
  const socket = await connected(port);
  socket.on('data', (data) => pieces.push(data.toString()));
  await once(socket, 'end');
  assert.deepStrictEqual(pieces, ['one', 'two']);
});

test('records that the peer has cut by itself come as one piece', { skip: process.env.JUDGE === 'node' }, () => {
  const { receive } = require('../js/report');
  const chunk = Buffer.alloc(64 * 1024);
  const pieces = (...lengths) => {
    let at = 0;
    const places = lengths.flatMap((length) => [(at += length) - length, length]);
    const session = {
      receive(_, report) {
        report.set(new Uint8Array(Uint32Array.of(chunk.length, 0, lengths.length, ...places).buffer));
      },
    };
    return receive(session, chunk).records.map(({ length }) => length);
  };
  assert.deepStrictEqual(pieces(3, 4), [3, 4]);
  assert.deepStrictEqual(pieces(16384, 16384, 100, 5), [32868, 5]);
  assert.deepStrictEqual(pieces(...Array(20).fill(64)), [1280]);
});

test('who does not read is not flooded', async (t) => {
  let sender;
  const { port } = await serve(t, {}, (socket) => {
    sender = socket;
    socket.on('error', () => {});
    const fill = () => { while (socket.write(Buffer.alloc(65536))); };
    socket.on('drain', fill);
    fill();
  });
  const socket = await connected(port);
  socket.once('readable', () => {});
  await once(socket, 'readable');
  // The server must come to a stand: what is in flight is bounded by the buffers on the way.
  let before = -1;
  for (let quiet = 0; quiet < 5;) {
    await new Promise((resolve) => { setTimeout(resolve, 20); });
    quiet = sender.bytesWritten === before ? quiet + 1 : 0;
    before = sender.bytesWritten;
  }
  assert.ok(socket.readableLength < 1024 * 1024, `${socket.readableLength} bytes are buffered`);
  socket.destroy();
});

test('TLS over any duplex', async () => {
  const [left, right] = pair();
  const server = new tls.TLSSocket(left, { isServer: true, ...identity('server') });
  server.pipe(server);
  const socket = tls.connect({ socket: right, ca: pem('ca-cert') });
  await once(socket, 'secureConnect');
  assert.deepStrictEqual([socket.remoteAddress, socket.address()], [undefined, {}]);
  socket.end('over a duplex');
  assert.strictEqual((await readAll(socket)).toString(), 'over a duplex');
});

test('the bytes of a duplex are left as they are', async () => {
  const [left, right] = pair();
  const seen = [];
  left.on('data', (chunk) => seen.push([chunk, Buffer.from(chunk)]));
  const server = new tls.TLSSocket(left, { isServer: true, ...identity('server') });
  server.pipe(server);
  const socket = tls.connect({ socket: right, ca: pem('ca-cert') });
  socket.end('x'.repeat(1000));
  await readAll(socket);
  assert.ok(seen.length > 1 && seen.every(([chunk, copy]) => chunk.equals(copy)));
});

test('data stay in order when a listener provokes more over a transport that answers at once', async () => {
  const [left, right] = pair();
  const server = new tls.TLSSocket(left, { isServer: true, ...identity('server') });
  const socket = tls.connect({ socket: right, ca: pem('ca-cert') });
  await once(socket, 'secureConnect');
  let text = '';
  socket.on('data', (data) => {
    text += data;
    if (text.length < 20) socket.write('again');
    else socket.end();
  });
  let asked = 0;
  server.on('end', () => server.end());
  server.on('data', () => {
    const n = asked++;
    server.cork();
    for (const part of ['a', 'b', 'c']) server.write(`${part}${n}`);
    server.uncork();
    for (const part of ['d', 'e']) server.write(`${part}${n}`);
  });
  socket.write('go');
  await once(socket, 'end');
  const numbers = text.match(/\d/g).map(Number);
  assert.deepStrictEqual(numbers, [...numbers].sort());
});

test('TLS in TLS', async (t) => {
  const { port } = await serve(t, {}, (outer) => {
    const inner = new tls.TLSSocket(outer, { isServer: true, ...identity('server') });
    inner.pipe(inner);
  });
  const outer = await connected(port);
  const inner = tls.connect({ socket: outer, ca: pem('ca-cert'), host: 'localhost' });
  const data = randomBytes(200_000);
  inner.end(data);
  assert.ok((await readAll(inner)).equals(data));
});

test('TLS over a pipe', async (t) => {
  const name = process.platform === 'win32' ? `\\\\.\\pipe\\sealwire-${process.pid}` :
    path.join(os.tmpdir(), `sealwire-${process.pid}.sock`);
  const server = tls.createServer(identity('server'), (socket) => socket.end('by pipe')).listen(name);
  t.after(() => server.close());
  await once(server, 'listening');
  const socket = tls.connect(name, { ca: pem('ca-cert') });
  assert.strictEqual((await readAll(socket)).toString(), 'by pipe');
});

test('an upgrade in the middle of a connection (STARTTLS)', async (t) => {
  const server = net.createServer((socket) => {
    socket.write('ready?');
    socket.once('data', () => {
      const secure = new tls.TLSSocket(socket, { isServer: true, ...identity('server') });
      secure.on('secure', () => secure.end('now in secret'));
      socket.write('go ahead');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const plain = net.connect(server.address().port, '127.0.0.1');
  await once(plain, 'data');
  plain.write('go');
  // Else the hello might come along with the word before it.
  await once(plain, 'data');
  const socket = tls.connect({ socket: plain, ca: pem('ca-cert'), servername: 'localhost' });
  assert.strictEqual((await readAll(socket)).toString(), 'now in secret');
});

test('a half-open connection goes on in the other direction', async (t) => {
  const { port } = await serve(t, { allowHalfOpen: true }, (socket) => {
    socket.resume();
    socket.on('end', () => setImmediate(() => socket.end('after your end')));
  });
  const socket = await connected(port, { allowHalfOpen: true });
  socket.end('bye');
  assert.strictEqual((await readAll(socket)).toString(), 'after your end');
});

test('destroy closes without a word, and the peer sees an end', async (t) => {
  const { port } = await serve(t, {}, (socket) => socket.destroy());
  const socket = await connected(port);
  socket.resume();
  await once(socket, 'end');
  const [hadError] = await once(socket, 'close');
  assert.strictEqual(hadError, false);
});

test('onread puts data into the buffer of the program', async (t) => {
  const { port } = await serve(t, {}, (socket) => socket.end('0123456789'.repeat(10)));
  const buffer = Buffer.alloc(32);
  let text = '';
  const socket = client(port, {
    onread: {
      buffer,
      callback(length, given) {
        assert.strictEqual(given, buffer);
        text += given.toString('latin1', 0, length);
        return true;
      },
    },
  });
  await once(socket, 'end');
  assert.strictEqual(text, '0123456789'.repeat(10));
});

test('an idle connection is told, and not closed', async (t) => {
  const { port } = await serve(t);
  const socket = await connected(port, { timeout: 20 });
  await once(socket, 'timeout');
  assert.strictEqual(socket.destroyed, false);
  socket.destroy();
});

test('damage on the way is an error, not data', async (t) => {
  const { port } = await serve(t, {}, (socket) => socket.on('error', () => {}));
  const proxy = net.createServer((from) => {
    const to = net.connect(port, '127.0.0.1');
    let count = 0;
    from.pipe(to);
    to.on('data', (chunk) => {
      if (count++ > 0) chunk[chunk.length - 1] ^= 1;
      from.write(chunk);
    });
    for (const one of [from, to]) one.on('error', () => {}).on('close', () => { from.destroy(); to.destroy(); });
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => proxy.close());
  const socket = client(proxy.address().port, { minVersion: 'TLSv1.3' });
  socket.on('data', () => assert.fail('damaged data came out'));
  const [error] = await once(socket, 'error');
  assert.strictEqual(error.code, 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC');
});
