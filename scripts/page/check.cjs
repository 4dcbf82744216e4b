// SPDX-License-Identifier: Apache-2.0
// usage: node check.cjs CHROMIUM PAGE [screenshot directory]
'use strict';
const fs = require('fs'), path = require('path');
const { chromium } = require('playwright-core');
const [executablePath, page, shots] = process.argv.slice(2);
const url = `file://${path.resolve(page)}`;
let failures = 0;
const expect = (ok, what) => {
  if (!ok) console.log(`FAILED: ${what}`);
  failures += !ok;
};

async function view(browser, name, options, look) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
  const tab = await context.newPage();
  const errors = [], requests = [];
  tab.on('console', (m) => m.type() === 'error' && errors.push(m.text()));
  tab.on('pageerror', (e) => errors.push(String(e)));
  tab.on('request', (r) => requests.push(r.url()));
  const start = Date.now();
  await tab.goto(url);
  if (options.javaScriptEnabled !== false) await tab.waitForSelector('body[data-ready=yes]', { timeout: 5000 });
  const took = Date.now() - start;
  expect(took < 2000, `${name}: took ${took} ms to open`);
  await look(tab);
  const [wide, inner] = [await tab.evaluate(() => document.documentElement.scrollWidth), options.viewport?.width ?? 1200];
  expect(wide <= inner, `${name}: ${wide} pixels wide in a window of ${inner}`);
  if (shots) await tab.screenshot({ path: path.join(shots, `${name}.png`) });
  expect(errors.length === 0, `${name}: console says ${errors}`);
  expect(requests.length === 1, `${name}: asked for ${requests.slice(1)}`);
  console.log(`${name}: ready in ${took} ms`);
  await context.close();
}

const shown = (tab) => tab.locator('#list > details:visible').count();
const column = (tab, what) => tab.$$eval('#list > details', (all, w) => all.map((e) => (w === 'id' ? e.id : Number(e.dataset[w]))), what);
const ordered = (list) => list.every((x, i) => i === 0 || list[i - 1] <= x);

async function use(tab) {
  expect((await shown(tab)) === 500, 'not all 500 findings are listed');
  await tab.fill('#search', 'rflags copy_a');
  const some = await shown(tab);
  expect(some > 0 && some < 500, `the search shows ${some}`);
  expect((await tab.textContent('#shown')).startsWith(`${some} of 500`), 'the search does not say how many');
  await tab.fill('#search', 'no such thing anywhere');
  expect((await shown(tab)) === 0, 'a search for nothing shows something');
  await tab.fill('#search', '');
  await tab.click('.suspects button');
  const suspect = await tab.inputValue('#search');
  expect(suspect !== '' && (await shown(tab)) > 0, 'a suspect does not fill the search');
  await tab.click('.suspects button');
  expect((await shown(tab)) === 500, 'the suspect again does not show all');
  await tab.click('#head button[data-by=n]');
  expect(ordered((await column(tab, 'n')).reverse()), 'not sorted by cases');
  await tab.click('#head button[data-by=n]');
  expect(ordered(await column(tab, 'n')), 'not sorted the other way');
  await tab.click('#head button[data-by=b]');
  expect(ordered(await column(tab, 'id')), 'not sorted by bucket');
  const last = (await column(tab, 'id')).at(-1);
  await tab.evaluate((h) => (location.hash = h), last);
  await tab.waitForFunction((h) => document.getElementById(h).open, last);
  expect(await tab.locator(`[id="${last}"] table`).first().isVisible(), 'a finding that is opened shows no table');
  await tab.evaluate(() => scrollTo(0, 0));
  await tab.click('#list > details:first-child > summary');
}

// With everything open: tables of findings fit, other tables scroll inside their own box.
async function onPhone(tab) {
  await tab.evaluate(() => document.querySelectorAll('details').forEach((d) => (d.open = true)));
  const wide = await tab.$$eval('.f .wide', (all) => all.filter((e) => e.scrollWidth > e.clientWidth).length);
  expect(wide === 0, `phone: ${wide} tables of findings are wider than the window`);
  const out = await tab.$$eval('table', (all) => all.filter((e) => !e.closest('.wide')).length);
  expect(out === 0, `phone: ${out} tables have no box to scroll in`);
  expect(await tab.locator('.f pre').first().isVisible(), 'phone: no listing');
}

(async () => {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--no-first-run'] });
  const size = fs.statSync(page).size;
  expect(size < 1e6, `the page has ${size} bytes`);
  console.log(`page: ${size} bytes`);
  await view(browser, 'light', {}, use);
  await view(browser, 'dark', { colorScheme: 'dark' }, use);
  await view(browser, 'phone', { viewport: { width: 390, height: 844 } }, onPhone);
  await view(browser, 'noscript', { javaScriptEnabled: false }, async (tab) => {
    expect((await tab.locator('#list > details').count()) === 200, 'without scripts there are not 200 findings');
    await tab.click('#list > details:first-child > summary');
    expect(await tab.locator('#list > details:first-child table').first().isVisible(), 'without scripts nothing opens');
    expect(await tab.locator('#static').isVisible(), 'without scripts it is not said what is missing');
  });
  await browser.close();
  process.exit(failures ? 1 : 0);
})();
