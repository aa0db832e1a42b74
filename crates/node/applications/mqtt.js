'use strict';
// An MQTT broker and two clients over TLS, the clients with certificates.
const tls = require('node:tls');
const { once } = require('node:events');
const mqtt = require('mqtt');
const { ca, server, client, report } = require('./credentials');

(async () => {
  const { Aedes } = await import('aedes');
  const broker = await Aedes.createBroker();
  const users = [];
  const listening = tls.createServer({ ...server, ca, requestCert: true }, (socket) => {
    users.push(socket.getPeerCertificate().subject.CN);
    broker.handle(socket);
  }).listen(0);
  await once(listening, 'listening');
  const url = `mqtts://localhost:${listening.address().port}`;
  const subscriber = await mqtt.connectAsync(url, { ca, ...client, protocolVersion: 4 });
  await subscriber.subscribeAsync('news/#', { qos: 1 });
  const messages = [];
  const received = new Promise((resolve) => {
    subscriber.on('message', (topic, payload) => {
      messages.push([topic, payload.length]);
      if (messages.length === 2) resolve();
    });
  });
  const publisher = await mqtt.connectAsync(url, { ca, ...client, protocolVersion: 4 });
  await publisher.publishAsync('news/short', 'hello', { qos: 1 });
  await publisher.publishAsync('news/long', Buffer.alloc(300_000), { qos: 1 });
  await received;
  const stranger = tls.connect({ port: listening.address().port, host: 'localhost', ca });
  const [refused] = await once(stranger, 'error');
  await subscriber.endAsync();
  await publisher.endAsync();
  await new Promise((resolve) => broker.close(resolve));
  listening.close();
  report({ users, messages, refused: refused.code });
})();
