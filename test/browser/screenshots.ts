import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { appWith } from '../interactions/factor-people.ts';
import { newPerson, type Person } from './browser.ts';
import { allow, givePassword, type Product, startProduct } from './product.ts';

const directory = join(import.meta.dirname, '..', '..', 'docs', 'images');
const email = 'ada@northwind.example';
const maxBytes = 150 * 1024;

let product: Product;
let area: string;
beforeAll(async () => {
  product = await startProduct(['northwind']);
  await mkdir(directory, { recursive: true });
  area = `${product.at('northwind').tenant.issuer}/account`;
  await product.manage('PATCH', 'northwind/branding', {
    displayName: 'Northwind',
    links: { support: 'https://northwind.example/help', privacy: 'https://northwind.example/privacy' },
  });
  const { tenant } = product.at('northwind');
  await product.manage('PATCH', `northwind/clients/${tenant.clientId}`, { name: 'Fleet Planner' });
  await product.manage('PATCH', 'northwind/application-tenants/default', { signUp: 'open' });
  await product.addPerson('northwind', email);
});
afterAll(() => product?.close());

const shape = { viewport: { width: 640, height: 860 } };
const phone = { viewport: { width: 360, height: 780 }, deviceScaleFactor: 2 };

// As a browser with a window calls itself.
const userAgent =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

const person = (options: BrowserContextOptions = shape) =>
  newPerson(product.browser, { userAgent, ...options });

async function take({ page }: Person, name: string): Promise<void> {
  const path = join(directory, `${name}.png`);
  await page.screenshot({ path, animations: 'disabled' });
  expect((await stat(path)).size, name).toBeLessThan(maxBytes);
}

it('sign-in, in the light and in the dark, and consent', async () => {
  const ada = await person();
  const { application } = product.at('northwind');
  await ada.page.goto(application.signInUrl({ scope: 'openid profile email' }));
  await take(ada, 'sign-in');
  await ada.page.emulateMedia({ colorScheme: 'dark' });
  await take(ada, 'sign-in-dark');
  await ada.page.emulateMedia({ colorScheme: 'light' });
  await givePassword(ada, { email });
  await ada.page.getByRole('button', { name: 'Allow', exact: true }).waitFor();
  await take(ada, 'consent');
  await allow(ada);
});

it('the account area, and a second factor', async () => {
  const ada = await person({ viewport: { width: 800, height: 860 } });
  await ada.page.goto(`${area}/sessions`);
  await givePassword(ada, { email });
  await ada.page.getByText('This browser').waitFor();
  await take(ada, 'account');

  await ada.page.goto(`${area}/factors/app`);
  await ada.page.setViewportSize({ width: 640, height: 1040 });
  await take(ada, 'authenticator-app');
  const app = appWith((await ada.page.locator('code.secret').textContent()) ?? '');
  await ada.page.getByLabel('Code that the app shows').fill(app.code());
  await ada.page.getByRole('button', { name: 'Continue' }).click();
  await ada.page.getByRole('button', { name: 'I have saved them' }).click();
  await givePassword(ada, { email });
  await ada.page.getByLabel('Code from your authenticator app').waitFor();
  await ada.page.setViewportSize(shape.viewport);
  await take(ada, 'second-factor');
});

it('from right to left on a phone', async () => {
  const ada = await person({ ...phone, locale: 'ar' });
  await ada.page.goto(product.at('northwind').application.signInUrl());
  await take(ada, 'sign-in-arabic');
});

it('the API for people', async () => {
  const ada = await person({ viewport: { width: 1000, height: 720 } });
  await ada.page.goto(`${product.server.origin}/api/docs`);
  await ada.page.locator('#createClient > summary').click();
  await ada.page.locator('#createClient').evaluate((element) => element.scrollIntoView());
  await take(ada, 'api-docs');
});
