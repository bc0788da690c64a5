import { afterAll, beforeAll, expect, it } from 'vitest';
import { appWith } from '../interactions/factor-people.ts';
import { addAuthenticator, expectSoundPage, newPerson, type Person } from './browser.ts';
import { allow, givePassword, type Product, startProduct } from './product.ts';

let product: Product;
const twoFactors = { acr_values: 'urn:tenantry:acr:multi-factor' };
beforeAll(async () => {
  product = await startProduct(['acme', 'globex']);
});
afterAll(() => product?.close());

async function keepCodesAndAllow(person: Person): Promise<void> {
  const { page } = person;
  await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
  expect(await page.locator('.codes li').count()).toBe(10);
  await expectSoundPage(person);
  await page.getByRole('button', { name: 'I have saved them' }).click();
  await allow(person);
}

it('a passkey is made on the way, and then signs in from the address field by itself (B4)', async () => {
  const person = await newPerson(product.browser);
  const { page, context } = person;
  const acme = product.at('acme');
  await page.goto(acme.application.signInUrl(twoFactors));
  await page.getByRole('button', { name: 'Sign in with a passkey' }).waitFor();
  await givePassword(person, acme.tenant.admin);
  await page.getByRole('heading', { name: 'Set up a second step' }).waitFor();
  await expectSoundPage(person);

  await addAuthenticator(person);
  await page.getByLabel('A name for it').fill('This laptop');
  await page.getByRole('button', { name: 'Create a passkey' }).click();
  await keepCodesAndAllow(person);
  expect(acme.application.tokens().claims()).toMatchObject({ acr: twoFactors.acr_values });
  expect(acme.application.tokens().claims()?.amr).toEqual(expect.arrayContaining(['pwd', 'user', 'mfa']));

  await context.clearCookies();
  await page.goto(acme.application.signInUrl());
  // Nothing is typed or pressed: the browser finds the passkey for the field, and this one agrees at once.
  await page.getByText(/Signed in as|asks for access/).waitFor();
  const allow = page.getByRole('button', { name: 'Allow', exact: true });
  if (await allow.isVisible()) await allow.click();
  await page.getByText('Signed in as').waitFor();
  const claims = acme.application.tokens().claims();
  expect(claims).toMatchObject({ acr: 'phr' });
  expect(claims?.amr).not.toContain('pwd');

  // The same browser at another tenant: the passkey is offered, because the host is one, and refused.
  await page.goto(product.at('globex').application.signInUrl());
  await page.getByRole('alert').getByText('This passkey does not work here.').waitFor();
});

it('an authenticator app is set up by its key, and its code asked for the next time', async () => {
  const person = await newPerson(product.browser);
  const { page, context } = person;
  const globex = product.at('globex');
  await page.goto(globex.application.signInUrl(twoFactors));
  await givePassword(person, globex.tenant.admin);
  await page.getByRole('img', { name: 'QR code' }).waitFor();
  const app = appWith((await page.locator('code.secret').textContent()) ?? '');
  await page.getByLabel('Code that the app shows').fill(app.code());
  await page.getByRole('button', { name: 'Continue' }).click();
  await keepCodesAndAllow(person);

  await context.clearCookies();
  await page.goto(globex.application.signInUrl());
  await givePassword(person, globex.tenant.admin);
  await page.getByRole('heading', { name: 'Confirm that it is you' }).waitFor();
  await expectSoundPage(person);
  await page.getByLabel('Code from your authenticator app').fill('000000');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('alert').waitFor();
  await expectSoundPage(person);
  await page.getByLabel('Code from your authenticator app').fill(app.code(1));
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText(/Signed in as|asks for access/).waitFor();
});
