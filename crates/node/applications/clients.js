'use strict';
// superagent, needle, request and node-fetch: each asks the same, and is refused the same.
const https = require('node:https');
const needle = require('needle');
const request = require('request');
const superagent = require('superagent');
const { ca, client, report } = require('./credentials');
const { connectProxy, origin, outcome } = require('./world');

(async () => {
  const { default: fetch } = await import('node-fetch');
  const server = await origin({ ca, requestCert: true, rejectUnauthorized: false });
  const proxy = await connectProxy();
  const identity = { ca, key: client.key, cert: client.cert };
  const { url } = server;
  const asked = (options) => new Promise((resolve, reject) => {
    request(options, (error, response, body) => (error ? reject(error) : resolve([response.statusCode, body])));
  });
  const ways = {
    superagent: (path, { ca: trusted, key, cert } = {}) => {
      let asking = superagent.post(url + path).ca(trusted).send('body');
      if (key) asking = asking.key(key).cert(cert);
      return asking.then(({ status, body }) => [status, body]);
    },
    needle: (path, options) => needle('post', url + path, 'body', options).then(({ statusCode, body }) => [statusCode, body]),
    request: (path, options) => asked({ url: url + path, method: 'POST', body: 'body', ...options }),
    requestForever: (path, options) => asked({ url: url + path, forever: true, ...options }),
    requestProxied: (path, options) => asked({ url: url + path, proxy: proxy.url, ...options }),
    nodeFetch: async (path, options) => {
      const response = await fetch(url + path, { method: 'POST', body: 'body', agent: new https.Agent({ keepAlive: true, ...options }) });
      return [response.status, await response.json()];
    },
  };
  const found = {};
  for (const [name, ask] of Object.entries(ways)) {
    found[name] = [
      await outcome(ask('/anonymous', { ca })),
      await outcome(ask('/known', identity)),
      await outcome(ask('/redirect', { ca })),
      await outcome(ask('/untrusted')),
    ];
  }
  report({ found, proxied: proxy.asked.length });
  process.exit();
})();
