'use strict';

// Loads the addon: the one named by SEALWIRE_ADDON, the one that `npm install` has built, a prebuilt
// one, or in the repository the newest that cargo has.

const fs = require('fs');
const path = require('path');
const addon = require('./addon');

function companion() {
  try {
    return [require.resolve(addon.companion)];
  } catch {
    return [];
  }
}

function modified(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Those of the repository, the newest first. */
function ofCargo() {
  return ['release', 'debug']
    .map((profile) => path.join(addon.root, '..', '..', 'target', profile, addon.cargoName()))
    .sort((a, b) => modified(b) - modified(a));
}

function find() {
  if (process.env.SEALWIRE_ADDON) return path.resolve(process.env.SEALWIRE_ADDON);
  const places = [addon.built, addon.prebuilt, ...companion(), ...ofCargo()];
  const found = places.find((file) => fs.existsSync(file));
  if (found) return found;
  throw new Error(`sealwire: no addon for ${addon.platform}; looked for ${places.join(', ')}. ` +
    'Build it with "npm rebuild sealwire" (needs Rust), in the repository with "npm run build".');
}

const loaded = { exports: {} };
process.dlopen(loaded, find());

module.exports = loaded.exports;
