'use strict';
// undici's client, whose `connect` option goes to tls.connect, and its pool on kept connections.
const https = require('node:https');
const { once } = require('node:events');
const { Agent, Pool, request } = require('undici');
const { ca, server, client, report } = require('./credentials');

(async () => {
  const sockets = new Set();
  const listening = https.createServer({ ...server, ca, requestCert: true }, (req, res) => {
    sockets.add(req.socket);
    req.pipe(res);
  }).listen(0);
  await once(listening, 'listening');
  const origin = `https://localhost:${listening.address().port}`;
  const pool = new Pool(origin, { connect: { ca, ...client }, connections: 1 });
  const sizes = [];
  for (const size of [10, 1_000_000]) {
    const { body } = await pool.request({ path: '/', method: 'POST', body: Buffer.alloc(size) });
    sizes.push((await body.arrayBuffer()).byteLength);
  }
  await pool.close();
  const kept = sockets.size === 1;
  const untrusting = new Agent({ connect: { ...client } });
  const refused = await request(origin, { dispatcher: untrusting }).catch((error) => error.code);
  await untrusting.close();
  listening.close();
  listening.closeAllConnections();
  report({ sizes, kept, refused });
})();
