import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toClientDocument } from '../../src/clients/client-item.ts';
import { createInitialAccessTokens } from '../../src/clients/initial-access-tokens.ts';
import {
  createRegistrationPolicies,
  type RegistrationPolicy,
} from '../../src/clients/registration-policy.ts';
import { type ActivityLogs, type Happening, noActivityLogs } from '../../src/identity/activity-log.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { createQuotaStore } from '../../src/tenancy/quotas.ts';
import { createTenant, post, type TestTenant } from './tenant-fixture.ts';

let tenant: TestTenant;
let base: string;
const noted: Happening[] = [];
const policy: RegistrationPolicy = {
  enabled: true,
  types: ['web', 'spa', 'native', 'm2m'],
  scopes: ['orders:read'],
  redirectHosts: ['app.example', 'com.example.app'],
};

/** A runtime of the tenant under this policy. */
async function under(change: Partial<RegistrationPolicy>): Promise<string> {
  await createRegistrationPolicies({ table: tenant.table }).change(() => ({ ...policy, ...change }));
  return tenant.another();
}

beforeAll(async () => {
  const activityLogs: ActivityLogs = {
    of: (table) => ({ ...noActivityLogs.of(table), note: (happening) => void noted.push(happening) }),
  };
  tenant = await createTenant({ activityLogs });
  base = await under({});
});
afterAll(() => tenant.close());

function tokens(target = tenant) {
  return createInitialAccessTokens({ table: target.table, clock: systemClock, random: systemRandom });
}

async function initialToken(uses = 1): Promise<string> {
  return (await tokens().create({ name: 'Rollout', uses, expiresInSeconds: 60 })).token;
}

async function call(method: string, url: string, token: string | undefined, body?: object) {
  const response = await fetch(url, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) };
}

const wish = { client_name: 'App', redirect_uris: ['https://app.example/cb'], scope: 'openid orders:read' };
const register = async (body: object = wish) => call('POST', `${base}/reg`, await initialToken(), body);

/** Where the client manages itself, at the runtime under test. */
const manage = (registered: { client_id: string }) => `${base}/reg/${registered.client_id}`;

describe('a client', () => {
  it('registers, is told its metadata, and can use them', async () => {
    const { status, body } = await register();
    expect(status).toBe(201);
    expect(body).toMatchObject({
      client_name: 'App',
      redirect_uris: ['https://app.example/cb'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
      scope: 'orders:read',
      client_secret_expires_at: 0,
      registration_client_uri: `${tenant.issuer}/reg/${body.client_id}`,
    });
    expect(body).not.toHaveProperty('api_scopes');
    const answer = await post(
      `${base}/token/introspection`,
      { clientId: body.client_id, clientSecret: body.client_secret },
      { token: 'x' },
    );
    expect(answer).toMatchObject({ status: 200, body: { active: false } });
    expect(await tenant.clients.get(body.client_id)).toMatchObject({ registered: true, type: 'web' });
  });

  it.each([
    [{ token_endpoint_auth_method: 'none' }, 'spa'],
    [{ application_type: 'native', redirect_uris: ['com.example.app:/cb', 'http://127.0.0.1/cb'] }, 'native'],
    [{ grant_types: ['client_credentials'], response_types: [], redirect_uris: [] }, 'm2m'],
  ])('is of the type that %j mean', async (change, type) => {
    const { status, body } = await register({ ...wish, ...change });
    expect(status, JSON.stringify(body)).toBe(201);
    expect((await tenant.clients.get(body.client_id))?.type).toBe(type);
    expect(body.client_secret === undefined).toBe(type !== 'm2m');
  });

  it.each([
    [{ redirect_uris: ['https://evil.example/cb'] }, 'invalid_redirect_uri'],
    [{ redirect_uris: ['https://app.example/cb#x'] }, 'invalid_redirect_uri'],
    [{ redirect_uris: [] }, 'invalid_redirect_uri'],
    [{ redirect_uris: 'https://app.example/cb' }, 'invalid_redirect_uri'],
    [{ scope: 'orders:write' }, 'invalid_client_metadata'],
    [{ scope: 'clients:write' }, 'invalid_client_metadata'],
    [{ grant_types: ['implicit'] }, 'invalid_client_metadata'],
    [{ response_types: ['token'] }, 'invalid_client_metadata'],
    [{ grant_types: ['urn:ietf:params:oauth:grant-type:device_code'] }, 'invalid_redirect_uri'],
    [{ id_token_signed_response_alg: 'none' }, 'invalid_client_metadata'],
    [{ id_token_signed_response_alg: 'RS256' }, 'invalid_client_metadata'],
    [
      { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://10.1.2.3/' },
      'invalid_client_metadata',
    ],
    [{ logo_uri: 'javascript:alert(1)' }, 'invalid_client_metadata'],
  ])('is refused with %j: %s, and keeps its token', async (change, error) => {
    const token = await initialToken();
    const refused = await call('POST', `${base}/reg`, token, { ...wish, ...change });
    expect(refused).toMatchObject({ status: 400, body: { error } });
    expect((await call('POST', `${base}/reg`, token, wish)).status).toBe(201);
  });

  it('cannot take what administrators give', async () => {
    const { body } = await register({
      ...wish,
      require_mfa: false,
      application_tenant_id: 'default',
      enabled: true,
      client_id: 'acc_chosen',
      clientId: 'acc_chosen',
    });
    expect(body.client_id).not.toMatch(/^acc_/);
    const client = await tenant.clients.get(body.client_id);
    expect(client).not.toHaveProperty('requireMfa');
    expect(client).not.toHaveProperty('applicationTenantId');
  });
});

describe('an initial access token', () => {
  it('is needed', async () => {
    for (const token of [undefined, 'x', `iat_${'A'.repeat(22)}.${'A'.repeat(43)}`]) {
      const { status, body, headers } = await call('POST', `${base}/reg`, token, wish);
      expect([status, body.error]).toEqual([401, 'invalid_token']);
      expect(headers.get('www-authenticate')).toContain('Bearer');
    }
  });

  it('is good for so many clients, also when they come at once', async () => {
    const token = await initialToken(2);
    const answers = await Promise.all([1, 2, 3, 4].map(() => call('POST', `${base}/reg`, token, wish)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 201, 401, 401]);
  });

  it('is good for so long, until it is revoked, and at one tenant', async () => {
    let now = Date.now();
    const store = createInitialAccessTokens({
      table: tenant.table,
      clock: { now: () => now },
      random: systemRandom,
    });
    const { token, record } = await store.create({ name: 'Short', uses: 5, expiresInSeconds: 60 });
    expect(await store.take(token)).toBe(true);
    now += 60_000;
    expect(await store.take(token)).toBe(false);
    expect(await store.get(record.id)).toBeUndefined();

    const revoked = await store.create({ name: 'Revoked', uses: 5, expiresInSeconds: 600 });
    await store.remove(revoked.record.id);
    expect(await store.isValid(revoked.token)).toBe(false);

    const other = await createTenant({ slug: 'globex' });
    const foreign = await tokens(other).create({ name: 'Other', uses: 5, expiresInSeconds: 600 });
    expect((await call('POST', `${base}/reg`, foreign.token, wish)).status).toBe(401);
    await other.close();
  });
});

describe('a registered client', () => {
  it('reads and changes its record, each time with a new token', async () => {
    const { body: first } = await register();
    const token = first.registration_access_token;
    const read = await call('GET', manage(first), token);
    expect(read.status).toBe(200);
    expect(read.body).not.toHaveProperty('client_secret');

    const next = { ...wish, client_id: first.client_id, client_name: 'Renamed' };
    const changed = await call('PUT', manage(first), token, { ...next, client_secret: first.client_secret });
    expect(changed).toMatchObject({ status: 200, body: { client_name: 'Renamed' } });
    expect(changed.body).not.toHaveProperty('client_secret');
    expect((await call('GET', manage(first), token)).status).toBe(401);
    expect((await call('GET', manage(first), changed.body.registration_access_token)).status).toBe(200);
  });

  it('keeps what administrators gave it', async () => {
    const { body } = await register();
    await tenant.clients.change(body.client_id, (before) => ({
      ...toClientDocument(before),
      requireMfa: true,
      scopes: ['orders:read', 'orders:write', 'orders:void'],
      resourceScopes: [{ resource: 'https://orders.example/', scopes: ['orders:read', 'orders:void'] }],
    }));
    const next = {
      ...wish,
      client_id: body.client_id,
      scope: 'orders:read orders:write',
      resource_scopes: [],
    };
    const changed = await call('PUT', manage(body), body.registration_access_token, next);
    expect(changed.status).toBe(200);
    expect(await tenant.clients.get(body.client_id)).toMatchObject({
      requireMfa: true,
      scopes: ['orders:read', 'orders:write'],
      resourceScopes: [{ resource: 'https://orders.example/', scopes: ['orders:read'] }],
      registered: true,
    });
  });

  it.each([
    { client_id: 'another' },
    { client_secret: 'guessed' },
    { registration_access_token: 'mine' },
    { token_endpoint_auth_method: 'none' },
  ])('cannot change %j', async (change) => {
    const { body } = await register();
    const next = { ...wish, client_id: body.client_id, ...change };
    expect((await call('PUT', manage(body), body.registration_access_token, next)).status).toBe(400);
  });

  it('leaves a note of each change that it makes of itself, and none of what was refused', async () => {
    const before = noted.length;
    const { body } = await register();
    const { client_id: clientId, registration_access_token: token } = body;
    const change = { client_id: clientId, ...wish, client_name: 'Renamed' };
    await call('PUT', manage(body), 'wrong', change);
    const changed = await call('PUT', manage(body), token, change);
    await call('DELETE', manage(body), token);
    await call('DELETE', manage(body), changed.body.registration_access_token);
    expect(noted.slice(before)).toEqual([
      { kind: 'client-registered', clientId },
      { kind: 'client-changed', clientId },
      { kind: 'client-removed', clientId },
    ]);
  });

  it('removes itself, and no other', async () => {
    const { body: one } = await register();
    const { body: two } = await register();
    expect((await call('DELETE', manage(two), one.registration_access_token)).status).toBe(401);
    expect((await call('DELETE', manage(one), one.registration_access_token)).status).toBe(204);
    expect(await tenant.clients.get(one.client_id)).toBeUndefined();
    expect((await call('GET', manage(one), one.registration_access_token)).status).toBe(401);
  });

  it('has no say once it is disabled', async () => {
    const { body } = await register();
    await tenant.clients.change(body.client_id, (before) => ({
      ...toClientDocument(before),
      enabled: false,
    }));
    expect((await call('GET', manage(body), body.registration_access_token)).status).toBe(401);
  });
});

describe('the quota of clients', () => {
  it('holds for those that register, is told of before, and frees one place with one removal', async () => {
    const near: unknown[] = [];
    const meter = { count: () => {}, active: () => {}, near: (...what: unknown[]) => near.push(what) };
    const own = await createTenant({ usage: { of: () => meter } });
    const clock = systemClock;
    await createRegistrationPolicies({ table: own.table }).change(() => policy);
    const at = await own.another();
    await createQuotaStore({ table: own.table, clock }).change(() => ({ clients: 5 }));
    for (let count = await own.clients.count(); count < 3; count += 1) {
      await own.clients.create({ name: 'Other', type: 'm2m' });
    }
    const send = async () => {
      const { token } = await tokens(own).create({ name: 'Rollout', uses: 1, expiresInSeconds: 60 });
      return call('POST', `${at}/reg`, token, wish);
    };
    const { body } = await send();
    expect(near).toEqual([['clients', 4]]);
    expect((await send()).status).toBe(201);
    expect((await send()).status).toBe(409);
    const removals = await Promise.all(
      [1, 2, 3, 4].map(() => call('DELETE', `${at}/reg/${body.client_id}`, body.registration_access_token)),
    );
    expect(removals.filter(({ status }) => status === 204).length).toBeGreaterThanOrEqual(1);
    expect((await send()).status).toBe(201);
    expect((await send()).status).toBe(409);
    await own.close();
  });
});

describe('a tenant that does not let clients register', () => {
  it('has no such address and names none', async () => {
    const off = await under({ enabled: false });
    expect((await call('POST', `${off}/reg`, await initialToken(), wish)).status).toBe(404);
    const discovery = async (at: string) =>
      (await call('GET', `${at}/.well-known/openid-configuration`, undefined)).body.registration_endpoint;
    expect(await discovery(off)).toBeUndefined();
    expect(await discovery(base)).toBe(`${tenant.issuer}/reg`);
  });
});
