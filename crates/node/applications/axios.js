'use strict';
// axios: with `proxy`, with agents, with HTTP/2, redirects, uploads, time limits.
const https = require('node:https');
const axios = require('axios');
const { ca, client, report } = require('./credentials');
const { connectProxy, origin, outcome } = require('./world');

(async () => {
  const server = await origin({ ca, requestCert: true, rejectUnauthorized: false });
  const proxy = await connectProxy();
  const secureProxy = await connectProxy({ secure: true });
  const refusing = await connectProxy({ status: 407 });
  const httpsAgent = new https.Agent({ ca, keepAlive: true, maxSockets: 1 });
  const ask = (options) => outcome(axios({ url: `${server.url}/page`, httpsAgent, ...options })
    .then(({ status, data }) => ({ status, data })));
  const through = ({ port }, more) => ({ proxy: { protocol: 'http', host: 'localhost', port, ...more } });
  const found = {
    plain: await ask({ proxy: false }),
    again: await ask({ proxy: false, method: 'post', data: { text: 'x'.repeat(100_000) } }),
    known: await ask({ proxy: false, httpsAgent: new https.Agent({ ca, ...client }) }),
    redirected: await ask({ proxy: false, url: `${server.url}/redirect` }),
    untrusted: await ask({ proxy: false, httpsAgent: new https.Agent() }),
    misnamed: await ask({ proxy: false, httpsAgent: new https.Agent({ ca, servername: 'elsewhere.example' }) }),
    proxied: await ask(through(proxy)),
    user: await ask(through(proxy, { auth: { username: 'user', password: 'word' } })),
    refused: await ask(through(refusing)),
    proxiedUntrusted: await ask({ ...through(proxy), httpsAgent: new https.Agent() }),
    secure: await ask(through(secureProxy, { protocol: 'https' })),
  };
  process.env.HTTPS_PROXY = proxy.url;
  found.environment = await ask({});
  process.env.NO_PROXY = 'localhost';
  found.none = await ask({});
  const asked = [proxy, secureProxy, refusing].map((one) => one.asked);
  report({ found, asked });
  process.exit();
})();
