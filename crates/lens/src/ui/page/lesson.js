// The lesson: one exchange as plain HTTP, as TLS, and decrypted.

import { bytes, h } from './dom.js';
import { get } from './api.js';

/** @param {import('./api.js').Detail} flow */
export async function lesson(flow) {
  const told = await get(`flows/${flow.id}/lesson`);
  const secrets = told.plain.reduce((/** @type {number} */ sum, /** @type {any} */ m) => sum + m.secrets.length, 0);
  const plain = h('div', {}, h('h2', {}, '1. On the wire over HTTP', h('small', {}, told.over_tls ? 'what a sniffer would read if this had gone without TLS' : 'what a sniffer reads: this went without TLS')),
    ...told.plain.map(marked),
    h('p', { class: 'note' }, secrets ? `${secrets} secret${secrets > 1 ? 's' : ''} marked. Anyone on the path could have read them, and changed anything.` : 'Anyone on the path could have read and changed this.'));
  const closed = told.records.filter((/** @type {any} */ r) => !r.readable).length;
  const wire = h('div', {}, h('h2', {}, '2. On the wire over TLS', h('small', {}, told.over_tls ? 'what a sniffer reads: records' : 'this exchange did not use TLS')),
    told.lacks ? h('p', { class: 'note' }, `${told.lacks}; start seal proxy with --wire to keep them.`) : null,
    ...told.records.map(record),
    told.over_tls ? h('p', { class: 'note' }, `Readable: ${told.server_name ? `the name ${told.server_name}, ` : ''}how many records there were (${told.records.length}), their lengths and their times. Closed: ${closed}.`) : h('p', { class: 'note' }, 'Request the same over https:// to see it.'));
  const open = h('div', {}, h('h2', {}, '3. Decrypted', h('small', {}, told.over_tls ? 'readable here because you hold the key of the CA that the client trusts' : 'the same, with bodies unpacked')),
    ...told.decrypted.map(marked));
  return h('div', { class: 'panel triple lesson' }, plain, wire, open);
}

/** @param {{text: string, secrets: [number, number][]}} message */
function marked(message) {
  if (!message.text) return h('p', { class: 'note' }, 'No answer.');
  const pre = h('pre', { tabindex: 0 });
  let at = 0;
  for (const [start, end] of message.secrets) {
    pre.append(message.text.slice(at, start), h('mark', { class: 'secret' }, message.text.slice(start, end)));
    at = end;
  }
  pre.append(message.text.slice(at, at + 100_000));
  return h('div', {}, pre, h('p'));
}

/** @param {any} record */
function record(record) {
  return h('div', { class: 'record' }, h('span', { class: 'dim' }, `${record.at.toFixed(1)} ms`), h('span', { class: record.from_client ? 'out' : 'in' }, record.from_client ? '→' : '←'),
    h('span', {}, record.kind), h('span', {}, bytes(record.length)),
    record.readable ? h('span', { class: 'clear' }, record.readable) : h('span', { class: 'hexes', title: record.hex }, record.hex));
}
