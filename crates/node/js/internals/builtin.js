'use strict';

// Node's own modules, whatever the program has made of `require`.

const Module = require('module');

const { getBuiltinModule } = process;
const { _load: load } = Module;

/** A module of Node's own, asked of Node itself: `require` may be answered by `sealwire/register`. */
function builtin(name) {
  return getBuiltinModule ? Reflect.apply(getBuiltinModule, process, [name]) : Reflect.apply(load, Module, [name, null, false]);
}

/**
 * Node's `tls`.
 *
 * It must be loaded before the first `X509Certificate.prototype.toLegacyObject`: that makes Node
 * load the inner half of `tls` first, which needs the outer one; then Node's own TLS is without
 * `createSecureContext` for the rest of the process, and with it `fetch`, `http2` and `https`.
 */
const nativeTls = builtin('node:tls');

module.exports = { builtin, nativeTls };
