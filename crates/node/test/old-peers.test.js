'use strict';

// Old peers, by the OpenSSL of this Node: with JUDGE=node, what Node itself does with the same options.

const assert = require('node:assert');
const { execFileSync, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const native = require('node:tls');
const { test } = require('node:test');
const { identity, pem, readAll, tls } = require('../support');

const LEVEL = '@SECLEVEL=0';

/** A server of one implementation, and a client of the other or the same. */
async function pair(t, [server, client], serverOptions, clientOptions) {
  const listening = server.createServer({ ...identity('server'), ...serverOptions }, (socket) => {
    socket.on('error', () => {});
    socket.end('hello');
  });
  listening.on('tlsClientError', () => {});
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  t.after(() => listening.close());
  const socket = client.connect({
    port: listening.address().port, host: '127.0.0.1', servername: 'localhost', ca: pem('ca-cert'), ...clientOptions,
  });
  await once(socket, 'secureConnect');
  return socket;
}

const SIDES = [['ours and ours', [tls, tls]], ['theirs and ours', [native, tls]], ['ours and theirs', [tls, native]]];

for (const [who, sides] of SIDES) {
  for (const version of ['TLSv1', 'TLSv1.1', 'TLSv1.2']) {
    test(`${version}, ${who}`, async (t) => {
      const options = { minVersion: version, maxVersion: version, ciphers: `ECDHE-ECDSA-AES128-SHA:${LEVEL}` };
      const socket = await pair(t, sides, options, options);
      assert.strictEqual(socket.getProtocol(), version);
      assert.deepStrictEqual(socket.getCipher(), {
        name: 'ECDHE-ECDSA-AES128-SHA', standardName: 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA', version: 'TLSv1.0',
      });
      assert.strictEqual(socket.authorized, true);
      assert.strictEqual((await readAll(socket)).toString(), 'hello');
    });
  }

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3']) {
    test(`pre-shared keys in ${maxVersion}, ${who}`, async (t) => {
      const key = Buffer.alloc(32, 7);
      const common = { ciphers: `PSK+HIGH:TLS_AES_128_GCM_SHA256:${LEVEL}`, maxVersion, cert: undefined, key: undefined };
      const seen = [];
      const server = {
        ...common,
        pskIdentityHint: 'who?',
        pskCallback(socket, name) {
          seen.push(name);
          return name === 'bob' ? key : null;
        },
      };
      const hints = [];
      const socket = await pair(t, sides, server, {
        ...common,
        checkServerIdentity() {},
        pskCallback(hint) {
          hints.push(hint);
          return { psk: key, identity: 'bob' };
        },
      });
      assert.strictEqual(socket.authorized, true);
      assert.strictEqual(seen[0], 'bob');
      assert.strictEqual(hints.at(-1), maxVersion === 'TLSv1.2' ? 'who?' : null);
      assert.strictEqual((await readAll(socket)).toString(), 'hello');
    });
  }

  test(`renegotiation, ${who}`, async (t) => {
    const options = { maxVersion: 'TLSv1.2', ciphers: `ECDHE-ECDSA-AES128-SHA:${LEVEL}` };
    const [server, client] = sides;
    const listening = server.createServer({ ...identity('server'), ...options }, (socket) => socket.pipe(socket));
    listening.listen(0, '127.0.0.1');
    await once(listening, 'listening');
    t.after(() => listening.close());
    const socket = client.connect({
      port: listening.address().port, host: '127.0.0.1', servername: 'localhost', ca: pem('ca-cert'), ...options,
    });
    await once(socket, 'secureConnect');
    await new Promise((resolve, reject) => {
      const begun = socket.renegotiate({}, (error) => (error ? reject(error) : resolve()));
      assert.strictEqual(begun, true);
    });
    assert.strictEqual(socket.authorized, true);
    socket.end('again');
    assert.strictEqual((await readAll(socket)).toString(), 'again');
  });
}

test('what is not asked for finds no OpenSSL', () => {
  const script = `
    const native = require('./js/native');
    let asked = 0;
    const { whyNoOpenssl } = native;
    native.whyNoOpenssl = () => { asked += 1; return whyNoOpenssl(); };
    const tls = require('./js');
    tls.createSecureContext({});
    tls.createSecureContext({ ciphers: tls.DEFAULT_CIPHERS });
    tls.createSecureContext({ minVersion: 'TLSv1.2', ciphers: 'HIGH:!aNULL' });
    process.stdout.write(String(asked));`;
  const asked = execFileSync(process.execPath, ['-e', script], { cwd: path.join(__dirname, '..') });
  assert.strictEqual(asked.toString(), '0');
});

test('parameters for DHE that are none are passed over, as in Node', () => {
  tls.createSecureContext({ dhparam: 'none' });
});

for (const [who, sides] of SIDES) {
  for (const version of ['TLSv1', 'TLSv1.2']) {
    test(`a session of ${version} goes on, ${who}`, async (t) => {
      const [server, client] = sides;
      const ciphers = `ECDHE-ECDSA-AES128-SHA:${LEVEL}`;
      const options = { minVersion: version, maxVersion: version, ciphers };
      const asking = { ...identity('server'), ca: pem('ca-cert'), requestCert: true, ...options };
      const seen = [];
      const listening = server.createServer(asking, (socket) => {
        seen.push([socket.isSessionReused(), socket.authorized, socket.getPeerCertificate().fingerprint]);
        socket.end('x');
      });
      listening.listen(0, '127.0.0.1');
      await once(listening, 'listening');
      t.after(() => listening.close());
      const visit = async (session) => {
        const socket = client.connect({
          port: listening.address().port, host: '127.0.0.1', servername: 'localhost', ca: pem('ca-cert'),
          ...identity('client'), ...options, session,
        });
        let given;
        socket.on('session', (one) => { given = one; });
        await once(socket, 'secureConnect');
        const { authorized } = socket;
        const reused = socket.isSessionReused();
        await readAll(socket);
        return { reused, authorized, given };
      };
      const first = await visit();
      const second = await visit(first.given);
      assert.deepStrictEqual([first.reused, second.reused], [false, true]);
      assert.deepStrictEqual([first.authorized, second.authorized], [true, true]);
      assert.deepStrictEqual(seen.map(([reused]) => reused), [false, true]);
      assert.deepStrictEqual(seen[1].slice(1), seen[0].slice(1));
    });
  }

  test(`a name that is no host name, ${who}`, async (t) => {
    const names = [];
    const [server] = sides;
    const options = {
      SNICallback: (name, callback) => {
        names.push(name);
        callback(null, server.createSecureContext(identity('server')));
      },
    };
    for (const servername of ['sni.0', 'two..dots', '-a.example']) {
      const socket = await pair(t, sides, options, { servername, checkServerIdentity() {} });
      assert.strictEqual(socket.getProtocol(), 'TLSv1.3');
      assert.strictEqual(socket.authorized, true);
      assert.strictEqual((await readAll(socket)).toString(), 'hello');
    }
    assert.deepStrictEqual(names, ['sni.0', 'two..dots', '-a.example']);
  });

  test(`a group that only OpenSSL has, ${who}`, async (t) => {
    const socket = await pair(t, sides, { ecdhCurve: 'P-521' }, { ecdhCurve: 'P-521' });
    assert.strictEqual(socket.getEphemeralKeyInfo().name, 'secp521r1');
    assert.strictEqual((await readAll(socket)).toString(), 'hello');
  });

  test(`a client with DEFAULT@SECLEVEL=0 has the suites of old servers, ${who}`, async (t) => {
    const old = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-SHA' };
    const socket = await pair(t, sides, old, { ciphers: `DEFAULT${LEVEL}` });
    assert.strictEqual(socket.getCipher().name, 'ECDHE-ECDSA-AES256-SHA');
    assert.strictEqual((await readAll(socket)).toString(), 'hello');
  });
}

test('the keys of tickets are asked for', async (t) => {
  const keys = { hmac: Buffer.alloc(16, 'h'), aes: Buffer.alloc(16, 'a'), name: Buffer.alloc(16, 'n') };
  const asked = [];
  const reused = [];
  const server = tls.createServer({ ...identity('server'), maxVersion: 'TLSv1.2' }, (socket) => {
    reused.push(socket.isSessionReused());
    socket.end('x');
  });
  server._sharedCreds.context.enableTicketKeyCallback();
  server._sharedCreds.context.onticketkeycallback = (name, iv, isNew) => {
    asked.push(isNew ? 'new' : name.toString());
    return isNew ? [1, keys.hmac, keys.aes, keys.name, Buffer.alloc(16)] : [1, keys.hmac, keys.aes];
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  let session;
  for (let turn = 0; turn < 2; turn += 1) {
    const socket = tls.connect({
      port: server.address().port, host: '127.0.0.1', servername: 'localhost', ca: pem('ca-cert'), session,
    });
    socket.on('session', (given) => { session = given; });
    await readAll(socket);
  }
  assert.deepStrictEqual(reused, [false, true]);
  assert.strictEqual(asked[0], 'new');
  assert.ok(asked.includes('n'.repeat(16)));
});

test('a connection is told in the words of the host’s OpenSSL', { skip: process.env.JUDGE === 'node' }, () => {
  const program = (module) => `
    const tls = require(${JSON.stringify(module)});
    const { identity, pem } = require('./support');
    const native = require('node:tls');
    const options = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' };
    const server = native.createServer({ ...identity('server'), ...options }, (socket) => socket.end('x'));
    server.listen(0, '127.0.0.1', () => {
      const socket = tls.connect({ port: server.address().port, host: '127.0.0.1', servername: 'localhost',
        ca: pem('ca-cert'), enableTrace: true, ...options });
      socket.resume().on('close', () => server.close());
    });`;
  const words = (module) => {
    const { stderr } = spawnSync(process.execPath, ['-e', program(module)], { cwd: path.join(__dirname, '..'), encoding: 'utf8' });
    // What a message is made of, without what differs from one connection to the next.
    return stderr.split('\n').filter((line) => /^(?:Sent|Received|Header| +[A-Z][A-Za-z]+, Length|  (?:Version|Content Type))/.test(line))
      .map((line) => line.replace(/Length=\d+/, ''));
  };
  const theirs = words('node:tls');
  assert.ok(theirs.some((line) => line.includes('ClientKeyExchange')), 'Node tells a handshake');
  assert.deepStrictEqual(words('./js'), theirs);
});

test('a process warns once, whichever of its threads is the first', () => {
  const make = `require(${JSON.stringify(path.join(__dirname, '..'))}).createSecureContext({ minVersion: 'TLSv1' });`;
  const program = `
    const { Worker } = require('node:worker_threads');
    for (let i = 0; i < 3; i += 1) new Worker(${JSON.stringify(make)}, { eval: true });
    ${make}`;
  const ran = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' });
  assert.strictEqual(ran.status, 0, ran.stderr);
  assert.strictEqual(ran.stderr.match(/LegacyTLSWarning/g).length, 1, ran.stderr);
});
