'use strict';
// The family of agent-base: each agent by options, by URL, and in front of servers that are refused.
const http = require('node:http');
const https = require('node:https');
const { answerTo, ca, connectProxy, origin, socksProxy } = require('./world');
const { report } = require('./credentials');

(async () => {
  const { HttpProxyAgent } = await import('http-proxy-agent');
  const { HttpsProxyAgent } = await import('https-proxy-agent');
  const { SocksProxyAgent } = await import('socks-proxy-agent');
  const { PacProxyAgent } = await import('pac-proxy-agent');
  const { ProxyAgent } = await import('proxy-agent');
  const server = await origin();
  const proxy = await connectProxy();
  const secureProxy = await connectProxy({ secure: true });
  const refusing = await connectProxy({ status: 407 });
  const socks = await socksProxy();
  const withUser = proxy.url.replace('//', '//user:word@');
  const pac = `data:text/javascript,${encodeURIComponent(`function FindProxyForURL() { return 'PROXY localhost:${proxy.port}'; }`)}`;
  const agents = {
    plain: new HttpsProxyAgent(proxy.url),
    user: new HttpsProxyAgent(withUser),
    secure: new HttpsProxyAgent(secureProxy.url, { ca }),
    secureUntrusted: new HttpsProxyAgent(secureProxy.url),
    refusing: new HttpsProxyAgent(refusing.url),
    kept: new HttpsProxyAgent(proxy.url, { keepAlive: true, maxSockets: 1 }),
    socks: new SocksProxyAgent(socks.url),
    pac: new PacProxyAgent(`pac+${pac}`),
    chosen: new ProxyAgent({ getProxyForUrl: () => proxy.url }),
    none: new ProxyAgent({ getProxyForUrl: () => '' }),
  };
  const found = {};
  for (const [name, agent] of Object.entries(agents)) {
    found[name] = [
      await answerTo(https.get(`${server.url}/by-url`, { agent, ca })),
      // Without a protocol among the options, the agent looks for node:https in the stack.
      await answerTo(https.request({ host: 'localhost', port: server.port, path: '/by-options', agent, ca })),
      await answerTo(https.get(`${server.url}/untrusted`, { agent, ca: [] })),
      await answerTo(https.get(`${server.url}/misnamed`, { agent, ca, servername: 'elsewhere.example' })),
    ];
    agent.destroy();
  }
  // In the clear, by a proxy that is spoken to over TLS.
  found.http = [];
  for (const options of [{ ca }, {}]) {
    const agent = new HttpProxyAgent(secureProxy.url, options);
    found.http.push(await answerTo(http.get('http://example.test/page', { agent })));
  }
  const asked = [proxy, secureProxy, refusing, socks].map((one) => one.asked);
  for (const one of [server, proxy, secureProxy, refusing, socks]) one.close();
  report({ found, asked, connections: server.facts.connections });
})();
