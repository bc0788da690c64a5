import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toClientDocument } from '../../src/clients/client-item.ts';
import { openPeople, type People } from '../../src/identity/people.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { createAccountAccess } from '../../src/oidc/account-access.ts';
import { silentLog } from '../support/services.ts';
import {
  authorizationRequest,
  createTenantServer,
  password,
  redeem,
  type ServedTenant,
  signIn,
  type TenantServer,
} from './tenant-server.ts';

const orders = 'https://orders.example/';
let server: TenantServer;
let tenant: ServedTenant;
let people: People;
let organizationId: string;
let accountId: string;

beforeAll(async () => {
  server = await createTenantServer();
  tenant = server.tenant;
  people = openPeople({ table: tenant.table, clock: systemClock, random: systemRandom });
  organizationId = (await people.applicationTenants.create({ slug: 'north', name: 'North' })).id;
  const account = await people.accounts.create({
    applicationTenantId: organizationId,
    email: 'ada@example.com',
    name: 'Ada Lovelace',
    givenName: 'Ada',
    roles: ['Member'],
  });
  accountId = account.id;
  await people.accounts.setPassword(account.id, password);
  const group = await people.groups.create({
    applicationTenantId: organizationId,
    name: 'Buyers',
    description: '',
    roles: ['Viewer'],
  });
  await people.memberships.add(account, group);
  await tenant.resources.put({
    indicator: orders,
    name: 'Orders',
    scopes: ['read', 'roles', 'groups'],
    accessTokenFormat: 'jwt',
    accessTokenTtlSeconds: 600,
  });
  await tenant.clients.change('web-client', (before) => ({
    ...toClientDocument(before),
    scopes: ['read', 'roles', 'groups', 'users:read', 'clients:read'],
  }));
});
afterAll(() => server.close());

async function tokens(scope: string, parameters: Record<string, string> = {}) {
  const agent = server.userAgent();
  const consent = await signIn(agent, tenant, 'ada@example.com', {
    organization: 'north',
    scope,
    prompt: 'consent',
    ...parameters,
  });
  return redeem(tenant, { ...(await agent.submit(consent)), verifier: consent.verifier });
}

const basic = () => `Basic ${Buffer.from(`web-client:${tenant.clientSecret}`).toString('base64')}`;

async function introspect(token: string | undefined): Promise<Record<string, unknown>> {
  const response = await fetch(`${tenant.issuer}/token/introspection`, {
    method: 'POST',
    headers: { authorization: basic() },
    body: new URLSearchParams({ token: token ?? '' }),
  });
  return (await response.json()) as Record<string, unknown>;
}

async function userinfo(token: string | undefined) {
  const response = await fetch(`${tenant.issuer}/me`, { headers: { authorization: `Bearer ${token}` } });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('what tokens say of where a person belongs (E2, B3)', () => {
  it('is the application tenant, always; roles and groups by scope', async () => {
    const plain = await tokens('openid');
    expect(decodeJwt(plain.id_token ?? '')).toMatchObject({ organization_id: organizationId });
    expect(await introspect(plain.access_token)).toMatchObject({ organization_id: organizationId });
    const { body } = await userinfo(plain.access_token);
    expect(body).toEqual({ sub: accountId, organization_id: organizationId });

    const full = await tokens('openid profile roles groups');
    const belongs = { roles: ['Member', 'Viewer'], groups: ['Buyers'] };
    expect((await userinfo(full.access_token)).body).toEqual({
      sub: accountId,
      organization_id: organizationId,
      name: 'Ada Lovelace',
      given_name: 'Ada',
      ...belongs,
    });
    expect(await introspect(full.access_token)).toMatchObject({ active: true, ...belongs });
  });

  it('stands in JWT access tokens of an API that has these scopes', async () => {
    const { access_token: none } = await tokens('openid read', { resource: orders });
    const payload = decodeJwt(none ?? '');
    expect(payload).toMatchObject({ organization_id: organizationId, scope: 'read' });
    expect(payload).not.toHaveProperty('roles');
    const { access_token: both } = await tokens('openid read roles groups', { resource: orders });
    expect(decodeJwt(both ?? '')).toMatchObject({ roles: ['Member', 'Viewer'], groups: ['Buyers'] });
  });

  it('is no claim of a client that acts for itself', async () => {
    const { clientSecret } = await tenant.clients.create({
      clientId: 'robot',
      name: 'Robot',
      type: 'm2m',
      scopes: ['read'],
    });
    const response = await fetch(`${tenant.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`robot:${clientSecret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', resource: orders, scope: 'read' }),
    });
    const { access_token: token } = (await response.json()) as { access_token: string };
    expect(decodeJwt(token)).not.toHaveProperty('organization_id');
  });

  it('gives an administrator of an application tenant only what is managed there', async () => {
    await people.accounts.setRoles(accountId, ['Admin']);
    const { access_token: token } = await tokens('openid users:read clients:read', {
      resource: server.adminApi,
    });
    expect(decodeJwt(token ?? '')).toMatchObject({ scope: 'users:read', organization_id: organizationId });
    await people.accounts.setRoles(accountId, ['Member']);
  });

  it('is at an API that goes by roles what the roles give, from token to token', async () => {
    const billing = 'https://billing.example/';
    const stock = 'https://stock.example/';
    const api = {
      name: 'Billing',
      scopes: ['invoices:read', 'invoices:write', 'invoices:void'],
      accessTokenTtlSeconds: 600,
      introspectionClientIds: ['web-client'],
    };
    await tenant.resources.put({ ...api, indicator: billing, accessTokenFormat: 'jwt', scopesByRole: true });
    await tenant.resources.put({ ...api, indicator: stock, accessTokenFormat: 'opaque', scopesByRole: true });
    const before = toClientDocument((await tenant.clients.get('web-client')) as never);
    await tenant.clients.change('web-client', () => ({
      ...before,
      scopes: [...api.scopes, ...(before.scopes ?? [])],
    }));
    await people.roles.put({ name: 'Clerk', description: '', scopes: ['invoices:read'] });
    // Roles of another application tenant, and of the tenant where this one has none of that name, give nothing here.
    await people.roles.put({ name: 'Voider', description: '', scopes: ['invoices:void'] }, 'apt_elsewhere');
    await people.accounts.setRoles(accountId, ['Clerk', 'Voider']);
    const asked = `openid offline_access ${api.scopes.join(' ')}`;
    const first = await tokens(asked, { resource: billing });
    expect(decodeJwt(first.access_token ?? '')).toMatchObject({ scope: 'invoices:read' });

    const refresh = async (token: string | undefined) => {
      const response = await fetch(`${tenant.issuer}/token`, {
        method: 'POST',
        headers: { authorization: basic() },
        body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token ?? '' }),
      });
      return (await response.json()) as { access_token: string; refresh_token: string; scope?: string };
    };
    await people.accounts.setRoles(accountId, []);
    const second = await refresh(first.refresh_token);
    expect(decodeJwt(second.access_token)).not.toHaveProperty('scope');
    // What groups give counts as well, and what is given later comes with the next token that may hold it.
    const [group] = (await people.groups.list(organizationId)).groups;
    await people.roles.put({ name: 'Viewer', description: '', scopes: ['read', 'invoices:read'] });
    expect(group?.roles).toEqual(['Viewer']);
    const third = await refresh(second.refresh_token);
    expect(decodeJwt(third.access_token)).toMatchObject({ scope: 'invoices:read' });

    // Opaque ones are worth what the roles give when they are looked at.
    await people.accounts.setRoles(accountId, ['Clerk']);
    await people.roles.put({ name: 'Viewer', description: '', scopes: ['read'] });
    const opaque = await tokens(asked, { resource: stock });
    expect(await introspect(opaque.access_token)).toMatchObject({ active: true, scope: 'invoices:read' });
    await people.accounts.setRoles(accountId, []);
    const later = await introspect(opaque.access_token);
    expect(later).toMatchObject({ active: true, aud: stock });
    expect(later).not.toHaveProperty('scope');
    await people.accounts.setRoles(accountId, ['Member']);
  });

  it('is what the client may ask for at an API that does not go by roles, whatever they are', async () => {
    await people.accounts.setRoles(accountId, []);
    const { access_token: token } = await tokens('openid read', { resource: orders });
    expect(decodeJwt(token ?? '')).toMatchObject({ scope: 'read' });
    await people.accounts.setRoles(accountId, ['Member']);
  });

  it('ends with the access of the person, when an administrator ends it', async () => {
    const agent = server.userAgent();
    const asked = { organization: 'north', scope: 'openid offline_access', prompt: 'consent' };
    const consent = await signIn(agent, tenant, 'ada@example.com', asked);
    const { access_token, refresh_token } = await redeem(tenant, {
      ...(await agent.submit(consent)),
      verifier: consent.verifier,
    });
    const silent = () =>
      agent.open(authorizationRequest(tenant, { organization: 'north', prompt: 'none' }).url);
    expect((await silent()).url.searchParams.get('code')).not.toBeNull();
    expect(await introspect(refresh_token)).toMatchObject({ active: true });
    const accountAccess = createAccountAccess({
      tables: { open: () => tenant.table },
      keyStore: { forTenant: () => ({}) as never },
      logoutDelivery: { run: () => {} },
      publicUrl: new URL(server.origin),
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
    });
    await accountAccess(tenant.record).end(accountId);
    expect((await silent()).url.searchParams.get('error')).toBe('login_required');
    expect(await introspect(access_token)).toEqual({ active: false });
    expect(await introspect(refresh_token)).toEqual({ active: false });
  });

  it('counts no more once the application tenant is suspended', async () => {
    const { access_token, refresh_token } = await tokens('openid offline_access');
    const found = await people.applicationTenants.get(organizationId);
    const suspended = await people.applicationTenants.update(organizationId, found?.version ?? '', {
      status: 'suspended',
    });
    expect(await introspect(access_token)).toEqual({ active: false });
    expect(await introspect(refresh_token)).toEqual({ active: false });
    expect((await userinfo(access_token)).status).toBe(401);
    const refresh = () =>
      fetch(`${tenant.issuer}/token`, {
        method: 'POST',
        headers: { authorization: basic() },
        body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refresh_token ?? '' }),
      });
    expect((await refresh()).status).toBe(400);
    await people.applicationTenants.update(organizationId, suspended.version, { status: 'active' });
    expect(await introspect(access_token)).toMatchObject({ active: true });
    expect((await refresh()).status).toBe(200);
  });
});
