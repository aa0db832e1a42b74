'use strict';
// ioredis against a real redis-server over TLS: commands, a pipeline, large values, events, refusals.
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { once } = require('node:events');
const Redis = require('ioredis');
const { folder, ca, server, client, report } = require('./credentials');

async function freePort() {
  const listening = net.createServer().listen(0);
  await once(listening, 'listening');
  const { port } = listening.address();
  listening.close();
  await once(listening, 'close');
  return port;
}

(async () => {
  if (spawnSync('redis-server', ['--version']).error) return report({ missing: 'redis-server' });
  for (const [name, text] of [['r.crt', server.cert], ['r.key', server.key], ['r.ca', ca]]) fs.writeFileSync(path.join(folder, name), text);
  const port = await freePort();
  const running = spawn('redis-server', ['--port', '0', '--tls-port', String(port), '--tls-cert-file', 'r.crt', '--tls-key-file', 'r.key',
    '--tls-ca-cert-file', 'r.ca', '--save', '', '--appendonly', 'no', '--bind', '127.0.0.1', '::1'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  process.on('exit', () => running.kill('SIGKILL'));
  await new Promise((resolve) => running.stdout.on('data', (text) => { if (String(text).includes('Ready to accept')) resolve(); }));
  const events = [];
  const redis = new Redis({ host: 'localhost', port, tls: { ca, ...client }, retryStrategy: () => null });
  for (const event of ['connect', 'ready', 'close', 'end', 'error']) redis.on(event, () => events.push(event));
  const set = await redis.set('a', 'x'.repeat(2_000_000));
  const { length } = await redis.get('a');
  const many = await redis.pipeline(Array.from({ length: 1000 }, (_, n) => ['incrby', 'n', String(n)])).exec();
  const ended = once(redis, 'end');
  await redis.quit();
  await ended;
  const failing = async (tls) => {
    const other = new Redis({ host: 'localhost', port, tls, retryStrategy: () => null, maxRetriesPerRequest: 0, lazyConnect: true });
    const errors = [];
    other.on('error', (error) => errors.push(error.code ?? error.message));
    await other.connect().catch(() => {});
    await new Promise(setImmediate);
    other.disconnect();
    return errors;
  };
  const untrusted = await failing({ ...client });
  const misnamed = await failing({ ca, ...client, servername: 'elsewhere.example' });
  report({ set, length, last: many.at(-1)[1], events, untrusted, misnamed });
  process.exit();
})();
