'use strict';

// The exports of node:https: the HTTP of node:http over our TLS.

const { Agent, globalAgent } = require('./https-agent');
const { requestsBy } = require('./https-request');
const { Server, createServer } = require('./https-server');

// `globalAgent` may be replaced by the program, and is looked up for each request.
const { get, request } = requestsBy(() => module.exports.globalAgent);

module.exports = { Agent, globalAgent, Server, createServer, get, request };
