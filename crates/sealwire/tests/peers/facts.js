// Either side of one TLS connection after another; tells everything that Node knows of each.
//
// Arguments: `client` or `server`, and the options of tls.connect or tls.createServer as JSON;
// `ca`, `cert` and `key` name files, `staple` is the text of an OCSP response. A client makes a
// connection for each line that it reads, and keeps its session.
'use strict';

const fs = require('node:fs');
const readline = require('node:readline');
const tls = require('node:tls');

const [role, json] = process.argv.slice(2);
const given = JSON.parse(json);
for (const name of ['ca', 'cert', 'key']) if (given[name]) given[name] = fs.readFileSync(given[name]);

const hex = (bytes) => (bytes ? bytes.toString('hex') : null);

// The peer's certificate and its issuers.
function chain(certificate) {
  const all = [];
  while (certificate && certificate.fingerprint256 && !all.includes(certificate.fingerprint256)) {
    all.push(certificate.fingerprint256);
    certificate = certificate.issuerCertificate;
  }
  return all;
}

function facts(socket) {
  const label = 'EXPERIMENTAL-sealwire';
  return {
    protocol: socket.getProtocol(),
    cipher: socket.getCipher(),
    reused: socket.isSessionReused(),
    finished: hex(socket.getFinished()),
    peerFinished: hex(socket.getPeerFinished()),
    exported: [undefined, Buffer.alloc(0), Buffer.from('context')].map((context) =>
      hex(socket.exportKeyingMaterial(40, label, context))),
    sigalgs: socket.getSharedSigalgs(),
    ephemeral: socket.getEphemeralKeyInfo(),
    own: socket.getCertificate()?.fingerprint256 ?? null,
    chain: chain(socket.getPeerCertificate(true)),
    servername: socket.servername || null,
    keylog: socket.lines,
    ocsp: socket.ocsp,
  };
}

function watch(socket) {
  socket.lines = [];
  socket.on('keylog', (line) => socket.lines.push(line.toString().trim()));
  socket.on('error', () => {});
}

const tell = (seen) => console.log('SEEN ' + JSON.stringify(seen));

if (role === 'server') {
  const server = tls.createServer(given, (socket) => {
    tell(facts(socket));
    socket.on('error', () => {});
    // Node 20 sends no close_notify when it ends at once.
    socket.once('data', () => socket.end('x'));
  });
  server.on('keylog', (line, socket) => {
    socket.lines = socket.lines || [];
    socket.lines.push(line.toString().trim());
  });
  if (given.staple) {
    server.on('OCSPRequest', (leaf, issuer, done) => done(null, Buffer.from(given.staple)));
  }
  server.on('tlsClientError', (error) => tell({ error: error.code }));
  server.listen(0, '127.0.0.1', () => console.log('PORT ' + server.address().port));
} else {
  let session;
  const connect = (port, done) => {
    const options = { ...given, port, host: '127.0.0.1', servername: 'localhost', session };
    const socket = tls.connect(options);
    watch(socket);
    socket.ocsp = [];
    socket.on('OCSPResponse', (response) => socket.ocsp.push(hex(response)));
    socket.on('session', (made) => { session = made; });
    let seen = { error: null };
    socket.on('secureConnect', () => { seen = facts(socket); });
    socket.on('error', (error) => { seen = { error: error.code }; });
    socket.on('close', () => { tell(seen); done(); });
    socket.resume();
    socket.on('end', () => socket.end());
  };
  (async () => {
    for await (const line of readline.createInterface({ input: process.stdin })) {
      await new Promise((done) => connect(Number(line), done));
    }
  })();
}
