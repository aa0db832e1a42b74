'use strict';

// Keys, requests, certificates, PFX and revocation lists: OpenSSL, and Node's own crypto and TLS judge.

const assert = require('node:assert');
const { spawn, spawnSync } = require('node:child_process');
const crypto = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const https = require('node:https');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { domainToASCII } = require('node:url');
const nodeTls = require('node:tls');
const { file, pem } = require('../support');
const needed = require('../support/needed');
const pki = require('../js/pki.js');
const tls = require('..');

/** Files that openssl reads, and what it says. */
function openssl(t, files, ...args) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sealwire-pki-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), content);
  const { status, stdout, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
  return { status, said: stdout + stderr };
}

/** A request to a server of Node's with this identity; the answer or the code of the error. */
async function ask(t, identity, options) {
  const server = https.createServer(identity, (request, response) => response.end('ok')).listen(0);
  await once(server, 'listening');
  t.after(() => { server.close(); server.closeAllConnections(); });
  return new Promise((resolve) => {
    https.get({ host: 'localhost', port: server.address().port, agent: false, ...options }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', ({ code }) => resolve(code));
  });
}

test('an identity that signs itself serves Node', async (t) => {
  const identity = await pki.selfSigned(['localhost', '127.0.0.1']);
  assert.deepStrictEqual(Object.keys(identity).sort(), ['cert', 'key']);
  assert.strictEqual(await ask(t, identity, { ca: identity.cert }), 200);
  assert.strictEqual(await ask(t, identity, {}), 'DEPTH_ZERO_SELF_SIGNED_CERT');
  const { subjectAltName, validTo, validFrom } = new crypto.X509Certificate(identity.cert);
  assert.strictEqual(subjectAltName, 'DNS:localhost, IP Address:127.0.0.1');
  assert.strictEqual(Math.round((new Date(validTo) - new Date(validFrom)) / 86_400_000), 365);
});

for (const [name, order] of Object.entries({
  selfSigned: ['localhost'],
  createAuthority: [],
  createCertificate: [{ names: 'localhost' }],
  createKey: [],
  createRequest: [{ names: 'localhost' }],
})) {
  test(`${name} at once and by promise`, async () => {
    const later = pki[name](...order);
    assert.ok(later instanceof Promise);
    assert.deepStrictEqual(Object.keys(await later), Object.keys(pki[`${name}Sync`](...order)));
  });
}

for (const [type, asymmetric, details] of [
  [undefined, 'ec', { namedCurve: 'prime256v1' }],
  ['p384', 'ec', { namedCurve: 'secp384r1' }],
  ['p521', 'ec', { namedCurve: 'secp521r1' }],
  ['ed25519', 'ed25519', {}],
  ['rsa:2048', 'rsa', { modulusLength: 2048, publicExponent: 65537n }],
]) {
  test(`a key of type ${type}`, async () => {
    const { key, publicKey } = await pki.createKey({ type });
    const read = crypto.createPrivateKey(key);
    assert.strictEqual(read.asymmetricKeyType, asymmetric);
    for (const [name, value] of Object.entries(details)) assert.strictEqual(read.asymmetricKeyDetails[name], value);
    assert.strictEqual(crypto.createPublicKey(read).export({ type: 'spki', format: 'pem' }), publicKey);
  });
}

test('a key is encrypted, and changes its passphrase', async () => {
  const { key } = await pki.createKey({ passphrase: 'first' });
  assert.match(key, /^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
  const again = await pki.createKey({ key, passphrase: 'first', newPassphrase: 'second' });
  assert.ok(crypto.createPrivateKey({ key: again.key, passphrase: 'second' }));
  const plain = await pki.createKey({ key, passphrase: 'first' });
  assert.match(plain.key, /^-----BEGIN PRIVATE KEY-----/);
  await assert.rejects(pki.createKey({ key, passphrase: 'wrong' }), { code: 'ERR_PKI_WRONG_PASSPHRASE', message: /options\.key/ });
  await assert.rejects(pki.createKey({ key }), { code: 'ERR_PKI_PASSPHRASE_NEEDED' });
});

test('a request is OpenSSL\'s to verify, and a CA\'s to sign', async (t) => {
  if (!needed.programs(t, 'openssl')) return;
  const { key } = await pki.createKey();
  const { csr } = await pki.createRequest({ key, subject: '/O=Example/CN=app', names: ['app.test', '10.0.0.1'] });
  const { said } = openssl(t, { csr }, 'req', '-in', 'csr', '-noout', '-verify', '-text');
  assert.match(said, /verify OK/);
  assert.match(said, /DNS:app\.test, IP Address:10\.0\.0\.1/);
  const { subject, names, publicKey } = pki.readRequest(csr);
  assert.deepStrictEqual([subject, names], ['CN=app,O=Example', ['DNS:app.test', 'IP:10.0.0.1']]);
  assert.strictEqual(publicKey, crypto.createPublicKey(key).export({ type: 'spki', format: 'pem' }));
  const issuer = await pki.createAuthority();
  const made = await pki.createCertificate({ csr, issuer, copyNames: true });
  assert.deepStrictEqual(Object.keys(made), ['cert']);
  assert.ok(new crypto.X509Certificate(made.cert).checkPrivateKey(crypto.createPrivateKey(key)));
  const verified = openssl(t, { ca: issuer.cert, cert: made.cert }, 'verify', '-CAfile', 'ca', 'cert');
  assert.strictEqual(verified.status, 0, verified.said);
  const broken = csr.replace(/.{8}(?=\n[^\n]+\n-----END)/, 'AAAAAAAA');
  assert.throws(() => pki.readRequest(broken), { code: /^ERR_PKI_(BAD_SIGNATURE|MALFORMED)$/ });
});

test('a CA signs for private names, and no others', async (t) => {
  const issuer = await pki.createAuthority({ name: 'Mine' });
  const identity = await pki.createCertificate({ issuer, names: ['localhost', 'app.internal', '192.168.1.1'] });
  assert.strictEqual(await ask(t, identity, { ca: issuer.cert }), 200);
  const outside = { code: 'ERR_PKI_INVALID_VALUE', message: /^options\.names: this issuer may not sign for all of them/ };
  await assert.rejects(pki.createCertificate({ issuer, names: 'bank.example.com' }), outside);
  const narrow = await pki.createAuthority({ limitAddresses: true });
  assert.ok(await pki.createCertificate({ issuer: narrow, names: '192.168.1.1' }));
  for (const name of ['bank.example.com', '8.8.8.8']) {
    await assert.rejects(pki.createCertificate({ issuer: narrow, names: name }), outside);
  }
  const wider = await pki.createAuthority({ permitted: 'example.com' });
  assert.ok(await pki.createCertificate({ issuer: wider, names: 'bank.example.com' }));
  const unlimited = await pki.createAuthority({ unlimited: true });
  assert.ok(await pki.createCertificate({ issuer: unlimited, names: 'bank.example.org' }));
});

test('a certificate outside the limits of a CA is refused by OpenSSL, too', async (t) => {
  if (!needed.programs(t, 'openssl')) return;
  const { key, cert } = await pki.createAuthority();
  const { csr } = await pki.createRequest({ names: 'bank.example.com' });
  const files = { key, ca: cert, csr, ext: 'subjectAltName=DNS:bank.example.com' };
  const signed = openssl(t, files, 'x509', '-req', '-in', 'csr', '-CA', 'ca', '-CAkey', 'key', '-extfile', 'ext', '-CAcreateserial');
  const leaf = signed.said.slice(signed.said.indexOf('-----BEGIN CERT'));
  const { said, status } = openssl(t, { ca: cert, leaf }, 'verify', '-CAfile', 'ca', 'leaf');
  assert.notStrictEqual(status, 0);
  assert.match(said, /permitted subtree violation/);
});

test('an intermediate sends its certificate along', async (t) => {
  const root = await pki.createAuthority();
  const middle = await pki.createAuthority({ issuer: root, name: 'Middle' });
  const leaf = await pki.createCertificate({ issuer: middle, names: 'localhost' });
  assert.strictEqual(leaf.cert.match(/BEGIN CERT/g).length, 2);
  assert.strictEqual(await ask(t, leaf, { ca: root.cert }), 200);
  await assert.rejects(pki.createAuthority({ issuer: middle }), { code: 'ERR_PKI_INVALID_VALUE' });
});

test('a client certificate, with dates, serial and usages of its own', async () => {
  const issuer = await pki.createAuthority();
  const notBefore = new Date('2030-01-02T03:04:05Z');
  const { cert } = await pki.createCertificate({
    issuer, subject: '/CN=Alice', extendedKeyUsage: 'clientAuth', keyUsage: ['digitalSignature'], serial: '0a0b0c',
    notBefore: new Date('2024-01-02T03:04:05Z'), notAfter: notBefore, keyType: 'ed25519',
  });
  const read = new crypto.X509Certificate(cert);
  assert.strictEqual(read.subject, 'CN=Alice');
  assert.strictEqual(read.serialNumber, '0A0B0C');
  assert.deepStrictEqual(read.keyUsage, ['1.3.6.1.5.5.7.3.2']);
  assert.strictEqual(new Date(read.validTo).getTime(), notBefore.getTime());
});

test('a certificate for a public key, and for objects of node:crypto', async () => {
  const issuer = await pki.createAuthority();
  const { publicKey, privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  for (const owner of [{ publicKey }, { key: privateKey }, { publicKey: publicKey.export({ type: 'spki', format: 'pem' }) }]) {
    const made = await pki.createCertificate({
      ...owner, names: 'localhost', issuer: { cert: new crypto.X509Certificate(issuer.cert), key: crypto.createPrivateKey(issuer.key) },
    });
    assert.strictEqual(made.key, undefined);
    assert.ok(new crypto.X509Certificate(made.cert).checkPrivateKey(privateKey));
  }
});

test('names of other scripts are written as DNS has them', async () => {
  const { cert } = await pki.selfSigned('b\u00fccher.example');
  assert.strictEqual(new crypto.X509Certificate(cert).subjectAltName, `DNS:${domainToASCII('b\u00fccher.example')}`);
});

for (const legacy of [false, true]) {
  test(`a PFX${legacy ? ' of old' : ''} opens with its passphrase`, async (t) => {
    const issuer = await pki.createAuthority();
    const { key, cert } = await pki.createCertificate({ issuer, names: 'localhost' });
    const pfx = await pki.createPfx({ key, cert, ca: issuer.cert, passphrase: 'word', name: 'mine', legacy });
    assert.ok(Buffer.isBuffer(pfx));
    assert.deepStrictEqual(await pki.readPfx(pfx, 'word'), { key, cert, ca: [issuer.cert], name: 'mine' });
    assert.ok(tls.createSecureContext({ pfx, passphrase: 'word' }));
    if (!legacy) assert.ok(nodeTls.createSecureContext({ pfx, passphrase: 'word' }));
    await assert.rejects(pki.readPfx(pfx, 'other'), { code: 'ERR_PKI_WRONG_PASSPHRASE' });
    if (!needed.programs(t, 'openssl')) return;
    const flags = legacy ? ['-legacy'] : [];
    const { status, said } = openssl(t, { pfx }, 'pkcs12', '-in', 'pfx', '-passin', 'pass:word', '-nodes', ...flags);
    assert.strictEqual(status, 0, said);
    assert.match(said, /friendlyName: mine/);
  });
}

test('a list revokes what it names', async (t) => {
  const issuer = await pki.createAuthority();
  const good = await pki.createCertificate({ issuer, names: 'localhost' });
  const bad = await pki.createCertificate({ issuer, names: 'localhost' });
  const crl = await pki.createRevocationList({ issuer, number: 2, revoked: [{ cert: bad.cert, reason: 'keyCompromise' }] });
  assert.strictEqual(await ask(t, good, { ca: issuer.cert, crl }), 200);
  assert.strictEqual(await ask(t, bad, { ca: issuer.cert, crl }), 'CERT_REVOKED');
  if (!needed.programs(t, 'openssl')) return;
  assert.match(openssl(t, { crl }, 'crl', '-in', 'crl', '-noout', '-text').said, /Key Compromise/);
});

test('what is wrong is named, and no key with it', async () => {
  const { key } = await pki.createKey();
  for (const [make, code, text] of [
    [() => pki.createKeySync({ type: 'rsa:1000' }), 'ERR_PKI_INVALID_VALUE', /options\.type/],
    [() => pki.selfSignedSync([]), 'ERR_PKI_INVALID_VALUE', /name/],
    [() => pki.selfSignedSync('not a name'), 'ERR_PKI_INVALID_VALUE', /options\.names/],
    [() => pki.selfSignedSync('localhost', { isuer: { key } }), 'ERR_INVALID_ARG_VALUE', /options\.isuer.* is not an option/],
    [() => pki.createCertificateSync({ names: 1 }), 'ERR_INVALID_ARG_TYPE', /options\.names/],
    [() => pki.createCertificateSync({ names: 'a', key: 'nonsense' }), 'ERR_PKI_NO_PEM_BLOCK', /options\.key/],
    [() => pki.createCertificateSync({ names: 'a', issuer: { key } }), 'ERR_INVALID_ARG_TYPE', /cert/],
    [() => pki.createCertificateSync({ names: 'a', serial: 'xyz' }), 'ERR_PKI_INVALID_VALUE', /options\.serial/],
    [() => pki.createCertificateSync({ names: 'a', days: -1 }), 'ERR_OUT_OF_RANGE', /options\.days/],
    [() => pki.createPfxSync({ key, cert: pki.selfSignedSync('a').cert, passphrase: 'x' }), 'ERR_PKI_KEY_MISMATCH', /key/],
  ]) {
    assert.throws(make, (error) => {
      assert.strictEqual(error.code, code, error.message);
      assert.match(error.message, text);
      assert.ok(!error.message.includes(key.slice(40, 80)));
      return true;
    });
  }
});

test('keys are made beside the event loop', async () => {
  let turns = 0;
  const counting = setInterval(() => { turns++; }, 1);
  await pki.createKey({ type: 'rsa:4096' });
  clearInterval(counting);
  assert.ok(turns > 0);
});

for (const [version, ciphers] of [['TLSv1.1', 'ALL:@SECLEVEL=0'], ['TLSv1.2'], ['TLSv1.3']]) {
  test(`a refusal of our certificate is explained by it, ${version}`, async (t) => {
    if (!needed.programs(t, 'openssl')) return;
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sealwire-'));
    t.after(() => fs.rmSync(folder, { recursive: true }));
    const old = await pki.selfSigned('amit', { notBefore: new Date('2020-01-01'), notAfter: new Date('2020-02-01') });
    fs.writeFileSync(path.join(folder, 'amit.pem'), old.cert);
    const judge = spawn('openssl', [
      's_server', '-accept', '0', '-cert', file('server-cert.pem'), '-key', file('server-key.pem'), '-cipher', 'ALL:@SECLEVEL=0',
      '-Verify', '1', '-verify_return_error', '-CAfile', path.join(folder, 'amit.pem'),
    ]);
    t.after(() => judge.kill());
    let said = '';
    for await (const chunk of judge.stdout) {
      said += chunk;
      if (/ACCEPT .*:\d+\n/.test(said)) break;
    }
    const socket = tls.connect({
      port: Number(/ACCEPT .*:(\d+)\n/.exec(said)[1]), host: '127.0.0.1', servername: 'localhost', ca: pem('ca-cert'),
      ...old, minVersion: version, maxVersion: version, ciphers,
    });
    const [error] = await once(socket, 'error');
    assert.match(error.code, /ALERT_CERTIFICATE_EXPIRED$/);
    assert.match(error.evidence, /our certificate is at fault: CERT_HAS_EXPIRED: /);
  });
}

for (const [name, options, evidence] of [
  ['DEPTH_ZERO_SELF_SIGNED_CERT', {}, /CN=localhost/],
  ['ERR_TLS_CERT_ALTNAME_INVALID', { self: true, servername: 'elsewhere.example' }, /elsewhere\.example/],
  ['CERT_HAS_EXPIRED', { self: true, old: true }, /20\d\d/],
  ['ERR_SSL_WRONG_VERSION_NUMBER', { plain: true }, /./],
]) {
  test(`${name} carries its evidence and advice`, async (t) => {
    const times = options.old ? { notBefore: new Date('2020-01-01'), notAfter: new Date('2020-02-01') } : {};
    const identity = await pki.selfSigned('localhost', times);
    const server = options.plain ? net.createServer((socket) => socket.end('HTTP/1.1 400 No\r\n\r\n')) : tls.createServer(identity);
    server.listen(0);
    await once(server, 'listening');
    t.after(() => server.close());
    const socket = tls.connect({
      host: 'localhost', port: server.address().port, ca: options.self ? identity.cert : undefined, servername: options.servername,
    });
    const [error] = await once(socket, 'error');
    assert.strictEqual(error.code, name);
    assert.match(error.evidence, evidence);
    assert.match(error.advice, /\w+ \w+/);
    assert.ok(!Object.keys(error).includes('evidence') && !Object.keys(error).includes('advice'));
  });
}
