'use strict';
// kafkajs against a stub that answers ApiVersions and Metadata.
const tls = require('node:tls');
const { Kafka, logLevel } = require('kafkajs');
const { ca, server, client, report } = require('./credentials');
const { listen, read } = require('./world');

const int16 = (value) => { const bytes = Buffer.alloc(2); bytes.writeInt16BE(value); return bytes; };
const int32 = (value) => { const bytes = Buffer.alloc(4); bytes.writeInt32BE(value); return bytes; };
const text = (value) => Buffer.concat([int16(value.length), Buffer.from(value)]);

const API_VERSIONS = 18;
const METADATA = 3;

function answer(key, port) {
  if (key === API_VERSIONS) {
    const versions = [API_VERSIONS, METADATA].map((api) => Buffer.concat([int16(api), int16(0), int16(0)]));
    return Buffer.concat([int16(0), int32(versions.length), ...versions]);
  }
  const brokers = Buffer.concat([int32(1), int32(7), text('localhost'), int32(port)]);
  const topics = ['first', 'second'].map((name) => Buffer.concat([int16(0), text(name), int32(0)]));
  return Buffer.concat([brokers, int32(topics.length), ...topics]);
}

async function serve(socket, port, seen) {
  socket.on('error', () => {});
  for (;;) {
    const length = (await read(socket, 4)).readInt32BE();
    const request = await read(socket, length);
    const key = request.readInt16BE(0);
    seen.push(key);
    const body = answer(key, port);
    socket.write(Buffer.concat([int32(body.length + 4), request.subarray(4, 8), body]));
  }
}

(async () => {
  const seen = [];
  const listening = tls.createServer({ ...server, ca, requestCert: true, rejectUnauthorized: false }, (socket) => {
    seen.push(socket.getPeerCertificate().subject?.CN ?? null);
    serve(socket, listening.address().port, seen).catch(() => {});
  });
  await listen(listening);
  const admin = (ssl) => new Kafka({
    clientId: 'stub', brokers: [`localhost:${listening.address().port}`], ssl, logLevel: logLevel.NOTHING, retry: { retries: 0 }, connectionTimeout: 5000,
  }).admin();
  const known = admin({ ca, ...client });
  await known.connect();
  const topics = await known.listTopics();
  await known.disconnect();
  const failing = (ssl) => admin(ssl).connect().then(() => 'connected', (error) => [error.name, error.message.replace(/:\d+/g, '')]);
  const untrusted = await failing(true);
  const misnamed = await failing({ ca, servername: 'elsewhere.example' });
  report({ topics, seen, untrusted, misnamed });
  process.exit();
})();
