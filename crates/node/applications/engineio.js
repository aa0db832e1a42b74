'use strict';
// engine.io: polling alone, WebSocket alone, the upgrade between both, and a server that is refused.
const https = require('node:https');
const { attach } = require('engine.io');
const { Socket } = require('engine.io-client');
const { once } = require('node:events');
const { ca, server, report } = require('./credentials');
const { listen } = require('./world');

(async () => {
  const listening = https.createServer(server);
  const engine = attach(listening, { maxHttpBufferSize: 1e7 });
  engine.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
  await listen(listening);
  const url = `wss://localhost:${listening.address().port}`;
  const found = {};
  for (const [name, transports] of Object.entries({ polling: ['polling'], websocket: ['websocket'], both: ['polling', 'websocket'] })) {
    const agent = new https.Agent({ ca });
    const socket = new Socket(url, { transports, ca, agent, rejectUnauthorized: true });
    socket.on('error', (error) => { throw error; });
    await new Promise((resolve) => socket.once('open', resolve));
    if (transports.length > 1) await new Promise((resolve) => socket.once('upgrade', resolve));
    const answer = new Promise((resolve) => socket.once('message', resolve));
    socket.send('x'.repeat(200_000));
    found[name] = [(await answer).length, socket.transport.name];
    socket.close();
  }
  const refused = new Socket(url, { transports: ['websocket'] });
  const [error] = await new Promise((resolve) => refused.once('error', (...all) => resolve(all)));
  found.refused = [error.type, error.description?.error?.code ?? error.description?.message];
  report(found);
  process.exit();
})();
