// Requests sent again and written by hand, rules, and what waits at a breakpoint.

import { by, dialog, h, say } from './dom.js';
import { get, send } from './api.js';

/** @typedef {import('./api.js').Detail} Detail */

/** @param {[string, string][]} fields */
const lines = fields => fields.map(([name, value]) => `${name}: ${value}`).join('\n');

/** @param {string} text @returns {[string, string][]} */
const fields = text => text.split('\n').filter(line => line.trim()).map(line => {
  const colon = line.indexOf(':', 1);
  return colon < 0 ? [line.trim(), ''] : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
});

/** @param {() => Promise<any>} work */
async function tried(work) {
  try { await work(); by('dialog').close(); } catch (error) { say(/** @type {Error} */ (error).message); }
}

/** @param {Detail|null} flow @param {(id: number) => void} opened */
export function compose(flow, opened) {
  const method = /** @type {HTMLInputElement} */ (h('input', { value: flow?.method ?? 'GET', size: 8, 'aria-label': 'Method' }));
  const url = /** @type {HTMLInputElement} */ (h('input', { value: flow ? `${flow.scheme}://${flow.authority}${flow.path}` : 'https://', class: 'grow', 'aria-label': 'URL' }));
  const head = /** @type {HTMLTextAreaElement} */ (h('textarea', { 'aria-label': 'Headers', spellcheck: 'false' }));
  head.value = lines(flow?.request.headers ?? []);
  const text = /** @type {HTMLTextAreaElement} */ (h('textarea', { 'aria-label': 'Body', spellcheck: 'false' }));
  const before = flow?.request.text ?? '';
  const isText = !flow || (flow.request.text !== undefined && !flow.request.cut);
  text.value = before;
  if (!isText) text.setAttribute('disabled', '');
  const go = h('button', { class: 'main', onclick: () => tried(async () => {
    const request = { method: method.value, url: url.value, headers: fields(head.value), ...(text.value !== before || !flow ? { body: text.value } : {}) };
    // An edited body is not compressed as the old one was.
    if ('body' in request) request.headers = request.headers.filter(([name]) => name.toLowerCase() !== 'content-encoding');
    opened((await send('POST', flow ? `flows/${flow.id}/resend` : 'compose', request)).flow);
  }) }, 'Send');
  dialog(flow ? `Send ${flow.id} again, as a new flow` : 'New request', [h('div', { class: 'line' }, method, url), h('label', {}, 'Headers, one a line'), head,
    h('label', {}, isText ? 'Body' : 'The body is binary, or too long to edit: it is sent unchanged'), text], [go]);
}

/** @param {Detail} flow @param {(id: number) => void} opened */
export async function resend(flow, opened) {
  try { opened((await send('POST', `flows/${flow.id}/resend`, {})).flow); } catch (error) { say(/** @type {Error} */ (error).message); }
}

export async function rules() {
  const text = /** @type {HTMLTextAreaElement} */ (h('textarea', { 'aria-label': 'Rules', spellcheck: 'false' }));
  text.value = JSON.stringify(await get('rules'), null, 2);
  const add = (/** @type {any} */ rule) => () => {
    try { text.value = JSON.stringify([...JSON.parse(text.value || '[]'), rule], null, 2); } catch (error) { say(String(error)); }
  };
  const examples = [['map', { when: 'host:api.test', map: 'http://127.0.0.1:3000' }], ['file', { when: 'path:/data.json', file: '/tmp/data.json' }], ['status', { when: 'path:/old', status: 503, body: 'later' }],
    ['headers', { when: 'host:api.test', 'request-headers': { 'X-Debug': '1', Cookie: false } }], ['delay', { when: 'path:/slow', delay: '2s', throttle: '50kB' }], ['break', { when: 'method:POST', break: 'both' }], ['block', { when: 'host:ads.test', block: true }]];
  const go = h('button', { class: 'main', onclick: () => tried(() => send('PUT', 'rules', JSON.parse(text.value))) }, 'Use these');
  dialog('Rules', [h('p', { class: 'note' }, 'They hold from the next request on. "when" is a filter of heads.'),
    h('p', {}, 'Add: ', ...examples.map(([name, rule]) => h('button', { onclick: add(rule) }, String(name)))), text], [go]);
}

/** @param {any[]} waiting */
export function held(waiting) {
  const box = by('held');
  box.hidden = !waiting.length;
  box.replaceChildren(...waiting.map(one => {
    const what = one.request ? `${one.request.method} ${one.request.url}` : `answer ${one.response.status}`;
    const decide = (/** @type {any} */ body) => () => send('POST', `held/${one.id}`, body).catch(error => say(error.message));
    return h('div', { class: 'row' }, h('b', {}, `${one.flow} waits:`), h('span', {}, what), h('span', { class: 'grow' }),
      h('button', { class: 'main', onclick: decide({ action: 'continue' }) }, 'Continue'), h('button', { onclick: () => edit(one) }, 'Edit'), h('button', { onclick: decide({ action: 'abort' }) }, 'Abort'));
  }));
}

/** @param {any} one */
function edit(one) {
  const part = one.request ?? one.response;
  const first = /** @type {HTMLInputElement} */ (h('input', { value: one.request ? part.method : part.status, size: 8 }));
  const url = /** @type {HTMLInputElement} */ (h('input', { value: part.url ?? '', class: 'grow' }));
  const head = /** @type {HTMLTextAreaElement} */ (h('textarea', { spellcheck: 'false' }));
  head.value = lines(part.headers);
  const text = /** @type {HTMLTextAreaElement} */ (h('textarea', { spellcheck: 'false' }));
  text.value = one.text ?? '';
  if (one.text === null) text.setAttribute('disabled', '');
  const body = () => one.text !== null && text.value !== one.text ? { body: text.value } : {};
  const go = h('button', { class: 'main', onclick: () => tried(() => send('POST', `held/${one.id}`, {
    action: 'continue', headers: fields(head.value), ...body(),
    ...(one.request ? { method: first.value, url: url.value } : { status: Number(first.value) }),
  })) }, 'Continue with this');
  dialog(`Flow ${one.flow} waits`, [h('div', { class: 'line' }, first, one.request ? url : null), h('label', {}, 'Headers'), head, h('label', {}, 'Body'), text], [go]);
}
