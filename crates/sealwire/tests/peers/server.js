// A TLS server that says each client's line backwards and tells what it saw of it.
//
// Argument: the options of tls.createServer as JSON; `ca`, `cert`, `key` and `crl` name files, and
// `names` has options for certain server names, as an object or as pairs where the order counts.
// With `store` it keeps its sessions itself.
'use strict';

const fs = require('node:fs');
const tls = require('node:tls');

const read = (file) => fs.readFileSync(file);

function options(given) {
  const made = { ...given };
  for (const name of ['ca', 'crl']) {
    if (made[name]) made[name] = made[name].map(read);
  }
  for (const name of ['cert', 'key']) {
    if (Array.isArray(made[name])) made[name] = made[name].map(read);
    else if (made[name]) made[name] = read(made[name]);
  }
  return made;
}

const { names = {}, store = false, ...given } = JSON.parse(process.argv[2]);
const tell = (seen) => console.log('SEEN ' + JSON.stringify(seen));

let stored = 0;
const server = tls.createServer(options(given), (socket) => {
  tell({
    error: null,
    authorized: socket.authorized,
    authorizationError: socket.authorizationError || null,
    protocol: socket.getProtocol(),
    cipher: socket.getCipher().standardName,
    alpn: socket.alpnProtocol || null,
    servername: socket.servername || null,
    reused: socket.isSessionReused(),
    fingerprint: socket.getPeerCertificate().fingerprint256 || null,
    stored,
  });
  let heard = '';
  socket.setEncoding('utf8');
  socket.on('error', () => {});
  socket.on('data', (text) => {
    heard += text;
    const [line, more] = heard.split('\n', 2);
    if (more !== undefined) socket.write([...line].reverse().join('') + '\n');
  });
});
const entries = Array.isArray(names) ? names : Object.entries(names);
for (const [name, own] of entries) server.addContext(name, options(own));
if (store) {
  const kept = new Map();
  server.on('newSession', (id, data, done) => {
    kept.set(id.toString('hex'), data);
    stored += 1;
    console.log('STORED ' + stored);
    done();
  });
  server.on('resumeSession', (id, done) => done(null, kept.get(id.toString('hex')) || null));
}
server.on('tlsClientError', (error) => tell({ error: error.code }));
server.listen(0, '127.0.0.1', () => console.log('PORT ' + server.address().port));
