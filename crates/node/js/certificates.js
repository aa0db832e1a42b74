'use strict';

// Certificates as objects: Node's legacy form and crypto.X509Certificate. Both come from node:crypto,
// which reads the DER; here only the chain is put together.

const { X509Certificate } = require('crypto');
require('./internals'); // before the first `toLegacyObject`

/** The legacy object of one certificate. */
function legacy(der) {
  return new X509Certificate(der).toLegacyObject();
}

/**
 * The legacy object of `chain[0]`. With `detailed`, each has its issuer in `issuerCertificate`, from
 * the chain or from `issuerOf(der)`; a self-signed one refers to itself.
 */
function peerCertificate(chain, detailed, issuerOf) {
  if (chain.length === 0) return undefined;
  const first = new X509Certificate(chain[0]);
  const object = first.toLegacyObject();
  if (!detailed) return object;
  const others = chain.slice(1).map((der) => new X509Certificate(der));
  let last = { certificate: first, object };
  for (;;) {
    if (isSelfIssued(last.certificate)) {
      last.object.issuerCertificate = last.object;
      return object;
    }
    const issuer = takeIssuer(others, last.certificate) ?? fromTrust(issuerOf, last.certificate);
    if (issuer === undefined) return object;
    const next = { certificate: issuer, object: issuer.toLegacyObject() };
    last.object.issuerCertificate = next.object;
    last = next;
  }
}

/**
 * `chain[0]`, with the certificate that the peer has sent next in `issuerCertificate`, and so on:
 * Node says so of what has come in a handshake only, and does not look whether it is true.
 */
function x509Certificate(chain) {
  const [first, ...others] = chain;
  if (first === undefined) return undefined;
  const certificate = new X509Certificate(first);
  let issuer;
  Object.defineProperty(certificate, 'issuerCertificate', {
    configurable: true,
    get: () => (issuer ??= x509Certificate(others)),
  });
  return certificate;
}

function isSelfIssued(certificate) {
  return certificate.checkIssued(certificate);
}

function takeIssuer(others, certificate) {
  const at = others.findIndex((other) => certificate.checkIssued(other));
  return at === -1 ? undefined : others.splice(at, 1)[0];
}

function fromTrust(issuerOf, certificate) {
  const der = issuerOf(certificate.raw);
  return der ? new X509Certificate(der) : undefined;
}

module.exports = { X509Certificate, legacy, peerCertificate, x509Certificate };
