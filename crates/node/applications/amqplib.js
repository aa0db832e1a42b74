'use strict';
// amqplib against a stub that speaks the opening of AMQP 0-9-1: connection, channel, queue, close.
const path = require('node:path');
const tls = require('node:tls');
const amqp = require('amqplib');
// Its table of the protocol, which it does not export.
const defs = require(path.join(path.dirname(require.resolve('amqplib')), 'lib', 'defs.js'));
const { ca, server, client, report } = require('./credentials');
const { listen, outcome, read } = require('./world');

const ANSWERS = {
  [defs.ConnectionStartOk]: [defs.ConnectionTune, { channelMax: 10, frameMax: 0x10000, heartbeat: 0 }],
  [defs.ConnectionOpen]: [defs.ConnectionOpenOk, {}],
  [defs.ConnectionClose]: [defs.ConnectionCloseOk, {}],
  [defs.ChannelOpen]: [defs.ChannelOpenOk, { channelId: Buffer.alloc(0) }],
  [defs.ChannelClose]: [defs.ChannelCloseOk, {}],
  [defs.QueueDeclare]: [defs.QueueDeclareOk, { queue: 'q', messageCount: 3, consumerCount: 0 }],
};

async function serve(socket, seen) {
  socket.on('error', () => {});
  await read(socket, 8);
  const send = (channel, [id, fields]) => socket.write(defs.encodeMethod(id, channel, fields));
  send(0, [defs.ConnectionStart, { serverProperties: {}, mechanisms: Buffer.from('PLAIN EXTERNAL'), locales: Buffer.from('en_US') }]);
  for (;;) {
    const head = await read(socket, 7);
    const body = await read(socket, head.readUInt32BE(3) + 1);
    seen.push(head[0] === 1 ? body.readUInt32BE(0) : body.length);
    const answer = head[0] === 1 && ANSWERS[body.readUInt32BE(0)];
    if (answer) send(head.readUInt16BE(1), answer);
  }
}

(async () => {
  const seen = [];
  const listening = tls.createServer({ ...server, ca, requestCert: true, rejectUnauthorized: false }, (socket) => {
    seen.push(socket.getPeerCertificate().subject?.CN ?? null);
    serve(socket, seen).catch(() => {});
  });
  await listen(listening);
  const url = `amqps://localhost:${listening.address().port}`;
  const connection = await amqp.connect(url, { ca, ...client });
  const events = [];
  connection.on('close', (error) => events.push(error ? String(error) : 'close'));
  const channel = await connection.createChannel();
  const { messageCount } = await channel.assertQueue('q');
  channel.sendToQueue('q', Buffer.alloc(100_000));
  await channel.close();
  await connection.close();
  const untrusted = await outcome(amqp.connect(url).then(() => 'connected'));
  const external = await outcome(amqp.connect(url, { ca, credentials: amqp.credentials.external() }).then((other) => other.close()).then(() => 'closed'));
  report({ messageCount, seen, events, untrusted, external });
  process.exit();
})();
