'use strict';

// Keys, requests, certificates, PFX and revocation lists, created and read: what Node's crypto cannot
// make. Each function gives a promise and works on another thread; the one whose name ends in Sync
// gives the thing itself.

const native = require('./native');
const { nodeError } = require('./errors');
const validate = require('./validate');

/** The options of each function, and how each of them is given to the native side. */
const KEY = { type: is('string'), key: pem, passphrase: is('string'), newPassphrase: is('string') };
const SUBJECT = {
  subject: is('string'), names: list, keyUsage: list, extendedKeyUsage: list, mustStaple: is('boolean'),
};
const OWNER = { key: pem, passphrase: is('string'), keyType: is('string') };
const REQUEST = { ...OWNER, ...SUBJECT, challengePassword: is('string') };
const CERTIFICATE = {
  ...OWNER, ...SUBJECT, publicKey: pem, csr: pem, issuer, ca: is('boolean'), pathLength: count,
  permitted: list, excluded: list, ocspUrl: is('string'), issuerUrl: is('string'), crlUrl: is('string'),
  days: count, notBefore: date, notAfter: date, serial: is('string'), copyNames: is('boolean'),
};
const AUTHORITY = {
  ...CERTIFICATE, name: is('string'), unlimited: is('boolean'), limitAddresses: is('boolean'),
};
const PFX = {
  key: pem, keyPassphrase: is('string'), cert: pem, ca: pems, passphrase: is('string'), name: is('string'),
  legacy: is('boolean'),
};
const LIST = { issuer, revoked, number: count, days: count };

const createKey = pair(native.makeKey, native.makeKeyLater, (options = {}) => {
  const { type, ...given } = read(options, KEY);
  return [{ kind: type, ...given, newPassphrase: given.key ? given.newPassphrase : given.passphrase }];
}, ({ key, publicKey }) => ({ key, publicKey }));

const createRequest = pair(native.makeRequest, native.makeRequestLater,
  (options) => [read(options, REQUEST)], present('csr', 'key'));

const createCertificate = pair(native.makeCertificate, native.makeCertificateLater,
  (options) => [certificate(read(options, CERTIFICATE))], present('cert', 'key'));

/** The same with the names first: for tests and for servers in development. */
const selfSigned = pair(native.makeCertificate, native.makeCertificateLater,
  (names, options = {}) => [certificate({ ...read(options, CERTIFICATE), names: list(names, 'names') })], present('cert', 'key'));

const createAuthority = pair(native.makeCertificate, native.makeCertificateLater,
  (options = {}) => [authority(read(options, AUTHORITY))], present('cert', 'key'));

const createRevocationList = pair(native.makeList, native.makeListLater,
  (options) => [{ revoked: [], number: 1, ...required(read(options, LIST), 'issuer') }], ({ crl }) => crl);

const createPfx = pair(native.makePfx, native.makePfxLater, (options) => {
  const { legacy: isLegacy, ...given } = required(read(options, PFX), 'key', 'cert', 'passphrase');
  return [{ ...given, isLegacy }];
}, ({ pfx }) => pfx);

const readPfx = pair(native.readPfx, native.readPfxLater, (pfx, passphrase) => {
  validate.view(pfx, 'pfx');
  if (passphrase !== undefined) validate.string(passphrase, 'passphrase');
  return [validate.bytes(pfx), passphrase];
}, present('key', 'cert', 'ca', 'name'));

/** Only of a request that was signed by its key. */
function readRequest(csr) {
  const { subject, names, publicKey } = made(native.readRequest({ csr: pem(csr, 'csr') }));
  return { subject, names, publicKey };
}

// --- orders ---------------------------------------------------------------------------------------

function certificate({ ca = false, ...given }) {
  return { isAuthority: ca, isPrivate: false, ...given };
}

/** A CA for development: unless told otherwise, it signs for private names alone. */
function authority({ name = 'Development CA', unlimited = false, ca, ...given }) {
  return {
    subject: given.subject ?? `/CN=${name.replace(/[\\/]/g, '\\$&')}`,
    days: 3650,
    pathLength: given.issuer ? 0 : 1,
    ...given,
    isAuthority: true,
    isPrivate: !unlimited && !given.issuer,
  };
}

// --- how functions are made -------------------------------------------------------------------------

/** The function that gives a promise, with the other one as its property `sync`. */
function pair(sync, later, order, result) {
  const promising = async (...args) => result(made(await later(...order(...args))));
  promising.sync = (...args) => result(made(sync(...order(...args))));
  return promising;
}

function made({ made: things, trouble }) {
  if (things) return things;
  const error = new Error(trouble.message);
  Error.captureStackTrace(error, made);
  error.code = `ERR_PKI_${trouble.problem.replace(/(?!^)([A-Z])/g, '_$1').toUpperCase()}`;
  throw error;
}

/** Of what was made, what has these names and is there. */
function present(...names) {
  return (things) => Object.fromEntries(names.filter((name) => things[name] !== undefined)
    .map((name) => [name, things[name]]));
}

// --- options --------------------------------------------------------------------------------------

/** Each option as its table says. One that is not in the table is a mistake, and not passed over. */
function read(options, table, prefix = 'options') {
  validate.object(options, prefix);
  const given = {};
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(table, name)) {
      // Not the value: it may be a key.
      throw nodeError('ERR_INVALID_ARG_VALUE', `${prefix}.${name}`, typeof value, 'is not an option of this function');
    }
    if (value !== undefined) given[name] = table[name](value, `${prefix}.${name}`);
  }
  return given;
}

function required(given, ...names) {
  for (const name of names) {
    if (given[name] === undefined) throw nodeError('ERR_INVALID_ARG_TYPE', `options.${name}`, ['string', 'Buffer'], undefined);
  }
  return given;
}

function is(type) {
  return (value, name) => {
    validate[type](value, name);
    return value;
  };
}

function count(value, name) {
  validate.uint32(value, name);
  return value;
}

function date(value, name) {
  const time = value instanceof Date ? value.getTime() : value;
  validate.number(time, name);
  return time;
}

/** PEM as text or bytes, a KeyObject or an X509Certificate of node:crypto. */
function pem(value, name) {
  if (value?.type === 'private' && value.export) return value.export({ type: 'pkcs8', format: 'pem' });
  if (value?.type === 'public' && value.export) return value.export({ type: 'spki', format: 'pem' });
  if (value?.constructor?.name === 'X509Certificate') return value.toString();
  validate.stringOrView(value, name);
  return validate.bytes(value, 'utf8').toString('utf8');
}

function pems(value, name) {
  return [value].flat().map((one) => pem(one, name));
}

function list(value, name) {
  return [value].flat().map((one) => {
    validate.string(one, name);
    return one;
  });
}

/** What `createAuthority` gives, or files of another CA. */
function issuer(value, name) {
  return required(read(value, { cert: pem, key: pem, passphrase: is('string') }, name), 'cert', 'key');
}

/** Certificates, serial numbers, or either with a reason and a date. */
function revoked(value, name) {
  return [value].flat().map((one) => {
    const { cert, serial, reason, date: since } = typeof one === 'object' && one.constructor === Object ? one : { cert: one };
    return {
      serial: serial ?? serialOf(cert, name),
      reason,
      time: since === undefined ? undefined : date(since, `${name}.date`),
    };
  });
}

function serialOf(cert, name) {
  const { X509Certificate } = require('crypto');
  return new X509Certificate(pem(cert, name)).serialNumber;
}

module.exports = { readRequest };
for (const [name, promising] of Object.entries({
  createAuthority, createCertificate, createKey, createPfx, createRequest, createRevocationList, readPfx, selfSigned,
})) {
  module.exports[name] = promising;
  module.exports[`${name}Sync`] = promising.sync;
}
