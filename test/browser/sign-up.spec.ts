import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectSoundPage, newPerson } from './browser.ts';
import { allow, goodPassword, type Product, startProduct, tabTo } from './product.ts';

let product: Product;
beforeAll(async () => {
  product = await startProduct(['acme']);
});
afterAll(() => product?.close());

it('leads from the application over a mailed link back to it, signed in, by keyboard alone (B5)', async () => {
  await product.manage('PATCH', 'acme/application-tenants/default', { signUp: 'open' });
  const person = await newPerson(product.browser);
  const { page } = person;
  const { application } = product.at('acme');
  const email = 'grace@example.com';
  await page.goto(application.signInUrl());
  await tabTo(person, 'Create one');
  await page.keyboard.press('Enter');
  await page.locator('#email:focus').waitFor();
  await expectSoundPage(person);
  await page.keyboard.type(email);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Look into your mailbox' }).waitFor();
  await expectSoundPage(person);

  await page.goto(await product.mailedLink(email, 'verify-email'));
  await page.locator('#name:focus').waitFor();
  await expectSoundPage(person);
  await page.keyboard.type('Grace Hopper');
  await tabTo(person, 'Password');
  await page.keyboard.type('short');
  await tabTo(person, 'New password, once more');
  await page.keyboard.type('short');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').waitFor();
  await expectSoundPage(person);
  await tabTo(person, 'Password');
  await page.keyboard.type(goodPassword);
  await tabTo(person, 'New password, once more');
  await page.keyboard.type(goodPassword);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Your account is ready' }).waitFor();
  await expectSoundPage(person);

  await tabTo(person, 'Go on');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Allow', exact: true }).waitFor();
  await tabTo(person, 'Allow');
  await page.keyboard.press('Enter');
  await page.getByText('Signed in as').waitFor();
  expect(application.tokens().claims()).toMatchObject({ amr: ['pwd'] });
});

it('by invitation begins with a mail, whose link works once (B5)', async () => {
  const person = await newPerson(product.browser);
  const { page } = person;
  const email = 'joan@example.com';
  await product.manage('POST', 'acme/invitations', { email, name: 'Joan Clarke' });
  const link = await product.mailedLink(email, 'invitation');
  await page.goto(link);
  await expectSoundPage(person);
  await page.getByLabel('New password', { exact: true }).fill(goodPassword);
  await page.getByLabel('New password, once more').fill(goodPassword);
  await page.getByRole('button', { name: 'Save password' }).click();
  await page.getByRole('heading', { name: 'You are all set' }).waitFor();
  await expectSoundPage(person);

  await page.getByRole('link', { name: 'Your account' }).click();
  await page.getByRole('heading', { name: 'Your account' }).waitFor();
  await page.goto(product.at('acme').application.signInUrl());
  await allow(person);
  await page.goto(link);
  await page.getByRole('heading', { name: 'This link is no longer valid' }).waitFor();
  await expectSoundPage(person);
});
