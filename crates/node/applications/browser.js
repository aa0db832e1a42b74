'use strict';
// A browser on a page of ours, driven by playwright-core: HTTP/1.1 and HTTP/2, a WebSocket, fetch, refusals.
const http2 = require('node:http2');
const https = require('node:https');
const { spawnSync } = require('node:child_process');
const { WebSocketServer } = require('ws');
const { server, report } = require('./credentials');
const { listen } = require('./world');

const PROGRAM = ['chromium', 'chromium-browser', 'google-chrome'].find((name) => !spawnSync(name, ['--version']).error);

const PAGE = `<script>
  const socket = new WebSocket(location.href.replace('https', 'wss'));
  socket.onopen = () => socket.send('hello');
  socket.onmessage = async ({ data }) => {
    const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => fetch('/' + n, { method: 'POST', body: 'x'.repeat(n * 10000) })));
    const sizes = await Promise.all(answers.map((one) => one.text()));
    document.title = data + ' ' + sizes.join();
  };
</script>`;

function answer(request, response) {
  if (request.method === 'GET') {
    response.setHeader('content-type', 'text/html');
    response.end(PAGE);
    return;
  }
  let length = 0;
  request.on('data', (part) => { length += part.length; });
  request.on('end', () => response.end(`${length}:${request.httpVersion}`));
}

(async () => {
  if (!PROGRAM) return report({ missing: 'chromium' });
  const { chromium } = require('playwright-core');
  const executablePath = spawnSync('which', [PROGRAM], { encoding: 'utf8' }).stdout.trim();
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const titles = [];
  for (const listening of [https.createServer(server, answer), http2.createSecureServer({ ...server, allowHTTP1: true }, answer)]) {
    new WebSocketServer({ server: listening }).on('connection', (socket) => socket.on('message', (data) => socket.send(`${data} back`)));
    await listen(listening);
    const url = `https://localhost:${listening.address().port}/`;
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    await page.goto(url);
    await page.waitForFunction("document.title !== ''", undefined, { timeout: 10_000 });
    titles.push(await page.title());
    const strict = await (await browser.newContext()).newPage();
    titles.push(await strict.goto(url).then(() => 'opened', (error) => /net::\w+/.exec(error.message)?.[0]));
  }
  await browser.close();
  report({ titles });
  process.exit();
})();
