'use strict';
// webpack-dev-server over https: a bundle, its WebSocket.
const fs = require('node:fs');
const https = require('node:https');
const os = require('node:os');
const path = require('node:path');
const webpack = require('webpack');
const DevServer = require('webpack-dev-server');
const { once } = require('node:events');
const { WebSocket } = require('ws');
const { ca, server, report } = require('./credentials');
const { answerTo } = require('./world');

(async () => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'sealwire-webpack-'));
  process.on('exit', () => fs.rmSync(root, { recursive: true, force: true }));
  fs.writeFileSync(path.join(root, 'index.js'), 'console.log(40 + 2);');
  const compiler = webpack({
    mode: 'development', context: root, entry: './index.js', output: { path: root }, infrastructureLogging: { level: 'none' }, stats: 'none',
  });
  const running = new DevServer({ port: 0, host: 'localhost', server: { type: 'https', options: server }, static: false, allowedHosts: 'all' }, compiler);
  await running.start();
  const url = `https://localhost:${running.server.address().port}`;
  const bundle = await answerTo(https.get(`${url}/main.js`, { ca, agent: false }));
  const socket = new WebSocket(`${url.replace('https', 'wss')}/ws`, { ca, origin: url });
  const [message] = await once(socket, 'message');
  const untrusted = await answerTo(https.get(url, { agent: false }));
  report({ status: bundle.status, known: bundle.body.includes('40 + 2'), message: JSON.parse(message).type, untrusted });
  process.exit();
})();
