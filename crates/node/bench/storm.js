'use strict';

// A storm of full handshakes against a server of this package, and the same against Node's own: how
// many a second, what processor time each takes, and for how long the event loop stands still.
//
//   node bench/storm.js [seconds] [connections at once] [certificate: server or rsa]
//
// Another process, on Node's own TLS, makes the connections in both cases.

const { fork } = require('child_process');
const { monitorEventLoopDelay } = require('perf_hooks');

const [role, ...words] = process.argv.slice(2);
if (role === 'serve') serve(...words);
else if (role === 'call') call(...words);
else measure(Number(role ?? 3), Number(words[0] ?? 32), words[1] ?? 'server');

async function measure(seconds, atOnce, certificate) {
  for (const which of ['node:tls', 'sealwire', 'node:tls', 'sealwire']) {
    const row = await round(which, seconds, atOnce, certificate);
    console.log(`${which.padEnd(9)} ${String(row.perSecond).padStart(6)} handshakes/s  ` +
      `${String(row.cpu).padStart(6)} us of processor each, ${row.thread} on the JavaScript thread  loop delay ` +
      `p50 ${row.p50} ms  p99 ${row.p99} ms  max ${row.max} ms`);
  }
}

function round(which, seconds, atOnce, certificate) {
  return new Promise((resolve) => {
    const server = fork(__filename, ['serve', which, certificate]);
    server.once('message', ({ port }) => {
      const client = fork(__filename, ['call', port, seconds, atOnce]);
      client.once('message', () => server.send('report'));
      server.once('message', (row) => {
        client.kill();
        server.kill();
        resolve({ ...row, perSecond: Math.round(row.count / seconds) });
      });
    });
  });
}

function serve(which, certificate) {
  const { identity } = require('../support');
  const tls = which === 'sealwire' ? require('..') : require('node:tls');
  let count = 0;
  const server = tls.createServer(identity(certificate), (socket) => {
    count++;
    socket.on('error', () => {});
    socket.end();
  });
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const start = process.cpuUsage();
  const ofThread = process.threadCpuUsage?.();
  process.on('message', () => {
    delay.disable();
    const { user, system } = process.cpuUsage(start);
    // The timer itself comes every millisecond: that is no delay.
    const ms = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - 1).toFixed(1);
    process.send({
      count,
      cpu: Math.round((user + system) / count),
      thread: ofThread ? Math.round(total(process.threadCpuUsage(ofThread)) / count) : '?',
      p50: ms(delay.percentile(50)),
      p99: ms(delay.percentile(99)),
      max: ms(delay.max),
    });
  });
}

function total({ user, system }) {
  return user + system;
}

function call(port, seconds, atOnce) {
  const tls = require('node:tls');
  const end = Date.now() + seconds * 1000;
  let open = 0;
  const next = () => {
    if (Date.now() > end) {
      if (open === 0) process.send('done');
      return;
    }
    open++;
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    socket.on('error', () => {});
    socket.resume();
    socket.on('close', () => {
      open--;
      next();
    });
  };
  for (let n = 0; n < atOnce; n++) next();
}
