'use strict';
// An express application over https that knows its users by their client certificates.
const https = require('node:https');
const { once } = require('node:events');
const express = require('express');
const { ca, server, client, report } = require('./credentials');

const app = express();
app.get('/who', (req, res) => {
  if (!req.client.authorized) return res.status(401).json({ error: req.client.authorizationError });
  const { subject } = req.socket.getPeerCertificate();
  res.json({ user: subject.CN, of: subject.O, secure: req.secure, protocol: req.protocol });
});
app.post('/echo', express.json({ limit: '10mb' }), (req, res) => res.json(req.body));

function get(port, options, body) {
  return new Promise((resolve, reject) => {
    const request = https.request({ port, host: 'localhost', ca, ...options }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => resolve({
        status: response.statusCode, body: JSON.parse(Buffer.concat(parts)),
      }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

(async () => {
  const listening = https.createServer({ ...server, ca, requestCert: true, rejectUnauthorized: false },
    app).listen(0);
  await once(listening, 'listening');
  const { port } = listening.address();
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  const known = await get(port, { path: '/who', ...client, agent });
  const again = await get(port, { path: '/who', ...client, agent });
  const unknown = await get(port, { path: '/who' });
  const text = JSON.stringify({ text: 'x'.repeat(3_000_000) });
  const echo = await get(port, {
    path: '/echo', method: 'POST', headers: { 'content-type': 'application/json' },
  }, text);
  const untrusted = await get(port, { path: '/who', ca: [] }).catch((error) => error.code);
  const misnamed = await get(port, { path: '/who', servername: 'elsewhere.example' })
    .catch((error) => error.code);
  agent.destroy();
  listening.close();
  report({ known, again, unknown, echoed: echo.body.text.length, untrusted, misnamed });
})();
