import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectSoundPage, newPerson } from './browser.ts';
import { expectToFit, type Product, startProduct } from './product.ts';

let product: Product;
beforeAll(async () => {
  product = await startProduct(['acme', 'globex']);
});
afterAll(() => product?.close());

it('gives a tenant its name, logo, colour, links and language, and no other one', async () => {
  const person = await newPerson(product.browser, { locale: 'fr-FR' });
  const { page } = person;
  const { application } = product.at('acme');
  await page.goto(application.signInUrl());
  const picture = await page.locator('.mark').screenshot();
  await product.manage('POST', 'acme/branding/logo', { data: picture.toString('base64') });
  await product.manage('PATCH', 'acme/branding', {
    displayName: 'Nordwind Logistik',
    language: 'de',
    colours: { accent: '#8a1c5b' },
    links: { support: 'https://nordwind.example/hilfe', privacy: 'https://nordwind.example/datenschutz' },
  });

  await page.goto(application.signInUrl());
  await page.getByRole('heading', { name: 'Anmelden' }).waitFor();
  await page.getByText('Nordwind Logistik').waitFor();
  expect(await page.title()).toContain('Nordwind Logistik');
  const isShown = 'document.querySelector("img.logo").naturalWidth > 0';
  expect(await page.evaluate(isShown)).toBe(true);
  expect(await page.getByRole('link', { name: 'Datenschutz' }).getAttribute('href')).toBe(
    'https://nordwind.example/datenschutz',
  );
  const colour = 'getComputedStyle(document.querySelector("button.primary")).backgroundColor';
  expect(await page.evaluate(colour)).toBe('rgb(138, 28, 91)');
  await expectSoundPage(person);
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.setViewportSize({ width: 360, height: 640 });
  await expectSoundPage(person);
  await expectToFit(person);

  await page.emulateMedia({ colorScheme: 'light' });
  await page.goto(product.at('globex').application.signInUrl());
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  expect(await page.evaluate(colour)).toBe('rgb(31, 90, 85)');
  expect(await page.locator('img.logo').count()).toBe(0);
});
