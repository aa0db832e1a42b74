'use strict';
// Agents that tunnel without agent-base: tunnel, tunnel-agent, hpagent, global-agent.
const https = require('node:https');
const tunnelAgent = require('tunnel-agent');
const tunnel = require('tunnel');
const { HttpsProxyAgent } = require('hpagent');
const { answerTo, ca, connectProxy, origin } = require('./world');
const { report } = require('./credentials');

(async () => {
  const server = await origin();
  const proxy = await connectProxy();
  const secureProxy = await connectProxy({ secure: true });
  const refusing = await connectProxy({ status: 403 });
  const to = ({ port }) => ({ host: 'localhost', port });
  const agents = {
    tunnel: tunnel.httpsOverHttp({ ca, proxy: to(proxy) }),
    tunnelSecure: tunnel.httpsOverHttps({ ca, proxy: { ...to(secureProxy), ca, servername: 'localhost' } }),
    tunnelRefusing: tunnel.httpsOverHttp({ ca, proxy: to(refusing) }),
    tunnelAgent: tunnelAgent.httpsOverHttp({ ca, proxy: { ...to(proxy), proxyAuth: 'user:word' } }),
    tunnelAgentSecure: tunnelAgent.httpsOverHttps({ ca, proxy: { ...to(secureProxy), ca } }),
    hpagent: new HttpsProxyAgent({ proxy: proxy.url, ca, keepAlive: true, maxSockets: 1 }),
    hpagentSecure: new HttpsProxyAgent({ proxy: secureProxy.url, ca, proxyRequestOptions: { ca } }),
    hpagentRefusing: new HttpsProxyAgent({ proxy: refusing.url, ca }),
  };
  const found = {};
  for (const [name, agent] of Object.entries(agents)) {
    const options = { host: 'localhost', port: server.port, agent, ca };
    found[name] = [
      await answerTo(https.get({ ...options, path: '/one' })),
      await answerTo(https.get({ ...options, path: '/two' })),
      await answerTo(https.get({ ...options, path: '/misnamed', servername: 'elsewhere.example' })),
    ];
    agent.destroy?.();
  }
  found.global = await globally(server, proxy);
  const asked = [proxy, secureProxy, refusing].map((one) => one.asked);
  for (const one of [server, proxy, secureProxy, refusing]) one.close();
  report({ found, asked });
})();

/** global-agent puts its own agent in the place of what https makes requests with. */
async function globally(server, proxy) {
  const { bootstrap } = await import('global-agent');
  process.env.GLOBAL_AGENT_HTTPS_PROXY = proxy.url;
  process.env.GLOBAL_AGENT_FORCE_GLOBAL_AGENT = 'true';
  bootstrap();
  global.GLOBAL_AGENT.HTTPS_PROXY = proxy.url;
  return [
    await answerTo(https.get(`${server.url}/global`, { ca })),
    await answerTo(https.get(`${server.url}/untrusted`, { ca: [] })),
  ];
}
