'use strict';

// https.request and https.get.

const http = require('http');
const { urlToHttpOptions } = require('url');
const vm = require('vm');
const { kOwnIdentityCheck, hasOwnIdentityCheck } = require('./https-agent');

/**
 * Agents of the agent-base family tell a secure request from a plain one by `node:https` in the
 * stack, when its options name no protocol. So what makes requests goes by that name.
 */
const makeFunctions = vm.compileFunction(`
  'use strict';
  function request(...args) {
    const options = optionsOf(args);
    return new ClientRequest(options, args[0]);
  }
  function get(input, options, callback) {
    const sent = request(input, options, callback);
    sent.end();
    return sent;
  }
  return { get, request };
`, ['ClientRequest', 'optionsOf'], { filename: 'node:https' });

/** Both functions, for the agent that `defaultAgent()` gives when a request has no agent. */
function requestsBy(defaultAgent) {
  return makeFunctions(http.ClientRequest, (args) => optionsOf(args, defaultAgent()));
}

let checks = 0;

/** (url[, options][, callback]) or (options[, callback]): leaves the callback in `args`. */
function optionsOf(args, defaultAgent) {
  let options = {};
  if (typeof args[0] === 'string') options = urlToHttpOptions(new URL(args.shift()));
  else if (isURL(args[0])) options = urlToHttpOptions(args.shift());
  if (args[0] && typeof args[0] !== 'function') Object.assign(options, args.shift());
  // Such a request shares nothing with another, even one with the same function: it may remember.
  if (hasOwnIdentityCheck(options, defaultAgent)) options[kOwnIdentityCheck] = ++checks;
  options._defaultAgent = defaultAgent;
  return options;
}

/** Also one of another realm. What the old `url.parse()` gives is options already. */
function isURL(value) {
  return Boolean(value?.href && value.protocol && value.auth === undefined && value.path === undefined);
}

module.exports = { requestsBy };
