/// <reference types="node" />

import type { KeyObject, X509Certificate } from "node:crypto";

/** PEM as text or bytes, or an object of node:crypto. */
export type Pem = string | NodeJS.ArrayBufferView | KeyObject | X509Certificate;

/** A kind of key: ECDSA, RSA with so many bits, or Ed25519. */
export type KeyType = "p256" | "p384" | "p521" | "ed25519" | "rsa" | `rsa:${number}`;

export type KeyUsage =
  | "digitalSignature" | "nonRepudiation" | "keyEncipherment" | "dataEncipherment" | "keyAgreement"
  | "keyCertSign" | "cRLSign" | "encipherOnly" | "decipherOnly";

/** A purpose by OpenSSL's name for it, or an OID. */
export type ExtendedKeyUsage =
  | "serverAuth" | "clientAuth" | "codeSigning" | "emailProtection" | "timeStamping" | "OCSPSigning"
  | "anyExtendedKeyUsage" | `${number}.${string}`;

/** A certificate and its private key, both in PEM: options of `tls.createServer` and `https.Agent`. */
export interface Identity {
  /** With the intermediates that a server sends. */
  cert: string;
  key: string;
}

export interface KeyOptions {
  /** Default: "p256". */
  type?: KeyType;
  /** A key that is there, to be written in another way, and not a new one. */
  key?: Pem;
  /** Encrypts the new key, or opens the one that is given. */
  passphrase?: string;
  /** Encrypts the key that is given. */
  newPassphrase?: string;
}

export interface OwnerOptions {
  /** Whose it is. Without one a key is made, and given back. */
  key?: Pem;
  /** Opens the key that is given, or encrypts the one that is made. */
  passphrase?: string;
  /** The kind of the key that is made. Default: "p256". */
  keyType?: KeyType;
}

export interface SubjectOptions {
  /** Host names, addresses, mailboxes, URIs. */
  names?: string | readonly string[];
  /** `/O=Example/CN=a name`, or as in RFC 4514. Default: the first name. */
  subject?: string;
  keyUsage?: KeyUsage | readonly KeyUsage[];
  /** Default for a certificate: servers and clients. */
  extendedKeyUsage?: ExtendedKeyUsage | readonly ExtendedKeyUsage[];
  mustStaple?: boolean;
}

export interface RequestOptions extends OwnerOptions, SubjectOptions {
  challengePassword?: string;
}

/** A CA: what `createAuthority` gives, or the files of another. */
export interface Issuer {
  /** Its certificate, and the intermediates above it. */
  cert: Pem;
  key: Pem;
  passphrase?: string;
}

export interface CertificateOptions extends OwnerOptions, SubjectOptions {
  /** In place of a private key: the certificate is for the holder of this one. */
  publicKey?: Pem;
  /** In place of a key: for the signer of this request. Its subject is taken, its names if `copyNames`. */
  csr?: string | NodeJS.ArrayBufferView;
  copyNames?: boolean;
  /** Default: it signs itself. */
  issuer?: Issuer;
  /** Whether it may sign certificates. */
  ca?: boolean;
  /** How many further CAs may stand below it. */
  pathLength?: number;
  /** Names, networks and `@mailbox.hosts` that a CA may sign for, and excluded ones. */
  permitted?: string | readonly string[];
  excluded?: string | readonly string[];
  ocspUrl?: string;
  issuerUrl?: string;
  crlUrl?: string;
  /** Default: 365. */
  days?: number;
  notBefore?: Date | number;
  notAfter?: Date | number;
  /** In hexadecimal digits. Default: 20 random bytes. */
  serial?: string;
}

export interface AuthorityOptions extends Omit<CertificateOptions, "ca" | "csr" | "copyNames" | "publicKey"> {
  /** Its common name. Default: "Development CA". */
  name?: string;
  /**
   * Lets a root sign for every name. Otherwise it signs for localhost, `.test`, `.internal`, `.local`
   * and other private names, and what is `permitted`.
   */
  unlimited?: boolean;
  /**
   * Limits a root to private addresses, too. Clients with BoringSSL (Bun, gRPC) then refuse every
   * certificate of this authority that has an address among its names.
   */
  limitAddresses?: boolean;
}

export interface PfxOptions {
  key: Pem;
  /** Opens the key. */
  keyPassphrase?: string;
  cert: Pem;
  /** The certificates above it. */
  ca?: Pem | readonly Pem[];
  passphrase: string;
  /** The name that Windows, Java and Firefox show. */
  name?: string;
  /** For Windows before 2019 and Java before 8u301. */
  legacy?: boolean;
}

export interface PfxContents extends Identity {
  ca: string[];
  name?: string;
}

export interface RevokedCertificate {
  cert?: Pem;
  serial?: string;
  /** As in RFC 5280: "keyCompromise", "superseded" and so on. */
  reason?: string;
  date?: Date | number;
}

export interface RevocationListOptions {
  issuer: Issuer;
  revoked?: readonly (RevokedCertificate | string | NodeJS.ArrayBufferView | X509Certificate)[];
  /** Greater than that of every list before. Default: 1. */
  number?: number;
  /** Until the next one. Default: 30. */
  days?: number;
}

export interface RequestContents {
  /** As RFC 4514 writes it. */
  subject: string;
  /** As OpenSSL writes them: "DNS:localhost". */
  names: string[];
  publicKey: string;
}

/** An identity for these names that signs itself. */
export function selfSigned(names: string | readonly string[], options?: CertificateOptions): Promise<Identity>;
export function selfSignedSync(names: string | readonly string[], options?: CertificateOptions): Identity;

/** A CA: a root, or with `issuer` an intermediate. */
export function createAuthority(options?: AuthorityOptions): Promise<Identity>;
export function createAuthoritySync(options?: AuthorityOptions): Identity;

/** A certificate; with its key, when that was made for it. */
export function createCertificate(options: CertificateOptions): Promise<{ cert: string; key?: string }>;
export function createCertificateSync(options: CertificateOptions): { cert: string; key?: string };

export function createKey(options?: KeyOptions): Promise<{ key: string; publicKey: string }>;
export function createKeySync(options?: KeyOptions): { key: string; publicKey: string };

/** A certification request; with its key, when that was made for it. */
export function createRequest(options: RequestOptions): Promise<{ csr: string; key?: string }>;
export function createRequestSync(options: RequestOptions): { csr: string; key?: string };

/** What is in a request; throws when its signature is wrong. */
export function readRequest(csr: string | NodeJS.ArrayBufferView): RequestContents;

export function createPfx(options: PfxOptions): Promise<Buffer>;
export function createPfxSync(options: PfxOptions): Buffer;
export function readPfx(pfx: NodeJS.ArrayBufferView, passphrase?: string): Promise<PfxContents>;
export function readPfxSync(pfx: NodeJS.ArrayBufferView, passphrase?: string): PfxContents;

/** A revocation list in PEM, for the option `crl`. */
export function createRevocationList(options: RevocationListOptions): Promise<string>;
export function createRevocationListSync(options: RevocationListOptions): string;
