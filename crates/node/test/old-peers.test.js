'use strict';

// Old peers, by the OpenSSL of this Node: with JUDGE=node, what Node itself does with the same options.

const assert = require('node:assert');
const { execFileSync } = require('node:child_process');
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
