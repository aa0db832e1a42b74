'use strict';

// Application protocols: names in JavaScript, length-prefixed bytes on the wire (RFC 7301).

const { types: { isArrayBufferView } } = require('util');
const { major, minor, nodeError } = require('./errors');
const { bytes } = require('./validate');

/** Whether this Node checks the lengths in a wire form. */
const checks = major >= 26 || (major === 24 && minor >= 21);

/** Puts the wire form of `protocols` into `out.ALPNProtocols`; anything but an array or a view is
 * left alone. */
function convertALPNProtocols(protocols, out) {
  if (Array.isArray(protocols)) {
    out.ALPNProtocols = Buffer.concat(protocols.map(prefixed).flat());
  } else if (isArrayBufferView(protocols)) {
    out.ALPNProtocols = Buffer.from(bytes(protocols));
    if (checks && !isWire(out.ALPNProtocols)) {
      throw nodeError('ERR_INVALID_ARG_VALUE', 'ALPNProtocols', protocols, faultOf(out.ALPNProtocols));
    }
  }
}

function prefixed(protocol, index) {
  // What is neither is refused in the words of `byteLength`.
  if (!isArrayBufferView(protocol)) Buffer.byteLength(protocol);
  const name = isArrayBufferView(protocol) ? bytes(protocol) : Buffer.from(protocol);
  if (name.length > 255) {
    throw nodeError('ERR_OUT_OF_RANGE',
      `The byte length of the protocol at index ${index} exceeds the maximum length.`,
      '<= 255', name.length, true);
  }
  if (name.length === 0 && checks) {
    throw nodeError('ERR_INVALID_ARG_VALUE', `protocols[${index}]`, protocol,
      'must be a non-empty string');
  }
  return [Buffer.of(name.length), name];
}

/** Whether the lengths in it are right: no name is empty, and none is cut off. */
function isWire(wire) {
  for (let at = 0; at < wire.length; at += 1 + wire[at]) {
    if (wire[at] === 0 || at + wire[at] >= wire.length) return false;
  }
  return true;
}

/** What is wrong with a wire form, in Node's words. */
function faultOf(wire) {
  let at = 0;
  while (at < wire.length && wire[at] !== 0) at += 1 + wire[at];
  return at < wire.length ? 'must not contain zero-length protocol' : 'contains truncated protocol';
}

/** The names in a wire form, each as bytes. */
function splitALPNProtocols(wire) {
  const names = [];
  for (let at = 0; at < wire.length; at += 1 + wire[at]) {
    names.push(wire.subarray(at + 1, at + 1 + wire[at]));
  }
  return names;
}

module.exports = { convertALPNProtocols, isWire, splitALPNProtocols };
