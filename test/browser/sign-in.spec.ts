import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectSoundPage, newPerson } from './browser.ts';
import { expectToFit, type Product, signInTo, startProduct, tabTo } from './product.ts';

let product: Product;
beforeAll(async () => {
  product = await startProduct(['acme', 'globex']);
});
afterAll(() => product?.close());

const at = (slug: string) => product.at(slug);

describe('signing in', () => {
  it('leads from the application over password and consent back to it', async () => {
    const person = await newPerson(product.browser);
    const { application, tenant } = at('acme');
    await person.page.goto(application.signInUrl());
    await expectSoundPage(person);
    await person.page.getByLabel('E-mail address').fill(tenant.admin.email);
    await person.page.getByLabel('Password').fill('not the password');
    await person.page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await person.page.getByRole('alert').waitFor();
    await expectSoundPage(person);
    await person.page.getByLabel('Password').fill(tenant.admin.password);
    await person.page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await person.page.getByRole('button', { name: 'Allow', exact: true }).waitFor();
    await expectSoundPage(person);
    await person.page.getByRole('button', { name: 'Allow', exact: true }).click();
    await person.page.getByText('Signed in as').waitFor();
    expect(application.tokens().claims()).toMatchObject({ iss: tenant.issuer, amr: ['pwd'] });
  });

  it('works by keyboard alone', async () => {
    const person = await newPerson(product.browser);
    const { application, tenant } = at('acme');
    const { page } = person;
    await page.goto(application.signInUrl());
    // The address has the focus from the beginning.
    await page.locator('#email:focus').waitFor();
    await page.keyboard.type(tenant.admin.email);
    await page.keyboard.press('Tab');
    await page.keyboard.type(tenant.admin.password);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Allow', exact: true }).waitFor();
    await tabTo(person, 'Allow');
    await page.keyboard.press('Enter');
    await page.getByText('Signed in as').waitFor();
  });

  it('fits a phone', async () => {
    const person = await newPerson(product.browser, {
      viewport: { width: 360, height: 640 },
      hasTouch: true,
    });
    await person.page.goto(at('acme').application.signInUrl());
    await expectSoundPage(person);
    await expectToFit(person);
  });
});

it('speaks the language that the application or the browser asks for, right to left where it is read so', async () => {
  const german = await newPerson(product.browser, { locale: 'de-DE' });
  await german.page.goto(at('acme').application.signInUrl());
  await german.page.getByRole('heading', { name: 'Anmelden' }).waitFor();
  await expectSoundPage(german);
  const arabic = await newPerson(product.browser, { viewport: { width: 360, height: 640 } });
  await arabic.page.goto(at('acme').application.signInUrl({ ui_locales: 'ar' }));
  await arabic.page.getByRole('heading', { name: 'تسجيل الدخول' }).waitFor();
  await expectSoundPage(arabic);
  const direction = "getComputedStyle(document.querySelector('label')).direction";
  expect(await arabic.page.evaluate(direction)).toBe('rtl');
});

it('keeps two tenants apart in one browser (E3)', async () => {
  const person = await newPerson(product.browser);
  await signInTo(person, at('acme'), at('acme').tenant.admin);
  const subject = at('acme').application.tokens().claims()?.sub;
  await person.page.goto(at('globex').application.signInUrl());
  await person.page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
  await signInTo(person, at('globex'), at('globex').tenant.admin);
  expect(at('globex').application.tokens().claims()?.sub).not.toBe(subject);
  await person.page.goto(at('acme').application.signInUrl());
  await person.page.getByText(`Signed in as ${subject}`).waitFor();
});
