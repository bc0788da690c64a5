import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tenantScopes } from '../../src/identity/admin-scopes.ts';
import type { KeyState } from '../../src/kernel/tenant.ts';
import { pendingMs } from '../tenancy/key-fixture.ts';
import { type Api, createApi } from './api-fixture.ts';

let api: Api;
let operator: string;
let reader: string;

beforeAll(async () => {
  api = await createApi();
});
/** Tests move the clock further than a token lives. */
beforeEach(async () => {
  operator = await api.robot();
  reader = await api.robot('acme', ['keys:read']);
});
afterAll(() => api.close());

// biome-ignore lint/suspicious/noExplicitAny: what the tests examine
async function keysOf(slug = 'acme', token = operator): Promise<any> {
  return (await api.get(`/api/tenants/${slug}/keys`, token).expect(200)).body;
}
const statesOf = ({ keys }: { keys: { state: string }[] }) => keys.map(({ state }) => state);

describe('keys', () => {
  it('are shown without anything that only the key store can read', async () => {
    const body = await keysOf('globex');
    expect(body).toEqual({
      keys: [{ kid: 'key-1', alg: 'ES256', state: 'active', createdAt: expect.any(String) }],
      cookieKeys: [],
    });
  });

  it('are rotated on demand: by intent at once, by a job the rest', async () => {
    const begun = await api.post('/api/tenants/acme/keys/rotate', {}, operator).expect(202);
    expect(statesOf(begun.body)).toEqual(['pending', 'active']);
    expect(begun.body.keys[0]).not.toHaveProperty('publishedAt');
    expect(await api.jobs('tenant-keys')).toContainEqual({ slug: 'acme' });

    const again = await api.post('/api/tenants/acme/keys/rotate', { alg: 'ES256' }, operator).expect(202);
    expect(again.body).toEqual(begun.body);

    const { slug } = await api.recordOf('acme');
    await api.keyRotation.advance(slug);
    const [pending] = (await keysOf()).keys;
    expect(pending).toMatchObject({
      kid: begun.body.keys[0].kid,
      state: 'pending',
      next: { state: 'active', at: new Date(api.clock.now() + pendingMs).toISOString() },
    });

    api.clock.advance(pendingMs);
    await api.keyRotation.advance(slug);
    expect(statesOf(await keysOf('acme', await api.robot()))).toEqual(['active', 'retiring']);
    const { body } = await api
      .get('/api/tenants/acme/audit?event=tenant.keys.rotation-started', await api.robot())
      .expect(200);
    expect(body.events).toHaveLength(1);
    expect(body.events[0]).toMatchObject({
      actor: { kind: 'client' },
      details: { kid: pending.kid, use: 'signing', alg: 'ES256' },
    });
  });

  it('may be of more algorithms than one', async () => {
    const { body } = await api
      .post('/api/tenants/globex/keys/rotate', { alg: 'PS256' }, operator)
      .expect(202);
    expect(body.keys.map(({ alg, state }: Record<string, string>) => `${alg} ${state}`)).toEqual([
      'PS256 pending',
      'ES256 active',
    ]);
    const refused = await api.post('/api/tenants/globex/keys/rotate', { alg: 'HS256' }, operator).expect(400);
    expect(refused.body.errors).toEqual([{ field: 'alg', message: 'must be one of: ES256, RS256, PS256' }]);
  });

  it('belong to a tenant, and need the scopes for it', async () => {
    await keysOf('acme', reader);
    const { headers } = await api.post('/api/tenants/acme/keys/rotate', {}, reader).expect(403);
    expect(headers['www-authenticate']).toContain('scope="keys:write"');
    const other = await api.robot('globex');
    const blind = await api.robot(
      'acme',
      tenantScopes.filter((scope) => !scope.startsWith('keys:')),
    );
    for (const [token, status] of [
      [other, 404],
      [blind, 403],
    ] as const) {
      await api.get('/api/tenants/acme/keys', token).expect(status);
      await api.post('/api/tenants/acme/keys/rotate', {}, token).expect(status);
      await api.post('/api/tenants/acme/keys/key-1/revoke', { reason: 'x' }, token).expect(status);
      await api.post('/api/tenants/acme/cookie-keys/rotate', {}, token).expect(status);
      await api.post('/api/tenants/acme/cookie-keys/revoke', { reason: 'x' }, token).expect(status);
    }
    await api.get('/api/tenants/none/keys', operator).expect(404);
    await api.post('/api/tenants/none/keys/rotate', {}, operator).expect(404);
  });
});

describe('a token', () => {
  it('counts by the state of the key that signed it', async () => {
    const tenant = await api.recordOf('acme');
    const kid = tenant.signingKeys.find(({ state }) => state === 'active')?.kid;
    const set = (state: KeyState) =>
      api.directory.update(tenant.slug, tenant.id, (record) => ({
        ...record,
        signingKeys: record.signingKeys.map((key) => (key.kid === kid ? { ...key, state } : key)),
      }));
    const token = await api.robot('acme', ['keys:read']);
    for (const [state, status] of [
      ['pending', 401],
      ['active', 200],
      ['retiring', 200],
      ['retired', 401],
      ['destroyed', 401],
    ] as const) {
      await set(state);
      await api.get('/api/tenants/acme/keys', token).expect(status);
    }
    await api.directory.update(tenant.slug, tenant.id, (record) => ({
      ...record,
      signingKeys: tenant.signingKeys,
    }));
  });
});

describe('a revocation', () => {
  it('needs a reason and a key', async () => {
    const refused = await api.post('/api/tenants/globex/keys/key-1/revoke', {}, operator).expect(400);
    expect(refused.body.errors).toEqual([{ field: 'reason', message: 'is required' }]);
    await api.post('/api/tenants/globex/keys/none/revoke', { reason: 'leaked' }, operator).expect(404);
  });

  it('ends the tokens of a signing key at once, puts another key in its place, and is on record', async () => {
    const token = await api.robot('globex');
    await api.get('/api/tenants/globex/keys', token).expect(200);
    const { body } = await api
      .post('/api/tenants/globex/keys/key-1/revoke', { reason: 'found in a log' }, operator)
      .expect(200);
    const [fresh, old] = body.keys.filter(({ alg }: { alg: string }) => alg === 'ES256');
    expect(fresh).toMatchObject({ state: 'active' });
    expect(old).toMatchObject({ kid: 'key-1', state: 'retired', revocation: { reason: 'found in a log' } });
    await api.get('/api/tenants/globex/keys', token).expect(401);
    expect(await api.jobs('tenant-keys')).toContainEqual({ slug: 'globex' });
    const { id } = await api.recordOf('globex');
    expect((await api.keyStore.forTenant(id).list()).some((reference) => reference.includes('/key-1/'))).toBe(
      false,
    );

    const again = await api
      .post('/api/tenants/globex/keys/key-1/revoke', { reason: 'again' }, operator)
      .expect(200);
    expect(again.body).toEqual(body);
    const audit = await api
      .get('/api/tenants/globex/audit?event=tenant.keys.key-revoked', operator)
      .expect(200);
    expect(audit.body.events).toHaveLength(1);
    expect(audit.body.events[0]).toMatchObject({
      severity: 'high',
      details: { kid: 'key-1', reason: 'found in a log' },
    });
  });

  it('replaces cookie keys, too', async () => {
    const { id, slug } = await api.recordOf('acme');
    const sealed = await api.keyStore
      .forTenant(id)
      .seal('cookie-keys', Buffer.from(JSON.stringify(['cookie-1'])));
    await api.directory.update(slug, id, (record) => ({ ...record, sealedCookieKeys: sealed }));
    const rotated = await api.post('/api/tenants/acme/cookie-keys/rotate', {}, operator).expect(202);
    expect(rotated.body.cookieKeys.map(({ state }: { state: string }) => state)).toEqual([
      'pending',
      'active',
    ]);
    const { body } = await api
      .post('/api/tenants/acme/cookie-keys/revoke', { reason: 'leaked' }, operator)
      .expect(200);
    expect(body.cookieKeys.map(({ state }: { state: string }) => state)).toEqual([
      'active',
      'retired',
      'retired',
    ]);
    expect(JSON.stringify(body)).not.toContain('cookie-1');
  });
});
