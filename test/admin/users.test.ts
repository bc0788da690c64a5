import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFederatedIdentities } from '../../src/identity/federated-identities.ts';
import { createPasskeyRecords } from '../../src/identity/passkey-records.ts';
import { defaultSecurityPolicy } from '../../src/identity/security-policy.ts';
import { createSessionRecords } from '../../src/oidc/sessions/session-records.ts';
import { type Api, createApi } from './api-fixture.ts';

let api: Api;
let admin: { account: { id: string }; token: string };
let north: { id: string };
let northAdmin: { account: { id: string }; token: string };

const users = '/api/tenants/acme/users';
const patch = (path: string, body: object, token: string, etag = '*') =>
  api.http.patch(path).auth(token, { type: 'bearer' }).set('If-Match', etag).send(body);
const remove = (path: string, token: string) => api.http.delete(path).auth(token, { type: 'bearer' });

beforeAll(async () => {
  api = await createApi();
  admin = await api.person('acme', 'admin@acme.example', ['Admin']);
  const { applicationTenants } = await api.partsOf('acme');
  north = await applicationTenants.create({ slug: 'north', name: 'North' });
  northAdmin = await api.person('acme', 'admin@north.example', ['Admin'], north.id);
});
afterAll(() => api.close());

async function create(email: string, body: object = {}, token = admin.token) {
  return api.post(users, { email, name: 'Ada Lovelace', ...body }, token);
}

describe('users', () => {
  it('are created, read, changed and deleted', async () => {
    const created = await create('Ada@Example.com', { roles: ['Member'], givenName: 'Ada' });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      email: 'ada@example.com',
      emailVerified: false,
      applicationTenantId: 'default',
      roles: ['Member'],
      groups: [],
      disabled: false,
    });
    expect(created.body).not.toHaveProperty('version');
    const path = `${users}/${created.body.id}`;
    expect(created.headers.location).toBe(`https://id.example.com${path}`);
    const read = await api.get(path, admin.token).expect(200);
    expect(read.body).toEqual(created.body);
    expect(read.headers.etag).toBe(created.headers.etag);

    const groups = (await api.get('/api/tenants/acme/groups', admin.token)).body.groups as { id: string }[];
    const changed = await patch(
      path,
      { email: 'ada@new.example', givenName: null, groups: groups.slice(0, 1).map(({ id }) => id) },
      admin.token,
      read.headers.etag,
    ).expect(200);
    expect(changed.body).toMatchObject({
      email: 'ada@new.example',
      roles: ['Member'],
      groups: groups.slice(0, 1).map(({ id }) => id),
    });
    expect(changed.body).not.toHaveProperty('givenName');
    await patch(path, { name: 'X' }, admin.token, read.headers.etag).expect(412);
    await api.http.patch(path).auth(admin.token, { type: 'bearer' }).send({ name: 'X' }).expect(428);

    await remove(path, admin.token).expect(200);
    await api.get(path, admin.token).expect(404);
    await create('ada@new.example').then(({ status }) => expect(status).toBe(201));
  });

  it('list what is wrong with every field', async () => {
    const { body, status } = await create('not-an-address', {
      name: ' ',
      roles: ['../x'],
      surprise: 1,
      groups: ['x'],
    });
    expect(status).toBe(400);
    expect(body.errors.map(({ field }: { field: string }) => field).sort()).toEqual([
      'email',
      'groups.0',
      'name',
      'roles.0',
      'surprise',
    ]);
    const roles = await create('r@example.com', { roles: ['Member', 'Wizard'] });
    expect(roles.body.errors).toEqual([{ field: 'roles.1', message: 'is no role here' }]);
    const again = await create('admin@acme.example');
    expect(again.status).toBe(409);
    expect(again.body.errors).toEqual([{ field: 'email', message: 'is taken' }]);
  });

  it('are created once per idempotency key', async () => {
    const send = () =>
      api
        .post(users, { email: 'once@example.com', name: 'Once' }, admin.token)
        .set('Idempotency-Key', 'once-1');
    const first = await send().expect(201);
    const second = await send().expect(201);
    expect(second.body.id).toBe(first.body.id);
    expect(second.headers['idempotent-replayed']).toBe('true');
  });

  it('are listed page by page, however long their addresses are', async () => {
    const label = 'x'.repeat(57);
    const emailOf = (index: number) => `aa${index}-${label}@${`${label}.`.repeat(3)}example`;
    await create(emailOf(1), { name: 'First' });
    await create(emailOf(2), { name: 'Second' });
    const first = await api.get(`${users}?limit=1`, admin.token).expect(200);
    const second = await api.get(`${users}?limit=1&cursor=${first.body.cursor}`, admin.token).expect(200);
    expect([...first.body.users, ...second.body.users].map(({ email }) => email)).toEqual([
      emailOf(1),
      emailOf(2),
    ]);
  });

  it('are listed page by page, and searched', async () => {
    await Promise.all(
      Array.from({ length: 5 }, (_, index) =>
        create(`zz-${index}@example.com`, { name: `Zelda Page${index}` }),
      ),
    );
    const found: string[] = [];
    let cursor = '';
    do {
      const { body } = await api.get(`${users}?search=zelda&limit=2${cursor}`, admin.token).expect(200);
      found.push(...body.users.map(({ email }: { email: string }) => email));
      cursor = body.cursor ? `&cursor=${body.cursor}` : '';
    } while (cursor !== '');
    expect(found.sort()).toEqual(Array.from({ length: 5 }, (_, index) => `zz-${index}@example.com`));
    const { body } = await api.get(`${users}?search=zz-3`, admin.token).expect(200);
    expect(body.users).toHaveLength(1);
    await api.get(`${users}?search=zelda&cursor=nonsense`, admin.token).expect(400);
    await api.get(`${users}?limit=0`, admin.token).expect(400);
    await api.get(`${users}?surprise=1`, admin.token).expect(400);
    await api.get(`${users}?applicationTenant=unknown`, admin.token).expect(404);
  });

  it('lose their tokens when they are disabled', async () => {
    const other = await api.person('acme', 'second-admin@acme.example', ['Admin']);
    await api.get(users, other.token).expect(200);
    await patch(`${users}/${other.account.id}`, { disabled: true }, admin.token).expect(200);
    await api.get(users, other.token).expect(401);
    await patch(`${users}/${other.account.id}`, { disabled: false }, admin.token).expect(200);
    await api.get(users, other.token).expect(200);
  });

  it('leave no personal data in the audit log', async () => {
    const { body } = await create('private@example.com', { name: 'Private Person' });
    await patch(`${users}/${body.id}`, { name: 'Still Private' }, admin.token).expect(200);
    await remove(`${users}/${body.id}`, admin.token).expect(200);
    const { body: log } = await api.get('/api/tenants/acme/audit?limit=10', admin.token).expect(200);
    const mine = log.events.filter(
      (event: { details: { accountId?: string } }) => event.details.accountId === body.id,
    );
    expect(mine.map(({ event }: { event: string }) => event)).toEqual([
      'user.removed',
      'user.changed',
      'user.created',
    ]);
    expect(mine[1].details.changed).toEqual(['name']);
    expect(JSON.stringify(mine)).not.toMatch(/private/i);
  });

  it('can be signed out, and lose their factors', async () => {
    const { body } = await create('factors@example.com');
    await api.post(`${users}/${body.id}/end-sessions`, {}, admin.token).expect(200);
    await api.post(`${users}/${body.id}/reset-factors`, {}, admin.token).expect(200);
    await api.post(`${users}/acc_nobody/end-sessions`, {}, admin.token).expect(404);
  });

  /** Somebody with a passkey, a link to a sign-in source and a session, and what leads to each. */
  async function equipped(email: string) {
    const { body } = await create(email);
    const accountId = String(body.id);
    const { table } = await api.partsOf('acme');
    const passkeys = createPasskeyRecords({ table, clock: api.clock });
    const identities = createFederatedIdentities({ table, clock: api.clock });
    const rulesOf = async () => defaultSecurityPolicy.session;
    const sessions = createSessionRecords({ table, clock: api.clock, rulesOf });
    const credentialId = Buffer.from(email).toString('base64url');
    await passkeys.add({
      accountId,
      credentialId,
      publicKey: 'AA',
      counter: 0,
      transports: [],
      synced: false,
      backedUp: false,
      name: 'Phone',
    });
    const identity = { sourceId: 'src_1', applicationTenantId: 'default', subject: email };
    await identities.link(identity, accountId, email);
    const [uid, startedAt] = [`session-of-${accountId}`, api.clock.now()];
    const origin = { network: '192.0.2.1', device: 'Firefox', applicationTenantId: 'default' };
    await sessions.addEntry(accountId, { uid, startedAt, methods: ['pwd'], ...origin });
    const loginTs = Math.floor(startedAt / 1_000);
    const place = { expiresAt: loginTs + 3_600, applicationTenantId: 'default' };
    await sessions.save(`cookie-of-${accountId}`, { uid, accountId, loginTs }, place, undefined);
    return {
      accountId,
      async left() {
        const found = {
          passkey: await passkeys.findByCredentialId(credentialId),
          link: await identities.find(identity),
          session: await sessions.findByUid(uid),
          account: await table.get({ pk: `Account#${accountId}`, sk: 'account' }),
        };
        return Object.entries(found).flatMap(([name, item]) => (item === undefined ? [] : [name]));
      },
    };
  }

  it('lose factors and sessions, and nothing else, when their factors are reset', async () => {
    const { accountId, left } = await equipped('reset@example.com');
    expect(await left()).toEqual(['passkey', 'link', 'session', 'account']);
    await api.post(`${users}/${accountId}/reset-factors`, {}, admin.token).expect(200);
    expect(await left()).toEqual(['link', 'account']);
  });

  it('leave nothing that leads to them when they are deleted', async () => {
    const { accountId, left } = await equipped('removed@example.com');
    await remove(`${users}/${accountId}`, admin.token).set('If-Match', '*').expect(200);
    expect(await left()).toEqual([]);
  });
});

describe('an administrator of an application tenant (E2)', () => {
  it('manages its people, and the same address elsewhere is somebody else', async () => {
    const inside = await create('same@example.com', {}, northAdmin.token);
    expect(inside.status).toBe(201);
    expect(inside.body.applicationTenantId).toBe(north.id);
    const outside = await create('same@example.com');
    expect(outside.status).toBe(201);
    expect(outside.body.id).not.toBe(inside.body.id);
    const { body } = await api.get(`${users}?search=same`, northAdmin.token).expect(200);
    expect(body.users.map(({ id }: { id: string }) => id)).toEqual([inside.body.id]);
    const all = await api.get(users, northAdmin.token).expect(200);
    expect(
      new Set(all.body.users.map((user: { applicationTenantId: string }) => user.applicationTenantId)),
    ).toEqual(new Set([north.id]));
  });

  it('finds nobody of another one, by any way', async () => {
    const { applicationTenants } = await api.partsOf('acme');
    const south = await applicationTenants.create({ slug: 'south', name: 'South' });
    const { body: southern } = await create('ada@south.example', { applicationTenant: 'south' });
    for (const target of [southern.id, admin.account.id]) {
      const path = `${users}/${target}`;
      await api.get(path, northAdmin.token).expect(404);
      await patch(path, { name: 'Mine' }, northAdmin.token).expect(404);
      await remove(path, northAdmin.token).expect(404);
      await api.post(`${path}/end-sessions`, {}, northAdmin.token).expect(404);
      await api.post(`${path}/reset-factors`, {}, northAdmin.token).expect(404);
    }
    for (const named of ['default', 'south', south.id]) {
      await api.get(`${users}?applicationTenant=${named}`, northAdmin.token).expect(404);
      await api.get(`/api/tenants/acme/groups?applicationTenant=${named}`, northAdmin.token).expect(404);
      await api.get(`/api/tenants/acme/invitations?applicationTenant=${named}`, northAdmin.token).expect(404);
      await api.get(`/api/tenants/acme/user-export?applicationTenant=${named}`, northAdmin.token).expect(404);
      expect((await create('x@south.example', { applicationTenant: named }, northAdmin.token)).status).toBe(
        404,
      );
    }
    expect(await api.get(`${users}/${southern.id}`, admin.token).then(({ status }) => status)).toBe(200);
  });

  it('has no say in anything else of the tenant, whatever the token asks for', async () => {
    for (const path of ['', '/clients', '/resources', '/keys', '/audit', '/branding', '/export']) {
      await api.get(`/api/tenants/acme${path}`, northAdmin.token).expect(403);
    }
    await api.get('/api/tenants', northAdmin.token).expect(403);
    await api.get('/api/tenants/globex/users', northAdmin.token).expect(404);
    await api
      .post('/api/tenants/acme/roles', { name: 'Mine', scopes: ['admin'] }, northAdmin.token)
      .expect(403);
  });

  it('can be a client that is bound to it, which reaches no further', async () => {
    const { applicationTenants, clients } = await api.partsOf('acme');
    const bound = await applicationTenants.create({ slug: 'bound', name: 'Bound' });
    const scopes = ['users:read', 'users:write', 'clients:read'];
    await clients.create({
      clientId: 'bound-robot',
      name: 'Bound',
      type: 'm2m',
      scopes,
      applicationTenantId: bound.id,
    });
    const token = await api.token({ issuer: 'acme', clientId: 'bound-robot', scope: scopes.join(' ') });
    expect((await create('robot@bound.example', {}, token)).body.applicationTenantId).toBe(bound.id);
    await api.get(`${users}?applicationTenant=default`, token).expect(404);
    await api.get(`${users}/${admin.account.id}`, token).expect(404);
    await api.get('/api/tenants/acme/clients', token).expect(403);
    await applicationTenants.update(bound.id, bound.version, { status: 'suspended' });
    await api.get(users, token).expect(401);
  });

  it('is nobody while it is suspended', async () => {
    const { applicationTenants } = await api.partsOf('acme');
    const shut = await applicationTenants.create({ slug: 'shut', name: 'Shut' });
    const person = await api.person('acme', 'admin@shut.example', ['Admin'], shut.id);
    await api.get(users, person.token).expect(200);
    await applicationTenants.update(shut.id, shut.version, { status: 'suspended' });
    await api.get(users, person.token).expect(401);
  });

  it('is no way around: a group of another one gives nothing', async () => {
    const { groups } = await api.partsOf('acme');
    const chiefs = await groups.create({ name: 'Chiefs', description: '', roles: ['Admin'] });
    const { status, body } = await create('g@north.example', { groups: [chiefs.id] }, northAdmin.token);
    expect(status).toBe(400);
    expect(body.errors).toEqual([{ field: 'groups.0', message: 'is no group here' }]);
    await api
      .post(
        `/api/tenants/acme/groups/${chiefs.id}/members`,
        { userId: northAdmin.account.id },
        northAdmin.token,
      )
      .expect(404);
    await api
      .post(`/api/tenants/acme/groups/${chiefs.id}/members`, { userId: northAdmin.account.id }, admin.token)
      .expect(404);
  });
});

describe('nobody gives more than they have (C1)', () => {
  it('neither by role, nor by group, nor through the account of somebody who has more', async () => {
    const clerk = await api.robot('acme', ['users:read', 'users:write']);
    expect((await create('a@power.example', { roles: ['Admin'] }, clerk)).status).toBe(403);
    expect((await create('a@power.example', { roles: ['Member'] }, clerk)).status).toBe(201);
    const { groups } = await api.partsOf('acme');
    const chiefs = await groups.create({ name: 'Power', description: '', roles: ['Admin'] });
    expect((await create('b@power.example', { groups: [chiefs.id] }, clerk)).status).toBe(403);
    const path = `${users}/${admin.account.id}`;
    await patch(path, { email: 'mine@power.example' }, clerk).expect(403);
    await patch(path, { disabled: true }, clerk).expect(403);
    await remove(path, clerk).expect(403);
    await api.post(`${path}/reset-factors`, {}, clerk).expect(403);
    const found = await api.get(`${users}?search=a@power`, clerk).expect(200);
    const [own] = found.body.users;
    await patch(`${users}/${own.id}`, { roles: ['Admin'] }, clerk).expect(403);
    await api.post(`/api/tenants/acme/groups/${chiefs.id}/members`, { userId: own.id }, clerk).expect(403);
    await patch(`/api/tenants/acme/groups/${chiefs.id}`, { description: 'x' }, clerk).expect(403);
    await api.post('/api/tenants/acme/roles', { name: 'Sneaky', scopes: ['admin'] }, clerk).expect(403);
    await api
      .post('/api/tenants/acme/invitations', { email: 'c@power.example', name: 'C', roles: ['Admin'] }, clerk)
      .expect(403);
  });

  it('so that a platform admin makes nobody a decider', async () => {
    const platformAdmin = await api.person('platform', 'pa@operators.example.com', ['Platform Admin']);
    const decider = await api.person('platform', 'oauth@operators.example.com', ['OAuth Team']);
    const path = '/api/tenants/platform/users';
    const body = { email: 'x@operators.example.com', name: 'X' };
    await api.post(path, { ...body, roles: ['OAuth Team'] }, platformAdmin.token).expect(403);
    await patch(
      `${path}/${decider.account.id}`,
      { email: 'mine@operators.example.com' },
      platformAdmin.token,
    ).expect(403);
    await api.post(path, { ...body, roles: ['Platform Admin'] }, platformAdmin.token).expect(201);
    await api
      .post(
        '/api/tenants/platform/roles',
        { name: 'Decider', scopes: ['registrations:decide'] },
        platformAdmin.token,
      )
      .expect(403);
  });
});
