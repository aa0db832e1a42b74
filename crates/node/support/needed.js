'use strict';

// What a test needs and may not be there: then it is skipped, and in CI it fails.

const assert = require('assert');
const { spawnSync } = require('child_process');
const fs = require('fs');
const { createRequire } = require('module');
const path = require('path');

/** Whether these npm packages are installed here. */
function modules(t, ...names) {
  const missing = names.filter((name) => !isInstalled(name, require));
  return isComplete(t, missing, 'npm install in crates/node');
}

/** The same for programs in applications/, which have some of their own. */
function modulesOfApplications(t, ...names) {
  const theirs = createRequire(path.join(__dirname, '..', 'applications', 'world.js'));
  const missing = names.filter((name) => !isInstalled(name, theirs));
  return isComplete(t, missing, 'npm install in crates/node, or `just applications`');
}

function isInstalled(name, from) {
  return from.resolve.paths(name).some((folder) => fs.existsSync(path.join(folder, name, 'package.json')));
}

/** Whether these programs are on this machine. */
function programs(t, ...names) {
  const missing = names.filter((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).error);
  return isComplete(t, missing, 'they are judges');
}

function isComplete(t, missing, hint) {
  if (missing.length === 0) return true;
  const reason = `not installed: ${missing.join(', ')} (${hint})`;
  assert.ok(!process.env.CI, reason);
  t.skip(reason);
  return false;
}

module.exports = { modules, modulesOfApplications, programs };
