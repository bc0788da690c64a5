import { afterAll, beforeAll, expect, it } from 'vitest';
import { issueInvitation } from '../support/invitation.ts';
import {
  createTenantServer,
  password,
  type ServedTenant,
  signIn,
  type TenantServer,
  textOf,
} from './tenant-server.ts';

let server: TenantServer;
let tenant: ServedTenant;

beforeAll(async () => {
  server = await createTenantServer({ slugs: ['acme', 'globex'] });
  tenant = server.tenant;
});

afterAll(() => server.close());

async function invite(email: string, data: Record<string, string> = {}) {
  const account = await tenant.accounts.create({ email, name: 'Ada', roles: ['Admin'] });
  const token = await issueInvitation(tenant, account, { data });
  return { account, token, url: `${tenant.issuer}/invitation/${token}` };
}

const chosen = { password, confirmation: password };

it('sets a password once, verifies the address, and lets the person sign in', async () => {
  const { account, url } = await invite('ada@example.com');
  const agent = server.userAgent();
  const page = await agent.open(url);
  expect(page.status).toBe(200);
  expect(textOf(page)).toContain('at least 12 characters');
  expect(page.document.querySelector('#email')?.getAttribute('value')).toBe('ada@example.com');
  const done = await agent.submit(page, chosen);
  expect(textOf(done)).toContain('You are all set');
  expect(await tenant.accounts.get(account.id)).toMatchObject({ emailVerified: true });
  expect((await signIn(agent, tenant, 'ada@example.com')).status).toBe(200);
  expect((await agent.submit(page, chosen)).status).toBe(404);
  expect((await agent.open(url)).status).toBe(404);
});

it('hands the first confidential client over, with a secret that works and was never shown before', async () => {
  const { url } = await invite('owner@example.com', { firstClientId: 'web-client' });
  const agent = server.userAgent();
  const done = await agent.submit(await agent.open(url), chosen);
  const secret = done.document.querySelector('code.secret')?.textContent ?? '';
  expect(textOf(done)).toContain(tenant.issuer);
  expect(textOf(done)).toContain('web-client');
  expect(done.headers.get('cache-control')).toBe('no-store');
  const statuses = await Promise.all(
    [secret, tenant.clientSecret].map(async (attempt) => {
      const response = await fetch(`${tenant.issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`web-client:${attempt}`).toString('base64')}` },
        body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'none' }),
      });
      return ((await response.json()) as { error: string }).error;
    }),
  );
  expect(statuses).toEqual(['invalid_grant', 'invalid_client']);
});

it('hands a public client over without a secret, and goes on when the client is gone', async () => {
  await tenant.clients.create({
    clientId: 'spa-client',
    name: 'Shop',
    type: 'spa',
    redirectUris: ['https://shop.example/'],
  });
  const agent = server.userAgent();
  const spa = await invite('spa@example.com', { firstClientId: 'spa-client' });
  const done = await agent.submit(await agent.open(spa.url), chosen);
  expect(textOf(done)).toContain('spa-client');
  expect(done.document.querySelector('code.secret')).toBeNull();
  const gone = await invite('gone@example.com', { firstClientId: 'no-client' });
  expect(textOf(await agent.submit(await agent.open(gone.url), chosen))).toContain('You are all set');
});

it('tells whoever cannot be shown the secret how to get in and have a new one made', async () => {
  // What the store answers cannot be read, as in the middle of an outage.
  await tenant.table.put({ pk: 'Client', sk: 'lost-client', name: 'Shop', type: 'web', redirectUris: '[' });
  const { url } = await invite('unlucky@example.com', { firstClientId: 'lost-client' });
  const agent = server.userAgent();
  const done = await agent.submit(await agent.open(url), chosen);
  await tenant.table.delete({ pk: 'Client', sk: 'lost-client' });
  expect(done.status).toBe(200);
  expect(done.document.querySelector('code.secret')).toBeNull();
  expect([...done.document.querySelectorAll('code.command')].map((command) => command.textContent)).toEqual([
    `npx tenantry --server ${server.origin} login --tenant acme`,
    `npx tenantry --server ${server.origin} clients rotate-secret lost-client --tenant acme`,
  ]);
  expect((await signIn(agent, tenant, 'unlucky@example.com')).status).toBe(200);
});

it('shows the secret to one of two who hold the link', async () => {
  const { url } = await invite('both@example.com', { firstClientId: 'web-client' });
  const agents = [server.userAgent(), server.userAgent()];
  const pages = await Promise.all(agents.map((agent) => agent.open(url)));
  const answers = await Promise.all(
    agents.map((agent, index) => agent.submit(pages[index] as (typeof pages)[number], chosen)),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 404]);
  const loser = answers.find(({ status }) => status === 404);
  expect(loser?.body).not.toContain('client');
});

it('ends every other invitation of the same account', async () => {
  const { account, url } = await invite('twice@example.com');
  const second = await issueInvitation(tenant, account);
  const agent = server.userAgent();
  const page = await agent.open(`${tenant.issuer}/invitation/${second}`);
  expect((await agent.submit(await agent.open(url), chosen)).status).toBe(200);
  const other = 'Another horse 2!';
  expect((await agent.submit(page, { password: other, confirmation: other })).status).toBe(404);
  expect(await tenant.accounts.verifyPassword('twice@example.com', password)).toMatchObject({
    id: account.id,
  });
});

it('keeps the link when the password is not good enough, and says everything that is wrong', async () => {
  const { url } = await invite('weak@example.com');
  const agent = server.userAgent();
  const page = await agent.open(url);
  const weak = await agent.submit(page, { password: 'short', confirmation: 'short' });
  expect(weak.status).toBe(422);
  expect(weak.document.querySelectorAll('[role=alert] li')).toHaveLength(4);
  expect(weak.body).not.toContain('short');
  const unequal = await agent.submit(page, { password, confirmation: 'Correct horse 2!' });
  expect(unequal.status).toBe(422);
  expect((await agent.submit(page, chosen)).status).toBe(200);
});

it('is the same page for a wrong token, a disabled account, a missing CSRF token, and another tenant', async () => {
  const { account, token, url } = await invite('closed@example.com');
  const agent = server.userAgent();
  const noCsrf = await agent.submit(await agent.open(url), { ...chosen, csrf: 'x' });
  const wrong = await agent.open(`${tenant.issuer}/invitation/${'A'.repeat(43)}`);
  const foreign = await agent.open(`${server.origin}/globex/invitation/${token}`);
  expect((await agent.open(url)).status).toBe(200);
  await tenant.accounts.setDisabled(account.id, true);
  const disabled = await agent.open(url);
  const pages = [noCsrf, disabled, wrong, foreign];
  expect(pages.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
  expect(new Set(pages.map(textOf)).size).toBe(1);
  await tenant.accounts.setDisabled(account.id, false);
  expect((await agent.open(url)).status).toBe(404);
});

it('ends when the address is corrected, for whoever got it by mistake, and proves no other address', async () => {
  const { account, url } = await invite('mistyped@example.com');
  const stranger = server.userAgent();
  const page = await stranger.open(url);
  await tenant.accounts.update(account.id, { email: 'meant@example.com' });
  expect((await stranger.open(url)).status).toBe(404);
  expect((await stranger.submit(page, chosen)).status).toBe(404);
  const corrected = await tenant.accounts.get(account.id);
  expect(corrected).toMatchObject({ email: 'meant@example.com', emailVerified: false });
  expect(corrected?.passwordSetAt).toBeUndefined();
  // The correction comes between the look at the link and the write.
  expect(await tenant.accounts.setFirstPassword(account.id, password, 'mistyped@example.com')).toBe(false);
});
