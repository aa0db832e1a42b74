'use strict';
// agentkeepalive borrows the functions of https.Agent for an http.Agent of its own.
const https = require('node:https');
const { HttpsAgent } = require('agentkeepalive');
const { answerTo, ca, origin } = require('./world');
const { report } = require('./credentials');

(async () => {
  const server = await origin();
  const agent = new HttpsAgent({ maxSockets: 2, freeSocketTimeout: 5000, ca });
  const found = [];
  for (const path of ['/a', '/b', '/c']) found.push(await answerTo(https.get(`${server.url}${path}`, { agent })));
  const many = await Promise.all(Array.from({ length: 6 }, (_, n) => answerTo(https.get(`${server.url}/${n}`, { agent }))));
  const { createSocketCount, requestCount, timeoutSocketCount, errorSocketCount } = agent.getCurrentStatus();
  agent.destroy();
  server.close();
  report({ found, many, createSocketCount, requestCount, timeoutSocketCount, errorSocketCount });
})();
