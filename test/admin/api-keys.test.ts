import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listAudit } from '../../src/audit/list-audit.ts';
import type { Slug } from '../../src/kernel/ids.ts';
import { type Api, createApi } from './api-fixture.ts';

let api: Api;
let admin: string;
beforeAll(async () => {
  api = await createApi();
  admin = await api.robot('acme');
});
afterAll(() => api.close());

const path = '/api/tenants/acme/api-keys';

async function create(body: object = {}, token = admin, at = path) {
  const wish = { name: 'Script', scopes: ['clients:read'], ...body };
  const answer = await api.post(at, wish, token);
  expect(answer.status, answer.text).toBe(201);
  return answer.body as { id: string; secret: string; expiresAt: string };
}

const revoke = (id: string) => api.http.delete(`${path}/${id}`).auth(admin, { type: 'bearer' });

describe('an API key', () => {
  it('does what its scopes say, at its own tenant, and is shown once', async () => {
    const { id, secret } = await create();
    expect(secret).toMatch(new RegExp(`^${id}_[A-Za-z0-9_-]{43}$`));
    await api.get('/api/tenants/acme/clients', secret).expect(200);
    await api.get(path, secret).expect(403);
    await api.post('/api/tenants/acme/clients', { name: 'X', type: 'm2m' }, secret).expect(403);
    for (const elsewhere of [
      '/api/tenants/globex/clients',
      '/api/tenants/nobody-here/clients',
      '/api/tenants',
      '/api/audit',
    ]) {
      await api.get(elsewhere, secret).expect(401);
    }
    const list = await api.get(path, admin);
    expect(list.text).not.toContain(secret.split('_').at(-1));
  });

  it('of the platform tenant is for the platform tenant', async () => {
    const operator = await api.robot('platform');
    const { secret } = await create({}, operator, '/api/tenants/platform/api-keys');
    await api.get('/api/tenants/platform/clients', secret).expect(200);
    await api.get('/api/tenants/acme/clients', secret).expect(401);
    await api.get('/api/tenants', secret).expect(401);
  });

  it('is none with another secret, another id or another form', async () => {
    const { id, secret } = await create();
    const { secret: other } = await create();
    for (const wrong of [
      `${secret}x`,
      secret.slice(0, -1),
      id,
      `${id}_`,
      `${id}_${other.split('_').slice(2).join('_')}`,
      `tnk_${'0'.repeat(16)}_${'A'.repeat(43)}`,
    ]) {
      const { status, body } = await api.get('/api/tenants/acme/clients', wrong);
      expect([status, body.code]).toEqual([401, 'invalid_token']);
    }
  });

  it('ends when it is revoked, expires, or its tenant does', async () => {
    const revoked = await create();
    await revoke(revoked.id).expect(200);
    await api.get('/api/tenants/acme/clients', revoked.secret).expect(401);

    const short = await create({ expiresInDays: 1 });
    expect(Date.parse(short.expiresAt)).toBe(Math.floor(api.clock.now() / 1000) * 1000 + 86_400_000);

    const record = await api.recordOf('acme');
    const { secret } = await create();
    await api.directory.update(record.slug, record.id, (before) => ({ ...before, status: 'suspended' }));
    await api.get('/api/tenants/acme/clients', secret).expect(401);
    await api.directory.update(record.slug, record.id, (before) => ({ ...before, status: 'active' }));
    await api.get('/api/tenants/acme/clients', secret).expect(200);

    api.clock.advance(86_400_000);
    await api.get('/api/tenants/acme/clients', short.secret).expect(401);
    await api.get('/api/tenants/acme/clients', secret).expect(200);
    admin = await api.robot('acme');
    await api.get(`${path}/${short.id}`, admin).expect(404);
  });

  it('says to the hour when it was used', async () => {
    const { id, secret } = await create();
    const lastUse = async () => (await api.get(`${path}/${id}`, admin)).body.lastUsedAt;
    expect(await lastUse()).toBeUndefined();
    await api.get('/api/tenants/acme/clients', secret);
    const first = new Date(api.clock.now()).toISOString();
    expect(await lastUse()).toBe(first);
    api.clock.advance(60_000);
    await api.get('/api/tenants/acme/clients', secret);
    expect(await lastUse()).toBe(first);
  });

  it('has no more rights than its creator, and none of the platform', async () => {
    const limited = await api.robot('acme', ['api-keys:write', 'clients:read']);
    await create({ scopes: ['clients:read'] }, limited);
    const more = await api.post(path, { name: 'X', scopes: ['clients:write'] }, limited);
    expect(more.status).toBe(403);
    const { status, body } = await api.post(path, { name: 'X', scopes: ['admin'] }, admin);
    expect([status, body.errors]).toEqual([
      400,
      [{ field: 'scopes.0', message: 'is for the platform alone' }],
    ]);
    const { secret } = await create({ scopes: ['api-keys:write', 'clients:read'] });
    await create({ scopes: ['clients:read'] }, secret);
    expect((await api.post(path, { name: 'X', scopes: ['keys:write'] }, secret)).status).toBe(403);
  });

  it('stands in the audit log as what acted', async () => {
    const { id, secret } = await create({ scopes: ['clients:write'] });
    await api.post('/api/tenants/acme/clients', { name: 'Made', type: 'm2m' }, secret).expect(201);
    const { events } = await listAudit(api.postgres, { limit: 5 });
    expect(events[0]).toMatchObject({ event: 'client.created', actor: { kind: 'api-key', id } });
    expect(JSON.stringify(events)).not.toContain(secret);
  });
});

describe('an API key of an application tenant (E2)', () => {
  let north: { id: string };
  let south: { id: string };
  let northAdmin: string;
  beforeAll(async () => {
    const { applicationTenants } = await api.partsOf('acme');
    north = await applicationTenants.create({ slug: 'north', name: 'North' });
    south = await applicationTenants.create({ slug: 'south', name: 'South' });
    northAdmin = (await api.person('acme', 'admin@north.example', ['Admin'], north.id)).token;
  });

  const scim = (where: { id: string }) => `/api/tenants/acme/scim/${where.id}/v2/Users`;

  it('reaches that application tenant and no other, whatever it addresses', async () => {
    const { secret, ...made } = await create({
      scopes: ['scim', 'users:read', 'users:write', 'api-keys:write'],
      applicationTenant: 'north',
    });
    expect(made).toMatchObject({ applicationTenantId: north.id });
    const user = { userName: 'made@north.example' };
    const inside = await api.post(scim(north), user, secret);
    expect(inside.status).toBe(201);
    expect((await api.get('/api/tenants/acme/users', secret)).body.users).toMatchObject([
      { email: 'admin@north.example' },
      { email: 'made@north.example' },
    ]);
    for (const elsewhere of [south, { id: 'default' }, { id: 'south' }]) {
      await api.get(scim(elsewhere), secret).expect(404);
      await api.post(scim(elsewhere), user, secret).expect(404);
      await api.get(`/api/tenants/acme/users?applicationTenant=${elsewhere.id}`, secret).expect(404);
      const key = { name: 'X', scopes: ['scim'], applicationTenant: elsewhere.id };
      await api.post(path, key, secret).expect(404);
    }
    await api.get(scim(north).replace('acme', 'globex'), secret).expect(401);
    await api.get('/api/tenants/acme/clients', secret).expect(403);
    // A key that it makes is bound to the same one, named or not.
    const child = await create({ scopes: ['scim'] }, secret);
    expect(child).toMatchObject({ applicationTenantId: north.id });
    await api.get(scim(south), child.secret).expect(404);
    await api.post(path, { name: 'X', scopes: ['application-tenants:write'] }, secret).expect(403);
  });

  it('is made, seen and revoked by the administrators of that one, who see no other', async () => {
    const own = await create({ scopes: ['scim'] }, northAdmin);
    expect(own).toMatchObject({ applicationTenantId: north.id });
    const others = [
      await create({ scopes: ['scim'] }),
      await create({ scopes: ['scim'], applicationTenant: south.id }),
    ];
    const list = await api.get(`${path}?limit=100`, northAdmin).expect(200);
    expect(list.body.apiKeys.map(({ id }: { id: string }) => id)).toContain(own.id);
    expect(list.body.apiKeys.every((key: object) => 'applicationTenantId' in key)).toBe(true);
    const unknown = await api.get(`${path}/tnk_${'0'.repeat(16)}`, northAdmin);
    for (const { id, secret } of others) {
      const seen = await api.get(`${path}/${id}`, northAdmin);
      expect([seen.status, seen.body.detail]).toEqual([404, unknown.body.detail]);
      await api.http.delete(`${path}/${id}`).auth(northAdmin, { type: 'bearer' }).expect(404);
      expect((await api.get(scim(south), secret)).status).toBe(200);
      expect(list.text).not.toContain(id);
    }
    const more = await api.post(path, { name: 'X', scopes: ['clients:read'] }, northAdmin);
    expect([more.status, more.body.errors]).toEqual([
      400,
      [{ field: 'scopes.0', message: 'is not for keys of an application tenant' }],
    ]);
    await api.post(path, { name: 'X', scopes: ['scim'], applicationTenant: 'south' }, northAdmin).expect(404);
    await api.http.delete(`${path}/${own.id}`).auth(northAdmin, { type: 'bearer' }).expect(200);
    await api.get(scim(north), own.secret).expect(401);
  });

  it('is none of the default one: that would be the whole tenant', async () => {
    const { status, body } = await api.post(
      path,
      { name: 'X', scopes: ['scim'], applicationTenant: 'default' },
      admin,
    );
    expect([status, body.errors[0].field]).toEqual([400, 'applicationTenant']);
  });

  it('rests while its application tenant does, and goes with it', async () => {
    const { id, secret } = await create({ scopes: ['scim'], applicationTenant: 'south' });
    const { applicationTenants } = await api.partsOf('acme');
    const at = `/api/tenants/acme/application-tenants/${south.id}`;
    await api.post(`${at}/suspend`, {}, admin).expect(200);
    await api.get(scim(south), secret).expect(401);
    await api.post(`${at}/resume`, {}, admin).expect(200);
    await api.get(scim(south), secret).expect(200);
    await api.http.delete(at).auth(admin, { type: 'bearer' }).expect(202);
    await api.get(scim(south), secret).expect(401);
    await api.peopleJobs['application-tenant-removal'].run(
      { slug: 'acme' as Slug, applicationTenantId: south.id },
      new AbortController().signal,
    );
    expect(await applicationTenants.get(south.id)).toBeUndefined();
    await api.get(`${path}/${id}`, admin).expect(404);
  });
});
