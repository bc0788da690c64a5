import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminScopes, tenantScopes } from '../../src/identity/admin-scopes.ts';
import {
  createTenant,
  obtainCode,
  post,
  readJwks,
  redemption,
  redirectUri,
  type TestTenant,
} from './tenant-fixture.ts';

describe('tokens for APIs', () => {
  let tenant: TestTenant;
  let service: { clientId: string; clientSecret?: string };
  let orders: { clientId: string; clientSecret?: string };
  const ordersApi = 'https://orders.example/';

  beforeAll(async () => {
    tenant = await createTenant();
    service = await register({
      name: 'Service',
      type: 'm2m',
      scopes: ['clients:read', 'admin', 'orders:read'],
    });
    orders = await register({ name: 'Orders API', type: 'm2m' });
    await tenant.resources.put({
      indicator: ordersApi,
      name: 'Orders',
      scopes: ['orders:read', 'orders:write'],
      accessTokenFormat: 'opaque',
      accessTokenTtlSeconds: 120,
      introspectionClientIds: [orders.clientId],
    });
  });
  afterAll(() => tenant.close());

  async function register(input: Parameters<TestTenant['clients']['create']>[0], at = tenant) {
    const { client, clientSecret } = await at.clients.create(input);
    return { clientId: client.clientId, ...(clientSecret === undefined ? {} : { clientSecret }) };
  }

  const ask = (form: Record<string, string>, client = service) =>
    post(`${tenant.base}/token`, client, { grant_type: 'client_credentials', ...form });
  const introspect = async (token: string, client: { clientId: string; clientSecret?: string }) =>
    (await post(`${tenant.base}/token/introspection`, client, { token })).body;

  it('for the admin API are JWTs with the scopes that client and tenant have', async () => {
    const { status, body } = await ask({ resource: tenant.adminApi, scope: adminScopes.join(' ') });

    expect(status).toBe(200);
    // `admin` is a scope of the platform alone.
    expect(body).toMatchObject({ expires_in: 600, scope: 'clients:read' });
    const jwks = createLocalJWKSet(await readJwks(tenant));
    const { payload } = await jwtVerify(body.access_token, jwks, {
      typ: 'at+jwt',
      issuer: tenant.issuer,
      audience: tenant.adminApi,
    });
    expect(payload).toMatchObject({
      client_id: service.clientId,
      sub: service.clientId,
      scope: 'clients:read',
    });
  });

  it('of the platform have every admin scope that the client has', async () => {
    const platform = await createTenant({ slug: 'platform', kind: 'platform' });
    const bootstrap = await register({ name: 'Bootstrap', type: 'm2m', scopes: [...adminScopes] }, platform);
    const { body } = await post(`${platform.base}/token`, bootstrap, {
      grant_type: 'client_credentials',
      resource: platform.adminApi,
      scope: adminScopes.join(' '),
    });
    expect(body.scope.split(' ').toSorted()).toEqual(adminScopes.toSorted());
    await platform.close();
  });

  it('for a resource of the tenant follow its settings', async () => {
    const { body } = await ask({ resource: ordersApi, scope: 'orders:read orders:write' });

    expect(body).toMatchObject({ expires_in: 120, scope: 'orders:read' });
    expect(body.access_token).not.toContain('.');
  });

  it('are introspected by their own client and by the API they are for, by nobody else', async () => {
    const { body } = await ask({ resource: ordersApi, scope: 'orders:read' });
    const stranger = await register({ name: 'Stranger', type: 'm2m' });

    expect(await introspect(body.access_token, orders)).toMatchObject({
      active: true,
      aud: ordersApi,
      scope: 'orders:read',
      client_id: service.clientId,
    });
    expect(await introspect(body.access_token, service)).toMatchObject({ active: true });
    expect(await introspect(body.access_token, stranger)).toEqual({ active: false });
  });

  it('hold at each API what the client may ask for there, and at others nothing', async () => {
    const billingApi = 'https://billing.example/';
    await tenant.resources.put({
      indicator: billingApi,
      name: 'Billing',
      scopes: ['read', 'write'],
      accessTokenFormat: 'opaque',
      accessTokenTtlSeconds: 120,
    });
    await tenant.resources.put({
      indicator: 'https://stock.example/',
      name: 'Stock',
      scopes: ['read', 'write'],
      accessTokenFormat: 'jwt',
      accessTokenTtlSeconds: 120,
    });
    const scopes = ['read', 'write', 'clients:read'];
    const reader = await register({
      name: 'Reader',
      type: 'm2m',
      scopes,
      resourceScopes: [
        { resource: billingApi, scopes: ['read'] },
        { resource: 'https://stock.example/', scopes: ['read', 'write'] },
      ],
    });
    const scopeAt = async (resource: string, client = reader) =>
      (await ask({ resource, scope: scopes.join(' ') }, client)).body.scope;
    expect(await scopeAt(billingApi)).toBe('read');
    expect(await scopeAt('https://stock.example/')).toBe('read write');
    expect(await scopeAt(tenant.adminApi)).toBeUndefined();
    const everywhere = await register({ name: 'Everywhere', type: 'm2m', scopes });
    expect(await scopeAt(billingApi, everywhere)).toBe('read write');
    expect(await scopeAt(tenant.adminApi, everywhere)).toBe('clients:read');
    const nowhere = await register({ name: 'Nowhere', type: 'm2m', scopes, resourceScopes: [] });
    expect(await scopeAt(billingApi, nowhere)).toBeUndefined();
  });

  it('without a resource are opaque and for nobody', async () => {
    const { body } = await ask({});
    expect(body.access_token).not.toContain('.');
    expect(await introspect(body.access_token, service)).not.toHaveProperty('aud');
  });

  it.each(['https://nowhere.example', 'not a uri', `https://a.example/${'a'.repeat(4000)}`, '__proto__'])(
    'are refused for the resource %o',
    async (resource) => {
      expect(await ask({ resource })).toMatchObject({ status: 400, body: { error: 'invalid_target' } });
    },
  );

  it('are revoked by their own client only', async () => {
    const { body } = await ask({});
    const revoke = (client: typeof service) =>
      post(`${tenant.base}/token/revocation`, client, { token: body.access_token });

    await revoke(orders);
    expect(await introspect(body.access_token, service)).toMatchObject({ active: true });
    await revoke(service);
    expect(await introspect(body.access_token, service)).toEqual({ active: false });
  });

  it('for users carry the resource that was asked for at authorization', async () => {
    const native = await register({
      name: 'App',
      type: 'native',
      redirectUris: [redirectUri],
      scopes: [...tenantScopes],
    });
    const code = await obtainCode(tenant, tenant.userAgent(), {
      client_id: native.clientId,
      scope: 'openid clients:read',
      resource: tenant.adminApi,
    });
    const { body } = await post(`${tenant.base}/token`, native, redemption(code));
    const refreshed = await post(`${tenant.base}/token`, native, {
      grant_type: 'refresh_token',
      refresh_token: body.refresh_token,
    });

    for (const { access_token: token } of [body, refreshed.body]) {
      expect(decodeJwt(token)).toMatchObject({
        aud: tenant.adminApi,
        scope: 'clients:read',
        sub: 'sub-1',
        client_id: native.clientId,
      });
    }
  });
});
