'use strict';

// What README.md shows, run as it stands there, over this package.

const assert = require('assert');
const { execFileSync, spawn, spawnSync } = require('child_process');
const { once } = require('events');
const fs = require('fs');
const os = require('os');
const path = require('path');
const readline = require('readline');
const test = require('node:test');

const root = path.join(__dirname, '..');
const readme = fs.readFileSync(path.join(root, 'README.md'), 'utf8');

/** A folder with the programs of README.md, the files that the first one makes, and the package. */
function workplace(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sealwire-readme-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  fs.mkdirSync(path.join(folder, 'node_modules'));
  fs.symlinkSync(root, path.join(folder, 'node_modules', 'sealwire'), 'dir');
  for (const [, code, name] of readme.matchAll(/```js\n(\/\/ (\w+\.js)\n[^]*?)```/g)) {
    fs.writeFileSync(path.join(folder, name), code);
  }
  execFileSync(process.execPath, ['identity.js'], { cwd: folder });
  return folder;
}

/** The port of server.js, which ends with the test. */
async function listen(t, folder, flags = []) {
  const server = spawn(process.execPath, [...flags, 'server.js'], {
    cwd: folder, env: { ...process.env, PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => server.kill());
  const [line] = await once(readline.createInterface(server.stdout), 'line');
  return /^listening on (\d+)$/.exec(line)[1];
}

function run(folder, args, env) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: folder, env: { ...process.env, ...env }, encoding: 'utf8', timeout: 30_000,
  });
  assert.strictEqual(status, 0, stderr);
  return stdout;
}

test('the server and the client of README.md', async (t) => {
  const folder = workplace(t);
  const port = await listen(t, folder);
  const said = run(folder, ['client.js'], { PORT: port });
  assert.strictEqual(said, 'authorized by a certificate authority\nHello World !\n');
});

test('the same two, written for Node and run with sealwire/register', async (t) => {
  const folder = workplace(t);
  for (const name of ['server.js', 'client.js']) {
    const file = path.join(folder, name);
    const code = fs.readFileSync(file, 'utf8');
    fs.writeFileSync(file, code.replace("require('sealwire')", "require('tls')"));
  }
  const flags = ['-r', 'sealwire/register'];
  const port = await listen(t, folder, flags);
  const isOurs = run(folder, [...flags, '-p', "require('node:tls') === require('sealwire')"]);
  assert.strictEqual(isOurs, 'true\n');
  const said = run(folder, [...flags, 'client.js'], { PORT: port });
  assert.strictEqual(said, 'authorized by a certificate authority\nHello World !\n');
});

test('the https program of README.md', (t) => {
  assert.strictEqual(run(workplace(t), ['web.js']), 'you asked for /page\n');
});

test('the CA of README.md', (t) => {
  assert.strictEqual(run(workplace(t), ['authority.js']), 'hello\n');
});
