'use strict';
// http-proxy: secure in front, secure behind, WebSocket through both, and a server behind that is refused.
const https = require('node:https');
const httpProxy = require('http-proxy');
const { WebSocket, WebSocketServer } = require('ws');
const { once } = require('node:events');
const { ca, server, report } = require('./credentials');
const { answerTo, listen, origin } = require('./world');

(async () => {
  const behind = await origin();
  const socketsBehind = https.createServer(server);
  new WebSocketServer({ server: socketsBehind }).on('connection', (socket) => {
    socket.on('message', (data) => socket.send(`${data} back`));
  });
  await listen(socketsBehind);
  const errors = [];
  async function front(options) {
    const proxy = httpProxy.createServer({ ssl: server, changeOrigin: true, xfwd: true, ws: true, ...options });
    proxy.on('error', (error, request, response) => {
      errors.push(error.code);
      if (response.writeHead) response.writeHead(502).end();
      else response.destroy();
    });
    proxy.listen(0);
    await once(proxy._server, 'listening');
    return `https://localhost:${proxy._server.address().port}`;
  }
  const agent = new https.Agent({ ca });
  const good = await front({ target: behind.url, agent });
  const refusing = await front({ target: behind.url });
  const careless = await front({ target: behind.url, secure: false });
  const sockets = await front({ target: `https://localhost:${socketsBehind.address().port}`, secure: false });
  const found = [];
  for (const url of [good, refusing, careless]) {
    const request = https.request(`${url}/page`, { ca, method: 'POST' });
    request.write('x'.repeat(100_000));
    found.push(await answerTo(request));
  }
  const socket = new WebSocket(sockets.replace('https', 'wss'), { ca });
  await once(socket, 'open');
  socket.send('there and');
  const [message] = await once(socket, 'message');
  report({ found, errors, message: String(message) });
  process.exit();
})();
