'use strict';

// What the package uses of Node beyond its documentation: in one folder, and there on every supported
// version.

const assert = require('node:assert');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { promisify } = require('node:util');
const { allSupported, onEachNode } = require('../support/nodes');

const folder = path.join(__dirname, '..', 'js');
const internals = require.resolve('../js/internals');
const evaluate = async (node, source) => (await promisify(execFile)(node, ['-e', source])).stdout.trim();

test('all supported versions of Node are here', allSupported);

onEachNode(test, 'nothing is missing, and nothing done without', async (t, node) => {
  const told = await evaluate(node, `
    const { missing, nativeTls, onreadProperties, readingBy, runTicks } = require(${JSON.stringify(internals)});
    console.log(JSON.stringify([missing(), Boolean(onreadProperties), runTicks === process._tickCallback,
      nativeTls === require('node:tls'), typeof process._rawDebug, typeof readingBy.owner]));
  `);
  assert.deepStrictEqual(JSON.parse(told), [[], true, true, true, 'function', 'symbol']);
});

onEachNode(test, 'what a Node lacks is named when the package is loaded', async (t, node) => {
  for (const [name, remove] of Object.entries({
    'net._normalizeArgs': "delete require('net')._normalizeArgs",
    'net.Socket.prototype._unrefTimer': "delete require('net').Socket.prototype._unrefTimer",
    'net.Socket.prototype._writeGeneric': "delete require('net').Socket.prototype._writeGeneric",
    'net.Socket.prototype._read': "require('net').Socket.prototype._read = undefined",
  })) {
    const told = await evaluate(node, `
      const load = require;
      const { writeSync } = require('fs');
      ${remove};
      try { load(${JSON.stringify(internals)}); } catch (error) { writeSync(1, error.message); }
    `);
    assert.match(told, new RegExp(`^sealwire does not know this Node: v.* is without ${name}\\.`));
  }
});

onEachNode(test, 'sockets of Node’s are read into a buffer that is used again, and let go as they were', async (t, node) => {
  const told = await evaluate(node, `
    const { onreadProperties, takeOver } = require(${JSON.stringify(internals)});
    const net = require('net');
    const server = net.createServer((socket) => {
      socket.write('one');
      socket.once('data', () => socket.end('two'));
      server.close();
    }).listen(0, '127.0.0.1', () => {
      const socket = net.connect(server.address().port, '127.0.0.1');
      const before = Object.keys(socket).join();
      const seen = [];
      const restore = takeOver(socket, {
        chunk: (chunk) => {
          seen.push(String(chunk), socket[onreadProperties.buffer].length, socket.bytesRead);
          socket.write('more');
          return true;
        },
        end: () => {
          seen.push('end', socket.readableEnded);
          restore();
          seen.push(Object.keys(socket).join() === before);
          console.log(JSON.stringify(seen));
          socket.destroy();
        },
        unwritten: () => {},
      });
    });
  `);
  assert.deepStrictEqual(JSON.parse(told), ['one', 65536, 3, 'two', 65536, 6, 'end', false, true]);
});

onEachNode(test, 'a socket over a handle keeps what is written before it is connected', async (t, node) => {
  const told = await evaluate(node, `
    const { SocketOverHandle } = require(${JSON.stringify(internals)});
    const sent = [];
    class Socket extends SocketOverHandle {
      _descriptor() { return -1; }
      _send(data, callback) { sent.push(String(data)); callback(); }
      _unsendable(callback) { sent.push('closed'); callback(new Error('closed')); }
    }
    const handle = { bytesWritten: 0, getAsyncId: () => 0, close: setImmediate };
    const make = () => new Socket({ ...handle }, {});
    const socket = make();
    socket.connecting = true;
    socket.cork();
    socket.write('a');
    socket.write('b');
    socket.uncork();
    sent.push(socket.bytesWritten);
    socket.connecting = false;
    socket.emit('connect');
    const other = make();
    other.connecting = true;
    other.write('c', () => console.log(JSON.stringify(sent)));
    other.destroy();
  `);
  assert.deepStrictEqual(JSON.parse(told), [2, 'ab', 'closed']);
});

onEachNode(test, 'a server’s connection is had without a socket, and made into one where that is asked for', async (t, node) => {
  const told = await evaluate(node, `
    const { acceptBy } = require(${JSON.stringify(internals)});
    const { end, send } = require(${JSON.stringify(require.resolve('../js/native'))});
    const net = require('net');
    const { once } = require('events');
    const seen = [];
    const onConnection = (socket) => seen.push('a socket of Node’s');
    const server = net.createServer(onConnection).listen(0, '127.0.0.1', async () => {
      const accepted = new Promise((resolve) => acceptBy(server, onConnection, resolve));
      const client = net.connect(server.address().port, '127.0.0.1');
      const connection = await accepted;
      connection.owner = {
        lent: (bytes, length) => {
          seen.push(String(bytes.subarray(0, length)), connection.remoteAddress, connection.address().port > 0);
          connection.bytesSent = send(connection.fd, Buffer.from('answer'));
          return true;
        },
        ended: () => {
          const socket = connection.intoSocket();
          seen.push('end', socket.bytesWritten, socket.remotePort === client.localPort);
          socket.end('bye');
          return true;
        },
      };
      connection.readStart();
      client.write('question');
      seen.push(String((await once(client, 'data'))[0]));
      client.end();
      seen.push(String((await once(client, 'data'))[0]));
      await once(client, 'close');
      server.on('connection', (socket) => socket.destroy());
      await once(net.connect(server.address().port, '127.0.0.1').resume(), 'close');
      console.log(JSON.stringify(seen));
      process.exit();
    });
  `);
  assert.deepStrictEqual(JSON.parse(told),
    ['question', '127.0.0.1', true, 'answer', 'end', 6, true, 'bye', 'a socket of Node’s']);
});

test('nothing else touches Node’s internals', () => {
  const names = /\b(_normalizeArgs|_unrefTimer|_writableState|_readableState|_tickCallback|_rawDebug|_writeGeneric|useUserBuffer|_pendingData|_host|_load|kBuffer\w*)\b|(?<!#)\bstream\._handle\b|\bsocket\._handle\.(?!getJudgedCertificate|verifyError|session|facts)/;
  for (const file of fs.readdirSync(folder).filter((file) => file.endsWith('.js'))) {
    fs.readFileSync(path.join(folder, file), 'utf8').split('\n').forEach((line, at) => {
      assert.ok(!names.test(line), `${file}:${at + 1}: ${line.trim()}`);
    });
  }
});
