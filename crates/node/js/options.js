'use strict';

// The options of a TLSSocket, looked at in Node's order and refused in its words.

const { convertALPNProtocols, isWire } = require('./alpn');
const { nodeError } = require('./errors');
const validate = require('./validate');

function checkOptions(options) {
  if (options.ALPNProtocols) convertALPNProtocols(options.ALPNProtocols, options);
  if (options.ALPNProtocols && !Buffer.isBuffer(options.ALPNProtocols)) {
    throw new TypeError('Must give a Buffer as first argument');
  }
  if (options.ALPNProtocols && !isWire(options.ALPNProtocols)) {
    throw nodeError('ERR_INVALID_ARG_VALUE', 'options.ALPNProtocols', options.ALPNProtocols);
  }
  if (options.enableTrace !== undefined) validate.boolean(options.enableTrace, 'options.enableTrace');
  if (options.isServer && options.SNICallback !== undefined) {
    validate.func(options.SNICallback, 'options.SNICallback');
  }
  if (options.pskCallback) {
    validate.func(options.pskCallback, 'pskCallback');
  }
}

module.exports = { checkOptions };
