import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recentSeconds } from '../../src/oidc/account/account-area.ts';
import { addApp, addRecoveryCodes } from '../interactions/factor-people.ts';
import {
  authorizationRequest,
  createTenantServer,
  password,
  type ServedTenant,
  signIn,
  type TenantServer,
  textOf,
} from '../interactions/tenant-server.ts';
import { applicationTenantsOf } from '../self-service/mail-links.ts';
import type { Arrival } from '../support/user-agent.ts';
import { createAreaPeople, formOf } from './area-people.ts';
import { makeSignInOlder } from './older-sign-in.ts';

let server: TenantServer;
let tenant: ServedTenant;

beforeAll(async () => {
  server = await createTenantServer({ slugs: ['acme', 'globex'] });
  tenant = server.tenant;
});

afterAll(() => server.close());

const { person, openArea, enter } = createAreaPeople(() => server);

describe('who is there', () => {
  it('signs in as at any application, without being asked for consent, and comes back to the page', async () => {
    await person('ada@example.com');
    const agent = server.userAgent();
    const signInPage = await agent.open('/acme/account/sessions');
    expect(textOf(signInPage)).toContain('to continue to Acme & <Sons>');
    const page = await agent.submit(signInPage, { email: 'ada@example.com', password });
    expect(page.url.pathname).toBe('/acme/account/sessions');
    expect(page.document.querySelector('[aria-current=page]')?.textContent).toBe('Sessions');
    expect(page.headers.get('cache-control')).toBe('no-store');
  });

  it('is whoever is signed in already, at this tenant and no other', async () => {
    await person('once@example.com');
    const agent = server.userAgent();
    await agent.submit(await signIn(agent, tenant, 'once@example.com'));
    const page = await agent.open('/acme/account');
    expect(page.url.pathname).toBe('/acme/account');
    expect(page.document.querySelector('#name')?.getAttribute('value')).toBe('Ada');
    const elsewhere = await agent.open('/globex/account');
    expect(elsewhere.url.pathname).toMatch(/^\/globex\/interaction\//);
  });

  it('is nobody once the account is disabled or the session has ended', async () => {
    const account = await person('ended@example.com');
    const { agent } = await enter('ended@example.com');
    await tenant.accounts.setDisabled(account.id, true);
    expect((await agent.open('/acme/account')).url.pathname).toContain('/interaction/');
    await tenant.accounts.setDisabled(account.id, false);
    expect((await agent.open('/acme/account')).url.pathname).toBe('/acme/account');
    const out = await agent.open('/acme/session/end');
    await agent.submit(out, {}, 'logout=yes');
    expect((await agent.open('/acme/account')).url.pathname).toContain('/interaction/');
  });

  it('gets a session of its own when it signs in: one that somebody planted is worth nothing', async () => {
    await person('fixed@example.com');
    const agent = server.userAgent();
    const page = await agent.open('/acme/account');
    const cookie = async () =>
      (await agent.jar.getCookies(`${server.origin}/acme/`)).find(({ key }) => key === '_session')?.value;
    const before = await cookie();
    await agent.submit(page, { email: 'fixed@example.com', password });
    const after = await cookie();
    expect(after).toBeDefined();
    expect(after).not.toBe(before);
  });

  it('is led back to pages of the area only', async () => {
    await person('redirect@example.com');
    const { agent } = await enter('redirect@example.com');
    for (const state of [
      '//evil.example',
      'https://evil.example',
      '../../evil',
      'sessions/../../x',
      '%2f%2fevil',
    ]) {
      const page = await agent.open(`/acme/account/signed-in?state=${encodeURIComponent(state)}`);
      expect(page.url.href).toBe(`${tenant.issuer}/account`);
    }
    expect((await agent.open('/acme/account/nowhere')).status).toBe(404);
    expect((await agent.open('/acme/account/sessions/end')).status).toBe(405);
  });

  it('lets the area’s own client know that somebody is there, and asks like for any other for more', async () => {
    await person('code@example.com');
    const { agent } = await enter('code@example.com');
    const asked = {
      client_id: 'tenantry:account',
      redirect_uri: `${tenant.issuer}/account/signed-in`,
    };
    const more = await agent.open(authorizationRequest(tenant, { ...asked, scope: 'openid email' }).url);
    expect(textOf(more)).toContain('See your e-mail address');
    const elsewhere = { ...asked, redirect_uri: 'https://client.example/callback' };
    expect((await agent.open(authorizationRequest(tenant, elsewhere).url)).status).toBe(400);
  });

  it('proves it anew for what matters, when the last time is too long ago', async () => {
    await person('stale@example.com');
    const { agent } = await enter('stale@example.com');
    await makeSignInOlder(agent, tenant, recentSeconds + 60);
    expect((await agent.open('/acme/account/sessions')).url.pathname).toBe('/acme/account/sessions');
    for (const path of ['/email', '/data']) {
      const page = await agent.open(`/acme/account${path}`);
      expect(page.url.pathname, path).toContain('/interaction/');
    }
    const back = await openArea(agent, '/data', 'stale@example.com');
    expect(back.url.pathname).toBe('/acme/account/data');
  });
});

it('shows the account of whom the address names to nobody else', async () => {
  const tenants = applicationTenantsOf(tenant);
  const [north, south] = [
    await tenants.create({ slug: 'north', name: 'North' }),
    await tenants.create({ slug: 'south', name: 'South' }),
  ];
  await person('pole@example.com', { name: 'Northener', applicationTenantId: north.id });
  await person('pole@example.com', { name: 'Southerner', applicationTenantId: south.id });
  const agent = server.userAgent();
  const nameAt = (page: Arrival) => page.document.querySelector('#name')?.getAttribute('value');
  expect(nameAt(await openArea(agent, '?organization=north', 'pole@example.com'))).toBe('Northener');
  expect(nameAt(await agent.open(`/acme/account?organization=${north.id}`))).toBe('Northener');
  const asked = await agent.open('/acme/account?organization=south');
  expect(asked.url.pathname).toContain('/interaction/');
  expect(asked.body).not.toContain('Northener');
  expect(nameAt(await agent.submit(asked, { email: 'pole@example.com', password }))).toBe('Southerner');
  expect((await agent.open('/acme/account/data?organization=north')).url.pathname).toContain('/interaction/');
  expect((await agent.open('/acme/account?organization=nobody')).url.pathname).toBe('/');
});

it('asks for what the policy requires today of a session that is older than it', async () => {
  const stricter = await createTenantServer();
  try {
    const account = await person('early@example.com', { at: stricter.tenant });
    const agent = stricter.userAgent();
    await agent.submit(await agent.open('/acme/account'), { email: 'early@example.com', password });
    expect((await agent.open('/acme/account')).url.pathname).toBe('/acme/account');
    await stricter.tenant.setPolicy({ requireMFA: true });
    const enrol = await agent.open('/acme/account');
    expect(enrol.url.pathname).toMatch(/enrol-factor$/);
    expect(enrol.body).not.toContain('name="name" type="text" dir="auto"');
    const app = await addApp(stricter.tenant, account);
    await addRecoveryCodes(stricter.tenant, account.id);
    const second = await agent.open('/acme/account/sessions');
    expect(second.url.pathname).toMatch(/second-factor$/);
    const inside = await agent.submitTo(second, 'totp', { code: app.code() });
    expect(inside.url.pathname).toBe('/acme/account/sessions');
  } finally {
    await stricter.close();
  }
});

it('serves the people of an application tenant, who are not those of another', async () => {
  const shop = await applicationTenantsOf(tenant).create({ slug: 'shop', name: 'Shop' });
  await person('both@example.com', { name: 'Default' });
  await person('both@example.com', { name: 'Shopper', applicationTenantId: shop.id });
  const agent = server.userAgent();
  const page = await openArea(agent, '?organization=shop', 'both@example.com');
  expect(page.document.querySelector('#name')?.getAttribute('value')).toBe('Shopper');
  await agent.submit(formOf(page, '/save'), { name: 'Renamed' });
  expect((await tenant.accounts.findByEmail('default', 'both@example.com'))?.name).toBe('Default');
});
