'use strict';

// Hooks for `import 'tls'`: it gets a module whose exports are those of the replacement. Loaded by
// Node before 22.15 in a thread of its own; later ones take the same two functions as they are.

const { pathToFileURL } = require('url');

const SCHEME = 'sealwire:';
let replacements = {};

function initialize(data) {
  replacements = data;
}

function resolve(specifier, context, next) {
  const name = specifier.startsWith('node:') ? specifier.slice(5) : specifier;
  if (!Object.hasOwn(replacements, name)) return next(specifier, context);
  return { url: SCHEME + name, format: 'module', shortCircuit: true };
}

function load(url, context, next) {
  if (!url.startsWith(SCHEME)) return next(url, context);
  const file = replacements[url.slice(SCHEME.length)];
  const names = Object.keys(require(file)).filter((name) => name !== 'default');
  const source = [
    "import { createRequire } from 'node:module';",
    `const exported = createRequire(${JSON.stringify(pathToFileURL(file).href)})(${JSON.stringify(file)});`,
    'export default exported;',
    ...names.map((name) => `export const ${name} = exported.${name};`),
  ].join('\n');
  return { format: 'module', source, shortCircuit: true };
}

function synchronous(data) {
  initialize(data);
  return { resolve, load };
}

module.exports = { initialize, load, resolve, synchronous };
