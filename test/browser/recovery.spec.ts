import { afterAll, beforeAll, it } from 'vitest';
import { expectSoundPage, newPerson } from './browser.ts';
import { allow, expectToFit, givePassword, type Product, signInTo, startProduct } from './product.ts';

let product: Product;
beforeAll(async () => {
  product = await startProduct(['acme']);
});
afterAll(() => product?.close());

it('a forgotten password is replaced by a mailed link, which ends the sessions of the old one (B5)', async () => {
  const email = 'grace@example.com';
  await product.addPerson('acme', email);
  const acme = product.at('acme');
  const elsewhere = await newPerson(product.browser);
  await signInTo(elsewhere, acme, { email });

  const person = await newPerson(product.browser, { viewport: { width: 360, height: 640 } });
  const { page } = person;
  await page.goto(acme.application.signInUrl());
  await page.getByRole('link', { name: 'Forgotten your password?' }).click();
  await expectSoundPage(person);
  await expectToFit(person);
  await page.getByLabel('E-mail address').fill(email);
  await page.getByRole('button', { name: 'Send the link' }).click();
  await page.getByRole('heading', { name: 'Look into your mailbox' }).waitFor();

  const link = await product.mailedLink(email, 'reset-password');
  await page.goto(link);
  await expectSoundPage(person);
  await expectToFit(person);
  const password = 'Another-Horse-8-Battery';
  await page.getByLabel('New password', { exact: true }).fill(password);
  await page.getByLabel('New password, once more').fill('something else');
  await page.getByRole('button', { name: 'Save password' }).click();
  await page.getByRole('alert').waitFor();
  await expectSoundPage(person);
  await page.getByLabel('New password', { exact: true }).fill(password);
  await page.getByLabel('New password, once more').fill(password);
  await page.getByRole('button', { name: 'Save password' }).click();
  await page.getByRole('link', { name: 'Go on', exact: true }).click();
  await allow(person);

  const third = await newPerson(product.browser);
  await third.page.goto(acme.application.signInUrl());
  await givePassword(third, { email });
  await third.page.getByRole('alert').waitFor();
  await givePassword(third, { email, password });
  await third.page.getByText('Signed in as').waitFor();

  await elsewhere.page.goto(acme.application.signInUrl());
  await elsewhere.page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
  await page.goto(link);
  await page.getByRole('heading', { name: 'This link is no longer valid' }).waitFor();
});
