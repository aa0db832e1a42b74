// The page of a CA: lists that reload every few seconds, and a button to revoke.

import { by, dialog, h, say } from './dom.js';
import { get, send } from './api.js';

/**
 * @typedef {{serial:string,names:string,subject:string,by:string|null,created:string,not_after:string,left:number,
 *   state:'valid'|'expired'|'replaced'|'revoked',revoked:string|null,reason:string|null}} Certificate
 * @typedef {{time:string,by:string,names:string,what:string,why:string}} Failed
 * @typedef {{directory:string,database:string,issuer:string,issuer_not_after:string,issued:number,valid:number,
 *   revoked:number,expiring:number}} About
 */

const TABS = /** @type {const} */ (['Issued', 'Expiring', 'Revoked', 'Failed']);
const REASONS = ['unspecified', 'keyCompromise', 'affiliationChanged', 'superseded', 'cessationOfOperation', 'privilegeWithdrawn'];
const EVERY = 5000;

/** @type {typeof TABS[number]} */
let tab = 'Issued';
const find = /** @type {HTMLInputElement} */ (by('find'));
const shown = by('shown');

/** @param {string} time */
const moment = time => time.replace('T', ' ').replace('Z', '');

/** @param {number} seconds */
function left(seconds) {
  if (seconds <= 0) return 'over';
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min left`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h left`;
  return `${Math.floor(seconds / 86400)} d left`;
}

/** @param {string[]} heads @param {HTMLElement[]} rows @param {string} nothing */
function table(heads, rows, nothing) {
  if (!rows.length) return h('p', { class: 'empty' }, nothing);
  return h('table', {}, h('thead', {}, h('tr', {}, ...heads.map(head => h('th', { scope: 'col' }, head)))), h('tbody', {}, ...rows));
}

/** @param {Certificate} one */
function certificate(one) {
  const grade = { valid: 'good', expired: 'dim', replaced: 'dim', revoked: 'bad' }[one.state];
  const state = one.state === 'revoked' ? `revoked ${moment(one.revoked ?? '')}: ${one.reason}` : one.state;
  const may = one.state === 'valid' || one.state === 'replaced';
  return h('tr', { 'data-serial': one.serial },
    h('td', {}, one.names || one.subject),
    h('td', { class: 'time', title: one.not_after }, may ? left(one.left) : '', ' ', h('span', { class: 'dim' }, moment(one.not_after))),
    h('td', { class: grade }, state),
    h('td', { class: 'time' }, moment(one.created)),
    h('td', { class: 'dim' }, one.by ?? 'no account'),
    h('td', { class: 'serial' }, one.serial),
    h('td', {}, may && h('button', { onclick: () => revoke(one) }, 'Revoke')));
}

/** @param {Failed} one */
const failed = one => h('tr', {},
  h('td', { class: 'time' }, moment(one.time)),
  h('td', {}, one.names),
  h('td', {}, one.what),
  h('td', {}, one.why),
  h('td', { class: 'dim' }, one.by));

/** @param {Certificate} one */
function revoke(one) {
  const reason = /** @type {HTMLSelectElement} */ (h('select', { 'aria-label': 'Reason' }, ...REASONS.map(name => h('option', {}, name))));
  const act = h('button', { class: 'main', onclick: async () => {
    try {
      await send('POST', 'revoke', { serial: one.serial, reason: reason.value });
      box.close();
      await read();
    } catch (error) {
      say(/** @type {Error} */ (error).message);
    }
  } }, 'Revoke it');
  const box = dialog('Revoke', [
    h('p', {}, 'This cannot be taken back. Clients that read the revocation list refuse it from then on; its owner hears by ARI that it is time to renew.'),
    h('p', {}, h('b', {}, one.names || one.subject), h('br'), h('span', { class: 'dim' }, one.serial)),
    h('label', {}, 'Why'), reason,
  ], [act]);
}

let reading = 0;

async function read() {
  const mine = ++reading;
  try {
    const about = /** @type {About} */ (await get('ca'));
    const words = find.value.trim();
    const list = tab === 'Failed' && !words
      ? table(['When (UTC)', 'For', 'What', 'Why', 'Account'], (/** @type {Failed[]} */ (await get('failed'))).map(failed), 'Nothing has failed.')
      : table(['For', 'Valid to (UTC)', 'State', 'Issued (UTC)', 'Asked by', 'Serial number', ''],
        (/** @type {Certificate[]} */ (await get(`certificates?state=${tab.toLowerCase()}&find=${encodeURIComponent(words)}`))).map(certificate),
        words ? 'Nothing matches.' : 'There are none.');
    if (mine !== reading) return;
    by('count').textContent = `${about.issued.toLocaleString('en')} issued, ${about.valid.toLocaleString('en')} valid, ${about.expiring.toLocaleString('en')} end within a day, ${about.revoked.toLocaleString('en')} revoked`;
    by('about').textContent = `${about.directory} — signing as ${about.issuer}, to ${moment(about.issuer_not_after)} — recorded in ${about.database}`;
    const top = shown.scrollTop;
    shown.replaceChildren(list);
    shown.scrollTop = top;
  } catch (error) {
    if (mine === reading) shown.replaceChildren(h('p', { class: 'empty' }, /** @type {Error} */ (error).message));
  }
}

/** @param {typeof TABS[number]} name */
function open(name) {
  tab = name;
  find.value = '';
  for (const button of by('tabs').children) button.setAttribute('aria-selected', String(button.textContent === name));
  shown.scrollTop = 0;
  void read();
}

function theme() {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.dataset.theme = dark ? 'light' : 'dark';
  localStorage.setItem('theme', document.documentElement.dataset.theme);
}

by('tabs').append(...TABS.map(name => h('button', { role: 'tab', 'aria-selected': name === tab, onclick: () => open(name) }, name)));
by('theme').addEventListener('click', theme);
let typing = 0;
find.addEventListener('input', () => { clearTimeout(typing); typing = setTimeout(read, 150); });
document.addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey || by('dialog').open) return;
  if (/^(INPUT|SELECT)$/.test(/** @type {HTMLElement} */ (event.target).tagName)) return;
  if (event.key === '/') find.focus();
  else if (event.key === 't') theme();
  else if (/^[1-4]$/.test(event.key)) open(TABS[Number(event.key) - 1]);
  else return;
  event.preventDefault();
});
if (localStorage.getItem('theme')) document.documentElement.dataset.theme = localStorage.getItem('theme') ?? '';
await read();
// What a person is about to choose stays under the pointer.
setInterval(() => { if (!document.hidden && !by('dialog').open) void read(); }, EVERY);
