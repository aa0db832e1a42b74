'use strict';
// socket.io over https: polling first, upgraded to a WebSocket, with acknowledgements.
const https = require('node:https');
const { once } = require('node:events');
const { Server } = require('socket.io');
const { io } = require('socket.io-client');
const { ca, server, report } = require('./credentials');

(async () => {
  const listening = https.createServer(server).listen(0);
  const sockets = new Server(listening);
  sockets.on('connection', (socket) => {
    socket.on('add', (a, b, answer) => answer(a + b));
    socket.on('blob', (blob, answer) => answer(blob.length));
  });
  await once(listening, 'listening');
  const url = `https://localhost:${listening.address().port}`;
  const socket = io(url, { ca, agent: new https.Agent({ ca }) });
  socket.on('connect_error', (error) => { throw error; });
  await new Promise((resolve) => socket.once('connect', resolve));
  const sum = await socket.emitWithAck('add', 40, 2);
  const { engine } = socket.io;
  if (engine.transport.name !== 'websocket') {
    await new Promise((resolve) => engine.once('upgrade', resolve));
  }
  const size = await socket.emitWithAck('blob', Buffer.alloc(200_000));
  const transport = engine.transport.name;
  socket.close();
  sockets.close();
  report({ sum, size, transport });
})();
