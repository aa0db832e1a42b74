'use strict';

const assert = require('node:assert');
const { once } = require('node:events');
const { test } = require('node:test');
const { constants: { SSL_OP_NO_TICKET } } = require('node:crypto');
const { client, connected, identity, pem, readAll, serve, tls } = require('../support');

/** Node 20 resumes what later versions do not: there it is no judge. */
const notIn20 = { skip: process.env.JUDGE === 'node' && process.versions.node.startsWith('20.') };

/** Connects, and waits for a session, where a new one is given, and the end. */
async function visit(port, options) {
  const socket = client(port, options);
  const session = once(socket, 'session');
  await once(socket, 'secureConnect');
  const facts = { reused: socket.isSessionReused(), authorized: socket.authorized };
  await readAll(socket);
  const got = facts.reused ? undefined : (await session)[0];
  return { ...facts, session: got };
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3']) {
  test(`a session is resumed (${maxVersion})`, async (t) => {
    const seen = [];
    const { port } = await serve(t, {}, (socket) => {
      seen.push(socket.isSessionReused());
      socket.end('x');
    });
    const first = await visit(port, { maxVersion });
    assert.ok(Buffer.isBuffer(first.session));
    const second = await visit(port, { maxVersion, session: first.session });
    assert.deepStrictEqual([first.reused, second.reused], [false, true]);
    assert.strictEqual(second.authorized, true);
    assert.deepStrictEqual(seen, [false, true]);
  });

  test(`a session of an unverified connection does not open a verified one (${maxVersion})`, notIn20, async (t) => {
    const { port } = await serve(t, {}, (socket) => socket.end('x'));
    const options = { maxVersion, servername: 'localhost', rejectUnauthorized: false };
    const { session } = await visit(port, { ...options, ca: [], checkServerIdentity() {} });
    const socket = client(port, { ...options, session, ca: pem('stranger-cert'), rejectUnauthorized: true });
    const [error] = await once(socket, 'error');
    assert.strictEqual(error.code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  test(`a session of another name is passed over (${maxVersion})`, notIn20, async (t) => {
    const { port } = await serve(t, {}, (socket) => socket.end('x'));
    const { session } = await visit(port, { maxVersion, servername: 'localhost' });
    const other = client(port, { maxVersion, session, servername: 'other.example' });
    const [error] = await once(other, 'error');
    assert.strictEqual(error.code, 'ERR_TLS_CERT_ALTNAME_INVALID');
  });
}

test('junk for a session is passed over', async (t) => {
  const { port } = await serve(t, {}, (socket) => socket.end('x'));
  for (const session of [Buffer.from('junk'), Buffer.alloc(100)]) {
    assert.strictEqual((await visit(port, { session })).reused, false);
  }
});

test('servers with the same ticket keys resume each other’s sessions, until the keys change', async (t) => {
  const ticketKeys = Buffer.alloc(48, 7);
  const one = await serve(t, { ticketKeys }, (socket) => socket.end('x'));
  const two = await serve(t, { ticketKeys }, (socket) => socket.end('x'));
  assert.deepStrictEqual(two.server.getTicketKeys(), ticketKeys);
  const first = await visit(one.port, {});
  const second = await visit(two.port, { session: first.session });
  assert.strictEqual(second.reused, true);
  two.server.setTicketKeys(Buffer.alloc(48, 8));
  assert.strictEqual((await visit(two.port, { session: first.session })).reused, false);
});

test('ticket keys are random, and of 48 bytes', async (t) => {
  const [one, two] = [await serve(t), await serve(t)];
  assert.strictEqual(one.server.getTicketKeys().length, 48);
  assert.notDeepStrictEqual(one.server.getTicketKeys(), two.server.getTicketKeys());
  assert.throws(() => one.server.setTicketKeys('x'), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => one.server.setTicketKeys(Buffer.alloc(47)), { code: 'ERR_INTERNAL_ASSERTION' });
});

test('the program stores sessions, and may answer later', async (t) => {
  const store = new Map();
  const { port, server } = await serve(t, { secureOptions: SSL_OP_NO_TICKET, maxVersion: 'TLSv1.2' },
    (socket) => socket.end('x'));
  server.on('newSession', (id, data, done) => {
    store.set(id.toString('hex'), data);
    setImmediate(done);
  });
  server.on('resumeSession', (id, done) => setImmediate(done, null, store.get(id.toString('hex'))));
  const first = await visit(port, {});
  assert.strictEqual(store.size, 1);
  const socket = await connected(port, { session: first.session });
  assert.strictEqual(socket.isSessionReused(), true);
  await readAll(socket);
});

test('who answers a session twice is told', async (t) => {
  const { port, server } = await serve(t, { maxVersion: 'TLSv1.2' });
  server.on('newSession', (id, data, done) => done());
  server.on('resumeSession', (id, done) => { done(null, null); done(null, null); });
  const told = once(server, 'tlsClientError');
  const first = client(port, { session: Buffer.alloc(1), minVersion: 'TLSv1.2' });
  first.on('error', () => {});
  const hello = client(port, { maxVersion: 'TLSv1.3' });
  hello.on('error', () => {});
  assert.strictEqual((await told)[0].code, 'ERR_MULTIPLE_CALLBACK');
  first.destroy();
  hello.destroy();
});

test('the certificate of a client is there again when its session is resumed', async (t) => {
  const seen = [];
  const { port } = await serve(t, { requestCert: true, ca: pem('ca-cert') }, (socket) => {
    seen.push([socket.isSessionReused(), socket.authorized, socket.getPeerCertificate().subject.CN]);
    socket.end('x');
  });
  const secureContext = tls.createSecureContext({ ...identity('client'), ca: pem('ca-cert') });
  const first = await visit(port, { secureContext });
  await visit(port, { secureContext, session: first.session });
  assert.deepStrictEqual(seen, [[false, true, 'a client'], [true, true, 'a client']]);
});

for (const maxVersion of ['TLSv1.2', 'TLSv1.3']) {
  test(`a session is resumed again and again, and its server gives no other (${maxVersion})`, async (t) => {
    const { port } = await serve(t, { maxVersion }, (socket) => socket.end('x'));
    const first = client(port);
    const [session] = await once(first, 'session');
    const ticket = first.getTLSTicket();
    await readAll(first);
    for (let n = 0; n < 3; n++) {
      const socket = client(port, { session });
      let more = 0;
      socket.on('session', () => { more += 1; });
      await once(socket, 'secureConnect');
      const seen = [socket.isSessionReused(), socket.getTLSTicket()];
      await readAll(socket);
      assert.deepStrictEqual([...seen, more], [true, ticket, 0]);
    }
  });
}
