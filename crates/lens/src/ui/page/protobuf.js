// Protocol buffers without their description: fields by number, what they are by a guess.

import { bytes, h } from './dom.js';
import { hex } from './viewers.js';

/** @param {Uint8Array} data @param {boolean} framed whether gRPC's five bytes are before each message */
export function guess(data, framed) {
  const messages = framed ? frames(data) : [data];
  if (!messages) return null;
  const shown = messages.slice(0, 200).map(message => fields(message, 0));
  if (!shown.length || shown.some(message => !message)) return null;
  return h('div', { class: 'json' }, ...shown.flatMap((message, n) =>
    [messages.length > 1 ? h('h3', {}, `Message ${n + 1}`) : null, /** @type {Node} */ (message)]).filter(node => node !== null));
}

/** @param {Uint8Array} data */
function frames(data) {
  const out = [];
  for (let at = 0; at < data.length;) {
    if (at + 5 > data.length || data[at] > 1) return null;
    const length = new DataView(data.buffer, data.byteOffset + at + 1, 4).getUint32(0);
    if (data[at] === 1 || at + 5 + length > data.length) return null;
    out.push(data.subarray(at + 5, at + 5 + length));
    at += 5 + length;
  }
  return out;
}

/** @param {Uint8Array} data @param {number} depth @returns {Node|null} */
function fields(data, depth) {
  if (depth > 8) return null;
  const rows = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (at >= data.length) return null;
      const byte = data[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    return null;
  };
  while (at < data.length) {
    if (rows.length > 2000) break;
    const key = varint();
    if (key === null || key >> 3n === 0n || key >> 3n > 536870911n) return null;
    const label = [h('span', { class: 'key' }, String(key >> 3n)), ': '];
    switch (Number(key & 7n)) {
      case 0: {
        const value = varint();
        if (value === null) return null;
        rows.push(h('div', { class: 'leaf' }, ...label, h('span', { class: 'lit' }, String(value))));
        break;
      }
      case 1: case 5: {
        const size = Number(key & 7n) === 1 ? 8 : 4;
        if (at + size > data.length) return null;
        const view = new DataView(data.buffer, data.byteOffset + at, size);
        const told = size === 8 ? `${view.getFloat64(0, true)} (${view.getBigInt64(0, true)})` : `${view.getFloat32(0, true)} (${view.getInt32(0, true)})`;
        rows.push(h('div', { class: 'leaf' }, ...label, h('span', { class: 'lit' }, told)));
        at += size;
        break;
      }
      case 2: {
        const length = varint();
        if (length === null || length > BigInt(data.length - at)) return null;
        const inner = data.subarray(at, at + Number(length));
        at += Number(length);
        rows.push(piece(label, inner, depth));
        break;
      }
      default: return null;
    }
  }
  return rows.length ? h('div', {}, ...rows) : null;
}

/** @param {(Node|string)[]} label @param {Uint8Array} data @param {number} depth */
function piece(label, data, depth) {
  let text = null;
  try { text = new TextDecoder('utf-8', { fatal: true }).decode(data); } catch { /* bytes */ }
  const readable = text !== null && !/[\x00-\x08\x0e-\x1f]/.test(text);
  if (readable && (data.length < 2 || /^[\p{L}\p{N}\p{P}\p{S}\s]*$/u.test(/** @type {string} */ (text)))) {
    return h('div', { class: 'leaf' }, ...label, h('span', { class: 'str' }, JSON.stringify(text)));
  }
  const inner = data.length ? fields(data, depth + 1) : null;
  if (inner) return h('details', { open: true }, h('summary', {}, ...label, h('span', { class: 'dim' }, `{${bytes(data.length)}}`)), inner);
  return h('details', {}, h('summary', {}, ...label, h('span', { class: 'dim' }, bytes(data.length))), hex(data));
}
