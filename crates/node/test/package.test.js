'use strict';

// The package as npm installs it. That it builds from its own sources is checked by
// package/from-source.js, which takes minutes.

const assert = require('assert');
const fs = require('fs');
const path = require('path');
const { after, test } = require('node:test');
const addon = require('../js/addon');
const needed = require('../support/needed');
const packed = require('../support/packed');

/** An addon that works here, whoever has built it. */
function binary() {
  if (process.env.SEALWIRE_ADDON) return process.env.SEALWIRE_ADDON;
  require('../js/native');
  process.report.excludeNetwork = true;
  return process.report.getReport().sharedObjects.find((name) => /sealwire.*(node|so|dylib|dll)$/.test(name));
}

const ends = [];
after(() => ends.forEach((end) => end()));
let packedOnce;

/** The package without an addon; undefined where there is nothing to pack it with. */
function pack(t) {
  if (!needed.programs(t, 'npm', 'cargo', 'tar')) return undefined;
  packedOnce ??= packed.pack({ after: (end) => ends.push(end) });
  return packedOnce;
}

test('a prebuilt addon is used, without Rust', (t) => {
  const tarball = pack(t);
  if (!tarball) return;
  const full = packed.withPrebuilt(t, tarball, binary());
  const { folder, installed, output } = packed.install(t, [full], packed.withoutCargo(t));
  assert.ok(installed, output);
  const loaded = packed.tryOut(folder);
  assert.strictEqual(loaded, inPackage(folder, 'sealwire', 'prebuilt', addon.platform, 'sealwire.node'));
});

test('a package with the addon alone is used, without Rust', (t) => {
  const tarball = pack(t);
  if (!tarball) return;
  const companion = packed.companion(t, binary());
  const { folder, installed, output } = packed.install(t, [companion, tarball], packed.withoutCargo(t));
  assert.ok(installed, output);
  assert.strictEqual(packed.tryOut(folder), fs.realpathSync(path.join(companion, 'sealwire.node')));
});

test('without an addon and without Rust, the installation says what to do', (t) => {
  const tarball = pack(t);
  if (!tarball) return;
  const { installed, output } = packed.install(t, [tarball], packed.withoutCargo(t));
  assert.strictEqual(installed, false);
  assert.match(output, /sealwire: no prebuilt addon for [\w-]+, and no cargo to build one\./);
  assert.match(output, /Install Rust .* and a C compiler/);
});

test('a prebuilt addon that does not load here is no addon', (t) => {
  const tarball = pack(t);
  if (!tarball) return;
  const broken = packed.withPrebuilt(t, tarball, __filename);
  const { installed, output } = packed.install(t, [broken], packed.withoutCargo(t));
  assert.strictEqual(installed, false);
  assert.match(output, /sealwire\.node does not load on this machine .*; building from source/);
});

function inPackage(folder, ...names) {
  return fs.realpathSync(path.join(folder, 'node_modules', ...names));
}
