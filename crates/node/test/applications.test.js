'use strict';
// Applications that know nothing of this package, run as they are: once on Node's own tls, once
// with ours in its place. Both must say the same.
const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const path = require('node:path');
const test = require('node:test');
const { promisify } = require('node:util');
const { ALWAYS, MORE } = require('../support/applications');
const needed = require('../support/needed');

const root = path.join(__dirname, '..');

/** All of them with APPLICATIONS=all, which `just applications` sets. */
const applications = process.env.APPLICATIONS === 'all' ? { ...ALWAYS, ...MORE } : ALWAYS;

/** What a program reports. */
async function run(name, flags, env) {
  const program = path.join(root, 'applications', `${name}.js`);
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, program], {
    timeout: 300_000, maxBuffer: 2 ** 24, env: { ...process.env, NODE_OPTIONS: '', ...env },
  });
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

for (const [name, modules] of Object.entries(applications)) {
  test(`${name} does with this package what it does with Node's tls`, async (t) => {
    if (!needed.modulesOfApplications(t, ...modules)) return;
    const [native, ours] = await Promise.all([
      run(name, [], {}),
      run(name, ['-r', path.join(root, 'js', 'register.js')], { SEALWIRE_MODULE: root }),
    ]);
    if (native.missing) {
      assert.ok(!process.env.CI, `missing: ${native.missing}`);
      t.skip(`missing: ${native.missing}`);
      return;
    }
    assert.deepEqual(ours, native);
  });
}
