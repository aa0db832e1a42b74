// What a person does with the page of a CA, in Chromium: node ca.mjs PAGE [PICTURES]

import { check, opened } from './browser.mjs';

const [page, pictures] = process.argv.slice(2);
const { tab, picture, end } = await opened(pictures);
const row = (/** @type {string} */ words) => tab.locator('#shown tr').filter({ hasText: words });
const open = (/** @type {string} */ name) => tab.getByRole('tab', { name }).click();

await tab.goto(page);
await row('app.localhost').first().waitFor();
check(!tab.url().includes('token'), 'the token leaves the address bar');
await row('onerror').first().waitFor();
check(await tab.evaluate(() => !('owned' in globalThis)), 'what others call themselves is inert');
await picture('ca-issued');

await tab.keyboard.press('/');
await tab.keyboard.type('app.local');
await row('other.localhost').waitFor({ state: 'detached' });
await row('app.localhost').getByRole('button', { name: 'Revoke' }).click();
const dialog = tab.locator('#dialog');
await dialog.getByLabel('Reason').selectOption('keyCompromise');
await picture('ca-revoke');
await dialog.getByRole('button', { name: 'Revoke it' }).click();
await row('app.localhost').filter({ hasText: 'keyCompromise' }).waitFor();
check(await row('app.localhost').getByRole('button').count() === 0, 'a revoked certificate has no button');

await open('Revoked');
await row('app.localhost').waitFor();
await row('other.localhost').waitFor({ state: 'detached' });
await open('Failed');
await row('down.localhost').filter({ hasText: 'nothing listens there' }).first().waitFor();
await tab.emulateMedia({ colorScheme: 'dark' });
await picture('ca-failed');
await open('Expiring');
await tab.getByText('There are none.').waitFor();
await open('Issued');
await row('other.localhost').first().waitFor();

await end();
