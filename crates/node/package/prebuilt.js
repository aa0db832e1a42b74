'use strict';

// Lays the release build of the repository into the package as the addon for this platform:
// npm run build && node package/prebuilt.js [FILE]

const fs = require('fs');
const path = require('path');
const addon = require('../js/addon');

const built = path.join(addon.root, '..', '..', 'target', 'release', addon.cargoName());
fs.mkdirSync(path.dirname(addon.prebuilt), { recursive: true });
fs.copyFileSync(process.argv[2] ?? built, addon.prebuilt);
console.log(addon.prebuilt);
