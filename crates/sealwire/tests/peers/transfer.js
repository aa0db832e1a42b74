// Sends and receives a lot at once, each way until its end, and tells the digest of what came.
//
// Arguments: `server` or `client`, the number of bytes to send, then certificate and key of a
// server, or CA and port of a client.
'use strict';

const { createHash } = require('node:crypto');
const fs = require('node:fs');
const tls = require('node:tls');

const [role, count, ...rest] = process.argv.slice(2);

function transfer(socket) {
  const hash = createHash('sha256');
  let length = 0;
  socket.on('data', (data) => {
    hash.update(data);
    length += data.length;
  });
  socket.on('end', () => console.log('RECEIVED ' + length + ' ' + hash.digest('hex')));
  const data = Buffer.alloc(Number(count));
  for (let i = 0; i < data.length; i++) data[i] = (i * 31 + (i >> 8)) & 255;
  socket.end(data);
}

if (role === 'server') {
  const [cert, key] = rest.map((file) => fs.readFileSync(file));
  const server = tls.createServer({ cert, key, allowHalfOpen: true }, transfer);
  server.listen(0, '127.0.0.1', () => console.log('PORT ' + server.address().port));
} else {
  const [ca, port] = rest;
  const options = { port: Number(port), servername: 'localhost', ca: [fs.readFileSync(ca)] };
  const socket = tls.connect({ ...options, allowHalfOpen: true }, () => transfer(socket));
}
