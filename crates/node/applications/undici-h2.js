'use strict';
// undici over HTTP/2, and its own fetch; what Node has built in is another copy.
const http2 = require('node:http2');
const { Agent, Pool, fetch, request } = require('undici');
const { ca, server, client, report } = require('./credentials');
const { listen, outcome } = require('./world');

(async () => {
  const versions = [];
  const listening = http2.createSecureServer({ ...server, allowHTTP1: true, ca, requestCert: true, rejectUnauthorized: false },
    (req, res) => {
      versions.push(req.httpVersion);
      res.setHeader('x-user', req.socket.getPeerCertificate().subject?.CN ?? '-');
      req.pipe(res);
    });
  await listen(listening);
  const origin = `https://localhost:${listening.address().port}`;
  const pool = new Pool(origin, { allowH2: true, connections: 1, connect: { ca, ...client } });
  const sizes = await Promise.all([0, 10, 1_000_000].map(async (size) => {
    const { body, headers } = await pool.request({ path: '/', method: 'POST', body: Buffer.alloc(size) });
    return [(await body.arrayBuffer()).byteLength, headers['x-user']];
  }));
  await pool.close();
  const dispatcher = new Agent({ allowH2: true, connect: { ca } });
  const fetched = await (await fetch(origin, { dispatcher, method: 'POST', body: 'text' })).text();
  const one = await (await request(origin, { dispatcher: new Agent({ allowH2: false, connect: { ca } }), method: 'POST', body: 'one' })).body.text();
  const refused = await outcome(request(origin, { dispatcher: new Agent({ allowH2: true }) }));
  report({ sizes, fetched, one, refused, versions: versions.sort() });
  process.exit();
})();
