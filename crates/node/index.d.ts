/// <reference types="node" />

// The types are those of node:tls for what is here. What Node has and this package has not is left
// out: createSecurePair (gone from Node 24), pre-shared keys.

export {
  CLIENT_RENEG_LIMIT,
  CLIENT_RENEG_WINDOW,
  DEFAULT_CIPHERS,
  DEFAULT_ECDH_CURVE,
  DEFAULT_MAX_VERSION,
  DEFAULT_MIN_VERSION,
  Server,
  TLSSocket,
  checkServerIdentity,
  connect,
  createSecureContext,
  createServer,
  getCACertificates,
  getCiphers,
  rootCertificates,
  setDefaultCACertificates,
} from "node:tls";

export type {
  Certificate,
  CipherNameAndProtocol,
  CommonConnectionOptions,
  ConnectionOptions,
  DetailedPeerCertificate,
  EphemeralKeyInfo,
  KeyObject,
  PeerCertificate,
  PxfObject,
  SecureContext,
  SecureContextOptions,
  SecureVersion,
  TLSSocketOptions,
  TlsOptions,
} from "node:tls";

/** Puts the wire form of the names into `out.ALPNProtocols`. */
export function convertALPNProtocols(
  protocols: readonly (string | NodeJS.ArrayBufferView)[] | NodeJS.ArrayBufferView,
  out: { ALPNProtocols?: Buffer },
): void;
