'use strict';

// What Node says of options that are of the wrong type, and its agents' names.

const assert = require('assert');
const nodeHttps = require('node:https');
const nodeTls = require('node:tls');
const test = require('node:test');
const https = require('../js/https');
const { identity, pem, tls } = require('../support');

const WRONG = [true, false, 1, null, '', {}, [], [true], [false], () => {}, { pem: pem('server-key') }];
const OPTIONS = [
  'key', 'cert', 'ca', 'crl', 'dhparam', 'passphrase', 'ciphers', 'ecdhCurve', 'sigalgs', 'minVersion',
  'secureOptions', 'sessionTimeout', 'ticketKeys', 'sessionIdContext', 'secureProtocol',
  'honorCipherOrder', 'allowPartialTrustChain', 'handshakeTimeout', 'SNICallback', 'ALPNProtocols',
  'pskIdentityHint',
];

function outcome(make) {
  try {
    make();
    return 'made';
  } catch ({ code, name, message }) {
    return { code, name, message };
  }
}

for (const maker of ['createServer', 'createSecureContext']) {
  test(`${maker} takes and refuses what Node's does`, () => {
    for (const name of OPTIONS) {
      for (const value of WRONG) {
        // OpenSSL 3.0, in Node 20, refuses an empty list of curves; later ones take it.
        if (name === 'ecdhCurve' && value === '') continue;
        const options = { ...identity('server'), [name]: value };
        assert.deepStrictEqual(outcome(() => tls[maker](options)), outcome(() => nodeTls[maker](options)),
          `${name}: ${String(value)}`);
      }
    }
  });
}

test('an agent names connections as those of Node do', () => {
  const agents = [new https.Agent(), new nodeHttps.Agent()];
  const values = {
    ca: 'ca', cert: 'cert', ciphers: 'c', crl: [Buffer.from('c'), Buffer.from('d')], dhparam: 'd', ecdhCurve: 'e',
    honorCipherOrder: false, key: 'k', rejectUnauthorized: false, secureOptions: 0, secureProtocol: 'p',
    servername: 'localhost', sessionIdContext: 's', sigalgs: 'g', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3',
    localAddress: '127.0.0.1', family: 6, socketPath: '/s', port: 443, host: 'localhost',
  };
  for (const options of [undefined, {}, values, ...Object.entries(values).map(([name, value]) => ({ [name]: value }))]) {
    const [ours, native] = agents.map((agent) => agent.getName(options));
    assert.strictEqual(ours, native);
  }
});

test('an agent is made without new, and forgets the oldest session', () => {
  const agent = https.Agent({ maxCachedSessions: 1 });
  assert.ok(agent instanceof https.Agent);
  agent._cacheSession('one', Buffer.from('1'));
  agent._cacheSession('two', Buffer.from('2'));
  assert.strictEqual(agent._getSession('one'), undefined);
  assert.deepStrictEqual(agent._getSession('two'), Buffer.from('2'));
  agent._evictSession('two');
  assert.strictEqual(agent._getSession('two'), undefined);
});
