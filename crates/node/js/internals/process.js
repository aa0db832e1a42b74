'use strict';

// The process: its ticks, its stderr, its `require`.

const Module = require('module');
const { writeSync } = require('fs');

/**
 * Does what is due on the next tick, as Node's own TLS does after each record that it delivers. Code that
 * reads on 'readable' sees the difference: there are programs that read once for each record, and
 * since Node 26 a read gives one. Without it, they read more seldom and get more at a time.
 */
const runTicks = process._tickCallback ?? (() => {});

/** Writes to stderr at once, whatever the program has done to `process.stderr`. */
const writeToStderr = process._rawDebug ?? ((text) => writeSync(2, `${text}\n`));

/** Has `replacementFor(name)` answer `require`, unless it gives undefined. */
function interceptRequire(replacementFor) {
  const { _load } = Module;
  Module._load = function load(request, ...rest) {
    return replacementFor(request) ?? Reflect.apply(_load, this, [request, ...rest]);
  };
}

module.exports = { interceptRequire, runTicks, writeToStderr };
