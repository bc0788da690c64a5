import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  authorizationRequest,
  createTenantServer,
  password,
  redeem,
  type ServedTenant,
  signIn,
  type TenantServer,
  textOf,
} from './tenant-server.ts';

let server: TenantServer;
let platform: TenantServer;

beforeAll(async () => {
  [server, platform] = await Promise.all([
    createTenantServer(),
    createTenantServer({ kind: 'platform', name: 'Platform' }),
  ]);
  await server.tenant.resources.put({
    indicator: 'https://api.example/v1',
    name: 'Ledger API',
    scopes: ['read', 'write'],
    accessTokenFormat: 'jwt',
    accessTokenTtlSeconds: 600,
  });
});

afterAll(() => Promise.all([server.close(), platform.close()]));

async function person(tenant: ServedTenant, email: string, roles: readonly string[]) {
  const account = await tenant.accounts.create({ email, name: 'Ada', roles, emailVerified: true });
  await tenant.accounts.setPassword(account.id, password);
  return account;
}

async function accessTokenScope(tenant: ServedTenant, arrival: Parameters<typeof redeem>[1]) {
  const tokens = await redeem(tenant, arrival);
  return decodeJwt(tokens.access_token ?? '').scope;
}

it('says in plain words what is asked, of whom, and where it leads', async () => {
  await person(server.tenant, 'words@example.com', ['Member']);
  const page = await signIn(server.userAgent(), server.tenant, 'words@example.com', {
    scope: 'openid email offline_access read',
    prompt: 'consent',
    resource: 'https://api.example/v1',
  });
  const text = textOf(page);
  for (const words of [
    'asks for access',
    'words@example.com',
    'Know that it is you',
    'See your e-mail address',
    'Keep this access while you are away',
    'Ledger API',
    'Use its permission “read”',
    'client.example',
  ]) {
    expect(text).toContain(words);
  }
  expect(text).not.toContain('write');
});

it('gives what was allowed, once asked, and nothing on refusal', async () => {
  await person(server.tenant, 'allow@example.com', ['Member']);
  const agent = server.userAgent();
  const asked = { scope: 'openid read', resource: 'https://api.example/v1' };
  const page = await signIn(agent, server.tenant, 'allow@example.com', asked);
  const arrival = await agent.submit(page);
  expect(await accessTokenScope(server.tenant, { ...arrival, verifier: page.verifier })).toBe('read');
  const again = await agent.open(authorizationRequest(server.tenant, asked).url);
  expect(again.url.searchParams.get('code')).toBeTruthy();
  const more = await agent.open(
    authorizationRequest(server.tenant, { ...asked, scope: 'openid read write' }).url,
  );
  expect(textOf(more)).toContain('“write”');
  expect(textOf(more)).not.toContain('“read”');
  more.document.querySelector('form')?.remove();
  const refused = await agent.submit(more);
  expect(refused.url.searchParams.get('error')).toBe('access_denied');
  expect(refused.url.searchParams.get('code')).toBeNull();
});

describe('the admin API', () => {
  it('is open to a tenant’s Admin, for that tenant’s scopes', async () => {
    const { tenant, adminApi, userAgent } = server;
    await person(tenant, 'admin@example.com', ['Admin']);
    const agent = userAgent();
    const page = await signIn(agent, tenant, 'admin@example.com', {
      scope: 'openid clients:read clients:write',
      resource: adminApi,
    });
    expect(textOf(page)).toContain('Register and change applications');
    const arrival = await agent.submit(page);
    expect(await accessTokenScope(tenant, { ...arrival, verifier: page.verifier })).toBe(
      'clients:read clients:write',
    );
  });

  it('gives a Member nothing and asks them nothing, without a loop', async () => {
    const { tenant, adminApi, userAgent } = server;
    await person(tenant, 'member@example.com', ['Member']);
    const agent = userAgent();
    const page = await signIn(agent, tenant, 'member@example.com', {
      scope: 'openid clients:write',
      resource: adminApi,
    });
    expect(textOf(page)).not.toContain('Register and change');
    const arrival = await agent.submit(page);
    expect(await accessTokenScope(tenant, { ...arrival, verifier: page.verifier })).toBeUndefined();
  });

  it('gives operators what their role says (C1)', async () => {
    const { tenant, adminApi, userAgent } = platform;
    await person(tenant, 'team@example.com', ['OAuth Team']);
    const agent = userAgent();
    const page = await signIn(agent, tenant, 'team@example.com', {
      scope: 'openid admin registrations:read registrations:decide',
      resource: adminApi,
    });
    expect(textOf(page)).toContain('Approve and disapprove');
    expect(textOf(page)).not.toContain('Create and manage tenants');
    const arrival = await agent.submit(page);
    expect(await accessTokenScope(tenant, { ...arrival, verifier: page.verifier })).toBe(
      'registrations:read registrations:decide',
    );
  });

  it('follows the roles: taken away with them, asked for when they come', async () => {
    const { tenant, adminApi, userAgent } = server;
    const { id } = await person(tenant, 'moving@example.com', ['Admin']);
    const agent = userAgent();
    const asked = { scope: 'openid clients:read', resource: adminApi };
    await agent.submit(await signIn(agent, tenant, 'moving@example.com', asked));
    await tenant.accounts.setRoles(id, ['Member']);
    const { url, verifier } = authorizationRequest(tenant, asked);
    const without = await agent.open(url);
    expect(await accessTokenScope(tenant, { ...without, verifier })).toBeUndefined();
    await tenant.accounts.setRoles(id, ['Admin']);
    const page = await agent.open(authorizationRequest(tenant, asked).url);
    expect(textOf(page)).toContain('Read the registered applications');
  });
});
