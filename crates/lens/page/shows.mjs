// What the page shows of one flow, in Chromium: node shows.mjs PAGE PATH TAB TEXT.. with the key of a tab, and texts
// of which each is all that an element says.

import { check, opened } from './browser.mjs';

const [page, path, key, ...texts] = process.argv.slice(2);
const { tab, end } = await opened();
await tab.goto(page);
await tab.locator('#rows [data-index]').filter({ hasText: path }).first().click();
await tab.keyboard.press(key);
for (const text of texts) await tab.locator('#detail').getByText(text, { exact: true }).first().waitFor();
check(texts.length > 0, 'there is something to look for');
await end();
