/// <reference types="node" />

// The types are those of node:tls for what is here, in every @types/node from 20 on. What it has and
// this file lacks: createSecurePair (gone from Node 24), pre-shared keys, the event maps.

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
  getCiphers,
  rootCertificates,
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

// What newer versions of Node have, and this package in all.

/** An algorithm of RFC 8879. */
export type CertificateCompressionAlgorithm = "zlib" | "brotli" | "zstd";

/** The algorithms that certificates can be compressed by. */
export function getCertificateCompressionAlgorithms(): CertificateCompressionAlgorithm[];

/** The certificates of authorities that are trusted unless `ca` is given, or of one of their sources. */
export function getCACertificates(type?: "default" | "system" | "bundled" | "extra"): string[];

/** Replaces the authorities that are trusted unless `ca` is given. */
export function setDefaultCACertificates(certs: ReadonlyArray<string | NodeJS.ArrayBufferView>): void;

// What Node has without a type.

/** Puts the wire form of the names into `out.ALPNProtocols`. */
export function convertALPNProtocols(
  protocols: readonly (string | NodeJS.ArrayBufferView)[] | NodeJS.ArrayBufferView,
  out: { ALPNProtocols?: Buffer },
): void;
