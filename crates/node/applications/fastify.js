'use strict';
// fastify over HTTP/2 with HTTP/1 beside it, and over HTTP/1 alone.
const http2 = require('node:http2');
const https = require('node:https');
const fastify = require('fastify');
const { ca, server, client, report } = require('./credentials');
const { answerTo, outcome } = require('./world');

function overHttp2(url, headers, options, body) {
  return outcome(new Promise((resolve, reject) => {
    const session = http2.connect(url, { ca, ...options });
    session.on('error', reject);
    const stream = session.request({ ':method': body ? 'POST' : 'GET', ...headers });
    let status;
    stream.on('response', (head) => { status = head[':status']; });
    stream.on('error', reject);
    let text = '';
    stream.setEncoding('utf8').on('data', (part) => { text += part; });
    stream.on('end', () => {
      session.close();
      resolve([status, text.length > 200 ? text.length : text]);
    });
    stream.end(body);
  }));
}

(async () => {
  const application = fastify({
    http2: true, bodyLimit: 10_000_000,
    https: { allowHTTP1: true, ...server, ca, requestCert: true, rejectUnauthorized: false },
  });
  application.get('/who', async (request) => ({
    version: request.raw.httpVersion, user: request.raw.socket.getPeerCertificate().subject?.CN, authorized: request.raw.socket.authorized,
    protocol: request.protocol, name: request.raw.socket.servername,
  }));
  application.post('/echo', async (request) => request.body);
  await application.listen({ port: 0, host: 'localhost' });
  const { port } = application.server.address();
  const url = `https://localhost:${port}`;
  const two = await overHttp2(url, { ':path': '/who' }, client);
  const echo = await overHttp2(url, { ':path': '/echo', 'content-type': 'application/json' }, {}, JSON.stringify({ a: 'x'.repeat(1_000_000) }));
  const nowhere = await overHttp2(url, { ':path': '/nowhere' });
  const untrusted = await overHttp2(url, { ':path': '/who' }, { ca: [] });
  const one = await answerTo(https.get(`${url}/who`, { ca, agent: false }));
  await application.close();
  const plain = fastify({ https: server });
  plain.get('/', async (request) => request.protocol);
  await plain.listen({ port: 0, host: 'localhost' });
  const alone = await answerTo(https.get(`https://localhost:${plain.server.address().port}/`, { ca, agent: false }));
  await plain.close();
  report({ two, echo, nowhere: nowhere[0], untrusted, one, alone });
  process.exit();
})();
