'use strict';

// Errors with the classes, codes and words of Node's own.

const { inspect } = require('util');

const [major, minor] = process.versions.node.split('.').map(Number);

const messages = {
  ERR_CRYPTO_CUSTOM_ENGINE_NOT_SUPPORTED: [Error,
    () => 'Custom engines not supported by this OpenSSL'],
  ERR_CRYPTO_OPERATION_FAILED: [Error, (text) => text],
  ERR_CRYPTO_UNSUPPORTED_OPERATION: [Error, (text) => text],
  ERR_FEATURE_UNAVAILABLE_ON_PLATFORM: [Error, (text) => text],
  ERR_INTERNAL_ASSERTION: [Error, (text) => text],
  ERR_INVALID_ARG_TYPE: [TypeError, invalidArgType],
  ERR_INVALID_ARG_VALUE: [TypeError, invalidArgValue],
  ERR_MULTIPLE_CALLBACK: [Error, () => 'Callback called multiple times'],
  ERR_OUT_OF_RANGE: [RangeError, outOfRange],
  ERR_PROXY_TUNNEL: [Error, (text) => text],
  ERR_SOCKET_CLOSED: [Error, () => 'Socket is closed'],
  ERR_SOCKET_CLOSED_BEFORE_CONNECTION: [Error,
    () => 'Socket closed before the connection was established'],
  ERR_STREAM_WRAP: [Error, () => 'Stream has StringDecoder set or is in objectMode'],
  ERR_TLS_ALPN_CALLBACK_INVALID_RESULT: [TypeError, (value, protocols) =>
    `ALPN callback returned a value (${value}) that did not match any of the client's offered ` +
    `protocols (${protocols.join(', ')})`],
  ERR_TLS_ALPN_CALLBACK_WITH_PROTOCOLS: [TypeError,
    () => 'The ALPNCallback and ALPNProtocols TLS options are mutually exclusive'],
  ERR_TLS_CERT_ALTNAME_FORMAT: [SyntaxError, () => 'Invalid subject alternative name string'],
  ERR_TLS_HANDSHAKE_TIMEOUT: [Error, () => 'TLS handshake timeout'],
  ERR_TLS_INVALID_CONTEXT: [TypeError, (name, reason = 'must be a SecureContext') => `${name} ${reason}`],
  ERR_TLS_INVALID_PROTOCOL_METHOD: [TypeError, (text) => text],
  ERR_TLS_INVALID_PROTOCOL_VERSION: [TypeError, (version, which) =>
    `${JSON.stringify(version)} is not a valid ${which} TLS protocol version`],
  ERR_TLS_INVALID_STATE: [Error, () => 'TLS socket connection must be securely established'],
  ERR_TLS_PROTOCOL_VERSION_CONFLICT: [TypeError, (version, method) =>
    `TLS protocol version ${JSON.stringify(version)} conflicts with secureProtocol ${JSON.stringify(method)}`],
  ERR_TLS_PSK_UNSUPPORTED: [Error, () => 'Pre-shared keys are not supported by this engine'],
  ERR_TLS_DH_PARAM_SIZE: [Error, (size) => `DH parameter size ${size} is less than 2048`],
  ERR_TLS_PSK_SET_IDENTITY_HINT_FAILED: [Error, () => 'Failed to set PSK identity hint'],
  // So spelled before Node 24.
  ERR_TLS_PSK_SET_IDENTIY_HINT_FAILED: [Error, () => 'Failed to set PSK identity hint'],
  ERR_TLS_RENEGOTIATION_DISABLED: [Error, () => 'TLS session renegotiation disabled for this socket'],
  ERR_TLS_SESSION_ATTACK: [Error, () => 'TLS session renegotiation attack detected'],
  ERR_TLS_RENEGOTIATION_UNSUPPORTED: [Error,
    () => 'TLS session renegotiation is not supported by this engine'],
  ERR_TLS_REQUIRED_SERVER_NAME: [Error,
    () => '"servername" is required parameter for Server.addContext'],
  ERR_TLS_SNI_FROM_SERVER: [Error, () => 'Cannot issue SNI from a TLS server-side socket'],
};

/** The error with this code, as Node makes it: the code is in the stack, and not in the name. */
function nodeError(code, ...args) {
  const [Base, text] = messages[code];
  const error = new Base(text(...args));
  Error.captureStackTrace(error, nodeError);
  return withCode(error, code);
}

/** An argument that is refused in words of its own. */
function invalidValue(text) {
  const error = new TypeError(text);
  Error.captureStackTrace(error, invalidValue);
  return withCode(error, 'ERR_INVALID_ARG_VALUE');
}

function withCode(error, code) {
  Object.defineProperties(error, {
    toString: { value: errorToString, enumerable: false, writable: true, configurable: true },
  });
  const { name } = error;
  error.name = `${name} [${code}]`;
  error.stack; // V8 writes the header of the stack when it is first looked at.
  delete error.name;
  error.code = code;
  return error;
}

function errorToString() {
  return `${this.name} [${this.code}]: ${this.message}`;
}

/** A connection that went away: Node's ConnResetException. */
function connectionReset(text) {
  const error = new Error(text);
  Error.captureStackTrace(error, connectionReset);
  error.code = 'ECONNRESET';
  return error;
}

// --- words for values, as in lib/internal/errors.js of Node -------------------------------------

function received(value) {
  if (value == null) return ` Received ${value}`;
  if (typeof value === 'function') return ` Received function ${value.name}`;
  if (typeof value === 'object') {
    if (value.constructor?.name) return ` Received an instance of ${value.constructor.name}`;
    return ` Received ${inspect(value, { depth: -1 })}`;
  }
  let text = inspect(value, { colors: false });
  if (text.length > 28) text = `${text.slice(0, 25)}...`;
  return ` Received type ${typeof value} (${text})`;
}

function subject(name) {
  if (name.endsWith(' argument')) return `The ${name}`;
  return `The "${name}" ${name.includes('.') ? 'property' : 'argument'}`;
}

function either(words) {
  if (words.length < 3) return words.join(' or ');
  return `${words.slice(0, -1).join(', ')}, or ${words.at(-1)}`;
}

/** Spelled like classes, and meant as types. */
const TYPES = new Set(['Function', 'Object']);

function invalidArgType(name, expected, value) {
  const all = [expected].flat();
  const others = all.filter((word) => word === 'null' || word === 'undefined');
  let types = all.filter((word) => !others.includes(word) && (/^[a-z]/.test(word) || TYPES.has(word)));
  let classes = all.filter((word) => /^[A-Z]/.test(word) && !TYPES.has(word));
  if (classes.length > 0 && types.includes('Object')) {
    types = types.filter((word) => word !== 'Object');
    classes = [...classes, 'Object'];
  }
  types = types.map((word) => word.toLowerCase());
  const parts = [];
  if (types.length > 0) parts.push(`${types.length > 1 ? 'one of type' : 'of type'} ${either(types)}`);
  if (classes.length > 0) parts.push(`an instance of ${either(classes)}`);
  if (others.length > 1) parts.push(`one of ${either(others)}`);
  else if (others.length === 1) parts.push(others[0]);
  return `${subject(name)} must be ${parts.join(' or ')}.${received(value)}`;
}

function invalidArgValue(name, value, reason = 'is invalid') {
  let text = inspect(value);
  if (text.length > 128) text = `${text.slice(0, 128)}...`;
  return `The ${name.includes('.') ? 'property' : 'argument'} '${name}' ${reason}. Received ${text}`;
}

function outOfRange(name, range, value, isSentence = false) {
  const start = isSentence ? name : `The value of "${name}" is out of range.`;
  return `${start} It must be ${range}. Received ${digits(value)}`;
}

/** Long numbers are written in groups of three. */
function digits(value) {
  if (!Number.isInteger(value) || Math.abs(value) <= 2 ** 32) return inspect(value);
  return String(value).replace(/\B(?=(\d{3})+$)/g, '_');
}

module.exports = { connectionReset, invalidValue, major, minor, nodeError };
