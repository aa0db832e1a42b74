'use strict';
// WebSockets over TLS: text, a large message, and the server's own ping.
const https = require('node:https');
const { once } = require('node:events');
const { WebSocket, WebSocketServer } = require('ws');
const { ca, server, report } = require('./credentials');

(async () => {
  const listening = https.createServer(server).listen(0);
  const sockets = new WebSocketServer({ server: listening });
  sockets.on('connection', (socket) => {
    socket.ping();
    socket.on('message', (data, binary) => socket.send(data, { binary }));
  });
  await once(listening, 'listening');
  const socket = new WebSocket(`wss://localhost:${listening.address().port}/`, { ca });
  const pinged = once(socket, 'ping');
  await once(socket, 'open');
  await pinged;
  socket.send('hello');
  const [text] = await once(socket, 'message');
  const large = Buffer.alloc(1_000_000, 7);
  socket.send(large);
  const [back] = await once(socket, 'message');
  const same = large.equals(back);
  const encrypted = socket._socket.encrypted && socket._socket.authorized;
  socket.close(1000, 'done');
  const [code] = await once(socket, 'close');
  sockets.close();
  listening.close();
  report({ text: String(text), same, encrypted, code });
})();
