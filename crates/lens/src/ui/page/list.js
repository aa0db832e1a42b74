// The list: rows for what is visible only, in pages that the server cuts out of its index.

import { bytes, by, clock, h, time } from './dom.js';
import { get } from './api.js';

/** @typedef {import('./api.js').Flow} Flow */

const ROW = 24;
const PAGE = 100;
/** So many that came since are kept before the search is repeated. */
const MOST_FRESH = 5_000;
/** Browsers do not scroll further than this. */
const TALLEST = 8_000_000;
const HEADS = ['#', 'Method', 'Status', 'Host', 'Path', 'Type', 'Size', 'Time', 'Waterfall'];

export class List {
  /** @param {(flow: Flow|null, how: string) => void} chosen @param {(error: string|null) => void} failed */
  constructor(chosen, failed) {
    this.chosen = chosen;
    this.failed = failed;
    this.box = by('list');
    this.space = by('space');
    this.rows = by('rows');
    this.filter = '';
    this.total = 0;
    /** How many of them are older than what came since the search began, which are in `fresh`. */
    this.older = 0;
    this.last = 0;
    this.complete = true;
    /** @type {Flow[]} */
    this.fresh = [];
    /** @type {Map<number, Flow[]>} */
    this.pages = new Map();
    this.again = 0;
    /** @type {Map<number, AbortController>} */
    this.asked = new Map();
    this.index = -1;
    /** @type {Flow|null} */
    this.flow = null;
    this.compared = 0;
    this.follow = true;
    this.pending = 0;
    this.slowest = 1;
    by('heads').append(...HEADS.map((head, n) => h('span', { class: n === 0 || n === 6 || n === 7 ? `num${n > 5 ? ' wide' : ''}` : n > 5 ? 'wide' : '', role: 'columnheader' }, head)));
    this.box.addEventListener('scroll', () => {
      this.follow = this.box.scrollTop + this.box.clientHeight >= this.box.scrollHeight - ROW * 2;
      this.later();
    }, { passive: true });
    this.rows.addEventListener('mousedown', (/** @type {MouseEvent} */ event) => {
      const row = /** @type {HTMLElement|null} */ (/** @type {HTMLElement} */ (event.target).closest('.flow'));
      if (row) this.choose(Number(row.dataset.index), event.shiftKey ? 'compare' : 'open');
    });
    new ResizeObserver(() => {
      this.box.classList.toggle('narrow', this.box.clientWidth < 760);
      this.later();
    }).observe(this.box);
  }

  /** Reloads. @param {string} filter @param {boolean} [keep] whether the place is kept */
  async read(filter, keep = false) {
    this.filter = filter;
    for (const asked of this.asked.values()) asked.abort();
    this.asked.clear();
    const mine = new AbortController();
    this.asked.set(-1, mine);
    try {
      let answer = await get(this.path(0), mine.signal);
      this.failed(null);
      this.pages.clear();
      this.fresh = [];
      this.last = answer.last;
      this.older = 0;
      if (!keep) {
        this.index = -1;
        this.box.scrollTop = 0;
        this.follow = true;
      }
      this.found(answer, true);
      // The newest are shown while the rest is looked for.
      while (!answer.complete) {
        answer = await get(`${this.path(0)}&last=${this.last}`, mine.signal);
        this.found(answer, false);
      }
    } catch (error) {
      if (!mine.signal.aborted) this.failed(/** @type {Error} */ (error).message);
    } finally {
      if (this.asked.get(-1) === mine) this.asked.delete(-1);
    }
  }

  /** @param {number} from */
  path(from) { return `flows?filter=${encodeURIComponent(this.filter)}&order=newest&from=${from}&limit=${PAGE}`; }

  /** What a search has so far: older ones come above what is shown. @param {any} answer @param {boolean} first */
  found(answer, first) {
    const more = answer.total - this.older, scale = this.scale();
    this.older = answer.total;
    this.complete = answer.complete;
    this.pages.set(0, answer.flows);
    for (const flow of answer.flows) this.slowest = Math.max(this.slowest, flow.took ?? 0);
    this.setTotal();
    if (!first && this.index >= 0) this.index += more;
    if (this.follow) this.bottom();
    else if (!first) this.box.scrollTop += more * ROW / scale;
    this.later();
  }

  /** What the live stream tells. @param {Flow[]} flows */
  changed(flows) {
    let grew = 0, late = false;
    for (const flow of flows) {
      if (!this.replace(flow)) {
        // Older than what is shown: a flow that matches since it has changed. Where it belongs, a new search says.
        const newest = this.fresh.at(-1)?.id ?? this.last;
        if (flow.id > newest) { this.fresh.push(flow); grew++; } else late ||= !this.isElsewhere(flow.id);
      }
      if (this.flow?.id === flow.id) this.flow = flow;
      this.chosen(flow, 'changed');
      this.slowest = Math.max(this.slowest, flow.took ?? 0);
    }
    if (grew) {
      this.setTotal();
      if (this.follow) this.bottom();
    }
    if ((late || this.fresh.length > MOST_FRESH) && !this.again) {
      this.again = setTimeout(() => { this.again = 0; this.read(this.filter, true); }, 500);
    }
    this.later();
  }

  /** Puts what a flow has become in its place, where that is here. @param {Flow} flow */
  replace(flow) {
    for (const flows of [this.fresh, ...this.pages.values()]) {
      const at = flows.findIndex(one => one?.id === flow.id);
      if (at >= 0) { flows[at] = flow; return true; }
    }
    return false;
  }

  /** Whether a flow is on a page between others that is not here. @param {number} id */
  isElsewhere(id) {
    const oldest = this.pages.get(0)?.at(-1)?.id;
    return oldest !== undefined && id < oldest && this.older > PAGE;
  }

  setTotal() {
    const total = this.total = this.older + this.fresh.length;
    this.space.style.height = `${Math.min(total * ROW, TALLEST)}px`;
    by('count').textContent = `${total.toLocaleString('en')}${this.complete ? '' : '+'} flow${total === 1 && this.complete ? '' : 's'}`;
  }

  bottom() { this.box.scrollTop = this.box.scrollHeight; }

  later() {
    if (!this.pending) this.pending = requestAnimationFrame(() => { this.pending = 0; this.draw(); });
  }

  /** How many rows a pixel stands for: more than one where the list is too tall for a browser. */
  scale() {
    const tall = this.total * ROW, view = this.box.clientHeight - 26;
    return tall > TALLEST ? (tall - view) / (TALLEST - view) : 1;
  }

  draw() {
    const top = this.box.scrollTop, height = this.box.clientHeight;
    const first = Math.max(0, Math.floor(top * this.scale() / ROW) - 2);
    const last = Math.min(this.total, first + Math.ceil(height / ROW) + 4);
    const nodes = [];
    for (let n = first; n < last; n++) nodes.push(this.row(n));
    this.rows.replaceChildren(...nodes);
    const offset = this.scale() === 1 ? first * ROW : Math.min(top, TALLEST - nodes.length * ROW);
    this.rows.style.transform = `translateY(${Math.max(0, offset)}px)`;
    if (first < this.older) for (let page = this.pageOf(Math.min(last, this.older) - 1); page <= this.pageOf(first); page++) this.need(page);
    if (!this.total) this.rows.replaceChildren(h('div', { class: 'empty' }, !this.complete ? 'Looking …' : this.filter ? 'Nothing matches.' : 'Nothing has passed yet.'));
  }

  /** Pages count from the newest of those that the search looks at. @param {number} index */
  pageOf(index) { return Math.floor((this.older - 1 - index) / PAGE); }

  /** @param {number} page */
  async need(page) {
    if (this.asked.has(page) || page * PAGE >= this.older) return;
    const there = this.pages.get(page);
    if (there && there.length >= Math.min(PAGE, this.older - page * PAGE)) return;
    const mine = new AbortController();
    this.asked.set(page, mine);
    try {
      const answer = await get(`${this.path(page * PAGE)}&last=${this.last}`, mine.signal);
      this.pages.set(page, answer.flows);
      for (const flow of answer.flows) this.slowest = Math.max(this.slowest, flow.took ?? 0);
      if (this.pages.size > 60) this.pages.delete([...this.pages.keys()].find(one => one > 0) ?? 0);
      this.later();
    } catch (error) {
      if (!mine.signal.aborted) this.failed(/** @type {Error} */ (error).message);
    } finally {
      if (this.asked.get(page) === mine) this.asked.delete(page);
    }
  }

  /** @param {number} index @returns {Flow|undefined} */
  at(index) {
    if (index >= this.older) return this.fresh[index - this.older];
    return this.pages.get(this.pageOf(index))?.[(this.older - 1 - index) % PAGE];
  }

  /** @param {number} index */
  row(index) {
    const flow = this.at(index);
    if (!flow) return h('div', { class: 'flow dim', role: 'row', 'data-index': index }, h('span', { class: 'num' }, '…'));
    const bad = flow.outcome.endsWith('failed') || flow.outcome === 'refused';
    const status = flow.status ?? 0;
    const grade = bad || status >= 500 ? 'bad' : status >= 400 ? 'warn' : status >= 300 ? 'dim' : status ? 'good' : 'dim';
    const marks = `${flow.websocket ? '⇄ ' : ''}${flow.changed ? '✎ ' : ''}${flow.repeats ? '↻ ' : ''}${flow.partial ? '◑ ' : ''}`;
    return h('div', { class: `flow${flow.id === this.flow?.id ? ' chosen' : ''}${flow.id === this.compared ? ' compared' : ''}`, role: 'row', 'data-index': index, 'aria-selected': flow.id === this.flow?.id, title: `${flow.method} ${flow.scheme}://${flow.authority}${flow.path}\n${clock(flow.started)} ${flow.error ?? ''}` },
      h('span', { class: 'num dim' }, flow.id),
      h('span', {}, flow.method),
      h('span', { class: grade }, flow.status ?? (flow.outcome === 'open' ? '…' : '✕')),
      h('span', { class: /^(https|wss|tls)$/.test(flow.scheme) ? '' : 'warn' }, `${/^(https?|wss?)$/.test(flow.scheme) ? '' : `${flow.scheme}://`}${flow.authority}`),
      h('span', {}, h('span', { class: 'dim' }, marks), flow.path || flow.error || ''),
      h('span', { class: 'dim' }, flow.type?.replace(/^(application|text)\//, '') ?? ''),
      h('span', { class: 'num wide' }, bytes(flow.response_size)),
      h('span', { class: 'num wide' }, time(flow.took)),
      h('span', { class: 'wide' }, this.bar(flow)));
  }

  /** Where in the visible time a flow lies: waiting, then receiving. @param {Flow} flow */
  bar(flow) {
    const flows = [this.at(Math.max(0, this.firstVisible())), this.at(this.lastVisible())];
    const from = flows[0]?.started ?? flow.started;
    const to = Math.max(flows[1] ? flows[1].started + (flows[1].took ?? 0) : 0, flow.started + (flow.took ?? 0), from + 1);
    const span = to - from;
    const percent = (/** @type {number} */ ms) => `${Math.max(0, Math.min(100, ms / span * 100)).toFixed(2)}%`;
    const wait = h('i'), rest = h('b');
    const waited = flow.waited ?? flow.took ?? 0;
    wait.style.left = percent(flow.started - from);
    wait.style.width = percent(waited);
    rest.style.left = percent(flow.started - from + waited);
    rest.style.width = percent(Math.max(0, (flow.took ?? waited) - waited));
    return h('span', { class: 'bar', title: `waited ${time(flow.waited)}, took ${time(flow.took)}` }, wait, rest);
  }

  firstVisible() { return Math.floor(this.box.scrollTop * this.scale() / ROW); }
  lastVisible() { return Math.min(this.total - 1, this.firstVisible() + Math.ceil(this.box.clientHeight / ROW)); }

  /** @param {number} index @param {string} [how] */
  async choose(index, how = 'open') {
    if (!this.total) return;
    index = Math.max(0, Math.min(this.total - 1, index));
    if (!this.at(index)) await this.need(this.pageOf(index));
    const flow = this.at(index) ?? null;
    if (how !== 'compare') {
      this.index = index;
      this.flow = flow;
      this.follow = false;
    }
    this.show(index);
    this.chosen(flow, how);
    this.later();
  }

  /** Scrolls as far as needed. @param {number} index */
  show(index) {
    const top = index * ROW / this.scale(), view = this.box.clientHeight - 26 - ROW;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top > this.box.scrollTop + view) this.box.scrollTop = top - view;
  }

  /** @param {number} by rows */
  move(by) { return this.choose(this.index < 0 ? (by > 0 ? 0 : this.total - 1) : this.index + by); }
}
