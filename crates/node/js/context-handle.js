'use strict';

// What a SecureContext has in `context`: in Node, the object of its C++ half, with a method for each option.
// There are programs that call those, and some give such a context to Node's own TLS.

const { nodeError } = require('./errors');
const { isAskedByNodesTls } = require('./internals');
const { canCall } = require('./old-peers');
const validate = require('./validate');

/** Each method of Node's, as a change of the options. */
const CHANGES = {
  addCACert: ({ moreTrust = [] }, pem) => {
    validate.stringOrView(pem, 'cert');
    return { moreTrust: [...moreTrust, pem] };
  },
  addCRL: ({ crl }, pem) => ({ crl: [...listOf(crl), pem] }),
  addRootCerts: () => ({ trustsDefault: true }),
  loadPKCS12: ({ pfx }, buf, passphrase) => ({ pfx: [...listOf(pfx), { buf, passphrase }] }),
  setAllowPartialTrustChain: () => ({ allowPartialTrustChain: true }),
  setCert: ({ cert }, pem) => ({ cert: [...listOf(cert), pem] }),
  setCipherSuites: ({ ciphers }, suites) => ({ ciphers: joined(suites, of12(ciphers)) }),
  setCiphers: ({ ciphers }, suites) => ({ ciphers: joined(of13(ciphers), suites) }),
  setDHParam: (_options, dhparam) => ({ dhparam: dhparam === true ? undefined : dhparam }),
  setECDHCurve: (_options, ecdhCurve) => ({ ecdhCurve }),
  setKey: ({ key }, pem, passphrase) => ({ key: [...listOf(key), { pem, passphrase }] }),
  setMaxProto: (_options, maxProto) => ({ maxProto }),
  setMinProto: (_options, minProto) => ({ minProto }),
  setOptions: ({ secureOptions = 0 }, bits = 0) => ({ secureOptions: secureOptions | bits }),
  setSessionIdContext: (_options, sessionIdContext) => ({ sessionIdContext }),
  setSessionTimeout: (_options, sessionTimeout) => ({ sessionTimeout }),
  setSigalgs: (_options, sigalgs) => ({ sigalgs }),
};

function listOf(value) {
  return value === undefined || value === null ? [] : [value].flat();
}

/** Of a list of suites, those of TLS 1.3, and the others. */
function of13(ciphers = '') {
  return ciphers.split(':').filter((word) => word.startsWith('TLS_')).join(':');
}

function of12(ciphers = '') {
  return ciphers.split(':').filter((word) => !word.startsWith('TLS_')).join(':');
}

function joined(...lists) {
  return lists.filter(Boolean).join(':');
}

/** The native context, out of reach of the program, and the options that it was made from. */
class ContextHandle {
  #native;
  #options;
  #build;
  /** The same with pre-shared keys, by the hint for clients. */
  #withPsk = new Map();
  /** The same for names that only the host's OpenSSL can say or take. */
  #withNames;
  #hasKeyCallback = false;

  /** `build(options)` makes the native context. */
  constructor(options, build) {
    this.#options = options;
    this.#build = build;
    this.#native = build(options);
  }

  get native() {
    return this.#native;
  }

  /** The native context that takes pre-shared keys as well. */
  forPsk(hint) {
    if (this.#options.pskCallback && hint === undefined) return this.#native;
    if (!this.#withPsk.has(hint)) {
      this.#withPsk.set(hint, this.#build({ ...this.#options, pskCallback() {}, pskIdentityHint: hint }));
    }
    return this.#withPsk.get(hint);
  }

  /** The native context for names that are not host names; undefined: this Node has no OpenSSL for it. */
  forNames() {
    if (!canCall()) return undefined;
    this.#withNames ??= this.#build({ ...this.#options, beyond: 'names' });
    return this.#withNames;
  }

  /** From now on `onticketkeycallback(name, iv, enc)` is asked for the keys of tickets. */
  enableTicketKeyCallback() {
    this.#hasKeyCallback = true;
  }

  get asksForTicketKeys() {
    return this.#hasKeyCallback;
  }

  /**
   * Asks the callback for the keys of one handshake's tickets: of those that will be made, and of
   * those offered, by their heads (the name of the keys and the IV).
   */
  askForTicketKeys(heads) {
    const ask = (...args) => this.onticketkeycallback(...args);
    const accepted = heads.flatMap((head) => {
      const name = head.subarray(0, 16);
      const [found, hmac, aes] = ask(name, head.subarray(16), false);
      return found > 0 ? [Buffer.concat([name, hmac, aes])] : [];
    });
    const [made, hmac, aes, name] = ask(Buffer.alloc(16), Buffer.alloc(16), true);
    if (made > 0) this.#native.setTicketKeys(Buffer.concat([name, hmac, aes]), accepted);
  }

  getTicketKeys() {
    return this.#native.ticketKeys();
  }

  setTicketKeys(keys) {
    this.#native.setTicketKeys(keys, []);
  }

  getCertificate() {
    return this.#native.certificate() ?? null;
  }

  getIssuer() {
    const certificate = this.#native.certificate();
    return (certificate && this.#native.issuerOf(certificate)) ?? null;
  }

  getMinProto() {
    return this.#options.minProto ?? 0;
  }

  getMaxProto() {
    return this.#options.maxProto ?? 0;
  }

  /** Nothing more can be done with it in Node; here its holders keep it. */
  close() {}

  /** Node has a pointer here that other addons may use; there is none to an OpenSSL context. */
  get _external() {
    return this.#native ? undefined : undefined;
  }

  /** Adds to the options, and rebuilds the context; connections to come have it. */
  static #change(handle, more) {
    const options = { ...handle.#options, ...more(handle.#options) };
    handle.#native = handle.#build(options);
    handle.#options = options;
    handle.#withPsk.clear();
    handle.#withNames = undefined;
  }

  static {
    for (const [name, more] of Object.entries(CHANGES)) {
      Object.defineProperty(ContextHandle.prototype, name, {
        configurable: true,
        writable: true,
        // Called as a method of something else, Node's says this, too.
        value: function change(...args) {
          if (!(#options in this)) throw new TypeError('Illegal invocation');
          ContextHandle.#change(this, (options) => more(options, ...args));
        },
      });
    }
  }
}

/** Puts a handle into a SecureContext. */
function give(context, handle) {
  handles.set(context, handle);
  Object.defineProperty(context, 'context', {
    configurable: true,
    enumerable: true,
    get() {
      // It would be taken for an object of Node's C++ half, and the process would crash.
      if (isAskedByNodesTls()) {
        throw nodeError('ERR_TLS_INVALID_CONTEXT', 'context', "was made by sealwire, and Node's own TLS cannot use it");
      }
      return handle;
    },
  });
}

const handles = new WeakMap();

/** The handle of a SecureContext, or what is one itself, as `addContext` of older Nodes keeps it. */
function handleOf(value) {
  if (value instanceof ContextHandle) return value;
  if (value === null || typeof value !== 'object') return undefined;
  const handle = handles.get(value) ?? value.context;
  return handle instanceof ContextHandle ? handle : undefined;
}

module.exports = { ContextHandle, give, handleOf };
