import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectSoundPage, newPerson, type Person } from './browser.ts';
import {
  allow,
  expectToFit,
  givePassword,
  goodPassword,
  type Product,
  signInTo,
  startProduct,
} from './product.ts';

let product: Product;
let account: string;
beforeAll(async () => {
  product = await startProduct(['acme']);
  account = `${product.at('acme').tenant.issuer}/account`;
});
afterAll(() => product?.close());

/** Opens the account area in a browser of its own, signing in on the way. */
async function enter(email: string, path = ''): Promise<Person> {
  const person = await newPerson(product.browser);
  await person.page.goto(`${account}${path}`);
  await givePassword(person, { email });
  await person.page.waitForURL(`${account}${path}`);
  return person;
}

it('lists the browsers that somebody is signed in with, and ends the session of another one (B4)', async () => {
  const email = 'sessions@example.com';
  await product.addPerson('acme', email);
  const person = await enter(email);
  const other = await enter(email, '/sessions');
  const { page } = person;
  await page.getByRole('link', { name: 'Sessions' }).click();
  await expectSoundPage(person);
  expect(await page.locator('.entries li').count()).toBe(2);
  await page.getByRole('button', { name: 'End this session' }).click();
  await page.getByRole('status').getByText('The session has ended.').waitFor();
  expect(await page.locator('.entries li').count()).toBe(1);
  await expectSoundPage(person);

  await other.page.reload();
  await other.page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Sessions' }).waitFor();
});

it('changes the password, after asking for the present one', async () => {
  const email = 'password@example.com';
  await product.addPerson('acme', email);
  const person = await enter(email, '/password');
  const other = await enter(email);
  const { page } = person;
  await expectSoundPage(person);
  const password = 'Another-Horse-8-Battery';
  await page.getByLabel('Present password').fill(goodPassword);
  await page.getByLabel('New password', { exact: true }).fill(password);
  await page.getByLabel('New password, once more').fill(password);
  await page.getByRole('button', { name: 'Save password' }).click();
  await page.getByRole('status').getByText('Your password is changed.').waitFor();
  await expectSoundPage(person);

  await other.page.reload();
  await givePassword(other, { email });
  await other.page.getByRole('alert').waitFor();
  await givePassword(other, { email, password });
  await other.page.waitForURL(account);
});

it('changes name and address, the latter once it is proved', async () => {
  const email = 'profile@example.com';
  await product.addPerson('acme', email);
  const person = await enter(email);
  const { page } = person;
  await page.getByLabel('Your name').fill('Grace Brewster Hopper');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('status').getByText('Your name is saved.').waitFor();
  await expectSoundPage(person);

  await page.getByRole('link', { name: 'E-mail address' }).click();
  await expectSoundPage(person);
  await page.getByLabel('New e-mail address').fill('new@example.com');
  await page.getByRole('button', { name: 'Send the link' }).click();
  await page.getByRole('status').getByText('A mail is on its way').waitFor();
  await expectSoundPage(person);
  await page.goto(await product.mailedLink('new@example.com', 'confirm-email'));
  await expectSoundPage(person);
  await page.getByRole('button', { name: 'Use this address' }).click();
  await page.getByRole('heading', { name: 'Your address is changed' }).waitFor();
  await expectSoundPage(person);
  await enter('new@example.com');
});

it('offers to prove an address that an administrator has typed in', async () => {
  await product.addPerson('acme', 'typed@example.com');
  const { users } = await product.manage('GET', 'acme/users?search=grace');
  const found = users.find(({ email }: { email: string }) => email === 'typed@example.com');
  const email = 'corrected@example.com';
  await product.manage('PATCH', `acme/users/${found.id}`, { email });
  const person = await newPerson(product.browser);
  const { page } = person;
  await page.goto(product.at('acme').application.signInUrl({ scope: 'openid email' }));
  await givePassword(person, { email });
  await page.getByRole('heading', { name: 'Confirm your e-mail address' }).waitFor();
  await page.getByRole('button', { name: 'Send a link to confirm it' }).click();
  await page.getByRole('status').getByText('A mail is on its way').waitFor();
  const mailbox = await newPerson(product.browser, { viewport: { width: 360, height: 640 } });
  await mailbox.page.goto(await product.mailedLink(email, 'verify-address'));
  await expectToFit(mailbox);
  await mailbox.page.getByRole('button', { name: 'Yes, it is mine' }).click();
  await mailbox.page.getByRole('heading', { name: 'Your address is confirmed' }).waitFor();
  await page.getByRole('button', { name: 'Go on' }).click();
  await allow(person);
});

it('takes back what an application was allowed', async () => {
  const email = 'applications@example.com';
  await product.addPerson('acme', email);
  const person = await newPerson(product.browser);
  const { page } = person;
  const acme = product.at('acme');
  await signInTo(person, acme, { email });
  await page.goto(`${account}/applications`);
  await expectSoundPage(person);
  await page.getByRole('button', { name: 'Take this back' }).click();
  await page.getByText('You have not allowed anything').waitFor();
  await expectSoundPage(person);
  await page.goto(acme.application.signInUrl());
  await page.getByRole('button', { name: 'Allow', exact: true }).waitFor();
});

it('gives out what is kept about somebody, and deletes the account (B5)', async () => {
  const email = 'data@example.com';
  await product.addPerson('acme', email);
  const person = await enter(email, '/data');
  const { page } = person;
  await expectSoundPage(person);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download my data' }).click(),
  ]);
  const data = JSON.parse(await readFile(await download.path(), 'utf8'));
  expect(data).toMatchObject({ account: { email }, sessions: [{}] });

  await page.getByLabel('Type your e-mail address').fill('other@example.com');
  await page.getByRole('button', { name: 'Delete my account' }).click();
  await page.getByRole('alert').waitFor();
  await expectSoundPage(person);
  await page.getByLabel('Type your e-mail address').fill(email);
  await page.getByRole('button', { name: 'Delete my account' }).click();
  await page.getByRole('heading', { name: 'Your account is deleted' }).waitFor();
  await expectSoundPage(person);
  await page.goto(account);
  await givePassword(person, { email });
  await page.getByRole('alert').waitFor();
});

it('signs out from the profile', async () => {
  const person = await enter('ada@example.com');
  const { page } = person;
  await page.getByRole('link', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Signed out' }).waitFor();
  await page.goto(account);
  await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
});

it.each(['de-DE', 'ar'])('fits a phone on every page, in %s', async (locale) => {
  const person = await newPerson(product.browser, { locale, viewport: { width: 360, height: 640 } });
  const { page } = person;
  await page.goto(account);
  await page.locator('#email').fill('ada@example.com');
  await page.locator('#password').fill(goodPassword);
  await page.locator('button.primary').click();
  await page.waitForURL(account);
  const links = await page.locator('.areas a').evaluateAll((all) => all.map((link) => link.href));
  expect(links.length).toBeGreaterThan(6);
  for (const link of links) {
    await page.goto(link);
    await expectSoundPage(person);
    await expectToFit(person);
  }
  const html = page.locator('html');
  expect(await html.getAttribute('lang')).toBe(locale.slice(0, 2));
  expect(await html.getAttribute('dir')).toBe(locale === 'ar' ? 'rtl' : 'ltr');
});
