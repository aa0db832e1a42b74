'use strict';

// Secure contexts: the options of `tls.createSecureContext`, looked at in Node's order.

const { types: { isArrayBufferView } } = require('util');
const ca = require('./ca');
const { ContextHandle, give, handleOf } = require('./context-handle');
const defaults = require('./defaults');
const { configError, isAboutGroups, materialError, ssl } = require('./failures');
const { nativeTls } = require('./internals');
const { invalidValue, major, nodeError } = require('./errors');
const oldPeers = require('./old-peers');
const { ContextBuilder, certCompressionAlgorithms } = require('./native');
const validate = require('./validate');

const VERSIONS = { 'TLSv1': 0x301, 'TLSv1.1': 0x302, 'TLSv1.2': 0x303, 'TLSv1.3': 0x304 };

// OpenSSL's method names as versions; 'any' is every version that there is.
const METHODS = {
  TLS_method: 'any', TLS_client_method: 'any', TLS_server_method: 'any',
  TLSv1_method: 0x301, TLSv1_client_method: 0x301, TLSv1_server_method: 0x301,
  TLSv1_1_method: 0x302, TLSv1_1_client_method: 0x302, TLSv1_1_server_method: 0x302,
  TLSv1_2_method: 0x303, TLSv1_2_client_method: 0x303, TLSv1_2_server_method: 0x303,
  TLSv1_3_method: 0x304, TLSv1_3_client_method: 0x304, TLSv1_3_server_method: 0x304,
};

/** Bits of `secureOptions` that mean something here; see `constants` of node:crypto. */
const OPTION = { NO_TLSv1_3: 0x20000000, NO_TLSv1_2: 0x08000000, NO_TICKET: 0x4000, SERVER_PREFERENCE: 0x400000 };

function SecureContext(secureProtocol, secureOptions, minVersion, maxVersion) {
  if (!(this instanceof SecureContext)) {
    return new SecureContext(secureProtocol, secureOptions, minVersion, maxVersion);
  }
  give(this, handleFor({ secureProtocol, secureOptions, minVersion, maxVersion }));
}

/** Makes a context from options; whatever is wrong with them throws here. */
function createSecureContext(options) {
  options ||= {};
  validate.object(options, 'options');
  const context = Object.create(SecureContext.prototype);
  give(context, handleFor(options));
  return context;
}

function handleFor(options) {
  return new ContextHandle(options, (more) => build(more, 'options'));
}

/** Whether it is a SecureContext, or what one has in `context`. */
function isContext(value) {
  return handleOf(value) !== undefined;
}

/** The native context of a SecureContext that takes pre-shared keys. */
function pskContext(value, hint) {
  nativeContext(value);
  return handleOf(value).forPsk(hint);
}

/** The native context of a SecureContext for names that are not host names, if there can be one. */
function namesContext(value) {
  return handleOf(value)?.forNames();
}

/** The native context of a SecureContext, or an error that names the option. */
function nativeContext(value, name = 'context') {
  const handle = handleOf(value);
  if (!handle) throw nodeError('ERR_TLS_INVALID_CONTEXT', name);
  return handle.native;
}

function build(options, name) {
  try {
    return buildFor(options, name);
  } catch (error) {
    // Groups that are new, and that only the host's OpenSSL has.
    if (!isAboutGroups(error) || options.beyond || !oldPeers.canCall()) throw error;
    return buildFor({ ...options, beyond: 'groups' }, name);
  }
}

function buildFor(options, name) {
  const range = versions(options);
  const spoken = versionsSpoken(range, options.secureOptions);
  const builder = startWithCiphers(options, spoken, name);
  configure(() => builder.versions(spoken.min, spoken.max));
  setTrust(builder, options, name);
  setIdentities(builder, options, name);
  setAgreement(builder, options, range, name);
  setCrls(builder, options.crl, name);
  setPfx(builder, options.pfx, options.passphrase);
  refuseEngines(options, name);
  setSessions(builder, options, name);
  const native = configure(() => builder.build());
  for (const text of native.unusable()) process.emitWarning(text, 'SecurityWarning');
  return native;
}

const DEFAULT_LEVEL = major >= 24 ? 2 : 1;
/** OpenSSL 3.0 checks the signature algorithm of our own certificates; later ones skip that. */
const CHECKS_OWN_DIGESTS = process.versions.openssl?.startsWith('3.0') ?? false;

function configure(step) {
  try {
    return step();
  } catch (error) {
    throw configError(error);
  }
}

function isGiven(value) {
  return value !== undefined && value !== null;
}

// --- versions and suites ------------------------------------------------------------------------

/** The range that the options name. */
function versions({ secureProtocol, minVersion, maxVersion, minProto, maxProto }) {
  // Set by number later, these count before all names.
  const min = minProto || version('minimum', minVersion, defaults.values.DEFAULT_MIN_VERSION);
  const max = maxProto || version('maximum', maxVersion, defaults.values.DEFAULT_MAX_VERSION);
  if (typeof secureProtocol !== 'string') return { min, max };
  for (const given of [minVersion, maxVersion]) {
    if (isGiven(given)) throw nodeError('ERR_TLS_PROTOCOL_VERSION_CONFLICT', given, secureProtocol);
  }
  return method(secureProtocol, { min, max });
}

/** What the bits for single versions leave of it. */
function versionsSpoken({ min, max }, secureOptions) {
  if (secureOptions) validate.integer(secureOptions, 'secureOptions');
  return {
    min: secureOptions & OPTION.NO_TLSv1_2 && min === 0x303 ? 0x304 : min,
    max: secureOptions & OPTION.NO_TLSv1_3 ? Math.min(max, 0x303) : max,
  };
}

function version(which, given, fallback) {
  const number = VERSIONS[given ?? fallback];
  if (number === undefined) throw nodeError('ERR_TLS_INVALID_PROTOCOL_VERSION', given ?? fallback, which);
  return number;
}

function method(name, range) {
  // From when TLS 1.2 was the newest.
  if (/^SSLv23_(client_|server_)?method$/.test(name)) return { min: range.min, max: 0x303 };
  if (/^SSLv[23]_/.test(name)) {
    throw nodeError('ERR_TLS_INVALID_PROTOCOL_METHOD', `${name.slice(0, 5)} methods disabled`);
  }
  const found = METHODS[name];
  if (found === undefined) throw nodeError('ERR_TLS_INVALID_PROTOCOL_METHOD', `Unknown method: ${name}`);
  return found === 'any' ? { min: 0x301, max: 0x304 } : { min: found, max: found };
}

function startWithCiphers(options, range, name) {
  const { ciphers, honorCipherOrder, secureOptions } = options;
  if (isGiven(ciphers)) validate.string(ciphers, `${name}.ciphers`);
  const given = (ciphers || defaults.values.DEFAULT_CIPHERS).split(':').filter((word) => word !== '');
  // As in Node, a suite of TLS 1.3 can be taken out again.
  const words = given.filter((word) => !word.startsWith('!TLS_') && !given.includes(`!${word}`));
  if (words.length === 0) {
    throw nodeError('ERR_INVALID_ARG_VALUE', `${name}.ciphers`, (ciphers || '').split(':'));
  }
  const isOwnList = words.join(':') !== defaults.CIPHERS;
  const builder = chooseSuites(words, oldPeers.legacyOf(options, range, words, isOwnList));
  builder.preferServerOrder(Boolean(honorCipherOrder || secureOptions & OPTION.SERVER_PREFERENCE));
  return builder;
}

/**
 * A list for TLS 1.2 of which the engine has nothing leaves TLS 1.3, which has suites of its own, as
 * it does in Node when no peer shares one: reported, since the program may have meant something else.
 */
function chooseSuites(words, legacy) {
  try {
    return builderWith(words, legacy);
  } catch (error) {
    if (error.code !== 'BeyondEngine') throw configError(error);
    const forList = legacy ?? oldPeers.legacyForList();
    if (forList !== null && legacy === null) return chooseSuites(words, forList);
    process.emitWarning(`Only TLS 1.3 is enabled: ${error.message}`, 'SecurityWarning');
    const of13 = words.filter((word) => word.startsWith('TLS_'));
    return configure(() => builderWith(of13.length > 0 ? of13 : DEFAULT_13, legacy));
  }
}

function builderWith(words, legacy = null) {
  const builder = new ContextBuilder();
  if (legacy !== null) builder.legacy(legacy);
  builder.securityLevel(DEFAULT_LEVEL);
  builder.checkOwnDigests(CHECKS_OWN_DIGESTS);
  builder.cipherList(words.join(':'));
  return builder;
}

const DEFAULT_13 = ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'];

// --- trust and identities -----------------------------------------------------------------------

function setTrust(builder, options, name) {
  const partial = Boolean(options.allowPartialTrustChain);
  if (options.ca) builder.trust(ca.trustFrom(options.ca, `${name}.ca`), partial);
  else builder.defaultTrust(ca.defaultTrust(), partial);
  if (options.ca && options.trustsDefault) builder.extraTrust(ca.defaultTrust());
  if (options.moreTrust) builder.extraTrust(ca.trustFrom(options.moreTrust, `${name}.ca`));
}

function setIdentities(builder, { cert, key, passphrase }, name) {
  for (const pem of cert ? [cert].flat() : []) {
    validate.stringOrView(pem, `${name}.cert`);
    material('cert', () => builder.certificate(validate.bytes(pem)));
  }
  for (const item of key ? [key].flat() : []) {
    // Only in a list can a key come with its passphrase.
    const { pem = item, passphrase: secret = passphrase } = Array.isArray(key) && item ? item : {};
    validate.stringOrView(pem, `${name}.key`);
    if (isGiven(secret)) validate.string(secret, `${name}.passphrase`);
    material('key', () => builder.key(validate.bytes(pem), isGiven(secret) ? Buffer.from(secret) : null));
  }
}

function setPfx(builder, pfx, passphrase) {
  for (const item of isGiven(pfx) ? [pfx].flat() : []) {
    const raw = item?.buf ?? item;
    const secret = item?.passphrase ?? passphrase;
    if (typeof raw !== 'string' && !isArrayBufferView(raw)) {
      throw nodeError('ERR_CRYPTO_OPERATION_FAILED', 'Unable to load PFX certificate');
    }
    const text = isArrayBufferView(secret) ? validate.bytes(secret).toString() : secret;
    material('pfx', () => builder.pfx(validate.bytes(raw, 'latin1'), isGiven(text) ? String(text) : null));
  }
}

function setCrls(builder, crl, name) {
  for (const pem of isGiven(crl) ? [crl].flat() : []) {
    validate.stringOrView(pem, `${name}.crl`);
    material('crl', () => builder.crl(validate.bytes(pem)));
  }
}

function material(option, step) {
  try {
    step();
  } catch (error) {
    throw materialError(option, error);
  }
}

// --- the rest -----------------------------------------------------------------------------------

function setAgreement(builder, options, range, name) {
  const { sigalgs, certificateCompression, dhparam } = options;
  if (isGiven(sigalgs)) {
    validate.string(sigalgs, `${name}.sigalgs`);
    if (sigalgs === '') throw nodeError('ERR_INVALID_ARG_VALUE', `${name}.sigalgs`, sigalgs);
    configure(() => builder.signatureSchemes(sigalgs));
  }
  if (isGiven(certificateCompression)) setCompression(builder, certificateCompression, range, name);
  refuseKeyEngine(options, name);
  const curve = options.ecdhCurve === undefined ? defaults.values.DEFAULT_ECDH_CURVE : options.ecdhCurve;
  validate.string(curve, `${name}.ecdhCurve`);
  configure(() => builder.groups(curve || 'auto'));
  // Where this Node has no OpenSSL for it, there is no DHE and the parameters have no use.
  if (isGiven(dhparam)) validate.stringOrView(dhparam, `${name}.dhparam`);
}

const ALGORITHMS = certCompressionAlgorithms();

function setCompression(builder, algorithms, range, name) {
  const option = `${name}.certificateCompression`;
  if (!Array.isArray(algorithms)) throw nodeError('ERR_INVALID_ARG_TYPE', option, 'Array', algorithms);
  if (algorithms.length > ALGORITHMS.length) {
    throw nodeError('ERR_INVALID_ARG_VALUE', option, algorithms,
      `can specify at most ${ALGORITHMS.length} algorithms`);
  }
  algorithms.forEach((algorithm, at) => {
    if (!ALGORITHMS.includes(algorithm)) {
      throw nodeError('ERR_INVALID_ARG_VALUE', `${option}[${at}]`, algorithm,
        "must be 'zlib', 'brotli', or 'zstd'");
    }
  });
  if (algorithms.length > 0 && range.max < 0x304) {
    throw invalidValue('certificateCompression requires a TLS protocol range that includes TLSv1.3');
  }
  if (new Set(algorithms).size < algorithms.length) {
    throw nodeError('ERR_CRYPTO_OPERATION_FAILED', 'Failed to set certificate compression preference');
  }
  builder.certCompression(algorithms);
}

function refuseKeyEngine({ privateKeyIdentifier, privateKeyEngine, key }, name) {
  if (!isGiven(privateKeyIdentifier)) return;
  const text = ['string', 'null', 'undefined'];
  if (!isGiven(privateKeyEngine)) {
    throw nodeError('ERR_INVALID_ARG_VALUE', `${name}.privateKeyEngine`, privateKeyEngine);
  }
  if (key) {
    throw nodeError('ERR_INVALID_ARG_VALUE', `${name}.privateKeyIdentifier`, privateKeyIdentifier);
  }
  if (typeof privateKeyIdentifier !== 'string') {
    throw nodeError('ERR_INVALID_ARG_TYPE', `${name}.privateKeyIdentifier`, text, privateKeyIdentifier);
  }
  if (typeof privateKeyEngine !== 'string') {
    throw nodeError('ERR_INVALID_ARG_TYPE', `${name}.privateKeyEngine`, text, privateKeyEngine);
  }
  throw nodeError('ERR_CRYPTO_CUSTOM_ENGINE_NOT_SUPPORTED');
}

function refuseEngines({ clientCertEngine }, name) {
  if (typeof clientCertEngine === 'string') {
    // Node says what is wrong with it; one that OpenSSL can load is of no use here all the same.
    nativeTls.createSecureContext({ clientCertEngine });
    throw nodeError('ERR_CRYPTO_CUSTOM_ENGINE_NOT_SUPPORTED');
  }
  if (isGiven(clientCertEngine)) {
    throw nodeError('ERR_INVALID_ARG_TYPE', `${name}.clientCertEngine`,
      ['string', 'null', 'undefined'], clientCertEngine);
  }
}

function setSessions(builder, options, name) {
  const { sessionIdContext, ticketKeys, sessionTimeout, secureOptions } = options;
  if (isGiven(sessionIdContext)) {
    validate.string(sessionIdContext, `${name}.sessionIdContext`);
    if (Buffer.byteLength(sessionIdContext) > 32) {
      throw ssl('ERR_SSL_SSL_SESSION_ID_CONTEXT_TOO_LONG');
    }
    builder.sessionIdContext(Buffer.from(sessionIdContext));
  }
  if (isGiven(ticketKeys)) {
    validate.view(ticketKeys, `${name}.ticketKeys`);
    if (ticketKeys.byteLength !== 48) {
      throw nodeError('ERR_INVALID_ARG_VALUE', `${name}.ticketKeys`, ticketKeys.byteLength,
        'must be exactly 48 bytes');
    }
    builder.ticketKeys(validate.bytes(ticketKeys));
  }
  if (isGiven(sessionTimeout)) {
    validate.int32(sessionTimeout, `${name}.sessionTimeout`, 0);
    builder.sessionTimeout(sessionTimeout);
  }
  if (secureOptions & OPTION.NO_TICKET) builder.statelessTickets(false);
}

module.exports = {
  SecureContext, createSecureContext, handleOf, isContext, namesContext, nativeContext, pskContext,
};
