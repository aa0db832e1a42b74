// Pictures for docs/proxy.md of the login that `seal proxy demo --page` plays: node pictures.mjs PAGE FOLDER
// (page.mjs takes the one of a breakpoint.)

import { opened } from './browser.mjs';

const [page, folder] = process.argv.slice(2);
const { tab, picture, end } = await opened(folder);
const detail = tab.locator('#detail');

await tab.goto(page);
await tab.locator('#rows').getByText('/login').last().click();
await tab.keyboard.press('3');
await detail.getByText('ClientHello').first().waitFor();
await picture('proxy-tls');
await tab.keyboard.press('4');
await detail.getByText('decrypted', { exact: false }).first().waitFor();
await picture('proxy-lesson');

await tab.keyboard.press('/');
await tab.keyboard.type('method:POST correct-horse');
await tab.waitForFunction(() => !/** @type {HTMLElement} */ (document.querySelector('#rows')).innerText.includes('GET'));
await tab.emulateMedia({ colorScheme: 'dark' });
await picture('proxy-dark');
await end();
