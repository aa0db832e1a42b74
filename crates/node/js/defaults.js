'use strict';

// The defaults that a program may set on the module: `tls.DEFAULT_MIN_VERSION = 'TLSv1.3'`. They
// are read each time that a context is made.

const flags = require('./flags');

const CIPHERS = [
  'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-AES256-GCM-SHA384',
  'DHE-RSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-SHA256', 'DHE-RSA-AES128-SHA256',
  'ECDHE-RSA-AES256-SHA384', 'DHE-RSA-AES256-SHA384', 'ECDHE-RSA-AES256-SHA256',
  'DHE-RSA-AES256-SHA256', 'HIGH', '!aNULL', '!eNULL', '!EXPORT', '!DES', '!RC4', '!MD5', '!PSK',
  '!SRP', '!CAMELLIA',
];

/** The lowest of the `--tls-min-` switches wins, and the highest of the `--tls-max-` ones. */
function fromFlags(edge, candidates, fallback) {
  const found = candidates.find((version) => flags.isOn(`tls-${edge}-v${version}`));
  return found === undefined ? fallback : `TLSv${found}`.replace('TLSv1.0', 'TLSv1');
}

const values = {
  DEFAULT_CIPHERS: flags.value('tls-cipher-list') ?? CIPHERS.join(':'),
  DEFAULT_ECDH_CURVE: 'auto',
  DEFAULT_MIN_VERSION: fromFlags('min', ['1.0', '1.1', '1.2', '1.3'], 'TLSv1.2'),
  DEFAULT_MAX_VERSION: fromFlags('max', ['1.3', '1.2'], 'TLSv1.3'),
  CLIENT_RENEG_LIMIT: 3,
  CLIENT_RENEG_WINDOW: 600,
};

module.exports = { CIPHERS: CIPHERS.join(':'), values };
