'use strict';

// What makes two connections different, so that an agent must not share them.

/**
 * In the order of Node's agents, and how each is told. Where no more than these are given, names are
 * those of Node 20, 25 and 26; 22 and 24 tell all by themselves, in longer words.
 */
const PARTS = {
  ca: material,
  cert: material,
  clientCertEngine: ifSet,
  ciphers: ifSet,
  key: (value, { passphrase }) => locked(value, 'pem', passphrase),
  pfx: (value, { passphrase }) => locked(value, 'buf', passphrase),
  rejectUnauthorized: ifGiven,
  servername: (value, { host }) => (value === host ? '' : ifSet(value)),
  minVersion: ifSet,
  maxVersion: ifSet,
  secureProtocol: ifSet,
  crl: material,
  honorCipherOrder: ifGiven,
  ecdhCurve: ifSet,
  dhparam: material,
  secureOptions: ifGiven,
  sessionIdContext: ifSet,
  sigalgs: (value) => (value ? JSON.stringify(value) : ''),
  privateKeyIdentifier: ifSet,
  privateKeyEngine: ifSet,
};

/** Told by their names, and only when they are given. */
const MORE = [
  'secureContext', 'allowPartialTrustChain', 'ALPNProtocols', 'certificateCompression', 'minDHSize',
  'requestOCSP', 'session',
];

/** The name of a kind of secure connection, after the host's name for the transport. */
function agentKey(options) {
  const parts = Object.entries(PARTS).map(([name, tell]) => tell(options[name], options));
  for (const name of MORE) {
    if (options[name] !== undefined && options[name] !== null) parts.push(`${name}=${text(options[name])}`);
  }
  return parts.join(':');
}

function ifSet(value) {
  return value ? String(value) : '';
}

function ifGiven(value) {
  return value === undefined ? '' : String(value);
}

function material(value) {
  return value ? text(value) : '';
}

/** Keys and PFX, each with what opens it: a wrong passphrase gets no connection. */
function locked(value, property, passphrase) {
  if (!value) return '';
  if (!Array.isArray(value)) return text(value) + opener(passphrase);
  return value.map((one) => {
    const isWrapped = one !== null && typeof one === 'object' && !ArrayBuffer.isView(one) && one[property] !== undefined;
    return text(isWrapped ? one[property] : one) + opener((isWrapped ? one.passphrase : undefined) ?? passphrase);
  }).join(',');
}

function opener(passphrase) {
  return passphrase === undefined || passphrase === null ? '' : `:${text(passphrase)}`;
}

const ids = new WeakMap();
let lastId = 0;

/** Bytes are told one by one, not as UTF-8, in which different ones would look alike. */
function text(value) {
  if (Array.isArray(value)) return value.map(text).join(',');
  if (ArrayBuffer.isView(value)) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1');
  }
  if ((typeof value === 'object' || typeof value === 'function') && value !== null) {
    if (!ids.has(value)) ids.set(value, ++lastId);
    return `#${ids.get(value)}`;
  }
  return String(value);
}

module.exports = { agentKey };
