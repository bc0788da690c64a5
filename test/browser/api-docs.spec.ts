import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ProductServer, startServer } from '../support/server.ts';
import { expectSoundPage, launchBrowser, newPerson } from './browser.ts';

let server: ProductServer;
let browser: Browser;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), launchBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});

it('shows every operation of the API without scripts and without any other host, also on a phone and in the dark', async () => {
  const person = await newPerson(browser);
  const requested: string[] = [];
  person.page.on('request', (request) => requested.push(request.url()));
  await person.page.goto(`${server.origin}/api/docs`);
  await expectSoundPage(person);

  const operations = await person.page.locator('section details:has(.method)').count();
  const { paths } = (await (await fetch(`${server.origin}/api/openapi.json`)).json()) as { paths: object };
  expect(operations).toBe(Object.values(paths).flatMap((methods) => Object.keys(methods)).length);

  await person.page.locator('#createClient > summary').focus();
  await person.page.keyboard.press('Enter');
  await person.page.locator('#createClient pre').waitFor({ state: 'visible' });
  await expectSoundPage(person);
  const { hash } = new URL(
    (await person.page.locator('#createClient li a').first().getAttribute('href')) ?? '',
    server.origin,
  );
  expect(await person.page.locator(hash).count()).toBe(1);

  await person.page.emulateMedia({ colorScheme: 'dark' });
  await person.page.setViewportSize({ width: 360, height: 740 });
  await expectSoundPage(person);
  const tooWide = await person.page.evaluate('document.documentElement.scrollWidth > innerWidth');
  expect(tooWide).toBe(false);
  expect(requested.every((url) => url.startsWith(`${server.origin}/`))).toBe(true);
});
