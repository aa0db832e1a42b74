'use strict';

// The group of a key exchange, in the form of `getEphemeralKeyInfo`.

const { major, minor } = require('./errors');

const GROUPS = {
  X25519: { type: 'ECDH', name: 'X25519', size: 253 },
  prime256v1: { type: 'ECDH', name: 'prime256v1', size: 256 },
  secp384r1: { type: 'ECDH', name: 'secp384r1', size: 384 },
};

/** Whether this Node has a name for groups that are not curves. */
const tellsGroups = major >= 26 || (major === 24 && minor >= 21);

function ephemeralKey(group) {
  if (group === undefined || group === null) return {};
  if (GROUPS[group]) return { ...GROUPS[group] };
  return tellsGroups ? { type: 'TLSGroup', name: group } : {};
}

module.exports = { ephemeralKey };
