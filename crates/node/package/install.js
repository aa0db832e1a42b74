'use strict';

// npm's `install` step: builds the addon out of the Rust sources in the package, unless there is one
// for this platform already. It downloads nothing itself; cargo fetches the crates that Cargo.lock
// names from crates.io.

const { spawnSync } = require('child_process');
const fs = require('fs');
const path = require('path');
const addon = require('../js/addon');

const sources = path.join(addon.root, 'rust');

if (!hasAddon()) build();

function hasAddon() {
  // In the repository there are no sources in the package: cargo builds there.
  if (process.env.SEALWIRE_ADDON || !fs.existsSync(sources)) return true;
  return [addon.built, addon.prebuilt, companion()].some((file) => file && loads(file));
}

function companion() {
  try {
    return require.resolve(addon.companion);
  } catch {
    return undefined;
  }
}

function loads(file) {
  if (!fs.existsSync(file)) return false;
  try {
    process.dlopen({ exports: {} }, file);
    return true;
  } catch (error) {
    console.error(`sealwire: ${file} does not load on this machine (${error.message}); building from source`);
    return false;
  }
}

function build() {
  needs('cargo', 'Rust (https://rustup.rs, or the package "cargo" of your system)');
  const target = process.env.CARGO_TARGET_DIR ?
    path.resolve(process.env.CARGO_TARGET_DIR) : path.join(sources, 'target');
  console.error(`sealwire: building the addon for ${addon.platform}; this takes some minutes`);
  const { status } = spawnSync('cargo',
    ['build', '--release', '--locked', '--package', 'sealwire-node', '--lib'],
    { cwd: sources, stdio: 'inherit', env: { ...process.env, CARGO_TARGET_DIR: target } });
  if (status !== 0) {
    fail('cargo could not build the addon: its output is above. It needs Rust ' +
      `${rustVersion()} or newer and a C compiler, and fetches crates from crates.io.`);
  }
  fs.copyFileSync(path.join(target, 'release', addon.cargoName()), addon.built);
  if (!process.env.CARGO_TARGET_DIR) fs.rmSync(target, { recursive: true });
}

function needs(program, source) {
  const { error, status } = spawnSync(program, ['--version'], { stdio: 'ignore' });
  if (!error && status === 0) return;
  fail(`no prebuilt addon for ${addon.platform}, and no ${program} to build one.\n` +
    `  Install ${source} and a C compiler, then run "npm install" again;\n` +
    '  or name an addon built elsewhere: SEALWIRE_ADDON=/path/to/sealwire.node, when installing and when running.');
}

function rustVersion() {
  const manifest = fs.readFileSync(path.join(sources, 'Cargo.toml'), 'utf8');
  return /^rust-version = "(.*)"/m.exec(manifest)[1];
}

function fail(reason) {
  console.error(`sealwire: ${reason}`);
  process.exit(1);
}
