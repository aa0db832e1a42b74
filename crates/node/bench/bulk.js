'use strict';

// Bulk data to and from a server of this package, and of Node's own: what processor time a megabyte
// takes in the server's process. Another process, on Node's own TLS, is the peer in both cases.
//
//   node bench/bulk.js [megabytes]

const { fork } = require('child_process');

const [role, ...words] = process.argv.slice(2);
const CHUNK = Buffer.alloc(64 * 1024, 'x');
const MIB = 1024 * 1024;
if (role === 'serve') serve(...words);
else if (role === 'call') call(...words);
else measure(Number(role ?? 256));

async function measure(megabytes) {
  for (const direction of ['send', 'receive', 'echo64']) {
    for (const which of ['node:tls', 'sealwire', 'node:tls', 'sealwire']) {
      const row = await round(which, direction, megabytes);
      console.log(`${direction.padEnd(8)} ${which.padEnd(9)} ${row}`);
    }
  }
}

function round(which, direction, megabytes) {
  return new Promise((resolve) => {
    const server = fork(__filename, ['serve', which, direction, megabytes]);
    server.once('message', ({ port }) => {
      const client = fork(__filename, ['call', port, direction, megabytes]);
      server.once('message', (row) => {
        client.kill();
        server.kill();
        resolve(row);
      });
    });
  });
}

function serve(which, direction, megabytes) {
  const { identity } = require('../support');
  const tls = which === 'sealwire' ? require('..') : require('node:tls');
  const server = tls.createServer(identity('server'), (socket) => {
    const start = process.cpuUsage();
    const began = process.hrtime.bigint();
    let messages = 0;
    socket.on('error', () => {});
    socket.on('close', () => {
      const { user, system } = process.cpuUsage(start);
      const cpu = user + system;
      const seconds = Number(process.hrtime.bigint() - began) / 1e9;
      process.send(direction === 'echo64' ?
        `${(cpu / messages).toFixed(1)} us of processor a message, ${Math.round(messages / seconds)} messages/s` :
        `${Math.round(cpu / megabytes)} us of processor a MiB, ${Math.round(megabytes / seconds)} MiB/s`);
    });
    if (direction === 'send') {
      let left = megabytes * 16;
      const fill = () => {
        while (left > 0 && socket.write(CHUNK)) left--;
        if (left <= 0) socket.end();
        else left--;
      };
      socket.on('drain', fill);
      fill();
      socket.resume();
    } else if (direction === 'receive') {
      socket.resume();
    } else {
      socket.on('data', (data) => {
        messages++;
        socket.write(data);
      });
    }
  });
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
}

function call(port, direction, megabytes) {
  const tls = require('node:tls');
  const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
    if (direction === 'send') {
      socket.resume();
    } else if (direction === 'receive') {
      let left = megabytes * (MIB / CHUNK.length);
      const fill = () => {
        while (left > 0 && socket.write(CHUNK)) left--;
        if (left <= 0) socket.end();
        else left--;
      };
      socket.on('drain', fill);
      fill();
    } else {
      const message = Buffer.alloc(64);
      let left = 20_000;
      socket.write(message);
      socket.on('data', () => {
        if (--left === 0) socket.end();
        else socket.write(message);
      });
    }
  });
}
