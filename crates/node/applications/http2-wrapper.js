'use strict';
// http2-wrapper: HTTP/2 with the face of https.request, and ALPN to choose between both.
const http2Server = require('node:http2');
const http2 = require('http2-wrapper');
const { ca, server, report } = require('./credentials');
const { listen, origin, outcome } = require('./world');

function ask(make, url, options) {
  return outcome(new Promise((resolve, reject) => {
    Promise.resolve(make(url, options)).then((request) => {
      request.on('response', async (response) => {
        const body = Buffer.concat(await response.toArray());
        resolve([response.statusCode, response.httpVersion, String(body).slice(0, 60), body.length]);
      });
      request.on('error', reject);
      request.end(options.body);
    }, reject);
  }));
}

(async () => {
  const one = await origin();
  const two = http2Server.createSecureServer({ ...server, allowHTTP1: true }, (request, response) => {
    response.writeHead(200, { 'x-encrypted': String(request.stream?.session.encrypted) });
    request.pipe(response);
  });
  await listen(two);
  const url = `https://localhost:${two.address().port}`;
  const options = { ca, method: 'POST', body: 'text' };
  const request = await ask(http2.request, url, options);
  const large = await ask(http2.request, url, { ...options, body: Buffer.alloc(500_000, 'a') });
  const auto = await ask(http2.auto, url, options);
  const auto1 = await ask(http2.auto, one.url, options);
  const refused = await ask(http2.request, url, { ...options, ca: [] });
  const agent = new http2.Agent();
  const session = await agent.getSession(url, { ca });
  const facts = [session.encrypted, session.alpnProtocol, session.socket.servername, session.socket.authorized];
  report({ request, large, auto, auto1, refused, facts });
  process.exit();
})();
