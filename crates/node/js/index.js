'use strict';

// The exports of node:tls, over the native engine.

const { convertALPNProtocols } = require('./alpn');
const ca = require('./ca');
const { connect } = require('./connect');
const { SecureContext, createSecureContext } = require('./context');
const defaults = require('./defaults');
const { checkServerIdentity } = require('./identity');
const { nativeTls } = require('./internals');
const native = require('./native');
const { createSecurePair } = require('./secure-pair');
const { Server, createServer } = require('./server');
const { TLSSocket } = require('./socket');

let ciphers;

/** The names of the suites that the engine speaks, in lower case. */
function getCiphers() {
  ciphers ??= native.cipherSuites().map((name) => name.toLowerCase()).sort();
  return [...ciphers];
}

module.exports = {
  SecureContext,
  Server,
  TLSSocket,
  checkServerIdentity,
  connect,
  convertALPNProtocols,
  createSecureContext,
  createServer,
  getCertificateCompressionAlgorithms: () => native.certCompressionAlgorithms(),
  getCACertificates: ca.getCACertificates,
  getCiphers,
  setDefaultCACertificates: ca.setDefaultCACertificates,
};

// As long as the host has it.
if (nativeTls.createSecurePair) module.exports.createSecurePair = createSecurePair;

for (const name of Object.keys(defaults.values)) {
  Object.defineProperty(module.exports, name, {
    configurable: true,
    enumerable: true,
    get: () => defaults.values[name],
    set: (value) => { defaults.values[name] = value; },
  });
}

Object.defineProperty(module.exports, 'rootCertificates', {
  configurable: false,
  enumerable: true,
  get: ca.rootCertificates,
});
