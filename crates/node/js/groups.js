'use strict';

// The group of a key exchange, in the form of `getEphemeralKeyInfo`.

const { major, minor } = require('./errors');

/** Whether this Node has a name for groups that are not curves. */
const tellsGroups = major >= 26 || (major === 24 && minor >= 21);

function ephemeralKey({ group, groupKind, groupBits, dhBits }) {
  if (dhBits) return { type: 'DH', size: dhBits };
  if (group === undefined || group === null) return {};
  if (groupKind === 'ECDH') return { type: 'ECDH', name: group, size: groupBits };
  return tellsGroups ? { type: 'TLSGroup', name: group } : {};
}

module.exports = { ephemeralKey };
