'use strict';
// mysql2 against a stub that speaks the opening of the protocol: a greeting, TLS, a login, queries.
const net = require('node:net');
const tls = require('node:tls');
const mysql = require('mysql2/promise');
const { ca, server, report } = require('./credentials');
const { listen, outcome, read } = require('./world');

const SSL = 0x800;
const CAPABILITIES = 0x00000200 | 0x00008000 | 0x00080000 | 0x00000008 | SSL | 0x1;

function packet(number, body) {
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head[3] = number;
  return Buffer.concat([head, body]);
}

function greeting() {
  const capabilities = Buffer.alloc(4);
  capabilities.writeUInt32LE(CAPABILITIES);
  return packet(0, Buffer.concat([
    Buffer.from([10]), Buffer.from('8.0.0-stub\0'), Buffer.from([1, 0, 0, 0]), Buffer.from('12345678\0'),
    capabilities.subarray(0, 2), Buffer.from([33, 2, 0]), capabilities.subarray(2), Buffer.from([21]), Buffer.alloc(10),
    Buffer.from('123456789012\0'), Buffer.from('mysql_native_password\0'),
  ]));
}

const OK = Buffer.from([0, 0, 0, 2, 0, 0, 0]);

async function next(stream) {
  const head = await read(stream, 4);
  const length = head.readUIntLE(0, 3);
  return { number: head[3], body: length > 0 ? await read(stream, length) : Buffer.alloc(0) };
}

async function serve(socket, seen) {
  socket.on('error', () => {});
  socket.write(greeting());
  const { body } = await next(socket);
  if (!(body.readUInt32LE(0) & SSL)) return socket.destroy();
  const secure = new tls.TLSSocket(socket, { isServer: true, ...server });
  secure.on('error', (error) => seen.push(error.code));
  const { number, body: login } = await next(secure);
  seen.push(login.includes('somebody'));
  secure.write(packet(number + 1, OK));
  for (;;) {
    const command = await next(secure);
    if (command.body[0] === 1) return secure.end();
    seen.push(command.body.length);
    secure.write(packet(command.number + 1, OK));
  }
}

(async () => {
  const seen = [];
  const listening = net.createServer((socket) => serve(socket, seen).catch(() => {}));
  await listen(listening);
  const connect = (ssl) => mysql.createConnection({ host: 'localhost', port: listening.address().port, user: 'somebody', password: 'word', ssl });
  const connection = await connect({ ca });
  const [answer] = await connection.query('select 1');
  const [large] = await connection.query(`select '${'x'.repeat(1_000_000)}'`);
  await connection.end();
  const untrusted = await outcome(connect({}).then(() => 'connected'));
  report({ status: [answer.affectedRows, large.affectedRows], seen: seen.slice(0, 3), untrusted });
  process.exit();
})();
