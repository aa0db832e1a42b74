'use strict';

// The command-line switches of Node that concern TLS, from NODE_OPTIONS and the command line; the
// later one wins, as in Node.

/** As they were when the process began, which is when Node looks at them. */
const words = (() => {
  const fromEnv = (process.env.NODE_OPTIONS ?? '').match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  const unquoted = fromEnv.map((word) => word.replace(/^"(.*)"$/s, '$1').replace(/\\(.)/g, '$1'));
  return [...unquoted, ...process.execArgv].map((word) => word.replaceAll('_', '-'));
})();

/** Whether the switch is on: `--name` or `--no-name`, whichever comes last. */
function isOn(name) {
  return lastOf(name) === `--${name}`;
}

/** Whether the switch is there, on or off. */
function isSet(name) {
  return lastOf(name) !== undefined;
}

function lastOf(name) {
  return words.findLast((word) => word === `--${name}` || word === `--no-${name}`);
}

/** The value of `--name=value`. */
function value(name) {
  const given = [...(process.env.NODE_OPTIONS ?? '').split(/\s+/), ...process.execArgv];
  let found;
  given.forEach((word, at) => {
    if (word.startsWith(`--${name}=`)) found = word.slice(name.length + 3);
    else if (word === `--${name}`) found = given[at + 1];
  });
  return found;
}

module.exports = { isOn, isSet, value };
