// One flow: request and response side by side, messages, statements, TLS, the lesson.

import { by, bytes, clock, copy, dialog, fromBase64, h, say, time } from './dom.js';
import { get, save, text } from './api.js';
import { body, hex, plain } from './viewers.js';
import { tls } from './tls.js';
import { lesson } from './lesson.js';
import { compose, resend } from './edit.js';

/** @typedef {import('./api.js').Detail} Detail @typedef {import('./api.js').Flow} Flow @typedef {import('./api.js').Message} Message */

export class DetailView {
  /** @param {() => string} words to mark @param {() => boolean} canSend @param {(id: number) => void} opened */
  constructor(words, canSend, opened) {
    this.words = words;
    this.canSend = canSend;
    this.opened = opened;
    this.box = by('detail');
    this.tab = 'Exchange';
    /** @type {Detail|null} */
    this.flow = null;
    /** Which is shown, or will be when it is here. @type {number|null} */
    this.id = null;
    this.turn = 0;
  }

  /** @param {Flow} flow */
  async open(flow) {
    const turn = ++this.turn;
    this.id = flow.id;
    try {
      const detail = /** @type {Detail} */ (await get(`flows/${flow.id}`));
      if (turn !== this.turn) return;
      this.flow = detail;
      await this.draw();
    } catch (error) {
      if (turn === this.turn) this.box.replaceChildren(h('p', { class: 'empty' }, /** @type {Error} */ (error).message));
    }
  }

  /** Opens a flow that was just sent: it is recorded a moment later. @param {number} id */
  async follow(id) {
    const turn = ++this.turn;
    this.id = id;
    for (let tries = 100; tries > 0; tries--) {
      const [flow] = (await get(`flows?filter=id:${id}`)).flows;
      // Another was opened in the meantime, or this one, by what the live stream told.
      if (turn !== this.turn) return;
      if (flow && (flow.outcome !== 'open' || tries === 1)) return this.open(flow);
      await new Promise(done => setTimeout(done, 50));
    }
  }

  /** Shows no flow until one is opened. */
  close() {
    this.turn++;
    this.id = null;
  }

  tabs() {
    const flow = /** @type {Detail} */ (this.flow);
    const names = ['Exchange'];
    if (flow.websocket) names.push('Messages');
    if (!/^(https?|wss?)$/.test(flow.scheme)) names.push('Statements');
    return [...names, 'TLS', 'Lesson'];
  }

  /** @param {string} name */
  async show(name) { this.tab = name; await this.draw(); }

  async draw() {
    const flow = this.flow, turn = this.turn;
    if (!flow) return;
    const names = this.tabs();
    if (!names.includes(this.tab)) this.tab = 'Exchange';
    const keys = /** @type {Record<string, string>} */ ({ Exchange: '1', Messages: '2', Statements: '2', TLS: '3', Lesson: '4' });
    const panel = await this.panel(flow).catch(error => h('p', { class: 'note' }, error.message));
    if (turn !== this.turn) return;
    const button = (/** @type {string} */ name, /** @type {string} */ title, /** @type {() => any} */ act) => h('button', { title, onclick: act }, name);
    const status = flow.status ? `${flow.status} ${flow.reason}` : flow.outcome;
    this.box.replaceChildren(
      h('div', { class: 'title' }, `${flow.method} ${flow.scheme}://${flow.authority}${flow.path} `, h('span', { class: 'dim num' }, `${status} · ${flow.version} · ${clock(flow.started)} · waited ${time(flow.waited)} · took ${time(flow.took)}`),
        flow.error ? h('div', { class: 'bad' }, flow.error) : null,
        ...flow.notes.map(note => h('div', { class: 'warn num' }, `✎ ${note}`)), ...flow.informational.map(note => h('div', { class: 'dim num' }, note)),
        flow.repeats ? h('div', { class: 'dim num' }, `repeats ${flow.repeats}`) : null),
      h('div', { class: 'tabs', role: 'tablist' }, ...names.map(name => h('button', { role: 'tab', 'aria-selected': name === this.tab, title: `(${keys[name]})`, onclick: () => this.show(name) }, name)),
        h('span', { class: 'grow' }),
        this.canSend() ? button('Resend', '(s)', () => resend(flow, this.opened)) : null,
        this.canSend() ? button('Edit', '(e)', () => compose(flow, this.opened)) : null,
        button('curl', 'Copy as curl, secrets redacted; with Shift as they are (c)', () => this.command('curl')),
        button('fetch', 'Copy as fetch, secrets redacted', () => this.command('fetch'))),
      panel);
  }

  /** @param {string} kind @param {boolean} [secrets] */
  async command(kind, secrets = false) {
    if (!this.flow) return;
    const command = await text(`flows/${this.flow.id}/${kind}${secrets ? '?secrets=1' : ''}`);
    await copy(command);
    const all = h('button', { onclick: () => this.command(kind, true) }, 'Copy with secrets');
    dialog('Copied', [h('pre', {}, command)], secrets ? [] : [all]);
  }

  /** @param {Detail} flow @returns {Promise<HTMLElement>} */
  async panel(flow) {
    switch (this.tab) {
      case 'Messages': return h('div', { class: 'panel' }, ...(await get(`flows/${flow.id}/frames`)).map(frame(flow)));
      case 'Statements': return h('div', { class: 'panel' }, await statements(flow));
      case 'TLS': return h('div', { class: 'panel' }, await tls(flow));
      case 'Lesson': return lesson(flow);
      default: return h('div', { class: 'panel pair' }, this.message(flow, 'request'), this.message(flow, 'response'));
    }
  }

  /** @param {Detail} flow @param {'request'|'response'} side */
  message(flow, side) {
    const message = flow[side];
    const size = side === 'request' ? flow.request_size : flow.response_size;
    const query = side === 'request' && flow.path.includes('?') ? [...new URLSearchParams(flow.path.slice(flow.path.indexOf('?')))] : [];
    const table = (/** @type {[string, string][]} */ rows) => h('table', { class: 'fields' }, ...rows.map(([name, value]) => h('tr', {}, h('th', {}, name), h('td', {}, value))));
    return h('div', {}, h('h2', {}, side === 'request' ? 'Request' : 'Response'),
      query.length ? h('h3', {}, 'Query') : null, query.length ? table(query) : null,
      h('h3', {}, `Headers (${message.headers.length})`), table(message.headers),
      message.trailers.length ? h('h3', {}, 'Trailers') : null, message.trailers.length ? table(message.trailers) : null,
      h('h3', {}, `Body ${size ? `(${bytes(size)} as it passed) ` : ''}`, message.recorded ? h('button', { onclick: () => save(`flows/${flow.id}/body/${side}?decoded=1`, `${flow.id}-${side}`).catch(e => say(e.message)) }, 'Save') : null),
      body(message, this.words()));
  }
}

/** @param {Detail} flow */
const frame = flow => (/** @type {any} */ one) => h('div', { class: 'frame' },
  h('span', { class: 'dim' }, `+${time(one.at - flow.started)}`), h('span', { class: one.from === 'client' ? 'out' : 'in' }, one.from === 'client' ? '→' : '←'), h('span', {}, `${one.kind}`),
  h('div', { class: 'what' }, one.text !== undefined ? plain(one.text, '') : one.base64 ? hex(fromBase64(one.base64)) : bytes(one.length)));

/** @param {Detail} flow */
async function statements(flow) {
  const rows = await get(`flows/${flow.id}/statements`);
  if (!rows.length) return h('p', { class: 'note' }, 'No statements.');
  return h('table', { class: 'fields' }, h('tr', {}, ...['Statement', 'Took', 'Rows', 'Bytes'].map(name => h('th', {}, name))),
    ...rows.map((/** @type {any} */ row) => h('tr', {}, h('td', {}, row.text, row.error ? h('div', { class: 'bad' }, row.error) : null), h('td', {}, time(row.took)), h('td', {}, row.rows ?? ''), h('td', {}, bytes(row.bytes)))));
}

/** @param {number} a @param {number} b */
export async function compare(a, b) {
  const lines = /** @type {string[]} */ (await get(`diff?a=${a}&b=${b}`));
  dialog(`${a} and ${b}`, [h('pre', { class: 'diff' }, ...lines.map(line => h('span', { class: line.startsWith('+') ? 'plus' : line.startsWith('-') ? 'minus' : '' }, line)))]);
}
