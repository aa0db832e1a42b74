'use strict';

// tls.createSecurePair, which Node has up to version 22: a TLSSocket whose records are read and written by the
// program, at the other end of a pair of streams.

const EventEmitter = require('events');
const { Duplex } = require('stream');
const { deprecate } = require('util');
const { createSecureContext } = require('./context');
const { TLSSocket } = require('./socket');

class SecurePair extends EventEmitter {
  constructor(secureContext, isServer = false, requestCert = !isServer, rejectUnauthorized = false, options = {}) {
    super();
    const [inside, outside] = pair();
    this.server = options.server;
    this.credentials = secureContext || createSecureContext();
    this.encrypted = outside;
    this.cleartext = new TLSSocket(inside, {
      ...options,
      secureContext: this.credentials,
      isServer: Boolean(isServer),
      requestCert: Boolean(requestCert),
      rejectUnauthorized: Boolean(rejectUnauthorized),
    });
    this.cleartext.once('secure', () => this.emit('secure'));
    // No event starts it: a client of it sends its hello itself.
    if (!isServer) process.nextTick(() => this.cleartext._start());
  }

  destroy() {
    this.cleartext.destroy();
    this.encrypted.destroy();
  }
}

/** Two streams, each of which reads what is written to the other. */
function pair() {
  const first = new End();
  const second = new End();
  first.other = second;
  second.other = first;
  return [first, second];
}

class End extends Duplex {
  other;
  #written = null;

  _read() {
    const written = this.#written;
    this.#written = null;
    written?.();
  }

  _write(chunk, _encoding, callback) {
    this.other.#written = callback;
    this.other.push(chunk);
  }

  _final(callback) {
    this.other.on('end', callback);
    this.other.push(null);
  }
}

const createSecurePair = deprecate((...args) => new SecurePair(...args),
  'tls.createSecurePair() is deprecated. Please use tls.TLSSocket instead.', 'DEP0064');

module.exports = { createSecurePair };
