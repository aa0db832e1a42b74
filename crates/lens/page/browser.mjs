// Chromium as the tests run it.

import { chromium } from 'playwright-core';

/** @param {import('playwright-core').LaunchOptions} [more] */
export const launch = (more = {}) => chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  ...more,
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--disable-background-networking', '--disable-component-update', ...more.args ?? []],
});

/** @param {boolean} holds @param {string} what */
export function check(holds, what) {
  if (!holds) throw new Error(`not so: ${what}`);
}

/** A tab that remembers what goes wrong in it, and of which pictures are taken. @param {string} [pictures] a folder */
export async function opened(pictures) {
  const browser = await launch();
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, colorScheme: 'light' });
  const tab = await context.newPage();
  const said = /** @type {string[]} */ ([]);
  tab.on('pageerror', error => said.push(`error: ${error}`));
  tab.on('console', line => { if (line.type() === 'error') said.push(line.text()); });
  tab.on('dialog', dialog => { said.push(`dialog: ${dialog.message()}`); void dialog.dismiss(); });
  const picture = async (/** @type {string} */ name) => { if (pictures) await tab.screenshot({ path: `${pictures}/${name}.png` }); };
  const end = async () => {
    check(said.length === 0, said.join('; '));
    await browser.close();
    console.log('done');
  };
  return { tab, picture, end };
}
