// The page: filter, list, detail, live stream and keys.

import { by, dialog, h, say } from './dom.js';
import { get, live, save } from './api.js';
import { List } from './list.js';
import { DetailView, compare } from './detail.js';
import { compose, held, resend, rules } from './edit.js';

const main = /** @type {HTMLElement} */ (document.querySelector('main'));
const filter = /** @type {HTMLInputElement} */ (by('filter'));
let session = { can_send: false, live: false, title: '' };

/** @param {number} id of a flow that was just sent */
const sent = id => { main.classList.remove('alone'); detail.follow(id).catch(e => say(e.message)); };
const detail = new DetailView(() => /^[^:=<>~()]*$/.test(filter.value) ? filter.value.trim().replaceAll('"', '') : '', () => session.can_send, sent);
const list = new List(async (flow, how) => {
  if (how === 'compare') {
    if (flow && list.flow) { list.compared = flow.id; await compare(list.flow.id, flow.id).catch(e => say(e.message)); }
    return;
  }
  if (!flow) return;
  // What is shown need not be what is chosen in the list: a flow that was sent again is followed.
  if (how === 'changed' && (flow.id !== detail.id || !['Exchange', 'Messages'].includes(detail.tab))) return;
  main.classList.remove('alone');
  await detail.open(flow);
}, error => {
  filter.classList.toggle('wrong', error !== null);
  filter.title = error ?? '';
  if (error) by('count').textContent = error;
});

/** @type {AbortController} */
let watching = new AbortController();

/** Follows what the filter shows. */
async function watch() {
  watching.abort();
  watching = new AbortController();
  const text = filter.value.trim();
  const mine = watching.signal;
  await list.read(text);
  live(text, (event, data) => {
    if (mine.aborted) return;
    if (event === 'flows') list.changed(data);
    else if (event === 'held' || event === 'hello') held(data.held ?? data);
    else if (event === 'banner') { by('banner').textContent = data; by('banner').hidden = false; }
    else if (event === 'reload') list.read(text, true);
  }, mine);
}

let typing = 0;
filter.addEventListener('input', () => { clearTimeout(typing); typing = setTimeout(watch, 120); });

/** @type {Record<string, [string, () => any]>} */
const keys = {
  j: ['next', () => list.move(1)], ArrowDown: ['next', () => list.move(1)],
  k: ['previous', () => list.move(-1)], ArrowUp: ['previous', () => list.move(-1)],
  PageDown: ['a page on', () => list.move(20)], PageUp: ['a page back', () => list.move(-20)],
  Home: ['first', () => list.choose(0)], End: ['last', () => list.choose(list.total - 1)],
  '/': ['filter', () => { filter.focus(); filter.select(); }],
  1: ['exchange', () => detail.show('Exchange')], 2: ['messages or statements', () => detail.show(detail.tabs()[1])], 3: ['TLS', () => detail.show('TLS')], 4: ['lesson', () => detail.show('Lesson')],
  s: ['send again', () => detail.flow && session.can_send && resend(detail.flow, sent)],
  e: ['edit and send', () => detail.flow && session.can_send && compose(detail.flow, sent)],
  n: ['new request', () => compose(null, sent)],
  c: ['copy as curl', () => detail.command('curl')],
  d: ['diff with the one before', () => list.index > 0 && list.choose(list.index - 1, 'compare')],
  r: ['rules', () => rules().catch(e => say(e.message))],
  t: ['dark or light', theme],
  Escape: ['close the flow', () => { detail.close(); main.classList.add('alone'); list.box.focus(); }],
  '?': ['these keys', help],
};

document.addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey || by('dialog').open) return;
  const target = /** @type {HTMLElement} */ (event.target);
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) {
    if (event.key === 'Escape' || event.key === 'Enter') { list.box.focus(); event.preventDefault(); }
    return;
  }
  const key = keys[event.key];
  if (!key) return;
  event.preventDefault();
  key[1]();
});

function help() {
  const rows = Object.entries(keys).map(([key, [what]]) => h('tr', {}, h('th', {}, h('kbd', {}, key)), h('td', {}, what)));
  dialog('Keys', [h('table', {}, ...rows), h('h3', {}, 'Filter'),
    h('p', {}, 'Words find text anywhere. Fields: host path url method scheme status type header.NAME body statement size took error client is:error is:open is:websocket is:changed. Operators : = != < > ~. Join with and, or, not, ( ).'),
    h('p', {}, 'Shift-click compares a flow with the one that is open.')]);
}

function theme() {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.dataset.theme = dark ? 'light' : 'dark';
  localStorage.setItem('theme', document.documentElement.dataset.theme);
}

by('divider').addEventListener('pointerdown', (/** @type {PointerEvent} */ event) => {
  const move = (/** @type {PointerEvent} */ e) => { list.box.style.flexBasis = `${Math.max(200, e.clientX)}px`; };
  by('divider').setPointerCapture(event.pointerId);
  by('divider').addEventListener('pointermove', move);
  by('divider').addEventListener('pointerup', () => by('divider').removeEventListener('pointermove', move), { once: true });
});
by('rules').addEventListener('click', () => rules().catch(e => say(e.message)));
by('compose').addEventListener('click', () => compose(null, sent));
by('har').addEventListener('click', () => save(`har?filter=${encodeURIComponent(filter.value)}`, 'session.har').catch(e => say(e.message)));
by('help').addEventListener('click', help);
by('theme').addEventListener('click', theme);

if (localStorage.getItem('theme')) document.documentElement.dataset.theme = localStorage.getItem('theme') ?? '';
main.classList.add('alone');
try {
  session = await get('session');
  document.title = `${session.title} · seal proxy`;
  for (const id of ['compose', 'rules']) by(id).hidden = !session.can_send && !session.live;
  const status = /** @type {any} */ (session);
  if (status.stopped) { by('banner').textContent = status.stopped; by('banner').hidden = false; }
  await watch();
  list.box.focus();
} catch (error) {
  by('rows').replaceChildren(h('div', { class: 'empty' }, /** @type {Error} */ (error).message));
}
