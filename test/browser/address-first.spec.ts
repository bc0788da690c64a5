import { afterAll, beforeAll, expect, it } from 'vitest';
import { startOpenidProvider, type Upstream } from '../support/openid-provider.ts';
import { addAuthenticator, expectSoundPage, newPerson } from './browser.ts';
import { allow, expectToFit, goodPassword, type Product, startProduct, tabTo } from './product.ts';

let product: Product;
let upstream: Upstream;
beforeAll(async () => {
  upstream = await startOpenidProvider();
  product = await startProduct(['acme'], { env: { FEDERATION_ALLOWED_HOSTS: upstream.host } });
  const { id } = await product.manage('POST', 'acme/sign-in-sources', {
    kind: 'openid',
    name: 'Corp Login',
    domains: ['corp.example'],
    openid: { issuer: upstream.issuer, clientId: upstream.clientId },
    secret: upstream.clientSecret,
  });
  await product.manage('POST', 'acme/application-tenants', { name: 'North', slug: 'north' });
  await product.manage('PATCH', 'acme/application-tenants/north', { signInSources: [id] });
});
afterAll(async () => {
  await product?.close();
  upstream?.close();
});

it('asks for the address, then for the password of whoever has no other place, by keyboard alone', async () => {
  const person = await newPerson(product.browser, { viewport: { width: 360, height: 640 } });
  const { page } = person;
  const { application, tenant } = product.at('acme');
  await page.goto(application.signInUrl());
  await page.locator('#email:focus').waitFor();
  expect(await page.locator('#password').count()).toBe(0);
  await expectToFit(person);
  await page.keyboard.type(tenant.admin.email);
  await page.keyboard.press('Enter');
  await page.locator('#password:focus').waitFor();
  expect(await page.locator('#email').inputValue()).toBe(tenant.admin.email);
  await expectSoundPage(person);
  await expectToFit(person);
  await page.keyboard.type('not the password');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').waitFor();
  await page.keyboard.type(tenant.admin.password);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Allow', exact: true }).waitFor();
  await tabTo(person, 'Allow');
  await page.keyboard.press('Enter');
  await page.getByText('Signed in as').waitFor();
});

it('leads to the source of a domain, and to a password behind it', async () => {
  const person = await newPerson(product.browser, { locale: 'ar', viewport: { width: 360, height: 640 } });
  const { page } = person;
  await page.goto(product.at('acme').application.signInUrl());
  await page.locator('#email').fill('ada@corp.example');
  await page.keyboard.press('Enter');
  const door = page.locator('a[href*="federation?source="]');
  await door.waitFor();
  expect(await page.locator('#password').count()).toBe(0);
  await expectSoundPage(person);
  await expectToFit(person);
  await page.locator('a[href$="/password"]').click();
  await page.locator('#password:focus').waitFor();
  expect(await page.locator('#email').inputValue()).toBe('ada@corp.example');
  await page.goBack();
  await door.waitFor();
  await page.locator('a[href$="/address"]').click();
  await page.locator('#email:focus').waitFor();
  expect(await page.locator('#email').inputValue()).toBe('');
});

it('goes at once to the only place that there is, and back is the page before it', async () => {
  const person = await newPerson(product.browser);
  const { page } = person;
  const { application } = product.at('acme');
  upstream.user = { sub: 'grace', email: 'grace@corp.example', email_verified: true, name: 'Grace' };
  await page.goto(application.signInUrl({ organization: 'north' }));
  await page.getByLabel('E-mail address').fill('grace@corp.example');
  await page.getByRole('button', { name: 'Continue', exact: true }).click();
  await page.getByRole('button', { name: 'Allow', exact: true }).waitFor();
  expect(upstream.requests.at(-1)?.get('login_hint')).toBe('grace@corp.example');
  await allow(person);
  expect(application.tokens().claims()).toMatchObject({ amr: ['fed'] });

  const other = await newPerson(product.browser);
  await other.page.goto(application.signInUrl({ organization: 'north' }));
  // The provider has a page of its own.
  upstream.misbehave({
    answer(context) {
      if (context.path !== '/authorize') return false;
      context.body = '<!doctype html><html lang="en"><title>Corp</title><h1>Sign in at Corp</h1></html>';
      return true;
    },
  });
  await other.page.getByLabel('E-mail address').fill('grace@corp.example');
  await other.page.getByRole('button', { name: 'Continue', exact: true }).click();
  await other.page.getByRole('heading', { name: 'Sign in at Corp' }).waitFor();
  await other.page.goBack();
  await other.page.getByRole('link', { name: 'Continue with Corp Login' }).waitFor();
});

it('keeps passkeys at the field of the address', async () => {
  const email = 'passkey@example.com';
  await product.addPerson('acme', email);
  const person = await newPerson(product.browser);
  const { page, context } = person;
  const factors = `${product.at('acme').tenant.issuer}/account/factors`;
  await page.goto(factors);
  await page.getByLabel('E-mail address').fill(email);
  await page.getByRole('button', { name: 'Continue', exact: true }).click();
  await page.getByLabel('Password').fill(goodPassword);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.waitForURL(factors);
  await addAuthenticator(person);
  await page.getByRole('button', { name: 'Create a passkey' }).click();
  await page.getByRole('button', { name: 'I have saved them' }).click();
  await context.clearCookies();
  await page.goto(factors);
  // Nothing is typed or pressed.
  await page.waitForURL(factors);
});
