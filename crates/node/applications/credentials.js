'use strict';
// A CA, a certificate for localhost and one for a client, made by openssl for this run.
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sealwire-app-'));
process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));

const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
const read = (file) => fs.readFileSync(path.join(folder, file));

openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
  '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Application CA', '-days', '2');
for (const [name, subject, extensions] of [
  ['server', '/CN=localhost', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
  ['client', '/CN=Alice/O=Example', 'extendedKeyUsage=clientAuth'],
]) {
  fs.writeFileSync(path.join(folder, 'ext'), extensions);
  openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`,
    '-out', `${name}.csr`, '-subj', subject);
  openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key',
    '-out', `${name}.pem`, '-days', '2', '-extfile', 'ext');
}

exports.folder = folder;
exports.ca = read('ca.pem');
exports.server = { key: read('server.key'), cert: read('server.pem') };
exports.client = { key: read('client.key'), cert: read('client.pem') };

// The applications say what happened in one line of JSON; the test compares it.
exports.report = (facts) => {
  const tls = require('node:tls');
  const ours = process.env.SEALWIRE_MODULE;
  if (ours && require(ours).TLSSocket !== tls.TLSSocket) {
    throw new Error('node:tls is not the module under test');
  }
  console.log(JSON.stringify(facts));
};
