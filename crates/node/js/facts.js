'use strict';

// What the handshake has brought, as the handle of a TLSSocket tells it; the socket passes on what it
// is asked. The names are those of Node's own handle.

const { X509Certificate, legacy, peerCertificate, x509Certificate } = require('./certificates');
const { nativeContext } = require('./context');
const { verifyError } = require('./failures');
const { ephemeralKey } = require('./groups');
const { commonNameLimits } = require('./identity');
const { bytes } = require('./validate');

class HandshakeFacts {
  #connection;
  #isServer;
  /** As in Node: the SecureContext of the socket. */
  _secureContext;

  constructor(connection, { isServer, secureContext }) {
    this.#connection = connection;
    this.#isServer = isServer;
    this._secureContext = secureContext;
  }

  /** The native session, once there is one. */
  get session() {
    return this.#connection.session;
  }

  /** What was agreed in the handshake, once it is complete. */
  get facts() {
    return this.#connection.facts;
  }

  /** Of that, what every socket tells. */
  get agreed() {
    return this.#connection.agreed;
  }

  /** Why the peer is not authorized, as an error, or null. */
  verifyError() {
    const refusal = this.facts?.refusal;
    return refusal ? verifyError(refusal) : null;
  }

  getProtocol() {
    return this.facts?.protocol ?? 'TLSv1.3';
  }

  getCipher() {
    if (!this.facts) return undefined;
    const { cipher, standardCipher, cipherVersion } = this.facts;
    return { name: cipher, standardName: standardCipher, version: cipherVersion };
  }

  getEphemeralKeyInfo() {
    return this.#isServer ? null : ephemeralKey(this.facts ?? {});
  }

  getALPNNegotiatedProtocol() {
    return this.facts?.alpn ? this.facts.alpn.toString('latin1') : false;
  }

  /** The name of SNI that was sent, or false. */
  getServername() {
    return this.facts?.serverName ?? false;
  }

  getPeerCertificate(detailed) {
    return this.#legacy(this.#chain(), detailed);
  }

  /** The server's certificate, also that of the session that was resumed. */
  getJudgedCertificate() {
    const { session } = this;
    const certificate = this.#legacy(session.peerCertificates(), true) ?? {};
    const limits = (host) => session.commonNameLimits(host) ?? undefined;
    return Object.defineProperty(certificate, commonNameLimits, { value: limits });
  }

  #legacy(chain, detailed) {
    const context = nativeContext(this._secureContext);
    return peerCertificate(chain, detailed, (der) => context.issuerOf(der));
  }

  getPeerX509Certificate() {
    return x509Certificate(this.#chain());
  }

  getCertificate() {
    const der = this.#localCertificate();
    return der && legacy(der);
  }

  getX509Certificate() {
    const der = this.#localCertificate();
    return der && new X509Certificate(der);
  }

  getFinished() {
    return this.session?.finished() ?? undefined;
  }

  getPeerFinished() {
    return this.session?.peerFinished() ?? undefined;
  }

  getSharedSigalgs() {
    return this.session?.sharedSignatureSchemes() ?? [];
  }

  getTLSTicket() {
    return this.session?.currentTicket() ?? undefined;
  }

  isSessionReused() {
    return Boolean(this.facts?.resumed);
  }

  exportKeyingMaterial(length, label, context) {
    return this.session.exportKeyingMaterial(length, Buffer.from(label),
      context === undefined ? null : bytes(context));
  }

  /** What the peer has sent in this handshake; the session that a client resumes tells it nothing. */
  #chain() {
    if (!this.facts || (!this.#isServer && this.facts.resumed)) return [];
    return this.session.peerCertificates();
  }

  /** The one that was shown, or would be. */
  #localCertificate() {
    const [shown] = this.session?.localCertificates() ?? [];
    return shown ?? nativeContext(this._secureContext).certificate() ?? undefined;
  }
}

module.exports = { HandshakeFacts };
