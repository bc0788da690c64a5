import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectSoundPage, newPerson } from './browser.ts';
import { allow, givePassword, goodPassword, type Product, signInTo, startProduct } from './product.ts';

let product: Product;
const ids = new Map<string, string>();
const email = 'grace@example.com';
const passwords = { north: goodPassword, south: 'Southern-Horse-9-Battery' };
beforeAll(async () => {
  product = await startProduct(['acme']);
  for (const slug of ['north', 'south']) {
    const { id } = await product.manage('POST', 'acme/application-tenants', { name: slug, slug });
    ids.set(slug, id);
  }
  for (const [applicationTenant, password] of Object.entries(passwords)) {
    await product.addPerson('acme', email, { applicationTenant, password });
  }
});
afterAll(() => product?.close());

it('keeps two people of one address apart, who take turns in one browser (E2)', async () => {
  const person = await newPerson(product.browser);
  const { page } = person;
  const acme = product.at('acme');
  const subjects = new Map<string, string | undefined>();
  await signInTo(person, acme, { email, password: passwords.north }, { organization: 'north' });
  subjects.set('north', acme.application.tokens().claims()?.sub);
  expect(acme.application.tokens().claims()).toMatchObject({ organization_id: ids.get('north') });

  await page.goto(acme.application.signInUrl({ organization: 'south' }));
  await page.getByRole('status').getByText('another account').waitFor();
  await expectSoundPage(person);
  await givePassword(person, { email, password: passwords.north });
  await page.getByRole('alert').waitFor();
  await givePassword(person, { email, password: passwords.south });
  await allow(person);
  subjects.set('south', acme.application.tokens().claims()?.sub);
  expect(acme.application.tokens().claims()).toMatchObject({ organization_id: ids.get('south') });
  expect(subjects.get('south')).not.toBe(subjects.get('north'));

  // The account area is that of whoever is signed in.
  await page.goto(`${acme.tenant.issuer}/account/sessions`);
  await page.getByText('This browser').waitFor();
  await page.goto(acme.application.signInUrl({ organization: 'north' }));
  await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
});
