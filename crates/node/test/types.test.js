'use strict';

// What TypeScript is told about the package, and what is there at run time.

const assert = require('assert');
const { spawnSync } = require('child_process');
const path = require('path');
const test = require('node:test');
const needed = require('../support/needed');

test('the types are those of Node, and a program can use them', (t) => {
  if (!needed.modules(t, 'typescript', '@types/node')) return;
  const program = path.join(path.dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
  const { status, stdout } = spawnSync(process.execPath, [program, '--project', path.join(__dirname, '..', 'support', 'types')], {
    encoding: 'utf8',
  });
  assert.strictEqual(status, 0, stdout);
});

for (const [ours, native] of [
  ['..', 'node:tls'], ['../js/https', 'node:https'], ['../js/http2', 'node:http2'],
]) {
  test(`all of ${native} is there`, () => {
    const present = Object.keys(require(ours));
    const missing = Object.keys(require(native)).filter((name) => !present.includes(name));
    // Node 24 has it no more.
    assert.deepStrictEqual(missing.filter((name) => name !== 'createSecurePair'), []);
  });
}
