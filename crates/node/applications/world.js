'use strict';
// What several applications talk to: a secure origin that says what it was asked, and proxies.
const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const { once } = require('node:events');
const { ca, server } = require('./credentials');

/** A server that answers with what it was asked, and counts connections. */
async function origin(options = {}) {
  const facts = { connections: 0, resumed: 0 };
  const listening = https.createServer({ ...server, ...options }, async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    if (request.url.startsWith('/redirect')) {
      response.writeHead(302, { location: '/after' }).end();
      return;
    }
    const answer = {
      method: request.method, url: request.url, length: body.length, host: request.headers.host.replace(/\d+$/, 'PORT'),
      auth: request.headers.authorization, user: request.socket.getPeerCertificate?.()?.subject?.CN,
    };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer));
  });
  listening.on('secureConnection', (socket) => {
    facts.connections++;
    if (socket.isSessionReused()) facts.resumed++;
    socket.on('error', () => {});
  });
  await listen(listening);
  const { port } = listening.address();
  const close = () => { listening.close(); listening.closeAllConnections(); };
  return { facts, port, url: `https://localhost:${port}`, close };
}

/** An HTTP proxy that opens tunnels, and answers itself what is asked in the clear; `asked` are its requests. */
async function connectProxy({ secure = false, status = 200 } = {}) {
  const asked = [];
  const open = new Set();
  const listening = secure ? https.createServer(server) : http.createServer();
  listening.on('connect', (request, client, head) => {
    asked.push([request.method, request.headers['proxy-authorization'] ?? null]);
    client.on('error', () => {});
    open.add(client);
    if (status !== 200) {
      client.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
      return;
    }
    const { hostname, port } = new URL(`http://${request.url}`);
    const there = net.connect(port, hostname, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      there.write(head);
      there.pipe(client).pipe(there);
    });
    open.add(there);
    there.on('error', () => client.destroy());
    client.on('close', () => there.destroy());
  });
  listening.on('request', (request, response) => {
    asked.push([request.method, request.headers['proxy-authorization'] ?? null]);
    response.end(`for ${request.url}`);
  });
  await listen(listening);
  const { port } = listening.address();
  const close = () => { listening.close(); for (const socket of open) socket.destroy(); };
  return { asked, port, url: `${secure ? 'https' : 'http'}://localhost:${port}`, close };
}

/** A SOCKS 5 proxy that wants no authentication (RFC 1928). */
async function socksProxy() {
  const asked = [];
  const open = new Set();
  const listening = net.createServer(async (client) => {
    open.add(client);
    client.on('error', () => {});
    await read(client, 2).then(([, methods]) => read(client, methods));
    client.write(Buffer.of(5, 0));
    const [, command, , kind] = await read(client, 4);
    const host = kind === 3 ? String(await read(client, (await read(client, 1))[0])) :
      (await read(client, kind === 1 ? 4 : 16)).join('.');
    const port = (await read(client, 2)).readUInt16BE();
    asked.push([command, kind]);
    const there = net.connect(port, host.includes('0.0') ? '127.0.0.1' : host, () => {
      client.write(Buffer.of(5, 0, 0, 1, 127, 0, 0, 1, 0, 0));
      there.pipe(client).pipe(there);
    });
    open.add(there);
    there.on('error', () => client.destroy());
  });
  await listen(listening);
  const { port } = listening.address();
  const close = () => { listening.close(); for (const socket of open) socket.destroy(); };
  return { asked, port, url: `socks5://127.0.0.1:${port}`, close };
}

/** So many bytes, and no more: what follows may be for TLS. */
async function read(stream, length) {
  const parts = [];
  for (let missing = length; missing > 0;) {
    const part = stream.readableLength > 0 ? stream.read(Math.min(missing, stream.readableLength)) : null;
    if (part !== null) {
      parts.push(part);
      missing -= part.length;
    } else if (stream.readableEnded || stream.destroyed) {
      throw new Error('the end of the stream');
    } else {
      await once(stream, 'readable');
    }
  }
  return Buffer.concat(parts);
}

async function listen(server) {
  server.listen(0);
  await once(server, 'listening');
}

/** The answer of a promise, or how it failed. */
function outcome(promise) {
  return promise.catch((error) => ({ failed: error.code ?? error.cause?.code ?? error.message }));
}

/** What a request of node:http(s) came to. */
function answerTo(request) {
  return outcome(new Promise((resolve, reject) => {
    request.on('response', async (response) => {
      const body = Buffer.concat(await response.toArray());
      resolve({ status: response.statusCode, body: String(body) });
    });
    request.on('error', reject);
    request.end();
  }));
}

module.exports = { answerTo, ca, connectProxy, listen, origin, outcome, read, socksProxy };
