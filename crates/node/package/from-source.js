'use strict';

// Packs the package, installs it where there is no addon, so that it builds one from its own
// sources, and tries it out. CARGO_TARGET_DIR keeps what was built for the next time.

const assert = require('assert');
const fs = require('fs');
const path = require('path');
const addon = require('../js/addon');
const packed = require('../support/packed');

const ends = [];
process.on('exit', () => ends.forEach((end) => end()));
const scope = { after: (end) => ends.push(end) };

const { folder, installed, output } = packed.install(scope, [packed.pack(scope)], process.env);
assert.ok(installed, output);
const built = path.join(folder, 'node_modules', 'sealwire', path.relative(addon.root, addon.built));
assert.strictEqual(packed.tryOut(folder), fs.realpathSync(built));
console.log(`the npm package builds from its sources and works in ${process.version}`);
