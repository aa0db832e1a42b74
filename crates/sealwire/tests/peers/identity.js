// What Node's rules say of certificates and host names.
//
// In: one JSON object a line, { cert: <file>, hosts: [..] }. Out: for each a JSON array with the
// reason why the certificate is not for the host, or null.
'use strict';

const { X509Certificate } = require('node:crypto');
const fs = require('node:fs');
const readline = require('node:readline');
const tls = require('node:tls');

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { cert, hosts } = JSON.parse(line);
  const certificate = new X509Certificate(fs.readFileSync(cert)).toLegacyObject();
  const reasons = hosts.map((host) => tls.checkServerIdentity(host, certificate)?.reason ?? null);
  console.log('SEEN ' + JSON.stringify(reasons));
});
