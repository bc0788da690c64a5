import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memberIdsOf, withoutMembers } from '../../src/admin/scim/group-members.ts';
import { type Api, createApi } from './api-fixture.ts';

let api: Api;
let token: string;
let north: { id: string };
const base = '/api/tenants/acme/scim/default/v2';
const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';
const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

beforeAll(async () => {
  api = await createApi();
  token = await api.robot('acme', ['scim']);
  const { applicationTenants } = await api.partsOf('acme');
  north = await applicationTenants.create({ slug: 'north', name: 'North' });
});
afterAll(() => api.close());

function send(method: 'post' | 'put' | 'patch', path: string, body: object, bearer = token, etag?: string) {
  const request = api.http[method](`${base}${path}`)
    .auth(bearer, { type: 'bearer' })
    .set('Content-Type', 'application/scim+json');
  return (etag === undefined ? request : request.set('If-Match', etag)).send(JSON.stringify(body));
}
const get = (path: string, bearer = token) => api.get(`${base}${path}`, bearer);
const filtered = async (filter: string, path = '/Users') =>
  (await get(`${path}?filter=${encodeURIComponent(filter)}`)).body;
const patch = (path: string, ...Operations: object[]) =>
  send('patch', path, { schemas: [patchSchema], Operations });
const user = (userName: string, more: object = {}) => ({ schemas: [userSchema], userName, ...more });

describe('SCIM users (RFC 7643, RFC 7644)', () => {
  it('are created once, however often one request comes with its Idempotency-Key', async () => {
    const ask = (userName: string) => send('post', '/Users', user(userName)).set('Idempotency-Key', 'hr-1');
    const first = await ask('repeated@example.com');
    const second = await ask('repeated@example.com');
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body).toEqual(first.body);
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(second.headers['content-type']).toContain('application/scim+json');
    const other = await ask('another@example.com');
    expect([other.status, other.body.status]).toEqual([422, '422']);
    await api.http.delete(`${base}/Users/${first.body.id}`).auth(token, { type: 'bearer' }).expect(204);
  });

  it('are created, read, replaced and deleted', async () => {
    const created = await send(
      'post',
      '/Users',
      user('Ada@Example.com', {
        externalId: 'hr-1',
        name: { givenName: 'Ada', familyName: 'Lovelace' },
        active: true,
        emails: [{ value: 'other@example.com', primary: true }],
        password: 'ignored',
        'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': { department: 'x' },
      }),
    );
    expect(created.status, JSON.stringify(created.body)).toBe(201);
    expect(created.headers['content-type']).toContain('application/scim+json');
    expect(created.body).toMatchObject({
      schemas: [userSchema],
      userName: 'ada@example.com',
      externalId: 'hr-1',
      displayName: 'Ada Lovelace',
      name: { formatted: 'Ada Lovelace', givenName: 'Ada', familyName: 'Lovelace' },
      active: true,
      emails: [{ value: 'ada@example.com', type: 'work', primary: true }],
      meta: { resourceType: 'User', location: `https://id.example.com${base}/Users/${created.body.id}` },
    });
    expect(created.headers.location).toBe(created.body.meta.location);
    const path = `/Users/${created.body.id}`;
    const read = await get(path).expect(200);
    expect(read.body).toEqual(created.body);
    expect(read.headers.etag).toBe(created.body.meta.version);
    const replaced = await send(
      'put',
      path,
      user('ada@example.com', { active: false }),
      token,
      read.headers.etag,
    );
    expect(replaced.status).toBe(200);
    expect(replaced.body).toMatchObject({ active: false, displayName: 'ada@example.com' });
    expect(replaced.body).not.toHaveProperty('externalId');
    expect((await send('put', path, user('ada@example.com'), token, read.headers.etag)).status).toBe(412);
    expect((await get(`${path}?attributes=userName`)).body).toEqual({
      schemas: [userSchema],
      id: created.body.id,
      userName: 'ada@example.com',
    });
    expect((await get(`${path}?excludedAttributes=emails,meta`)).body).not.toHaveProperty('emails');
    await api.http.delete(`${base}${path}`).auth(token, { type: 'bearer' }).expect(204, {});
    const gone = await get(path).expect(404);
    expect(gone.body).toEqual({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
      status: '404',
      detail: expect.any(String),
    });
  });

  it('refuse in SCIM’s own words', async () => {
    await send('post', '/Users', user('twice@example.com', { externalId: 'hr-t' }));
    const twice = await send('post', '/Users', user('TWICE@example.com'));
    expect(twice.body).toMatchObject({ status: '409', scimType: 'uniqueness' });
    const external = await send('post', '/Users', user('thrice@example.com', { externalId: 'hr-t' }));
    expect(external.body).toMatchObject({ status: '409', scimType: 'uniqueness' });
    for (const body of [
      user('nobody'),
      {},
      user('a@b.example', { active: 'perhaps' }),
      user('a@b.example', { name: 'x' }),
    ]) {
      expect((await send('post', '/Users', body)).body).toMatchObject({
        status: '400',
        scimType: 'invalidValue',
      });
    }
    expect(await filtered('userName eq')).toMatchObject({ status: '400', scimType: 'invalidFilter' });
    expect((await get('/Users?startIndex=x')).body).toMatchObject({ status: '400' });
    const noBody = await api.http
      .post(`${base}/Users`)
      .auth(token, { type: 'bearer' })
      .set('Content-Type', 'text/plain')
      .send('x');
    expect(noBody.status).toBe(415);
    expect(noBody.headers['content-type']).toContain('application/scim+json');
    expect((await api.get(`${base}/Users`)).status).toBe(401);
  });

  it('are changed by PATCH, in the ways that clients do it', async () => {
    const { body } = await send(
      'post',
      '/Users',
      user('patch@example.com', { name: { givenName: 'P', familyName: 'Q' } }),
    );
    const path = `/Users/${body.id}`;
    const steps: [object, object][] = [
      [{ op: 'replace', path: 'active', value: false }, { active: false }],
      [{ op: 'Replace', path: 'active', value: 'True' }, { active: true }],
      [
        { op: 'replace', value: { active: false, displayName: 'Shown' } },
        { active: false, displayName: 'Shown' },
      ],
      [{ op: 'add', path: 'externalId', value: 'x-1' }, { externalId: 'x-1' }],
      [
        { op: 'replace', path: 'name.familyName', value: 'R' },
        { displayName: 'P R', name: { familyName: 'R' } },
      ],
      [
        { op: 'replace', path: `${userSchema}:userName`, value: 'New@example.com' },
        { userName: 'new@example.com' },
      ],
      [{ op: 'add', path: 'roles', value: [{ value: 'Member' }] }, { roles: [{ value: 'Member' }] }],
      [{ op: 'remove', path: 'roles[value eq "Member"]' }, {}],
    ];
    for (const [operation, expected] of steps) {
      const changed = await patch(path, operation);
      expect(changed.status, JSON.stringify([operation, changed.body])).toBe(200);
      expect(changed.body).toMatchObject(expected);
    }
    const removed = await patch(path, { op: 'remove', path: 'externalId' });
    expect(removed.body).not.toHaveProperty('externalId');
    expect(removed.body).not.toHaveProperty('roles');
    for (const operation of [
      { op: 'erase', path: 'active' },
      { op: 'remove' },
      { op: 'remove', path: 'userName' },
      { op: 'replace', path: '__proto__.polluted', value: 'yes' },
      { op: 'add', value: { 'constructor.prototype.polluted': 'yes' } },
      { op: 'add', path: 'roles', value: [{ value: 'Wizard' }] },
    ]) {
      expect((await patch(path, operation)).status, JSON.stringify(operation)).toBe(400);
    }
    expect(({} as { polluted?: string }).polluted).toBeUndefined();
    expect((await send('patch', path, { schemas: [patchSchema] })).status).toBe(400);
  });

  it('stay disabled, and keep their roles, when a client that replaces them says nothing of it', async () => {
    const { accounts } = await api.partsOf('acme');
    const { body } = await send(
      'post',
      '/Users',
      user('kept@example.com', { active: false, roles: [{ value: 'Member' }] }),
    );
    const path = `/Users/${body.id}`;
    await send('put', path, user('kept@example.com', { displayName: 'Kept' })).expect(200);
    expect(await accounts.get(body.id)).toMatchObject({ name: 'Kept', disabled: true, roles: ['Member'] });
    await patch(path, { op: 'replace', path: 'displayName', value: 'Still' }).expect(200);
    expect(await accounts.get(body.id)).toMatchObject({ name: 'Still', disabled: true, roles: ['Member'] });
    await send('put', path, user('kept@example.com', { active: true, roles: [] })).expect(200);
    expect(await accounts.get(body.id)).toMatchObject({ disabled: false, roles: [] });
    await send('put', path, user('kept@example.com', { roles: [{ value: 'Viewer' }] })).expect(200);
    await patch(path, { op: 'remove', path: 'roles' }).expect(200);
    expect(await accounts.get(body.id)).toMatchObject({ disabled: false, roles: [] });
  });

  it('are not counted through for a place that a client made up', async () => {
    const { table, applicationTenants } = await api.partsOf('acme');
    const { id } = await applicationTenants.create({ slug: 'places', name: 'Places' });
    const at = `/api/tenants/acme/scim/${id}/v2/Users`;
    for (let index = 0; index < 5; index += 1) {
      await api.http
        .post(at)
        .auth(token, { type: 'bearer' })
        .send(user(`p${index}@places.example`))
        .expect(201);
    }
    const beyond = await api.get(`${at}?startIndex=999999999`, token).expect(200);
    expect(beyond.body).toMatchObject({ totalResults: 5, Resources: [] });
    await api.get(`${at}?startIndex=1&count=3`, token).expect(200);
    // As if there were many: the place that was noted is found, another is not walked to.
    await table.update({ pk: 'AccountCount', sk: id }, { add: { count: 50_000 } });
    const position = await table.get({ pk: `ScimPositions#${id}`, sk: '4' });
    await table.put({ ...position, pk: `ScimPositions#${id}`, sk: '30001' });
    const noted = await api.get(`${at}?startIndex=30001&count=1`, token).expect(200);
    expect(noted.body.Resources).toMatchObject([{ userName: 'p3@places.example' }]);
    const { status, body } = await api.get(`${at}?startIndex=40000`, token);
    expect([status, body.scimType]).toEqual([400, 'tooMany']);
  });

  it('are found by filter', async () => {
    const { body } = await send(
      'post',
      '/Users',
      user('find.me@filter.example', { externalId: 'Find-1', displayName: 'Find Me' }),
    );
    await send('post', '/Users', user('find.her@filter.example', { active: false }));
    for (const filter of [
      'userName eq "FIND.ME@filter.example"',
      'externalId eq "Find-1"',
      `id eq "${body.id}"`,
      'userName eq "find.me@filter.example" and active eq true',
      'emails.value eq "find.me@filter.example"',
      'emails[type eq "work" and value sw "find.me"]',
      'displayName co "FIND m"',
      'userName sw "find." and not (active eq false)',
      `${userSchema}:userName eq "find.me@filter.example"`,
    ]) {
      const found = await filtered(filter);
      expect(found, filter).toMatchObject({ totalResults: 1, startIndex: 1, itemsPerPage: 1 });
      expect(found.Resources[0].id, filter).toBe(body.id);
    }
    for (const filter of [
      'externalId eq "find-1"',
      'userName eq "find.me@filter.example" and active eq false',
      'id eq "x"',
    ]) {
      expect(await filtered(filter), filter).toMatchObject({ totalResults: 0, Resources: [] });
    }
    expect(await filtered('userName sw "find."')).toMatchObject({ totalResults: 2 });
  });

  it('are listed by places', async () => {
    const at = `/api/tenants/acme/scim/${north.id}/v2/Users`;
    for (let index = 0; index < 7; index += 1) {
      await api.http
        .post(at)
        .auth(token, { type: 'bearer' })
        .send(user(`list${index}@north.example`))
        .expect(201);
    }
    const names = async (query: string) => {
      const { body } = await api.get(`${at}?${query}`, token).expect(200);
      expect(body.totalResults).toBe(7);
      return body.Resources.map(({ userName }: { userName: string }) => Number(userName.slice(4, 5)));
    };
    expect(await names('count=3')).toEqual([0, 1, 2]);
    expect(await names('startIndex=4&count=3')).toEqual([3, 4, 5]);
    expect(await names('startIndex=7&count=3')).toEqual([6]);
    expect(await names('startIndex=3&count=2')).toEqual([2, 3]);
    expect(await names('startIndex=8')).toEqual([]);
    expect(await names('count=0')).toEqual([]);
    expect(await names('startIndex=-1&count=1')).toEqual([0]);
  });

  it('count as proved when their domain is', async () => {
    const { applicationTenants, accounts } = await api.partsOf('acme');
    const owner = await applicationTenants.create({ slug: 'owner', name: 'Owner' });
    await applicationTenants.update(owner.id, owner.version, {
      domains: [{ domain: 'owner.example', challenge: 'x', addedAt: 'now', verifiedAt: 'now' }],
    });
    const at = '/api/tenants/acme/scim/owner/v2/Users';
    for (const [address, proved] of [
      ['a@owner.example', true],
      ['a@else.example', false],
    ] as const) {
      const { body } = await api.http
        .post(at)
        .auth(token, { type: 'bearer' })
        .send(user(address))
        .expect(201);
      expect(await accounts.get(body.id)).toMatchObject({
        emailVerified: proved,
        applicationTenantId: owner.id,
      });
    }
  });
});

describe('SCIM groups', () => {
  it('are created, changed member by member, replaced and deleted', async () => {
    const [one, two, three] = await Promise.all(
      ['g1', 'g2', 'g3'].map(
        async (name) => (await send('post', '/Users', user(`${name}@example.com`))).body.id as string,
      ),
    );
    const created = await send('post', '/Groups', {
      displayName: 'Readers',
      externalId: 'g-1',
      members: [{ value: one }],
    });
    expect(created.status, JSON.stringify(created.body)).toBe(201);
    const path = `/Groups/${created.body.id}`;
    const members = async () =>
      ((await get(path)).body.members ?? []).map(({ value }: { value: string }) => value).sort();
    expect(await members()).toEqual([one]);
    await patch(path, { op: 'Add', path: 'members', value: [{ value: two }, { value: three }] }).expect(200);
    expect(await members()).toEqual([one, two, three].sort());
    await patch(path, { op: 'remove', path: `members[value eq "${one}"]` }).expect(200);
    await patch(path, { op: 'Remove', path: 'members', value: [{ value: two }] }).expect(200);
    expect(await members()).toEqual([three]);
    await patch(path, { op: 'replace', path: 'members', value: [{ value: one }, { value: two }] }).expect(
      200,
    );
    expect(await members()).toEqual([one, two].sort());
    await patch(path, { op: 'replace', value: { displayName: 'Writers', externalId: 'g-2' } }).expect(200);
    expect((await get(`${path}?excludedAttributes=members`)).body).toMatchObject({
      displayName: 'Writers',
      externalId: 'g-2',
    });
    expect((await get(`/Users/${one}`)).body.groups).toEqual([
      expect.objectContaining({ value: created.body.id, display: 'Writers' }),
    ]);
    expect(await filtered('displayName eq "writers"', '/Groups')).toMatchObject({ totalResults: 1 });
    await send('put', path, { displayName: 'Writers', members: [{ value: three }] }).expect(200);
    expect(await members()).toEqual([three]);
    expect((await get(path)).body).not.toHaveProperty('externalId');
    await patch(path, { op: 'remove', path: 'members' }).expect(200);
    expect(await members()).toEqual([]);
    expect((await patch(path, { op: 'add', path: 'members', value: [{ value: 'acc_nobody' }] })).status).toBe(
      400,
    );
    expect((await patch(path, { op: 'remove', path: 'displayName' })).status).toBe(400);
    expect((await patch(path, { op: 'replace', path: 'nonsense', value: 1 })).status).toBe(400);
    expect((await send('post', '/Groups', { displayName: 'WRITERS' })).status).toBe(409);
    await api.http.delete(`${base}${path}`).auth(token, { type: 'bearer' }).expect(204);
    await get(path).expect(404);
  });
});

describe('the version of a SCIM group', () => {
  it('changes with whoever joins or leaves, by whatever way', async () => {
    const admin = await api.robot('acme');
    const { body: ada } = await send('post', '/Users', user('version@example.com'));
    const { body: bob } = await send('post', '/Users', user('versions@example.com'));
    const created = await send('post', '/Groups', { displayName: 'Versions', members: [{ value: bob.id }] });
    const path = `/Groups/${created.body.id}`;
    const members = `/api/tenants/acme/groups/${created.body.id}/members`;
    const versions = new Set<string>();
    const next = async (answer: { headers: Record<string, string | undefined> }) => {
      const read = await get(path).expect(200);
      expect(read.body.meta.version).toBe(read.headers.etag);
      if (answer.headers.etag?.startsWith('W/')) expect(answer.headers.etag).toBe(read.headers.etag);
      expect(versions).not.toContain(read.headers.etag);
      versions.add(String(read.headers.etag));
      return String(read.headers.etag);
    };
    const first = await next(created);
    await next(await patch(path, { op: 'add', path: 'members', value: [{ value: ada.id }] }));
    const stale = await send('put', path, { displayName: 'Versions', members: [] }, token, first);
    expect(stale.status).toBe(412);
    await next(await api.http.delete(`${members}/${ada.id}`).auth(admin, { type: 'bearer' }));
    await next(await api.post(members, { userId: ada.id }, admin));
    const joined = await get(path);
    // To join twice changes nothing.
    await api.post(members, { userId: ada.id }, admin).expect(201);
    expect((await get(path)).headers.etag).toBe(joined.headers.etag);
    await next(await api.http.delete(`${base}/Users/${bob.id}`).auth(token, { type: 'bearer' }));
    const { groups } = await api.partsOf('acme');
    expect(await groups.get(created.body.id)).toMatchObject({ memberCount: 1 });
    // A change of the group keeps who is in it, and the other way round.
    await next(await patch(path, { op: 'replace', path: 'displayName', value: 'Renamed' }));
    expect(await groups.get(created.body.id)).toMatchObject({ name: 'Renamed', memberCount: 1 });
  });
});

describe('a list of SCIM groups', () => {
  it('shows as many members as one answer can hold, and says what to do beyond', async () => {
    const { table, groups, applicationTenants } = await api.partsOf('acme');
    const { id } = await applicationTenants.create({ slug: 'hosts', name: 'Hosts' });
    const at = `/api/tenants/acme/scim/${id}/v2/Groups`;
    const [large] = await Promise.all(
      ['large', 'small'].map((name) =>
        groups.create({ name, description: '', roles: [], applicationTenantId: id }),
      ),
    );
    await table.update({ pk: `Group#${large?.id}`, sk: 'group' }, { set: { memberCount: 2_001 } });
    const { status, body } = await api.get(at, token);
    expect([status, body.scimType]).toEqual([400, 'tooMany']);
    expect(body.detail).toContain('excludedAttributes=members');
    const without = await api.get(`${at}?excludedAttributes=members`, token).expect(200);
    expect(without.body.totalResults).toBe(2);
    await api.get(`${at}?startIndex=2&count=1`, token).expect(200);
    // Alone it is shown: that is for whoever asks for it.
    await api.get(`${at}/${large?.id}`, token).expect(200);
    await table.update({ pk: `Group#${large?.id}`, sk: 'group' }, { set: { memberCount: 10_001 } });
    await api.get(`${at}/${large?.id}`, token).expect(400);
  });

  it('is not gone through when it is very long; a group by its name is found', async () => {
    const { table, applicationTenants } = await api.partsOf('acme');
    const { id } = await applicationTenants.create({ slug: 'crowd', name: 'Crowd' });
    const at = `/api/tenants/acme/scim/${id}/v2/Groups`;
    const now = new Date(api.clock.now()).toISOString();
    await table.batchWrite(
      Array.from({ length: 5_100 }, (_, number) => {
        const name = `g${String(number).padStart(4, '0')}`;
        const group = { name, description: '', roles: '[]', createdAt: now, updatedAt: now, version: '1' };
        const where = { applicationTenantId: id, gsi1pk: 'Groups', gsi1sk: `${id}#${name}` };
        return { put: { pk: `Group#grp_crowd${number}`, sk: 'group', ...group, ...where } };
      }),
    );
    await table.put({ pk: `GroupName#${id}#g5000`, sk: 'pointer', groupId: 'grp_crowd5000' });
    const { status, body } = await api.get(at, token);
    expect([status, body.scimType]).toEqual([400, 'tooMany']);
    const named = await api
      .get(`${at}?filter=${encodeURIComponent('displayName eq "G5000"')}`, token)
      .expect(200);
    expect(named.body).toMatchObject({ totalResults: 1, Resources: [{ id: 'grp_crowd5000' }] });
    const byId = await api
      .get(`${at}?filter=${encodeURIComponent('id eq "grp_crowd17"')}`, token)
      .expect(200);
    expect(byId.body.totalResults).toBe(1);
    const elsewhere = `${base}/Groups?filter=${encodeURIComponent('id eq "grp_crowd17"')}`;
    expect((await api.get(elsewhere, token).expect(200)).body.totalResults).toBe(0);
  }, 120_000);

  it('is compared with the table when it is replaced, not with an index that lags', async () => {
    const people = await api.partsOf('acme');
    const group = await people.groups.create({ name: 'Lagging', description: '', roles: [] });
    const early = await people.accounts.create({ email: 'early@example.com', name: 'E', roles: [] });
    const late = await people.accounts.create({ email: 'late@example.com', name: 'L', roles: [] });
    await people.memberships.add(early, group);
    await people.memberships.add(late, group);
    let lags = 2;
    const lagging = {
      ...people.memberships,
      async memberIdsOf(...question: Parameters<typeof people.memberships.memberIdsOf>) {
        const page = await people.memberships.memberIdsOf(...question);
        lags -= 1;
        return lags < 0 ? page : { accountIds: page.accountIds.filter((id) => id !== late.id) };
      },
    };
    const ids = await memberIdsOf({ groups: people.groups, memberships: lagging }, group);
    expect(ids).toEqual(new Set([early.id, late.id]));
    expect(await withoutMembers(people, group, [late.id, 'acc_nobody'])).toEqual(['acc_nobody']);
  });
});

describe('SCIM', () => {
  it('says what it can do', async () => {
    const config = await get('/ServiceProviderConfig').expect(200);
    expect(config.body).toMatchObject({
      patch: { supported: true },
      filter: { supported: true },
      etag: { supported: true },
    });
    const types = await get('/ResourceTypes').expect(200);
    expect(types.body.Resources.map(({ endpoint }: { endpoint: string }) => endpoint)).toEqual([
      '/Users',
      '/Groups',
    ]);
    expect((await get('/ResourceTypes/User').expect(200)).body.schema).toBe(userSchema);
    expect((await get('/Schemas').expect(200)).body.totalResults).toBe(2);
    expect((await get(`/Schemas/${userSchema}`).expect(200)).body.name).toBe('User');
    await get('/Schemas/urn:none').expect(404);
  });

  it('reaches no other application tenant (E2) and no other tenant (E3)', async () => {
    const { body: staff } = await send('post', '/Users', user('staff@example.com'));
    const { body: group } = await send('post', '/Groups', { displayName: 'Staff' });
    const own = await api.person('acme', 'admin@north.example', ['Admin'], north.id);
    for (const path of [`/Users/${staff.id}`, `/Groups/${group.id}`, '/Users', '/Groups']) {
      await get(path, own.token).expect(404);
      await api
        .get(`/api/tenants/acme/scim/${north.id}/v2${path}`, own.token)
        .expect(path.endsWith('s') ? 200 : 404);
    }
    const inside = `/api/tenants/acme/scim/north/v2/Groups`;
    const stolen = await api.http
      .post(inside)
      .auth(own.token, { type: 'bearer' })
      .send({ displayName: 'Mine', members: [{ value: staff.id }] });
    expect(stolen.status).toBe(400);
    const globex = await api.robot('globex', ['scim']);
    await get('/Users', globex).expect(404);
    await get('/Users', await api.robot('acme', ['users:read', 'users:write'])).expect(403);
    await get('/Users', await api.robot('acme', ['scim'])).expect(200);
  });

  it('gives nobody more than the caller has, nor a hand in the account of somebody who has more (C1)', async () => {
    expect(
      (await send('post', '/Users', user('up@example.com', { roles: [{ value: 'Admin' }] }))).status,
    ).toBe(403);
    const admin = await api.person('acme', 'chief@acme.example', ['Admin']);
    const path = `/Users/${admin.account.id}`;
    expect((await patch(path, { op: 'replace', path: 'userName', value: 'mine@example.com' })).status).toBe(
      403,
    );
    expect((await api.http.delete(`${base}${path}`).auth(token, { type: 'bearer' })).status).toBe(403);
    const { groups } = await api.partsOf('acme');
    const chiefs = await groups.create({ name: 'Chiefs', description: '', roles: ['Admin'] });
    const { body } = await send('post', '/Users', user('climber@example.com'));
    const climb = await patch(`/Groups/${chiefs.id}`, {
      op: 'add',
      path: 'members',
      value: [{ value: body.id }],
    });
    expect(climb.status).toBe(403);
    const club = await groups.create({ name: 'Club', description: '', roles: [] });
    await (await api.partsOf('acme')).memberships.add(admin.account, club);
    const out = await patch(`/Groups/${club.id}`, {
      op: 'remove',
      path: `members[value eq "${admin.account.id}"]`,
    });
    expect(out.status).toBe(403);
    expect((await send('put', `/Groups/${club.id}`, { displayName: 'Club' })).status).toBe(403);
  });
});
