import { afterAll, beforeAll, expect, it } from 'vitest';
import { startOpenidProvider, type Upstream } from '../support/openid-provider.ts';
import { expectSoundPage, newPerson } from './browser.ts';
import { allow, givePassword, goodPassword, type Product, signInTo, startProduct } from './product.ts';

let product: Product;
let upstream: Upstream;
beforeAll(async () => {
  upstream = await startOpenidProvider();
  product = await startProduct(['acme'], { env: { FEDERATION_ALLOWED_HOSTS: upstream.host } });
});
afterAll(async () => {
  await product?.close();
  upstream?.close();
});

it('greets whoever comes to the server itself, and says so where there is nothing', async () => {
  const person = await newPerson(product.browser);
  await person.page.goto(product.server.origin);
  await person.page.getByRole('heading', { name: 'Sign-in for every team' }).waitFor();
  await expectSoundPage(person);
  await person.page.goto(`${product.server.origin}/nobody/account`);
  await person.page.getByRole('heading', { name: 'Page not found' }).waitFor();
  await expectSoundPage(person);
  // Here nobody signs up without an invitation.
  await person.page.goto(`${product.at('acme').tenant.issuer}/sign-up`);
  await person.page.getByRole('heading', { name: 'Page not found' }).waitFor();
  await person.page.getByText('Tenant acme').waitFor();
  await expectSoundPage(person);
});

it('explains what an application did wrong', async () => {
  const person = await newPerson(product.browser);
  const { tenant } = product.at('acme');
  await person.page.goto(`${tenant.issuer}/auth?client_id=nobody&response_type=code&scope=openid`);
  await person.page.getByRole('heading', { name: 'This request does not work' }).waitFor();
  await expectSoundPage(person);
});

it('asks before it signs out, and says that it has', async () => {
  const person = await newPerson(product.browser);
  const { tenant, application } = product.at('acme');
  await signInTo(person, product.at('acme'), tenant.admin);
  await person.page.goto(`${tenant.issuer}/session/end?client_id=${encodeURIComponent(tenant.clientId)}`);
  await person.page.getByRole('heading', { name: 'Sign out?' }).waitFor();
  await expectSoundPage(person);
  await person.page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await person.page.getByRole('heading', { name: 'Signed out' }).waitFor();
  await expectSoundPage(person);
  await person.page.goto(application.signInUrl());
  await person.page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
});

it('takes the browser further by a form where the protocol wants one, with scripts and without', async () => {
  const person = await newPerson(product.browser, { locale: 'de-DE' });
  const { page, context } = person;
  const { tenant, application } = product.at('acme');
  await page.goto(application.signInUrl({ response_mode: 'form_post' }));
  await page.locator('#email').fill(tenant.admin.email);
  await page.locator('#password').fill(tenant.admin.password);
  await page.locator('button.primary').click();
  await page.getByRole('button', { name: 'Erlauben', exact: true }).click();
  await page.getByText('Signed in as').waitFor();

  await context.route('**/assets/hand-over-*.js', (route) => route.fulfill({ body: '' }));
  await page.goto(application.signInUrl({ response_mode: 'form_post' }));
  await page.getByRole('heading', { name: 'Einen Moment' }).waitFor();
  expect(await page.locator('html').getAttribute('lang')).toBe('de');
  await expectSoundPage(person);
  await page.getByRole('button', { name: 'Weiter' }).click();
  await page.getByText('Signed in as').waitFor();

  // Nobody is signed in here.
  await context.clearCookies();
  await page.goto(`${tenant.issuer}/session/end`);
  await page.getByRole('heading', { name: 'Einen Moment' }).waitFor();
  await expectSoundPage(person);
  await context.unrouteAll();
  await page.goto(`${tenant.issuer}/session/end`);
  await page.getByRole('heading', { name: 'Abgemeldet' }).waitFor();
});

it('connects a device by its code (RFC 8628)', async () => {
  const { tenant } = product.at('acme');
  const { clientId } = await product.manage('POST', 'acme/clients', { name: 'Television', type: 'device' });
  const response = await fetch(`${tenant.issuer}/device/auth`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: clientId, scope: 'openid' }),
  });
  const { user_code: code } = (await response.json()) as { user_code: string };
  const person = await newPerson(product.browser);
  const { page } = person;
  await page.goto(`${tenant.issuer}/device`);
  await expectSoundPage(person);
  await page.getByLabel('Code on the device').fill('WRNG-CODE');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('alert').waitFor();
  await expectSoundPage(person);
  await page.getByLabel('Code on the device').fill(code);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText(code).waitFor();
  await expectSoundPage(person);
  await page.getByRole('button', { name: 'It is the same code' }).click();
  await givePassword(person, tenant.admin);
  await page.getByRole('button', { name: 'Allow', exact: true }).click();
  await page.getByRole('heading', { name: 'Device connected' }).waitFor();
  await expectSoundPage(person);
});

it('asks the owner of an account before a sign-in elsewhere counts for it (D10)', async () => {
  const email = 'grace@example.com';
  await product.addPerson('acme', email);
  upstream.user = { sub: 'grace', email, email_verified: true, name: 'Grace Hopper' };
  await product.manage('POST', 'acme/sign-in-sources', {
    kind: 'openid',
    name: 'Corp Login',
    openid: { issuer: upstream.issuer, clientId: upstream.clientId },
    secret: upstream.clientSecret,
  });
  const person = await newPerson(product.browser);
  const { page } = person;
  const { application } = product.at('acme');
  await page.goto(application.signInUrl());
  await expectSoundPage(person);
  await page.getByRole('link', { name: 'Continue with Corp Login' }).click();
  await page.getByRole('heading', { name: 'Is this account yours?' }).waitFor();
  await expectSoundPage(person);
  await page.getByLabel('Password').fill(goodPassword);
  await page.getByRole('button', { name: 'Connect and sign in' }).click();
  await allow(person);

  const again = await newPerson(product.browser);
  await again.page.goto(application.signInUrl());
  await again.page.getByRole('link', { name: 'Continue with Corp Login' }).click();
  await again.page.getByText(/Signed in as|asks for access/).waitFor();
});
