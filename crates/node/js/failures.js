'use strict';

// What the native side reports, in OpenSSL's and Node's words.

const { getSystemErrorMap } = require('util');
const { explain } = require('./advice');
const { major, nodeError } = require('./errors');

const SSL = { number: 20, name: 'SSL routines' };

// Numbers of OpenSSL's reasons (sslerr.h) for what is found here; the native side has the others.
const REASONS = {
  'ca key too small': 397,
  'ca md too weak': 398,
  'ee key too small': 399,
  'internal error': 524355,
  'invalid command': 280,
  'no application protocol': 235,
  'no cipher match': 185,
  'passed invalid argument': 524550,
  'ssl session id context too long': 273,
  'wrong ssl version': 266,
};

/** An error in the form that OpenSSL's have in Node. */
function openssl(code, { library = SSL, reason, number, after = '' }) {
  const packed = ((library.number << 23) | number) >>> 0;
  const hex = packed.toString(16).toUpperCase().padStart(8, '0');
  const error = new Error(`error:${hex}:${library.name}::${reason}${after}`);
  Error.captureStackTrace(error, openssl);
  error.library = library.name;
  error.reason = reason;
  error.code = code;
  return error;
}

/** The reason `ERR_SSL_NO_SHARED_CIPHER` is made of: OpenSSL's text in upper case. */
function reasonOf(code) {
  return code.replace(/^ERR_SSL_/, '').toLowerCase().replaceAll('_', ' ');
}

/** An error of OpenSSL's SSL library, from Node's code for it. */
function ssl(code) {
  const reason = reasonOf(code);
  return openssl(code, { reason, number: REASONS[reason] ?? REASONS['internal error'] });
}

/** The error of a connection, from the native side's account of it. */
function connectionError({ code, message, alert, number, reason }) {
  if (reason === undefined || reason === null) {
    const error = new Error(message);
    error.code = code;
    return explain(error, message);
  }
  // OpenSSL before 3.2 has other words for alerts.
  if (process.versions.openssl?.startsWith('3.0') && reason.startsWith('ssl/tls alert')) {
    reason = reason.replace('ssl/tls', 'sslv3');
    code = `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}`;
  }
  const after = alert === undefined || alert === null ? '' : `:SSL alert number ${alert}`;
  return explain(withDetail(openssl(code, { reason, number: number & 0x7fffff, after }), { message }), message);
}

const HINT = '; if the root CA is installed locally, try running Node.js with --use-system-ca';
const HINTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT',
]);

/** Why a peer is not authorized: Node's `verifyError()`. */
function verifyError({ code, text, evidence }) {
  const error = new Error(major >= 24 && HINTED.has(code) ? text + HINT : text);
  error.code = code;
  return explain(error, evidence);
}

const PEM = { number: 9, name: 'PEM routines' };
const DECODER = { number: 60, name: 'DECODER routines' };
const PROVIDER = { number: 57, name: 'Provider routines' };
const X509 = { number: 11, name: 'x509 certificate routines' };

/** What is wrong with `cert`, `key`, `pfx` or `crl`: `error` is the native side's. */
function materialError(option, error) {
  const made = material(option, error.code);
  if (made === undefined) return configError(error);
  return withDetail(made, error);
}

function material(option, problem) {
  if (option === 'pfx') return pfx(problem);
  if (option === 'crl') return nodeError('ERR_CRYPTO_OPERATION_FAILED', 'Failed to parse CRL');
  switch (problem) {
    case 'KeyMismatch':
      return openssl('ERR_OSSL_X509_KEY_VALUES_MISMATCH',
        { library: X509, reason: 'key values mismatch', number: 116 });
    case 'PassphraseNeeded':
    case 'WrongPassphrase':
      return openssl('ERR_OSSL_BAD_DECRYPT',
        { library: PROVIDER, reason: 'bad decrypt', number: 100 });
    case 'NoPemBlock':
    case 'Malformed':
      if (option === 'cert') {
        return openssl('ERR_OSSL_PEM_NO_START_LINE',
          { library: PEM, reason: 'no start line', number: 108 });
      }
      return openssl('ERR_OSSL_UNSUPPORTED',
        { library: DECODER, reason: 'unsupported', number: 524556 });
    default:
      return undefined;
  }
}

function pfx(problem) {
  switch (problem) {
    case 'PassphraseNeeded':
    case 'WrongPassphrase':
      return new Error('mac verify failure');
    case 'NoPrivateKey':
      return nodeError('ERR_CRYPTO_OPERATION_FAILED', 'Unable to load private key from PFX data');
    case 'Malformed':
      return new Error('not enough data');
    case 'Unsupported':
      return nodeError('ERR_CRYPTO_UNSUPPORTED_OPERATION', 'Unsupported PKCS12 PFX data');
    default:
      return undefined;
  }
}

const NO_GROUPS = 'Failed to set ECDH curve';

/** Whether an option names groups that are not there. */
function isAboutGroups(error) {
  return error.message === NO_GROUPS;
}

/** What is wrong with a setting, in the native side's words when Node has no text for it. */
function configError(error) {
  if (error.code === 'BeyondEngine') return withDetail(ssl('ERR_SSL_NO_CIPHER_MATCH'), error);
  if (error.code?.startsWith('ERR_SSL_')) return withDetail(ssl(error.code), error);
  if (error.code === 'Config:groups') {
    const made = new Error(NO_GROUPS);
    made.code = 'ERR_CRYPTO_OPERATION_FAILED';
    return withDetail(made, error);
  }
  if (error.code?.startsWith('Config:')) delete error.code;
  return error;
}

/** Keeps what the engine found, beyond the name that OpenSSL has for it. */
function withDetail(made, error) {
  Object.defineProperty(made, 'detail', { value: error.message, enumerable: false });
  return made;
}

const errnos = new Map([...getSystemErrorMap()].map(([errno, [name]]) => [name, errno]));

/** An error of a write, in the form that libuv's have in Node. */
function writeError(code, detail) {
  const error = new Error(detail === undefined ? `write ${code}` : `write ${code} ${detail}`);
  Error.captureStackTrace(error, writeError);
  return Object.assign(error, { errno: errnos.get(code), code, syscall: 'write' });
}

/** What a write is told that was given up when its socket was closed: nothing before Node 22. */
function writeGivenUp({ isEncrypted }) {
  if (major < 22) return null;
  return isEncrypted ? writeError('EBADF') : writeError('ECANCELED', 'Canceled because of SSL destruction');
}

/** What a write is told that has waited for a handshake that failed: Node's EPROTO. */
function writeRefused(failure) {
  return withDetail(writeError('EPROTO', failure.message), { message: failure.detail ?? failure.message });
}

module.exports = {
  configError, connectionError, isAboutGroups, materialError, openssl, ssl, verifyError, writeGivenUp, writeRefused,
};
