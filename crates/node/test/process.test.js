'use strict';

// How the package behaves as a part of a process: registered in place of Node's, in worker threads,
// at exit, under the garbage collector.

const assert = require('node:assert');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { promisify } = require('node:util');
const { file } = require('../support');
const { onEachNode } = require('../support/nodes');

const register = require.resolve('../js/register.js');
const support = require.resolve('../support');
const index = require.resolve('../js/index.js');

/** Runs a program in a process of its own. */
async function run(source, { name = 'program.js', args = [], env = {}, node = process.execPath } = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sealwire-'));
  const program = path.join(folder, name);
  fs.writeFileSync(program, source);
  try {
    return await promisify(execFile)(node, [...args, program],
      { timeout: 30_000, env: { ...process.env, ...env } });
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** A server and a client in one program; `more` runs when they are connected. */
const talking = (more) => `
  const { tls, identity, pem } = require(${JSON.stringify(support)});
  const server = tls.createServer(identity('server'), (socket) => {
    socket.on('error', () => {});
    socket.write('x');
  }).listen(0, () => {
    const socket = tls.connect({ port: server.address().port, ca: pem('ca-cert') });
    socket.on('error', () => {});
    socket.once('data', () => { ${more} });
  });
`;

test('register puts the package in place of tls and https, by whatever name', async () => {
  const { stdout } = await run(`
    const ours = require(${JSON.stringify(index)});
    console.log([require('tls') === ours, require('node:tls') === ours,
      require('https').Server.prototype instanceof ours.Server].join());
  `, { args: ['-r', register] });
  assert.strictEqual(stdout, 'true,true,true\n');
});

test('a server of https is one of Node’s own for who has that class', async () => {
  const { stdout } = await run(`
    const { Server } = require('https');
    require(${JSON.stringify(register)});
    const https = require('https');
    const plain = require('http').createServer();
    console.log([https.Server !== Server, https.createServer() instanceof Server, plain instanceof Server].join());
  `);
  assert.strictEqual(stdout, 'true,true,false\n');
});

test('register counts for import, too', async () => {
  const { stdout } = await run(`
    import tls, { connect } from 'tls';
    import { createServer } from 'node:https';
    import { createRequire } from 'node:module';
    const ours = createRequire(import.meta.url)(${JSON.stringify(index)});
    console.log([tls === ours, connect === ours.connect, typeof createServer].join());
  `, { name: 'program.mjs', args: ['-r', register] });
  assert.strictEqual(stdout, 'true,true,function\n');
});

onEachNode(test, 'after a connection of ours Node’s own https, http2 and fetch work as before', async (t, node) => {
  const { stdout } = await run(`
    const { once } = require('node:events');
    const { tls, identity, pem } = require(${JSON.stringify(support)});
    (async () => {
      const ours = tls.createServer(identity('server'), (socket) => socket.end()).listen(0);
      await once(ours, 'listening');
      await once(tls.connect({ port: ours.address().port, ca: pem('ca-cert') }), 'secureConnect');
      ours.close();
      const http2 = require('node:http2');
      const https = require('node:https');
      const options = { ...identity('server'), allowHTTP1: true };
      const server = http2.createSecureServer(options, (request, response) => response.end()).listen(0);
      await once(server, 'listening');
      const url = 'https://localhost:' + server.address().port;
      const [response] = await once(https.get(url, { agent: false }), 'response');
      response.resume();
      const session = http2.connect(url);
      const [headers] = await once(session.request({ ':path': '/' }).resume(), 'response');
      session.close();
      const fetched = await fetch(url);
      await fetched.text();
      console.log(response.statusCode, headers[':status'], fetched.status,
        typeof require('node:tls').createSecureContext);
      process.exit();
    })();
  `, { node, env: { NODE_EXTRA_CA_CERTS: file('ca-cert.pem') } });
  assert.strictEqual(stdout, '200 200 200 function\n');
});

/** A server of 20 clients at once, for the first of which its listener throws. */
const CROWD = `
  const { tls, identity, pem } = require(${JSON.stringify(support)});
  process.on('uncaughtException', ({ message }) => console.log(message));
  let served = 0;
  const server = tls.createServer(identity('server'), (socket) => {
    socket.on('error', () => {});
    if (served++ === 0) throw new Error('by the program');
    socket.end('hello');
  }).listen(0, () => {
    let told = 0;
    for (let n = 0; n < 20; n++) {
      tls.connect({ port: server.address().port, ca: pem('ca-cert') }).on('error', () => {}).on('data', () => {
        told += 1;
        if (told === 19) process.stdout.write('the others are served\\n', () => process.exit());
      });
    }
  });
`;

onEachNode(test, 'a listener that throws keeps no other connection waiting', async (t, node) => {
  assert.strictEqual((await run(CROWD, { node })).stdout, 'by the program\nthe others are served\n');
});

test('handshakes on one core', { skip: process.platform !== 'linux' }, async () => {
  const { stdout } = await promisify(execFile)('taskset', ['-c', '0', process.execPath, '-e', CROWD]);
  assert.strictEqual(stdout, 'by the program\nthe others are served\n');
});

test('exit with open connections', async () => {
  const { stdout } = await run(talking("process.stdout.write('bye', () => process.exit(0));"));
  assert.strictEqual(stdout, 'bye');
});

test('exit in the middle of handshakes', async () => {
  await run(`
    const { tls, identity, pem } = require(${JSON.stringify(support)});
    const server = tls.createServer(identity('server')).listen(0, () => {
      for (let n = 0; n < 20; n++) {
        tls.connect({ port: server.address().port, ca: pem('ca-cert') }).on('connect', () => {
          setImmediate(() => process.exit(0));
        });
      }
    });
  `);
});

test('sockets that are unreferenced let the process end', async () => {
  await run(talking('socket.unref(); server.close(); server.unref(); process.exitCode = 0; ' +
    'for (const handle of process._getActiveHandles()) handle.unref?.();'));
});

test('worker threads have their own, and may be terminated at any time', async () => {
  const { stdout } = await run(`
    const { Worker } = require('worker_threads');
    const source = ${JSON.stringify(talking("require('worker_threads').parentPort.postMessage('up');"))};
    let left = 3;
    for (let n = 0; n < 3; n++) {
      const worker = new Worker(source, { eval: true });
      worker.once('message', async () => {
        await worker.terminate();
        if (--left === 0) console.log('all down');
      });
    }
  `);
  assert.strictEqual(stdout, 'all down\n');
});

test('a worker terminated in the middle of handshakes', async () => {
  const { stdout } = await run(`
    const { Worker } = require('worker_threads');
    const source = \`
      const { tls, identity, pem } = require(${JSON.stringify(support)});
      const server = tls.createServer(identity('server')).listen(0, () => {
        const next = () => tls.connect({ port: server.address().port, ca: pem('ca-cert') }, function() {
          this.destroy();
          next();
        }).on('error', () => {});
        for (let n = 0; n < 8; n++) next();
        require('worker_threads').parentPort.postMessage('busy');
      });
    \`;
    const worker = new Worker(source, { eval: true });
    worker.once('message', () => setTimeout(async () => {
      await worker.terminate();
      console.log('down');
    }, 50));
  `);
  assert.strictEqual(stdout, 'down\n');
});

test('the workers of a cluster resume each other’s sessions', async () => {
  const { stdout } = await run(`
    const cluster = require('cluster');
    const { tls, identity, pem } = require(${JSON.stringify(support)});
    const reused = [];
    const visit = (port, session, left) => {
      if (left === 0) {
        console.log(new Set(reused.map(({ worker }) => worker)).size, reused.map((one) => one.reused).join());
        for (const worker of Object.values(cluster.workers)) worker.kill();
        return;
      }
      let next = session;
      const socket = tls.connect({ port, ca: pem('ca-cert'), session });
      socket.on('session', (given) => { next = given; });
      socket.resume();
      socket.on('close', () => visit(port, next, left - 1));
    };
    if (cluster.isPrimary) {
      let up = 0;
      cluster.on('message', (worker, told) => reused.push({ worker: worker.id, reused: told }));
      cluster.on('listening', (worker, { port }) => { if (++up === 2) visit(port, undefined, 4); });
      cluster.fork();
      cluster.fork();
    } else {
      tls.createServer(identity('server'), (socket) => {
        process.send(socket.isSessionReused());
        socket.end('x');
      }).listen(0);
    }
  `);
  assert.strictEqual(stdout, '2 false,true,true,true\n');
});

// Node's own, over no socket, are not.
test('sockets that nobody holds are collected', { skip: process.env.JUDGE === 'node' }, async () => {
  const { stdout } = await run(`
    const { tls, identity } = require(${JSON.stringify(support)});
    let collected = 0;
    const registry = new FinalizationRegistry(() => collected++);
    (function() {
      for (let n = 0; n < 50; n++) registry.register(new tls.TLSSocket(undefined, identity('server')));
    })();
    const look = setInterval(() => {
      global.gc();
      if (collected < 40) return;
      clearInterval(look);
      console.log('collected');
    }, 10);
  `, { args: ['--expose-gc'] });
  assert.strictEqual(stdout, 'collected\n');
});

test('what a listener throws is an uncaught exception, as ever', async () => {
  const { stdout } = await run(`
    process.on('uncaughtException', (error) => {
      console.log(error.message);
      process.exit(0);
    });
    ${talking("throw new Error('from a listener');")}
  `);
  assert.strictEqual(stdout, 'from a listener\n');
});

test('what comes behind data whose listener throws is not lost', async () => {
  const { stdout } = await run(`
    const { tls, identity, pem } = require(${JSON.stringify(support)});
    process.on('uncaughtException', () => {});
    const server = tls.createServer(identity('server'), (socket) => {
      for (const word of ['one', 'two', 'three']) socket.write(word);
      socket.end();
    }).listen(0, () => {
      const socket = tls.connect({ port: server.address().port, ca: pem('ca-cert') });
      let text = '';
      socket.on('data', (data) => {
        text += data;
        throw new Error('from a listener');
      });
      socket.on('end', () => {
        console.log(text);
        server.close();
      });
    });
  `);
  assert.strictEqual(stdout, 'onetwothree\n');
});

test('NODE_EXTRA_CA_CERTS is trusted besides the default, and not besides a ca that is given', async () => {
  const { stdout } = await run(`
    const { tls, identity, pem } = require(${JSON.stringify(support)});
    const server = tls.createServer(identity('server'), (socket) => socket.end()).listen(0, () => {
      const { port } = server.address();
      tls.connect({ port, host: 'localhost' }, function() {
        console.log(this.authorized);
        this.destroy();
        tls.connect({ port, host: 'localhost', ca: pem('stranger-cert') }).on('error', (error) => {
          console.log(error.code);
          server.close();
        });
      });
    });
  `, { env: { NODE_EXTRA_CA_CERTS: file('ca-cert.pem') } });
  // The server has completed its chain from what it trusts, as OpenSSL does.
  assert.strictEqual(stdout, 'true\nSELF_SIGNED_CERT_IN_CHAIN\n');
});

test('NODE_TLS_REJECT_UNAUTHORIZED=0 turns the verification off and says so', async () => {
  const { stdout, stderr } = await run(`
    const { tls, identity } = require(${JSON.stringify(support)});
    const server = tls.createServer(identity('server'), (socket) => socket.end()).listen(0, () => {
      tls.connect({ port: server.address().port }, function() {
        console.log(this.authorized);
        this.destroy();
        server.close();
      });
    });
  `, { env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } });
  assert.strictEqual(stdout, 'false\n');
  assert.match(stderr, /makes TLS connections and HTTPS requests insecure/);
});
