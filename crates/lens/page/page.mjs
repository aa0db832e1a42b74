// What a person does with the page, in Chromium: node page.mjs PAGE PROXY ORIGIN [PICTURES]

import http from 'node:http';
import { check, opened } from './browser.mjs';

const [page, proxy, origin, pictures] = process.argv.slice(2);
const { tab, picture, end } = await opened(pictures);
const text = (/** @type {string} */ selector) => tab.locator(selector).innerText();
const shows = (/** @type {string} */ words) => tab.getByText(words, { exact: false }).first().waitFor();

/** A request through the proxy, to a plain address of the page's own test. */
const through = (/** @type {string} */ path) => new Promise((done, failed) => {
  const url = new URL(proxy);
  http.get({ host: url.hostname, port: url.port, path: `${plain}${path}`, headers: { host: new URL(plain).host } }, answer => {
    let body = '';
    answer.on('data', piece => { body += piece; }).on('end', () => done(`${answer.statusCode} ${body}`));
  }).on('error', failed);
});
/** What has a look of its own: its type, and the body. @type {Record<string, [string, string|Buffer]>} */
const bodies = {
  '/model': ['text/event-stream', [
    { model: 'small-1', choices: [{ delta: { tool_calls: [{ index: 0, function: { name: 'get_weather', arguments: '{"place":' } }] } }] },
    { choices: [{ delta: { tool_calls: [{ index: 0, function: { arguments: '"Oslo"}' } }] }, finish_reason: 'tool_calls' }] },
    { choices: [], usage: { prompt_tokens: 12, completion_tokens: 7 } },
  ].map(event => `data: ${JSON.stringify(event)}\n\n`).join('') + 'data: [DONE]\n\n'],
  // A message of gRPC: field 1 is 150, field 2 a text.
  '/call': ['application/grpc', Buffer.from([0, 0, 0, 0, 10, 8, 150, 1, 18, 5, 104, 101, 108, 108, 111])],
  '/form': ['application/x-www-form-urlencoded', 'place=Oslo&unit=%C2%B0C'],
  '/bytes': ['application/octet-stream', Buffer.from([0, 1, 2, 65, 66, 67])],
  '/picture': ['image/png', Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')],
};
/** The answer that goes on. @type {http.ServerResponse|undefined} */
let lasting;
const server = http.createServer((request, answer) => {
  if (request.url === '/lasting' && !lasting) {
    lasting = answer;
    answer.write('begun ');
    return;
  }
  const [type, body] = bodies[new URL(request.url ?? '/', 'http://a').pathname] ?? ['', `plain ${request.method} ${request.url}`];
  if (type) answer.setHeader('content-type', type);
  answer.end(body);
});
await new Promise(done => server.listen(0, '127.0.0.1', () => done(undefined)));
const plain = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;

await tab.goto(page);
await shows('/first?a=b');
check(!tab.url().includes('token'), 'the token leaves the address bar');
await tab.getByText('/first?a=b').first().click();
await shows('<b>body</b>');
await shows('<script>owned=1</script>');
await picture('proxy-flow');

// Hostile content stays text.
await tab.getByText('onerror').first().click();
await tab.locator('#detail').getByText('onerror').first().waitFor();
check(await tab.evaluate(() => !('owned' in globalThis)), 'what others say is inert');

// TLS of both legs, then the lesson.
await tab.keyboard.press('3');
await shows('ClientHello');
await picture('proxy-tls');
await tab.keyboard.press('4');
await tab.locator('#detail').getByText('decrypted', { exact: false }).first().waitFor();
await picture('proxy-lesson');
await tab.keyboard.press('1');

// Sent again: a new flow that says what it repeats.
await tab.getByText('/first?a=b').first().click();
await tab.locator('#detail').getByRole('button', { name: 'Resend' }).click();
await tab.locator('#detail').getByText('repeats 1').waitFor();
// Edited and sent.
await tab.locator('#detail').getByRole('button', { name: 'Edit' }).click();
await tab.getByLabel('Method').fill('PUT');
await tab.getByLabel('Body').fill('from the page');
await tab.getByRole('button', { name: 'Send', exact: true }).click();
await tab.locator('#detail').getByText('PUT', { exact: false }).first().waitFor();
await tab.locator('#detail').getByText('from the page').first().waitFor();

// Bodies as what they are.
for (const [path, looks] of /** @type {[string, string[]][]} */ ([
  ['/model', ['small-1, 12 tokens in, 7 tokens out, stopped: tool_calls', 'Calls get_weather']],
  ['/call', ['150', '"hello"']],
  ['/form', ['°C']],
  ['/bytes', ['00 01 02 41 42 43']],
])) {
  await through(path);
  await tab.locator('#rows').getByText(path, { exact: true }).click();
  for (const look of looks) await tab.locator('#detail').getByText(look, { exact: false }).first().waitFor();
}
await through('/picture');
await tab.locator('#rows').getByText('/picture', { exact: true }).click();
await tab.locator('#detail').getByAltText('the image that was sent').waitFor();

// One that goes on is sent again: the new one is shown, whatever becomes of the first.
const ended = through('/lasting');
await tab.locator('#rows').getByText('/lasting', { exact: true }).click();
await tab.locator('#detail').getByText('begun').waitFor();
await tab.locator('#detail').getByRole('button', { name: 'Resend' }).click();
await tab.locator('#detail').getByText('plain GET /lasting').waitFor();
lasting?.end('ended');
check(await ended === '200 begun ended', 'the first one ends');
// Once the list says so, its event was heard; what that asks for comes before what is asked for now.
await tab.locator('#rows .flow', { hasText: '/lasting' }).getByText('11 B', { exact: true }).waitFor({ state: 'attached' });
await tab.evaluate(async () => { for (let n = 0; n < 5; n++) await fetch('.', { cache: 'no-store' }); });
check((await text('#detail')).includes('repeats'), 'what was sent again stays');

// Rules and a breakpoint, by the page alone.
const rules = async (/** @type {any[]} */ list) => {
  await tab.getByRole('button', { name: 'Rules', exact: true }).click();
  await tab.getByLabel('Rules').fill(JSON.stringify(list));
  await tab.getByRole('button', { name: 'Use these' }).click();
  await tab.getByLabel('Rules').waitFor({ state: 'hidden' });
};
await rules([{ when: 'path:/held', break: 'both' }]);
const answered = through('/held');
await tab.locator('#held').getByText('waits').first().waitFor();
await picture('proxy-breakpoint');
await tab.locator('#held').getByRole('button', { name: 'Edit' }).click();
const dialog = tab.locator('#dialog, dialog').first();
await dialog.locator('input').nth(1).fill(`${plain}/changed`);
await tab.getByRole('button', { name: 'Continue with this' }).click();
await tab.locator('#held').getByText('answer 200').waitFor();
await tab.locator('#held').getByRole('button', { name: 'Edit' }).click();
await dialog.locator('input').first().fill('203');
await dialog.locator('textarea').nth(1).fill('written by hand');
await tab.getByRole('button', { name: 'Continue with this' }).click();
check(await answered === '203 written by hand', `the client gets the edit: ${await answered}`);
await rules([]);

// The filter, as it is typed.
await tab.keyboard.press('/');
await tab.keyboard.type('path:/held');
await tab.waitForFunction(() => !/** @type {HTMLElement} */ (document.querySelector('#rows')).innerText.includes('/first?a=b'));
await tab.emulateMedia({ colorScheme: 'dark' });
await picture('proxy-dark');

server.close();
await end();
