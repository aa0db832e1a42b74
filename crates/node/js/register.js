'use strict';

// node -r sealwire/register app.js: for this process, `tls`, `https` and `http2` are ours, however
// they are asked for, and what Node has made over its own TLS connects by ours.

const Module = require('module');
const { interceptRequire } = require('./internals');
require('./hosted').take();

const replacements = {
  tls: require.resolve('./index'),
  https: require.resolve('./https'),
  http2: require.resolve('./http2'),
};

function replacementFor(request) {
  const name = typeof request === 'string' && request.startsWith('node:') ? request.slice(5) : request;
  return Object.hasOwn(replacements, name) ? require(replacements[name]) : undefined;
}

interceptRequire(replacementFor);

const { getBuiltinModule } = process;
if (getBuiltinModule) {
  process.getBuiltinModule = function getBuiltin(name) {
    return replacementFor(name) ?? Reflect.apply(getBuiltinModule, this, [name]);
  };
}

// `import` resolves built-in modules in a way of its own.
if (Module.registerHooks) {
  Module.registerHooks(require('./hooks.js').synchronous(replacements));
} else {
  Module.register(require('url').pathToFileURL(require.resolve('./hooks.js')), {
    data: replacements,
  });
}
