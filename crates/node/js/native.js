'use strict';

// Loads the addon: the one named by SEALWIRE_ADDON, a prebuilt one, the one that `npm install`
// has built, or in the repository the newest that cargo has.

const fs = require('fs');
const path = require('path');

const root = path.join(__dirname, '..');

function libc() {
  if (process.platform !== 'linux') return '';
  return process.report?.getReport().header.glibcVersionRuntime ? '-gnu' : '-musl';
}

function cargoName() {
  switch (process.platform) {
    case 'win32': return 'sealwire_node.dll';
    case 'darwin': return 'libsealwire_node.dylib';
    default: return 'libsealwire_node.so';
  }
}

function modified(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function find() {
  if (process.env.SEALWIRE_ADDON) return path.resolve(process.env.SEALWIRE_ADDON);
  const packaged = [
    path.join(root, 'sealwire.node'),
    path.join(root, 'prebuilt', `${process.platform}-${process.arch}${libc()}.node`),
  ];
  const found = packaged.find((file) => fs.existsSync(file));
  if (found) return found;
  const built = ['release', 'debug']
    .map((profile) => path.join(root, '..', '..', 'target', profile, cargoName()))
    .sort((a, b) => modified(b) - modified(a));
  if (fs.existsSync(built[0])) return built[0];
  throw new Error(`sealwire: no addon for ${process.platform} ${process.arch}; looked for ` +
    `${[...packaged, ...built].join(', ')}. Build it with "npm run build" (needs Rust).`);
}

const loaded = { exports: {} };
process.dlopen(loaded, find());

module.exports = loaded.exports;
