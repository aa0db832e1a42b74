'use strict';
// mongodb against a stub that answers `hello` and `ping` (OP_MSG, and OP_QUERY for the first word).
const tls = require('node:tls');
const { MongoClient, BSON } = require('mongodb');
const { folder, ca, server, client, report } = require('./credentials');
const { listen, outcome, read } = require('./world');
const fs = require('node:fs');
const path = require('node:path');

const OP_MSG = 2013;
const OP_QUERY = 2004;

function reply(request, opcode, document) {
  const body = BSON.serialize(document);
  const isMessage = opcode === OP_MSG;
  const before = isMessage ? Buffer.alloc(5) : Buffer.alloc(20);
  if (!isMessage) before.writeInt32LE(1, 16);
  const head = Buffer.alloc(16);
  head.writeInt32LE(16 + before.length + body.length, 0);
  head.writeInt32LE(request, 8);
  head.writeInt32LE(isMessage ? OP_MSG : 1, 12);
  return Buffer.concat([head, before, body]);
}

async function serve(socket, commands) {
  socket.on('error', () => {});
  for (;;) {
    const head = await read(socket, 16);
    const body = await read(socket, head.readInt32LE(0) - 16);
    const opcode = head.readInt32LE(12);
    const start = opcode === OP_QUERY ? body.indexOf(0, 4) + 9 : 5;
    const length = body.readInt32LE(start);
    const [name] = Object.keys(BSON.deserialize(body.subarray(start, start + length)));
    if (!['hello', 'ismaster', 'isMaster', 'endSessions'].includes(name)) commands.push(name);
    socket.write(reply(head.readInt32LE(4), opcode, {
      ok: 1, isWritablePrimary: true, ismaster: true, maxBsonObjectSize: 16777216, maxMessageSizeBytes: 48000000,
      maxWriteBatchSize: 100000, minWireVersion: 0, maxWireVersion: 21, logicalSessionTimeoutMinutes: 30, helloOk: true,
      cursor: { id: 0n, ns: 'd.c', firstBatch: [{ text: 'x'.repeat(100_000) }] },
    }));
  }
}

(async () => {
  const commands = [];
  const users = new Set();
  const listening = tls.createServer({ ...server, ca, requestCert: true, rejectUnauthorized: false }, (socket) => {
    users.add(socket.getPeerCertificate().subject?.CN ?? null);
    serve(socket, commands).catch(() => {});
  });
  await listen(listening);
  const file = (name, text) => {
    fs.writeFileSync(path.join(folder, name), text);
    return path.join(folder, name);
  };
  const url = `mongodb://localhost:${listening.address().port}/?directConnection=true`;
  const options = { tls: true, serverSelectionTimeoutMS: 1000, heartbeatFrequencyMS: 100_000 };
  const known = new MongoClient(url, {
    ...options, tlsCAFile: file('m.ca', ca), tlsCertificateKeyFile: file('m.pem', `${client.key}${client.cert}`),
  });
  await known.connect();
  const ping = (await known.db('d').command({ ping: 1 })).ok;
  const found = await known.db('d').collection('c').find({}).toArray();
  await known.close();
  const failing = async (more) => {
    const other = new MongoClient(url, { ...options, ...more });
    const error = await other.connect().catch((reason) => reason);
    await other.close();
    const [description] = error.reason?.servers.values() ?? [];
    return [error.name, description?.error?.cause?.code ?? description?.error?.message];
  };
  const untrusted = await failing({});
  const misnamed = await failing({ tlsCAFile: path.join(folder, 'm.ca'), servername: 'elsewhere.example' });
  const careless = await outcome((async () => {
    const other = new MongoClient(url, { ...options, tlsAllowInvalidCertificates: true });
    await other.connect();
    await other.close();
    return 'connected';
  })());
  report({ ping, length: found[0].text.length, commands, users: [...users].sort(), untrusted, misnamed, careless });
  process.exit();
})();
