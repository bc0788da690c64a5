import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, createApi } from './api-fixture.ts';

let api: Api;
let admin: { account: { id: string }; token: string };
let north: { id: string };
let northAdmin: { account: { id: string }; token: string };

const groups = '/api/tenants/acme/groups';
const roles = '/api/tenants/acme/roles';
const patch = (at: string, body: object, token: string, etag = '*') =>
  api.http.patch(at).auth(token, { type: 'bearer' }).set('If-Match', etag).send(body);
const remove = (at: string, token: string) => api.http.delete(at).auth(token, { type: 'bearer' });

beforeAll(async () => {
  api = await createApi();
  admin = await api.person('acme', 'admin@acme.example', ['Admin']);
  const { applicationTenants } = await api.partsOf('acme');
  north = await applicationTenants.create({ slug: 'north', name: 'North' });
  northAdmin = await api.person('acme', 'admin@north.example', ['Admin'], north.id);
});
afterAll(() => api.close());

describe('groups', () => {
  it('are created, read, changed, listed and deleted', async () => {
    const created = await api.post(groups, { name: 'Clerks', roles: ['Member'] }, admin.token).expect(201);
    expect(created.body).toMatchObject({
      name: 'Clerks',
      description: '',
      roles: ['Member'],
      applicationTenantId: 'default',
    });
    const at = `${groups}/${created.body.id}`;
    expect((await api.get(at, admin.token).expect(200)).headers.etag).toBe(created.headers.etag);
    await patch(at, { name: 'Scribes', roles: [] }, admin.token, created.headers.etag).expect(200);
    await patch(at, { name: 'Late' }, admin.token, created.headers.etag).expect(412);
    await patch(at, { name: '' }, admin.token).expect(400);
    await patch(at, { roles: ['Wizard'] }, admin.token).expect(400);
    await api.post(groups, { name: 'SCRIBES' }, admin.token).expect(409);
    await api.post(groups, { name: 'X', surprise: 1 }, admin.token).expect(400);
    const names: string[] = [];
    let query = '?limit=1';
    do {
      const { body } = await api.get(`${groups}${query}`, admin.token).expect(200);
      names.push(...body.groups.map(({ name }: { name: string }) => name));
      query = body.cursor ? `?limit=1&cursor=${body.cursor}` : '';
    } while (query !== '');
    expect(names).toContain('Scribes');
    await remove(at, admin.token).expect(200);
    await remove(at, admin.token).expect(404);
  });

  it('have members, whose roles they give', async () => {
    const { body: group } = await api
      .post(groups, { name: 'Chiefs', roles: ['Admin'] }, admin.token)
      .expect(201);
    const person = await api.person('acme', 'grouped@acme.example', ['Member']);
    await api.get(groups, person.token).expect(403);
    const members = `${groups}/${group.id}/members`;
    await api.post(members, { userId: person.account.id }, admin.token).expect(201);
    await api.post(members, { userId: person.account.id }, admin.token).expect(201);
    await api.get(groups, person.token).expect(200);
    expect((await api.get(members, admin.token).expect(200)).body.members).toEqual([
      { userId: person.account.id, email: 'grouped@acme.example', name: 'grouped' },
    ]);
    await remove(`${members}/${person.account.id}`, admin.token).expect(200);
    await api.get(groups, person.token).expect(403);
    await api.post(members, { userId: 'acc_nobody' }, admin.token).expect(404);
    await api.post(`${groups}/grp_none/members`, { userId: person.account.id }, admin.token).expect(404);
  });

  it('of another application tenant are unknown (E2)', async () => {
    const { body: mine } = await api.post(groups, { name: 'Same' }, northAdmin.token).expect(201);
    expect(mine.applicationTenantId).toBe(north.id);
    const { body: theirs } = await api.post(groups, { name: 'Same' }, admin.token).expect(201);
    const at = `${groups}/${theirs.id}`;
    await api.get(at, northAdmin.token).expect(404);
    await patch(at, { name: 'Mine' }, northAdmin.token).expect(404);
    await remove(at, northAdmin.token).expect(404);
    await api.get(`${at}/members`, northAdmin.token).expect(404);
    await remove(`${at}/members/${admin.account.id}`, northAdmin.token).expect(404);
    expect((await api.get(groups, northAdmin.token).expect(200)).body.groups).toEqual([mine]);
  });
});

describe('roles', () => {
  it('are created, read, changed, listed and deleted', async () => {
    const created = await api
      .post(roles, { name: 'Order Clerk', scopes: ['orders:read'] }, admin.token)
      .expect(201);
    expect(created.body).toEqual({
      name: 'Order Clerk',
      description: '',
      scopes: ['orders:read'],
      builtIn: false,
    });
    const at = `${roles}/Order%20Clerk`;
    expect((await api.get(at, admin.token).expect(200)).body).toEqual(created.body);
    const changed = await patch(at, { scopes: ['orders:write'] }, admin.token, created.headers.etag).expect(
      200,
    );
    expect(changed.body.scopes).toEqual(['orders:write']);
    await patch(at, { scopes: [] }, admin.token, created.headers.etag).expect(412);
    await api.post(roles, { name: 'Order Clerk', scopes: [] }, admin.token).expect(409);
    await api.post(roles, { name: '../x', scopes: ['Nope!'] }, admin.token).expect(400);
    await remove(at, admin.token).expect(200);
    await api.get(at, admin.token).expect(404);
  });

  it('that every tenant begins with stay as they are (B3)', async () => {
    const { body } = await api.get(roles, admin.token).expect(200);
    for (const name of ['Admin', 'Member', 'Viewer']) {
      expect(body.roles).toContainEqual(expect.objectContaining({ name, builtIn: true }));
      await patch(`${roles}/${name}`, { scopes: [] }, admin.token).expect(409);
      await remove(`${roles}/${name}`, admin.token).expect(409);
    }
    const platformAdmin = await api.person('platform', 'pa@operators.example.com', ['Platform Admin']);
    await remove('/api/tenants/platform/roles/OAuth%20Team', platformAdmin.token).expect(409);
  });

  it('of an application tenant are its own; those of the tenant it may use (E2)', async () => {
    const own = `/api/tenants/acme/application-tenants/${north.id}/roles`;
    await api.post(own, { name: 'Buyer', scopes: ['buy'] }, northAdmin.token).expect(201);
    await api.post(own, { name: 'Member', scopes: ['everything'] }, northAdmin.token).expect(409);
    expect((await api.get(own, northAdmin.token).expect(200)).body.roles).toHaveLength(1);
    expect((await api.get(roles, northAdmin.token).expect(200)).body.roles.length).toBeGreaterThan(2);
    await api.get(`${roles}/Buyer`, admin.token).expect(404);
    const body = { email: 'b@north.example', name: 'B', roles: ['Buyer', 'Member'] };
    await api.post('/api/tenants/acme/users', body, northAdmin.token).expect(201);
    const outside = { email: 'b@acme.example', name: 'B', roles: ['Buyer'] };
    await api.post('/api/tenants/acme/users', outside, admin.token).expect(400);
  });
});
