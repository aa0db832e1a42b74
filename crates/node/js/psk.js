'use strict';

// Pre-shared keys: what the program's callback is asked, and what it may answer.

const { types: { isArrayBufferView } } = require('util');
const { nodeError } = require('./errors');
const validate = require('./validate');

const MAX_KEY = 256;
const MAX_IDENTITY = 256;

/** What a server knows of the client that calls itself so. */
function keyOf(socket, callback, identity) {
  const answer = callback(socket, identity.toString());
  if (answer === undefined || answer === null) return null;
  let psk = answer;
  if (!isArrayBufferView(answer)) {
    if (typeof answer !== 'object') {
      throw nodeError('ERR_INVALID_ARG_TYPE', 'ret', ['Object', 'Buffer', 'TypedArray', 'DataView'], answer);
    }
    ({ psk } = answer);
    validate.view(psk, 'psk');
  }
  return { identity, psk: checkedKey(psk) };
}

/** The identity of a client for the server that sends this hint. */
function identityFor(callback, hint) {
  const answer = callback(hint === null ? null : hint.toString());
  if (answer === undefined || answer === null) return null;
  validate.object(answer, 'ret');
  const { psk, identity } = answer;
  validate.view(psk, 'psk');
  const key = checkedKey(psk);
  validate.string(identity, 'identity');
  if (Buffer.byteLength(identity) > MAX_IDENTITY) {
    throw nodeError('ERR_INVALID_ARG_VALUE', 'identity', identity, `PSK identity exceeds ${MAX_IDENTITY} bytes`);
  }
  return { identity: Buffer.from(identity), psk: key };
}

function checkedKey(psk) {
  const key = validate.bytes(psk);
  if (key.length > MAX_KEY) {
    throw nodeError('ERR_INVALID_ARG_VALUE', 'psk', psk, `Pre-shared key exceeds ${MAX_KEY} bytes`);
  }
  return key;
}

module.exports = { identityFor, keyOf };
