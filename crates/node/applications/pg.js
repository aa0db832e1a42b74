'use strict';
// PostgreSQL's upgrade: the plain connection asks for TLS, and then speaks it.
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { execFileSync, spawn } = require('node:child_process');
const { once } = require('node:events');
const { Client } = require('pg');
const { ca, folder, server, report } = require('./credentials');

// The server refuses to run as root.
function owner() {
  if (process.getuid() !== 0) return {};
  const id = (flag) => Number(execFileSync('id', [flag, 'postgres']));
  return { uid: id('-u'), gid: id('-g') };
}

function programs() {
  const versions = '/usr/lib/postgresql';
  const found = fs.existsSync(versions) ? fs.readdirSync(versions).map((v) => path.join(versions, v, 'bin')) : [];
  return [...found, ...process.env.PATH.split(':')].find((dir) => fs.existsSync(path.join(dir, 'initdb')));
}

async function freePort() {
  const probe = net.createServer().listen(0, 'localhost');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

async function startServer(bin, port) {
  const user = owner();
  const data = path.join(folder, 'data');
  fs.mkdirSync(data);
  if (user.uid) {
    fs.chmodSync(folder, 0o755);
    fs.chownSync(data, user.uid, user.gid);
  }
  const options = { ...user, cwd: data, stdio: ['ignore', 'pipe', 'pipe'] };
  execFileSync(path.join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-N'], options);
  for (const [name, text] of [['server.crt', server.cert], ['server.key', server.key]]) {
    const file = path.join(data, name);
    fs.writeFileSync(file, text, { mode: 0o600 });
    if (user.uid) fs.chownSync(file, user.uid, user.gid);
  }
  const running = spawn(path.join(bin, 'postgres'), ['-D', data, '-p', String(port), '-c', 'ssl=on',
    '-c', 'listen_addresses=localhost', '-c', `unix_socket_directories=`, '-c', 'fsync=off'], options);
  process.on('exit', () => running.kill('SIGQUIT'));
  let said = '';
  await new Promise((resolve, reject) => {
    running.stderr.on('data', (part) => {
      said += part;
      if (said.includes('ready to accept connections')) resolve();
    });
    running.once('exit', () => reject(new Error(`postgres ended: ${said}`)));
  });
  return running;
}

async function connect(port, ssl) {
  const client = new Client({ host: 'localhost', port, user: 'postgres', database: 'postgres', ssl });
  await client.connect();
  return client;
}

(async () => {
  const bin = programs();
  if (!bin) return report({ missing: 'postgres' });
  const port = await freePort();
  const running = await startServer(bin, port);
  const client = await connect(port, { ca });
  const { rows: [session] } =
    await client.query('select ssl, version from pg_stat_ssl where pid = pg_backend_pid()');
  const { rows: [{ length }] } =
    await client.query('select length($1::text) as length', ['x'.repeat(2_000_000)]);
  const { rows } = await client.query('select generate_series(1, 50000) as n');
  await client.end();
  const refused = await connect(port, {}).then(() => 'connected', (error) => error.code);
  running.removeAllListeners('exit');
  running.kill('SIGQUIT');
  await once(running, 'exit');
  report({ session, length, rows: rows.length, refused });
})();
