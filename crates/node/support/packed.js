'use strict';

// The package as others get it: packed, and installed by npm into an empty folder.

const { execFileSync, spawnSync } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const addon = require('../js/addon');
const { file } = require('.');

const root = path.join(__dirname, '..');

/** An empty folder that ends with the test. */
function folder(t) {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'sealwire-package-'));
  t.after(() => fs.rmSync(made, { recursive: true }));
  return made;
}

/** `npm pack`: the path of the package, without an addon. */
function pack(t) {
  const to = folder(t);
  npm(['pack', '--silent', '--pack-destination', to], root, process.env);
  return path.join(to, fs.readdirSync(to)[0]);
}

/** The same package with a prebuilt addon for this platform. */
function withPrebuilt(t, tarball, binary) {
  const to = folder(t);
  execFileSync('tar', ['-xzf', tarball, '-C', to]);
  const prebuilt = path.join(to, 'package', path.relative(root, addon.prebuilt));
  fs.mkdirSync(path.dirname(prebuilt), { recursive: true });
  fs.copyFileSync(binary, prebuilt);
  npm(['pack', '--silent', '--ignore-scripts', '--pack-destination', to], path.join(to, 'package'), process.env);
  return path.join(to, path.basename(tarball));
}

/** The package that has nothing but the addon for this platform. */
function companion(t, binary) {
  const to = folder(t);
  fs.copyFileSync(binary, path.join(to, 'sealwire.node'));
  fs.writeFileSync(path.join(to, 'package.json'),
    JSON.stringify({ name: addon.companion, version: '0.0.0', main: 'sealwire.node' }));
  return to;
}

/** `npm install` of packages into an empty folder; what it said, and the folder. */
function install(t, packages, env) {
  const to = folder(t);
  fs.writeFileSync(path.join(to, 'package.json'), '{"private": true}');
  const flags = ['--offline', '--no-audit', '--no-fund', '--ignore-scripts=false', '--foreground-scripts'];
  const { status, output } = npm(['install', ...flags, ...packages], to, env, { mayFail: true });
  return { folder: to, installed: status === 0, output };
}

/** The environment of a machine without Rust: Node and a shell are all its programs. */
function withoutCargo(t) {
  const programs = folder(t);
  fs.symlinkSync(process.execPath, path.join(programs, 'node'));
  fs.symlinkSync('/bin/sh', path.join(programs, 'sh'));
  return { HOME: process.env.HOME, PATH: programs };
}

function npm(args, cwd, env, { mayFail = false } = {}) {
  const { SEALWIRE_ADDON, NODE_OPTIONS, ...clean } = env;
  const program = fs.realpathSync(execFileSync('which', ['npm'], { encoding: 'utf8' }).trim());
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd, env: clean, encoding: 'utf8',
  });
  const output = `${stdout}${stderr}`;
  if (status !== 0 && !mayFail) throw new Error(`npm ${args.join(' ')}: ${output}`);
  return { status, output };
}

/** Makes a TLS connection and an https request in a folder where the package is installed; the path
 * of the addon that was loaded. */
function tryOut(where) {
  const { SEALWIRE_ADDON, NODE_OPTIONS, ...env } = process.env;
  return execFileSync(process.execPath, ['-e', PROGRAM, file('server-cert.pem'), file('server-key.pem'), file('ca-cert.pem')],
    { cwd: where, env, encoding: 'utf8', timeout: 30_000 }).trim();
}

const PROGRAM = `
const [cert, key, ca] = process.argv.slice(1).map((name) => require('fs').readFileSync(name));
const tls = require('sealwire');
const https = require('sealwire/https');
const server = https.createServer({ cert, key }, (request, response) => response.end(request.url));
server.listen(0, '127.0.0.1', () => {
  const to = { host: '127.0.0.1', servername: 'localhost', port: server.address().port, ca, agent: false };
  const socket = tls.connect(to, () => {
    if (!socket.authorized) throw new Error(socket.authorizationError);
    socket.destroy();
    https.get({ ...to, path: '/here' }, async (response) => {
      const body = Buffer.concat(await response.toArray()).toString();
      if (body !== '/here') throw new Error(body);
      server.close();
      process.report.excludeNetwork = true;
      const { sharedObjects } = process.report.getReport();
      console.log(sharedObjects.find((name) => /sealwire.*node$/.test(name)));
    });
  });
});
`;

module.exports = { companion, install, pack, tryOut, withPrebuilt, withoutCargo };
