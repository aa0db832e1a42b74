'use strict';

// Whom to trust by default, and the functions that tell and change it.

const fs = require('fs');
const flags = require('./flags');
const { TrustStore } = require('./native');
const { openssl } = require('./failures');
const { nodeError } = require('./errors');
const { string, stringOrView } = require('./validate');

const sources = {
  bundled: once(() => TrustStore.bundled()),
  system: once(() => TrustStore.system()),
  extra: once(loadExtra),
  default: once(loadDefault),
};
/** PEM texts by source; the same frozen array every time. */
const texts = new Map();

function once(load) {
  let store;
  return { get: () => (store ??= load()), set: (other) => { store = other; } };
}

function loadDefault() {
  // Node built with its bundled roots uses OpenSSL's folder only when told to: the system's roots.
  let store = flags.isOn('use-openssl-ca') ? sources.system.get() : sources.bundled.get();
  if (flags.isOn('use-system-ca') || process.env.NODE_USE_SYSTEM_CA === '1') {
    store = store.and(sources.system.get());
  }
  return process.env.NODE_EXTRA_CA_CERTS ? store.and(sources.extra.get()) : store;
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
  if (!texts.has(type)) texts.set(type, Object.freeze(sources[type].get().pems()));
  return texts.get(type);
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
  sources.default.set(store);
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
