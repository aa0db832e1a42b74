// Bodies: as what they are. Nothing in here makes markup of what others sent.

import { bytes, fromBase64, h } from './dom.js';
import { guess } from './protobuf.js';
import { conversation } from './llm.js';

/** @typedef {import('./api.js').Message} Message */

const LONGEST = 200_000;

/** @param {Message} message */
export const kindOf = message => (message.headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? '').split(';')[0].trim().toLowerCase();

/** @param {Message} message @param {string} [words] to mark */
export function body(message, words = '') {
  const kind = kindOf(message);
  const raw = message.text !== undefined ? new TextEncoder().encode(message.text) : fromBase64(message.base64 ?? '');
  const notes = [];
  if (message.dropped) notes.push(`${bytes(message.dropped)} of it were not recorded: the disk did not keep up, or it is beyond the cap.`);
  if (message.cut) notes.push('Truncated; Save downloads all of it.');
  const head = notes.map(note => h('p', { class: 'note' }, note));
  if (!raw.length) return h('div', {}, ...head, h('p', { class: 'note' }, message.dropped ? '' : 'No body.'));
  /** @type {[string, () => Node][]} */
  const views = [];
  const text = message.text;
  if (text !== undefined) {
    const value = parsed(text);
    const talk = conversation(value, text);
    if (talk) views.push(['LLM', () => talk]);
    if (value !== undefined) views.push(['JSON', () => h('div', { class: 'json' }, tree(value, null, 0))]);
    if (kind === 'application/x-www-form-urlencoded') views.push(['Form', () => form(text)]);
    if (kind === 'text/event-stream') views.push(['Events', () => events(text, message)]);
    views.push(['Text', () => plain(text, words)]);
  }
  const image = picture(raw);
  if (image) views.unshift(['Image', () => image]);
  const fields = text === undefined || /proto|grpc/.test(kind) ? guess(raw, /grpc/.test(kind)) : null;
  const described = message.protobuf;
  if (described) views.unshift(['Protobuf', () => messages(described)]);
  if (fields) views.push([described ? 'Protobuf by guess' : 'Protobuf', () => fields]);
  views.push(['Hex', () => hex(raw)]);
  const place = h('div');
  const tabs = views.map(([name], n) => h('button', { role: 'tab', onclick: () => open(n) }, name));
  /** @param {number} n */
  function open(n) {
    tabs.forEach((tab, m) => tab.setAttribute('aria-selected', String(m === n)));
    place.replaceChildren(views[n][1]());
  }
  open(0);
  return h('div', {}, ...head, h('div', { class: 'tabs', role: 'tablist' }, ...tabs), h('p'), place);
}

/** Messages by their description. @param {NonNullable<Message['protobuf']>} described */
function messages({ message, values, partial }) {
  return h('div', { class: 'json' }, h('h3', {}, message), ...values.map(value => tree(value, null, 0)),
    partial ? h('p', { class: 'note' }, 'The rest is no such message, or is cut off.') : null);
}

/** @param {string} text */
export function parsed(text) {
  if (!/^\s*[[{"]/.test(text)) return undefined;
  try { return JSON.parse(text); } catch { return undefined; }
}

/** @param {any} value @param {string|null} key @param {number} depth @returns {Node} */
export function tree(value, key, depth) {
  const label = key === null ? [] : [h('span', { class: 'key' }, key), ': '];
  if (value === null || typeof value !== 'object') {
    const kind = typeof value === 'string' ? 'str' : 'lit';
    return h('div', { class: 'leaf' }, ...label, h('span', { class: kind }, JSON.stringify(value)));
  }
  const entries = Array.isArray(value) ? value.map((v, n) => /** @type {[string, any]} */ ([String(n), v])) : Object.entries(value);
  const told = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
  const box = h('details', { class: depth ? '' : 'top', open: depth < 3 && entries.length <= 200 }, h('summary', {}, ...label, h('span', { class: 'dim' }, told)));
  let filled = false;
  const fill = () => {
    if (filled) return;
    filled = true;
    box.append(...entries.slice(0, 2000).map(([k, v]) => tree(v, k, depth + 1)));
    if (entries.length > 2000) box.append(h('div', { class: 'leaf dim' }, `… ${entries.length - 2000} more`));
  };
  if (box.hasAttribute('open')) fill();
  else box.addEventListener('toggle', fill, { once: true });
  return box;
}

/** @param {string} text @param {string} words */
export function plain(text, words) {
  const shown = text.slice(0, LONGEST);
  const pre = h('pre', { tabindex: 0 });
  const word = words.length > 1 ? words.toLowerCase() : '';
  const lower = shown.toLowerCase();
  let at = 0;
  for (let hit = word ? lower.indexOf(word) : -1, n = 0; hit >= 0 && n < 2000 && lower.length === shown.length; hit = lower.indexOf(word, at), n++) {
    pre.append(shown.slice(at, hit), h('mark', {}, shown.slice(hit, hit + word.length)));
    at = hit + word.length;
  }
  pre.append(shown.slice(at));
  if (text.length > LONGEST) pre.append(`\n… ${text.length - LONGEST} more characters: Save downloads all of it.`);
  return pre;
}

/** @param {string} text */
function form(text) {
  const rows = [...new URLSearchParams(text)].slice(0, 2000);
  return h('table', { class: 'fields' }, ...rows.map(([name, value]) => h('tr', {}, h('th', {}, name), h('td', {}, value))));
}

/** Server-Sent Events, with the time when each passed. @param {string} text @param {Message} message */
function events(text, message) {
  const start = message.parts[0]?.at ?? 0;
  let position = 0;
  const rows = text.split(/\r?\n\r?\n/).filter(Boolean).slice(0, 2000).map(event => {
    const part = message.parts.findLast(part => part.position <= position);
    position += new TextEncoder().encode(event).length + 2;
    const data = event.split(/\r?\n/).filter(line => line.startsWith('data:')).map(line => line.slice(5).trim()).join('\n');
    const name = /^event: ?(.*)$/m.exec(event)?.[1] ?? 'message';
    return h('div', { class: 'frame' }, h('span', { class: 'dim' }, part ? `+${Math.round(part.at - start)} ms` : ''), h('span', { class: 'in' }, '←'), h('span', {}, name), h('span', { class: 'what' }, data));
  });
  return h('div', {}, ...rows);
}

/** By its first bytes, never by what the header says; SVG stays text. @param {Uint8Array} data */
function picture(data) {
  const start = String.fromCharCode(...data.slice(0, 12));
  const type = start.startsWith('\x89PNG') ? 'image/png' : start.startsWith('\xff\xd8\xff') ? 'image/jpeg'
    : start.startsWith('GIF8') ? 'image/gif' : start.startsWith('RIFF') && start.endsWith('WEBP') ? 'image/webp' : null;
  if (!type) return null;
  const url = URL.createObjectURL(new Blob([/** @type {any} */ (data)], { type }));
  const image = h('img', { class: 'shown', src: url, alt: 'the image that was sent', onload: () => URL.revokeObjectURL(url) });
  return h('div', {}, image, h('p', { class: 'note' }, `${type}, ${bytes(data.length)}`));
}

/** @param {Uint8Array} data */
export function hex(data) {
  const lines = [];
  const shown = data.subarray(0, 64 * 1024);
  for (let at = 0; at < shown.length; at += 16) {
    const row = [...shown.subarray(at, at + 16)];
    const digits = row.map(byte => byte.toString(16).padStart(2, '0')).join(' ').padEnd(48);
    const letters = row.map(byte => byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.').join('');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${digits} ${letters}`);
  }
  if (data.length > shown.length) lines.push(`… ${bytes(data.length - shown.length)} more`);
  return h('pre', { class: 'hex', tabindex: 0 }, lines.join('\n'));
}
