'use strict';
// Applications that know nothing of this package, run as they are: once on Node's own tls, once
// with ours in its place. Both must say the same.
const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const test = require('node:test');
const { ALWAYS, MORE } = require('../support/applications');
const needed = require('../support/needed');

const root = path.join(__dirname, '..');

/** All of them with APPLICATIONS=all, which `just applications` sets. */
const applications = process.env.APPLICATIONS === 'all' ? { ...ALWAYS, ...MORE } : ALWAYS;

function run(name, flags, env) {
  const program = path.join(root, 'applications', `${name}.js`);
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [...flags, program], {
    encoding: 'utf8', timeout: 60_000, env: { ...process.env, NODE_OPTIONS: '', ...env },
  });
  assert.equal(status, 0, `${name} ended with ${status ?? signal}: ${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

for (const [name, modules] of Object.entries(applications)) {
  test(`${name} does with this package what it does with Node's tls`, (t) => {
    if (!needed.modulesOfApplications(t, ...modules)) return;
    const native = run(name, [], {});
    if (native.missing) {
      assert.ok(!process.env.CI, `missing: ${native.missing}`);
      return t.skip(`missing: ${native.missing}`);
    }
    const ours = run(name, ['-r', path.join(root, 'js', 'register.js')], { SEALWIRE_MODULE: root });
    assert.deepEqual(ours, native);
  });
}
