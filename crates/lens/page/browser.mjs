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
