'use strict';
// vite's development server over https: a page, a module that it transforms, its WebSocket, HTTP/2.
const fs = require('node:fs');
const http2 = require('node:http2');
const https = require('node:https');
const os = require('node:os');
const path = require('node:path');
const { once } = require('node:events');
const { WebSocket } = require('ws');
const { ca, server, report } = require('./credentials');
const { answerTo } = require('./world');

(async () => {
  const { createServer } = await import('vite');
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'sealwire-vite-'));
  process.on('exit', () => fs.rmSync(root, { recursive: true, force: true }));
  fs.writeFileSync(path.join(root, 'index.html'), '<script type="module" src="/main.ts"></script>');
  fs.writeFileSync(path.join(root, 'main.ts'), 'const answer: number = 42; console.log(answer);');
  const running = await createServer({
    root, configFile: false, logLevel: 'silent', server: { port: 0, host: 'localhost', https: server, ws: undefined },
    optimizeDeps: { noDiscovery: true },
  });
  await running.listen();
  const { port } = running.httpServer.address();
  const url = `https://localhost:${port}`;
  const page = await answerTo(https.get(`${url}/`, { ca, agent: false, headers: { accept: 'text/html' } }));
  const module = await answerTo(https.get(`${url}/main.ts`, { ca, agent: false }));
  const session = http2.connect(url, { ca });
  const stream = session.request({ ':path': '/main.ts' });
  const [head] = await once(stream, 'response');
  let length = 0;
  for await (const part of stream) length += part.length;
  const socket = new WebSocket(`${url.replace('https', 'wss')}/?token=${running.config.webSocketToken}`, 'vite-hmr', { ca, origin: url });
  const [message] = await once(socket, 'message');
  const untrusted = await answerTo(https.get(url, { agent: false }));
  report({
    page: [page.status, page.body.includes('/@vite/client')], module: [module.status, module.body.includes('42;')],
    two: [head[':status'], length > 10, session.alpnProtocol], message: JSON.parse(message).type, untrusted,
  });
  process.exit();
})();
