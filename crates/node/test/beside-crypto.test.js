'use strict';

// The second engine is the OpenSSL that node:crypto uses, too: each thread has one queue of errors for
// both. Neither may find there what the other has left. SEALWIRE_MIXED says how many connections
// (`just beside-crypto`: 10,000).

const assert = require('node:assert');
const crypto = require('node:crypto');
const { once } = require('node:events');
const native = require('node:tls');
const { test } = require('node:test');
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
const { identity, pem, readAll, tls } = require('../support');

const THREADS = 4;
const AT_ONCE = 8;
const MIXED = Number(process.env.SEALWIRE_MIXED ?? 1000);

/** How a connection is made; the last ones come to nothing, by errors of OpenSSL's. */
const KINDS = [
  { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0' },
  { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-SHA384' },
  { maxVersion: 'TLSv1.2', ciphers: 'PSK-AES128-GCM-SHA256', pskCallback: () => ({ psk: Buffer.alloc(16, 1), identity: 'a' }) },
  { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA', ca: pem('stranger-cert') },
  { maxVersion: 'TLSv1.2', ciphers: 'AES256-SHA' },
];
const CODES = [undefined, undefined, undefined, /^UNABLE_TO_VERIFY/, /^ERR_SSL_.*HANDSHAKE_FAILURE$/];

/** Uses of node:crypto that succeed, and that leave errors: each must say what it says alone. */
function useCrypto(turn) {
  const key = crypto.createHash('sha256').update(`key ${turn}`).digest();
  const cipher = crypto.createCipheriv('aes-256-gcm', key, Buffer.alloc(12));
  const sealed = Buffer.concat([cipher.update('text'), cipher.final()]);
  const open = crypto.createDecipheriv('aes-256-gcm', key, Buffer.alloc(12));
  open.setAuthTag(cipher.getAuthTag());
  assert.strictEqual(Buffer.concat([open.update(sealed), open.final()]).toString(), 'text');
  assert.throws(() => crypto.createPrivateKey('-----BEGIN PRIVATE KEY-----\nbm9uZQ==\n-----END PRIVATE KEY-----'),
    { code: /^ERR_OSSL_/ });
  const signed = crypto.sign('sha256', Buffer.from('text'), pem('server-key'));
  assert.strictEqual(crypto.verify('sha256', Buffer.from('text'), pem('server-cert'), signed), true);
  assert.strictEqual(crypto.verify('sha256', Buffer.from('other'), pem('server-cert'), signed), false);
  const broken = crypto.createDecipheriv('aes-128-cbc', Buffer.alloc(16), Buffer.alloc(16));
  assert.throws(() => { broken.update(Buffer.alloc(16)); broken.final(); }, { code: /^ERR_OSSL_(?:BAD_DECRYPT|WRONG)/ });
}

async function connection(port, turn) {
  const kind = turn % KINDS.length;
  const socket = tls.connect({
    port, host: '127.0.0.1', servername: 'localhost', ca: pem('ca-cert'), checkServerIdentity() {}, ...KINDS[kind],
  });
  useCrypto(turn);
  const failed = once(socket, 'error').then(([error]) => error);
  const secure = once(socket, 'secureConnect').then(() => undefined);
  const error = await Promise.race([failed, secure]);
  useCrypto(turn + 1);
  if (CODES[kind] === undefined) {
    assert.strictEqual(error, undefined);
    assert.strictEqual((await readAll(socket)).toString(), 'hello');
  } else {
    assert.match(String(error?.code), CODES[kind]);
  }
  socket.destroy();
}

/** One thread: a server of its own, and clients of both implementations' making. */
async function work({ count }) {
  const server = tls.createServer({
    ...identity('server'), minVersion: 'TLSv1', pskCallback: () => Buffer.alloc(16, 1),
    ciphers: 'ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:PSK-AES128-GCM-SHA256:@SECLEVEL=0',
  }, (socket) => {
    socket.on('error', () => {});
    socket.end('hello');
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  let turn = 0;
  const clients = Array.from({ length: AT_ONCE }, async () => {
    while (turn < count) {
      turn += 1;
      await connection(port, turn);
    }
  });
  await Promise.all(clients);
  // Node's own TLS finds the queue empty, too.
  const socket = native.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: pem('ca-cert'), ciphers: 'ECDHE-ECDSA-AES256-SHA384', maxVersion: 'TLSv1.2' });
  await once(socket, 'secureConnect');
  socket.destroy();
  server.close();
  return turn;
}

if (isMainThread) {
  test('connections of the second engine and node:crypto do not disturb each other', async () => {
    const workers = Array.from({ length: THREADS - 1 }, () => (
      new Worker(__filename, { workerData: { count: MIXED / THREADS } })));
    const done = workers.map((worker) => once(worker, 'message').then(([count]) => count));
    const counts = await Promise.all([work({ count: MIXED / THREADS }), ...done]);
    assert.deepStrictEqual(counts, Array(THREADS).fill(MIXED / THREADS));
  });
} else {
  work(workerData).then((count) => parentPort.postMessage(count));
}
