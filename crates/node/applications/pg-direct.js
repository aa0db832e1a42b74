'use strict';
// pg with sslnegotiation=direct: TLS at once, by ALPN, against a stub of the protocol's opening.
const tls = require('node:tls');
const { Client } = require('pg');
const { ca, server, client, report } = require('./credentials');
const { listen, outcome, read } = require('./world');

function message(type, body) {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const READY = message('Z', Buffer.from('I'));

async function serve(socket, seen) {
  socket.on('error', () => {});
  seen.push([socket.alpnProtocol, socket.servername, socket.getPeerCertificate().subject?.CN ?? null]);
  const length = (await read(socket, 4)).readInt32BE();
  await read(socket, length - 4);
  socket.write(Buffer.concat([message('R', Buffer.alloc(4)), READY]));
  for (;;) {
    const head = await read(socket, 5);
    await read(socket, head.readInt32BE(1) - 4);
    if (head[0] === 0x58) return socket.end();
    socket.write(Buffer.concat([message('C', Buffer.from('SELECT 0\0')), READY]));
  }
}

(async () => {
  const seen = [];
  const listening = tls.createServer({ ...server, ca, requestCert: true, rejectUnauthorized: false, ALPNProtocols: ['postgresql'] },
    (socket) => serve(socket, seen).catch(() => {}));
  await listen(listening);
  const connect = async (ssl) => {
    const connecting = new Client({ host: 'localhost', port: listening.address().port, user: 'u', database: 'd', ssl, sslnegotiation: 'direct' });
    await connecting.connect();
    return connecting;
  };
  const connection = await connect({ ca, ...client });
  const { command } = await connection.query('select');
  await connection.query('x'.repeat(1_000_000));
  await connection.end();
  const anonymous = await connect({ ca });
  await anonymous.end();
  const untrusted = await outcome(connect({}).then(() => 'connected'));
  report({ command, seen: seen.slice(0, 2), untrusted });
  process.exit();
})();
