'use strict';

// The versions of Node that are supported, as far as they are on this machine: the one that runs the
// tests, and those that SEALWIRE_NODES names (paths, separated as in PATH; `.ci/nodes` installs them).

const assert = require('assert');
const { execFileSync } = require('child_process');
const path = require('path');

const named = (process.env.SEALWIRE_NODES ?? '').split(path.delimiter).filter(Boolean);

const nodes = new Map([[process.version, process.execPath]]);
for (const file of named) {
  nodes.set(execFileSync(file, ['--version'], { encoding: 'utf8' }).trim(), file);
}

const SUPPORTED = [20, 22, 24, 25, 26];

/** Whether all supported versions are here: elsewhere than in CI that is said, and no fault. */
function allSupported(t) {
  const majors = [...nodes.keys()].map((version) => Number(/\d+/.exec(version)[0]));
  const missing = SUPPORTED.filter((major) => !majors.includes(major));
  if (missing.length === 0) return;
  const reason = `not tested with Node ${missing.join(', ')} (SEALWIRE_NODES=$(.ci/nodes) has them)`;
  assert.ok(!process.env.CI, reason);
  t.skip(reason);
}

/** Runs a test for each Node: `test(name with the version, (t, path of the program))`. */
function onEachNode(test, name, body) {
  for (const [version, file] of nodes) test(`${name} (Node ${version})`, (t) => body(t, file));
}

module.exports = { allSupported, nodes, onEachNode };
