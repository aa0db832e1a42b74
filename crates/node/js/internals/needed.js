'use strict';

// What there must be of Node's internals, looked for when the package is loaded and named when it is missing.

const Module = require('module');
const net = require('net');

/** What there must be, and whether it is there. */
const NEEDED = {
  'net._normalizeArgs': () => typeof net._normalizeArgs === 'function',
  'net.Socket.prototype._unrefTimer': () => typeof net.Socket.prototype._unrefTimer === 'function',
  'net.Socket.prototype._writeGeneric': () => typeof net.Socket.prototype._writeGeneric === 'function',
  'net.Socket.prototype._read': () => typeof net.Socket.prototype._read === 'function',
  'the option "handle" of net.Socket': takesHandles,
  'Module._load': () => typeof Module._load === 'function',
};

/** A handle with the least that net.Socket asks of one. */
function takesHandles() {
  const handle = { getAsyncId: () => 0 };
  return new net.Socket({ handle, manualStart: true })._handle === handle;
}

/** The names of what this Node lacks. */
function missing() {
  return Object.keys(NEEDED).filter((name) => !NEEDED[name]());
}

function check() {
  const names = missing();
  if (names.length === 0) return;
  throw new Error(`sealwire does not know this Node: ${process.version} is without ${names.join(', ')}. ` +
    'It is made for Node 20, 22, 24, 25 and 26.');
}

check();

module.exports = { missing };
