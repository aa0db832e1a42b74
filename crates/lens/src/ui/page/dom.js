// Nodes without markup: what others sent only ever becomes text.

/**
 * @param {string} tag
 * @param {Record<string, any>} [props] attributes; functions are listeners, `class` is the class
 * @param {...(Node|string|number|null|undefined|false|(Node|string)[])} children
 * @returns {HTMLElement}
 */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || (value === false && !name.startsWith('aria-'))) continue;
    if (typeof value === 'function') node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true && !name.startsWith('aria-') ? '' : String(value));
  }
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : String(child));
  }
  return node;
}

/** @param {string} id @returns {any} */
export const by = id => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {number|null|undefined} n */
export function bytes(n) {
  if (n === null || n === undefined) return '';
  if (n < 1024) return `${n} B`;
  if (n < 1048576) return `${(n / 1024).toFixed(1)} kB`;
  if (n < 1073741824) return `${(n / 1048576).toFixed(1)} MB`;
  return `${(n / 1073741824).toFixed(2)} GB`;
}

/** @param {number|null|undefined} ms */
export function time(ms) {
  if (ms === null || ms === undefined) return '';
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${ms.toFixed(0)} ms`;
  return ms < 60000 ? `${(ms / 1000).toFixed(2)} s` : `${(ms / 60000).toFixed(1)} min`;
}

/** @param {number|null|undefined} ms */
export const clock = ms => ms ? new Date(ms).toISOString().slice(11, 23) : '';

/** A small message that goes away. @param {string} text */
export function say(text) {
  const banner = by('banner');
  banner.textContent = text;
  banner.hidden = false;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { banner.hidden = true; }, 6000);
}
/** @type {any} */
say.timer = 0;

/** @param {string} text */
export async function copy(text) {
  await navigator.clipboard.writeText(text).catch(() => say('the browser does not let this page copy'));
}

/** @param {string} base64 */
export const fromBase64 = base64 => Uint8Array.from(atob(base64), c => c.charCodeAt(0));

/** @param {string} title @param {(Node|string)[]} content @param {Node[]} [buttons] */
export function dialog(title, content, buttons = []) {
  const box = by('dialog');
  const close = h('button', { onclick: () => box.close() }, 'Close');
  box.replaceChildren(h('h2', {}, title), ...content, h('menu', {}, close, ...buttons));
  if (!box.open) box.showModal();
  return box;
}
