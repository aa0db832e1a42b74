// A page that Chromium loads directly and through a proxy: what it asked for, and what it got.
// node compare.mjs PROXY CERT KEY

import crypto from 'node:crypto';
import fs from 'node:fs';
import http2 from 'node:http2';
import zlib from 'node:zlib';
import { launch } from './browser.mjs';

const [proxy, cert, key] = process.argv.slice(2);
const page = `<!doctype html><link rel=stylesheet href=/style.css><img src=/picture.png>
<script src=/moved.js></script><script type=module>
const all = [fetch('/data.json?x=1'), fetch('/gone'), fetch('/long'), fetch('/posted', { method: 'POST', body: 'x'.repeat(200000) })];
const events = new EventSource('/events');
await new Promise(done => { events.onmessage = done; });
events.close();
await Promise.all(all.map(one => one.then(answer => answer.arrayBuffer())));
document.title = 'done';
</script>`;
const picture = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const server = http2.createSecureServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key), allowHTTP1: true });
server.on('request', (request, answer) => {
  const say = (/** @type {number} */ status, /** @type {any} */ headers, /** @type {any} */ body) => { answer.writeHead(status, headers); answer.end(body); };
  switch (request.url) {
    case '/': return say(200, { 'content-type': 'text/html' }, page);
    case '/style.css': return say(200, { 'content-type': 'text/css', 'content-encoding': 'gzip' }, zlib.gzipSync('body { color: red }'));
    case '/picture.png': return say(200, { 'content-type': 'image/png' }, picture);
    case '/moved.js': return say(302, { location: '/script.js' }, '');
    case '/script.js': return say(200, { 'content-type': 'text/javascript' }, 'globalThis.loaded = 1');
    case '/data.json?x=1': return say(200, { 'content-type': 'application/json', 'set-cookie': 'a=b; Secure' }, '{"a":1}');
    case '/long': return say(200, { 'content-type': 'application/octet-stream' }, Buffer.alloc(1 << 20, 'long'));
    case '/events': answer.writeHead(200, { 'content-type': 'text/event-stream' }); answer.write('data: 1\n\n'); return undefined;
    case '/posted': { let count = 0; request.on('data', piece => { count += piece.length; }).on('end', () => say(200, {}, `${count}`)); return undefined; }
    default: return say(404, {}, 'gone');
  }
});
await new Promise(done => server.listen(0, '127.0.0.1', () => done(undefined)));
const at = `https://localhost:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;

async function visit(/** @type {any} */ options) {
  const browser = await launch(options);
  const tab = await browser.newPage();
  const all = /** @type {any[]} */ ([]);
  tab.on('response', answer => all.push(answer));
  await tab.goto(at);
  await tab.waitForFunction(() => document.title === 'done');
  const told = await Promise.all(all.filter(answer => !answer.url().endsWith('/favicon.ico')).map(async answer => {
    const { pathname, search } = new URL(answer.url());
    const whole = answer.status() !== 302 && pathname !== '/events';
    const body = whole ? crypto.createHash('sha256').update(await answer.body()).digest('hex') : null;
    return { path: pathname + search, method: answer.request().method(), status: answer.status(), body };
  }));
  await browser.close();
  return told.sort((a, b) => a.path < b.path ? -1 : 1);
}

const direct = await visit({});
const through = await visit({ proxy: { server: proxy, bypass: '<-loopback>' } });
console.log(JSON.stringify({ direct, through }));
server.close();
process.exit(0);
