import { afterAll, beforeAll, expect, it } from 'vitest';
import { appWith } from '../interactions/factor-people.ts';
import { addAuthenticator, expectSoundPage, newPerson, type Person } from './browser.ts';
import { givePassword, type Product, signInTo, startProduct } from './product.ts';

let product: Product;
let factors: string;
beforeAll(async () => {
  product = await startProduct(['acme']);
  factors = `${product.at('acme').tenant.issuer}/account/factors`;
});
afterAll(() => product?.close());

async function enter(email: string): Promise<Person> {
  await product.addPerson('acme', email);
  const person = await newPerson(product.browser);
  await person.page.goto(factors);
  await givePassword(person, { email });
  await person.page.waitForURL(factors);
  return person;
}

async function keepCodes(person: Person): Promise<void> {
  await person.page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
  await expectSoundPage(person);
  await person.page.getByRole('button', { name: 'I have saved them' }).click();
}

it('adds an authenticator app, and removes it again (B4)', async () => {
  const email = 'app@example.com';
  const person = await enter(email);
  const { page } = person;
  await expectSoundPage(person);
  await page.locator('a[href$="/factors/app"]').click();
  await expectSoundPage(person);
  const app = appWith((await page.locator('code.secret').textContent()) ?? '');
  await page.getByLabel('Code that the app shows').fill('000000');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('alert').waitFor();
  await expectSoundPage(person);
  await page.getByLabel('Code that the app shows').fill(app.code());
  await page.getByRole('button', { name: 'Continue' }).click();
  await keepCodes(person);

  // The session was begun without the second factor that there is now.
  await givePassword(person, { email });
  await page.getByLabel('Code from your authenticator app').fill(app.code(1));
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.waitForURL(factors);
  await expectSoundPage(person);
  await page.getByRole('button', { name: 'Remove the app' }).click();
  await page.locator('a[href$="/factors/app"]').waitFor();
});

it('adds, renames and removes a passkey, which signs in meanwhile (B4)', async () => {
  const email = 'passkey@example.com';
  const person = await enter(email);
  const { page, context } = person;
  await addAuthenticator(person);
  await page.getByLabel('A name for it').fill('This laptop');
  await page.getByRole('button', { name: 'Create a passkey' }).click();
  await keepCodes(person);

  await context.clearCookies();
  await page.goto(factors);
  // The browser finds the passkey for the address field by itself.
  await page.waitForURL(factors);
  await expectSoundPage(person);
  await page.getByLabel('Name', { exact: true }).fill('Old laptop');
  await page.getByRole('button', { name: 'Rename' }).click();
  await page.getByText('Old laptop').waitFor();
  await page.getByRole('button', { name: 'Remove this passkey' }).click();
  await page.getByText('Old laptop').waitFor({ state: 'detached' });
  await expectSoundPage(person);

  const elsewhere = await newPerson(product.browser);
  await signInTo(elsewhere, product.at('acme'), { email });
  expect(product.at('acme').application.tokens().claims()?.amr).toEqual(['pwd']);
});
