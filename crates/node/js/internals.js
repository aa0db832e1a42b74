'use strict';

// Node's own TLS, loaded before anything else of ours can make Node load it.

/**
 * Node's `tls`, asked of Node itself: `require` may be answered by `sealwire/register`.
 *
 * It must be loaded before the first `X509Certificate.prototype.toLegacyObject`: that makes Node
 * load the inner half of `tls` first, which needs the outer one; then Node's own TLS is without
 * `createSecureContext` for the rest of the process, and with it `fetch`, `http2` and `https`.
 */
const nativeTls = process.getBuiltinModule?.('node:tls') ?? require('node:tls');

module.exports = { nativeTls };
