// How long the frames of the list take while all of it is scrolled, in Chromium: node scroll.mjs PAGE. Of a
// session with 100,000 flows, 95 of 100 are to take less than 50 ms.

import { launch } from './browser.mjs';

const STEPS = 600;
const browser = await launch();
const tab = await browser.newPage({ viewport: { width: 1280, height: 720 } });
await tab.goto(process.argv[2]);
await tab.locator('#rows [data-index]').nth(5).waitFor();
const took = await tab.evaluate(async steps => {
  const list = /** @type {HTMLElement} */ (document.getElementById('list'));
  const frame = () => /** @type {Promise<number>} */ (new Promise(requestAnimationFrame));
  const step = (list.scrollHeight - list.clientHeight) / steps;
  const took = /** @type {number[]} */ ([]);
  let before = await frame();
  for (let n = 0; n < steps; n++) {
    list.scrollTop += step;
    const now = await frame();
    took.push(now - before);
    before = now;
  }
  return took.sort((a, b) => a - b);
}, STEPS);
const at = (/** @type {number} */ part) => took[Math.round((took.length - 1) * part)]?.toFixed(1);
const flows = await tab.locator('#count').innerText();
console.log(`${flows}: ${took.length} frames, median ${at(0.5)} ms, p95 ${at(0.95)} ms, longest ${at(1)} ms`);
await browser.close();
