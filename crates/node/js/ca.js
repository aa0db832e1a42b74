'use strict';

// The default trusted certificates, and the functions that get and set them.

const fs = require('fs');
const flags = require('./flags');
const { TrustStore } = require('./native');
const { openssl } = require('./failures');
const { nodeError } = require('./errors');
const { nativeTls } = require('./internals');
const { string, stringOrView } = require('./validate');

const sources = {
  bundled: once(() => TrustStore.bundled()),
  system: once(() => TrustStore.system()),
  extra: once(loadExtra),
  default: once(loadDefault),
};
/** PEM texts by source; the same frozen array every time. */
const texts = new Map();
let replaced = false;

function once(load) {
  let store;
  return { get: () => (store ??= load()), set: (other) => { store = other; } };
}

function loadDefault() {
  return defaultParts().map((part) => sources[part].get()).reduce((all, more) => all.and(more));
}

function defaultParts() {
  // OpenSSL's own folder is where the system's roots are.
  const parts = [flags.isOn('use-openssl-ca') ? 'system' : 'bundled'];
  const usesSystem = flags.isSet('use-system-ca') ?
    flags.isOn('use-system-ca') : process.env.NODE_USE_SYSTEM_CA === '1';
  if (usesSystem && parts[0] !== 'system') parts.push('system');
  if (process.env.NODE_EXTRA_CA_CERTS) parts.push('extra');
  return parts;
}

function loadExtra() {
  const file = process.env.NODE_EXTRA_CA_CERTS;
  if (!file) return TrustStore.fromPem([]);
  try {
    return TrustStore.fromPem([fs.readFileSync(file)]);
  } catch (error) {
    const reason = error.code === 'ENOENT' ? 'No such file or directory' : error.message;
    process.emitWarning(`Ignoring extra certs from \`${file}\`, load failed: ${reason}`);
    return TrustStore.fromPem([]);
  }
}

function pems(type) {
  if (!texts.has(type)) texts.set(type, Object.freeze(listed(type)));
  return texts.get(type);
}

/** The default list is its parts one after the other, though a certificate may be in two. */
function listed(type) {
  if (type === 'bundled') return sources[type].get().pems();
  // Node has its own roots as they were written for it, and the others as OpenSSL writes them.
  if (type !== 'default' || replaced) return sources[type].get().pems().map((pem) => `${pem}\n`);
  return defaultParts().flatMap((part) => pems(part));
}

/** The certificates of a source: 'default', 'system', 'bundled' or 'extra'. */
function getCACertificates(type = 'default') {
  string(type, 'type');
  if (!Object.hasOwn(sources, type)) throw nodeError('ERR_INVALID_ARG_VALUE', 'type', type);
  return pems(type);
}

/** Replaces the default set, in this thread, for the contexts to come. */
function setDefaultCACertificates(certs) {
  if (!Array.isArray(certs)) throw nodeError('ERR_INVALID_ARG_TYPE', 'certs', 'Array', certs);
  certs.forEach((cert, at) => {
    if (typeof cert !== 'string' && !ArrayBuffer.isView(cert)) {
      throw nodeError('ERR_INVALID_ARG_TYPE', `certs[${at}]`, ['string', 'ArrayBufferView'], cert);
    }
  });
  const store = parse(certs);
  if (certs.length > 0 && store.size === 0) {
    throw nodeError('ERR_CRYPTO_OPERATION_FAILED',
      'No valid certificates found in the provided array');
  }
  // What goes over Node's own TLS, as fetch may, trusts the same.
  nativeTls.setDefaultCACertificates?.(certs);
  sources.default.set(store);
  replaced = true;
  texts.delete('default');
}

function parse(certs) {
  try {
    return TrustStore.fromWholePem(asBuffers(certs));
  } catch {
    throw openssl('ERR_OSSL_PEM_ASN1_LIB',
      { library: { number: 9, name: 'PEM routines' }, reason: 'ASN1 lib', number: 524301 });
  }
}

/** The trust set of the option `ca`. */
function trustFrom(ca, name) {
  const given = [ca].flat();
  for (const item of given) stringOrView(item, name);
  return TrustStore.fromPem(asBuffers(given));
}

function asBuffers(items) {
  return items.map((item) => (typeof item === 'string' || Buffer.isBuffer(item) ?
    item : Buffer.from(item.buffer, item.byteOffset, item.byteLength)));
}

module.exports = {
  defaultTrust: () => sources.default.get(),
  getCACertificates,
  rootCertificates: () => pems('bundled'),
  setDefaultCACertificates,
  trustFrom,
};
