'use strict';

// What the handshake has brought, as a TLSSocket tells it: its getters are mixed into that class.

const { X509Certificate, legacy, peerCertificate } = require('./certificates');
const { nativeContext } = require('./context');
const { nodeError } = require('./errors');
const { ephemeralKey } = require('./groups');
const { commonNameLimits } = require('./identity');
const validate = require('./validate');

class HandshakeFacts {
  getProtocol() {
    if (!this._handle) return null;
    return this._handle.facts?.protocol ?? 'TLSv1.3';
  }

  getCipher() {
    if (!this._handle) return null;
    if (!this._handle.facts) return undefined;
    const { cipher, standardCipher } = this._handle.facts;
    return { name: cipher, standardName: standardCipher, version: cipher.startsWith('TLS_') ? 'TLSv1.3' : 'TLSv1.2' };
  }

  getEphemeralKeyInfo() {
    if (!this._handle) return null;
    if (this._tlsOptions.isServer) return null;
    return ephemeralKey(this._handle.facts?.group);
  }

  getPeerCertificate(detailed) {
    if (!this._handle) return null;
    if (!this._handle.facts || (!this._tlsOptions.isServer && this._handle.facts.resumed)) return {};
    const context = nativeContext(this._handle._secureContext);
    const chain = this._handle.session.peerCertificates();
    return peerCertificate(chain, detailed, (der) => context.issuerOf(der)) ?? {};
  }

  getPeerX509Certificate() {
    const [der] = this._handle?.session?.peerCertificates() ?? [];
    return der ? new X509Certificate(der) : undefined;
  }

  getCertificate() {
    if (!this._handle) return null;
    const der = localCertificate(this);
    return der ? legacy(der) : {};
  }

  getX509Certificate() {
    const der = this._handle ? localCertificate(this) : undefined;
    return der ? new X509Certificate(der) : undefined;
  }

  getFinished() {
    return this._handle ? this._handle.session?.finished() ?? undefined : null;
  }

  getPeerFinished() {
    return this._handle ? this._handle.session?.peerFinished() ?? undefined : null;
  }

  getSharedSigalgs() {
    return this._handle ? this._handle.session?.sharedSignatureSchemes() ?? [] : null;
  }

  isSessionReused() {
    return this._handle ? Boolean(this._handle.facts?.resumed) : null;
  }

  getTLSTicket() {
    if (!this._handle) return null;
    return this._handle.session?.currentTicket() ?? undefined;
  }

  /** The server's certificate, also that of the session that was resumed. */
  _judgedCertificate() {
    const context = nativeContext(this._handle._secureContext);
    const chain = this._handle.session.peerCertificates();
    const certificate = peerCertificate(chain, true, (der) => context.issuerOf(der)) ?? {};
    const { session } = this._handle;
    const limits = (host) => session.commonNameLimits(host) ?? undefined;
    return Object.defineProperty(certificate, commonNameLimits, { value: limits });
  }

  exportKeyingMaterial(length, label, context) {
    validate.uint32(length, 'length', true);
    validate.string(label, 'label');
    if (context !== undefined) validate.view(context, 'context');
    if (!this._secureEstablished) throw nodeError('ERR_TLS_INVALID_STATE');
    if (!this._handle) return null;
    return this._handle.session.exportKeyingMaterial(length, Buffer.from(label),
      context === undefined ? null : validate.bytes(context));
  }
}

/** The one that was shown, or would be. */
function localCertificate({ _handle }) {
  const [shown] = _handle.session?.localCertificates() ?? [];
  return shown ?? nativeContext(_handle._secureContext).certificate() ?? undefined;
}

/** Gives the getters to a class. */
function mixInto({ prototype }) {
  const { constructor, ...getters } = Object.getOwnPropertyDescriptors(HandshakeFacts.prototype);
  Object.defineProperties(prototype, getters);
}

module.exports = { mixInto };
