'use strict';

// Where the addon lies in an installed package, and what it is called.

const path = require('path');

const root = path.join(__dirname, '..');

/** `linux-x64`, `linux-x64-musl`, `darwin-arm64`, ...: the name of this platform's binaries. */
const platform = [process.platform, process.arch, ...(isMusl() ? ['musl'] : [])].join('-');

/** What `npm install` builds. */
const built = path.join(root, 'sealwire.node');

/** What the package brings along for some platforms. */
const prebuilt = path.join(root, 'prebuilt', platform, 'sealwire.node');

/** The package that has nothing but the addon for this platform, if it is installed. */
const companion = `@sealwire/${platform}`;

function isMusl() {
  if (process.platform !== 'linux') return false;
  // Without this, Node asks the name server for the name of each address that it reports.
  process.report.excludeNetwork = true;
  return process.report.getReport().header.glibcVersionRuntime === undefined;
}

/** What cargo calls the library that becomes the addon. */
function cargoName() {
  switch (process.platform) {
    case 'win32': return 'sealwire_node.dll';
    case 'darwin': return 'libsealwire_node.dylib';
    default: return 'libsealwire_node.so';
  }
}

module.exports = { built, cargoName, companion, platform, prebuilt, root };
