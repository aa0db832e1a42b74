// A TLS client that does what it is told, line by line, and tells how it went.
//
// In: one JSON object a line, the options of tls.connect; `ca`, `cert`, `key` and `crl` name files.
// `say` is sent once the connection stands; with `again` the newest session is resumed. Out: one JSON object a line.
'use strict';

const fs = require('node:fs');
const readline = require('node:readline');
const tls = require('node:tls');

const read = (file) => fs.readFileSync(file);

function options(command) {
  const given = { ...command };
  for (const name of ['ca', 'crl']) {
    if (given[name]) given[name] = given[name].map(read);
  }
  for (const name of ['cert', 'key', 'session']) {
    if (given[name]) given[name] = read(given[name]);
  }
  return given;
}

let session;

function connect(command, done) {
  const seen = { secure: false, error: null, answer: '', sessions: 0 };
  const given = options(command);
  if (command.again) given.session = session;
  const socket = tls.connect(given, () => {
    Object.assign(seen, {
      secure: true,
      authorized: socket.authorized,
      authorizationError: socket.authorizationError || null,
      protocol: socket.getProtocol(),
      cipher: socket.getCipher().standardName,
      alpn: socket.alpnProtocol || null,
      reused: socket.isSessionReused(),
      fingerprint: socket.getPeerCertificate().fingerprint256,
    });
    if (command.say) socket.write(command.say);
    else socket.end();
  });
  socket.setEncoding('utf8');
  socket.on('data', (text) => { seen.answer += text; });
  socket.on('error', ({ code, library, reason, message }) => {
    Object.assign(seen, { error: code, library, reason, message });
  });
  socket.on('session', (newest) => { session = newest; seen.sessions += 1; });
  socket.on('close', () => done(seen));
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const seen = await new Promise((done) => connect(JSON.parse(line), done));
    console.log('SEEN ' + JSON.stringify(seen));
  }
})();
