'use strict';

// What an https.Agent must not share: the holes that Node has closed in its own, one by one.

const assert = require('node:assert');
const { once } = require('node:events');
const fs = require('node:fs');
const { test } = require('node:test');
const { setImmediate: turn } = require('node:timers/promises');
const { file, identity, pem } = require('../support');
const judge = process.env.JUDGE === 'node' && require('node:https');
const https = judge || require('../js/https.js');

/** Node 20 and 25 have these holes still; the other lines have closed them in one of their releases. */
const nodeLooks = Object.hasOwn(require('node:https').Agent.prototype, 'keepSocketAlive');
const closed = { skip: judge && !nodeLooks && `Node ${process.version} does not look` };

async function serve(t) {
  const server = https.createServer(identity('server'), (request, response) => response.end(request.url));
  const sockets = [];
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
  });
  server.listen(0);
  await once(server, 'listening');
  t.after(() => { server.close(); server.closeAllConnections(); });
  return { port: server.address().port, sockets };
}

/** A request by an agent; its answer, or the message of the error. The connection is idle after it. */
function ask(agent, port, options) {
  return new Promise((resolve) => {
    const request = https.get({ agent, port, host: 'localhost', ca: pem('ca-cert'), ...options }, (response) => {
      let body = '';
      response.on('data', (part) => { body += part; });
      response.on('end', () => setImmediate(() => setImmediate(resolve, body)));
    });
    request.on('error', (error) => resolve(error.message));
  });
}

const refusing = () => new Error('not the server that is pinned');

function agentOf(t, options) {
  const agent = new https.Agent(options);
  t.after(() => agent.destroy());
  return agent;
}

test('a check of a request of its own is not skipped on a connection that is open', closed, async (t) => {
  const { port, sockets } = await serve(t);
  const agent = agentOf(t, { keepAlive: true });
  assert.strictEqual(await ask(agent, port, { path: '/a' }), '/a');
  assert.strictEqual(await ask(agent, port, { checkServerIdentity: refusing }), refusing().message);
  assert.strictEqual(await ask(agent, port, { path: '/b' }), '/b');
  const open = sockets.filter((socket) => !socket.destroyed);
  assert.strictEqual(open.length, 1);
});

test('nor on a session that is resumed', closed, async (t) => {
  const { port } = await serve(t);
  const agent = agentOf(t, { keepAlive: false });
  const tls12 = { maxVersion: 'TLSv1.2' };
  assert.strictEqual(await ask(agent, port, { path: '/a', ...tls12 }), '/a');
  assert.strictEqual(await ask(agent, port, { checkServerIdentity: refusing, ...tls12 }), refusing().message);
});

test('nor on the connection of a request with the same check', closed, async (t) => {
  const { port } = await serve(t);
  const agent = agentOf(t, { keepAlive: true });
  let asked = 0;
  const counting = () => { asked++; };
  for (let n = 0; n < 3; n++) await ask(agent, port, { checkServerIdentity: counting });
  assert.strictEqual(asked, 3);
  assert.strictEqual(Object.keys(agent.freeSockets).length, 0);
});

test('the check of an agent is the one of all its connections, and those are kept', async (t) => {
  const { port } = await serve(t);
  let asked = 0;
  const agent = agentOf(t, { keepAlive: true, checkServerIdentity: () => { asked++; } });
  for (let n = 0; n < 3; n++) await ask(agent, port);
  assert.strictEqual(asked, 1);
});

test('the check of the module is none of a request of its own', async (t) => {
  const { port, sockets } = await serve(t);
  const agent = agentOf(t, { keepAlive: true });
  const { checkServerIdentity } = judge ? require('node:tls') : require('..');
  for (let n = 0; n < 2; n++) await ask(agent, port, { checkServerIdentity });
  assert.strictEqual(sockets.length, 1);
});

const UNASKED = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';

test('what comes unasked on an idle connection is nobody\'s answer', closed, async (t) => {
  const { port, sockets } = await serve(t);
  const agent = agentOf(t, { keepAlive: true });
  await ask(agent, port, { path: '/a' });
  const [idle] = Object.values(agent.freeSockets)[0];
  sockets[0].write(UNASKED);
  await once(idle, 'close');
  assert.strictEqual(await ask(agent, port, { path: '/b' }), '/b');
  assert.strictEqual(sockets.length, 2);
});

test('nor is what waits unread when the next request comes', closed, async (t) => {
  const { port, sockets } = await serve(t);
  const agent = agentOf(t, { keepAlive: true });
  await ask(agent, port, { path: '/a' });
  await turn();
  // Written by this very process, it is with the system when `write` is done.
  sockets[0].write(UNASKED);
  assert.strictEqual(await ask(agent, port, { path: '/b' }), '/b');
  assert.strictEqual(sockets.length, 2);
});

test('an idle connection that has stayed silent is used again', async (t) => {
  const { port, sockets } = await serve(t);
  const agent = agentOf(t, { keepAlive: true });
  for (const path of ['/a', '/b', '/c']) assert.strictEqual(await ask(agent, port, { path }), path);
  assert.strictEqual(sockets.length, 1);
});

test('an agent that is not of https leaves nothing unasked to the next request either', {
  skip: !nodeLooks && `the http.Agent of Node ${process.version} does not look`,
}, async (t) => {
  const { port, sockets } = await serve(t);
  const http = require('node:http');
  class Own extends http.Agent {
    get protocol() { return 'https:'; }
    set protocol(_) {}
    createConnection(options) {
      return (judge ? require('node:tls') : require('..')).connect(options);
    }
  }
  const agent = new Own({ keepAlive: true });
  t.after(() => agent.destroy());
  await ask(agent, port, { path: '/a' });
  const [idle] = Object.values(agent.freeSockets)[0];
  sockets[0].write(UNASKED);
  await once(idle, 'close');
  assert.strictEqual(await ask(agent, port, { path: '/b' }), '/b');
});

test('names of connections tell by what a key or PFX is opened', { skip: judge && 'not all lines of Node do' }, () => {
  const agent = new https.Agent();
  const pfx = fs.readFileSync(file('server.pfx'));
  const key = pem('server-key-encrypted');
  const other = Buffer.from(pfx);
  // Not text, so not the same, though UTF-8 would have one sign for both bytes.
  other[10] = pfx[10] === 0x80 ? 0x81 : 0x80;
  pfx[10] = other[10] === 0x80 ? 0x81 : 0x80;
  const different = [
    {}, { pfx }, { pfx: other }, { pfx: [pfx] }, { pfx, passphrase: 'a' }, { pfx, passphrase: 'b' },
    { pfx: [{ buf: pfx, passphrase: 'c' }] }, { pfx: [{ buf: pfx, passphrase: 'd' }] },
    { pfx: [{ buf: pfx }], passphrase: 'e' }, { key }, { key: [{ pem: key, passphrase: 'f' }] },
    { key: [{ pem: key, passphrase: 'g' }] }, { key, passphrase: 'h' },
    { secureContext: {} }, { secureContext: {} }, { ALPNProtocols: ['h2'] }, { allowPartialTrustChain: true },
    { requestOCSP: true },
  ];
  const names = new Set(different.map((options) => agent.getName(options)));
  // An array of one may be the same as the one.
  assert.ok(names.size >= different.length - 1, [...names].join('\n'));
});

test('a PFX whose passphrase is wrong is refused, whatever connections there are', closed, async (t) => {
  const { port } = await serve(t);
  const agent = agentOf(t, { keepAlive: true });
  const buf = fs.readFileSync(file('server.pfx'));
  const opened = { pfx: [{ buf, passphrase: 'secret' }], path: '/a' };
  const right = await ask(agent, port, opened);
  assert.strictEqual(right, '/a');
  assert.throws(() => https.get({
    agent, port, host: 'localhost', ca: pem('ca-cert'), pfx: [{ buf, passphrase: 'wrong' }],
  }), /mac verify failure/);
});
