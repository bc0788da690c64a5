import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { applicationTenantScopes } from '../../src/identity/admin-scopes.ts';
import { startOpenidProvider, type Upstream } from '../support/openid-provider.ts';
import { type Api, createApi } from './api-fixture.ts';

const path = '/api/tenants/acme/sign-in-sources';

let api: Api;
let token: string;
let upstream: Upstream;
beforeAll(async () => {
  api = await createApi();
  token = await api.robot('acme');
});
afterAll(() => api.close());
beforeEach(async () => {
  upstream = await startOpenidProvider();
});
afterEach(() => upstream.close());

const openid = () => ({
  kind: 'openid',
  name: 'Corp Login',
  openid: { issuer: upstream.issuer, clientId: 'tenantry' },
  secret: 'pa55-client',
});
const ldap = {
  kind: 'ldap',
  name: 'Directory',
  domains: ['corp.example'],
  ldap: { url: 'ldaps://127.0.0.1:1', readerDn: 'cn=reader,dc=corp', baseDn: 'dc=corp' },
  secret: 'pa55-reader',
};

const create = (body: object) => api.http.post(path).auth(token, { type: 'bearer' }).send(body);
const change = (id: string, body: object, etag = '*') =>
  api.http.patch(`${path}/${id}`).auth(token, { type: 'bearer' }).set('If-Match', etag).send(body);
const remove = (id: string) => api.http.delete(`${path}/${id}`).auth(token, { type: 'bearer' }).send({});
const fieldsOf = ({ body }: { body: { errors?: { field: string }[] } }) =>
  (body.errors ?? []).map(({ field }) => field).sort();

describe('a sign-in source', () => {
  it('is created, read, changed as seen, removed, and each is recorded, without its secret', async () => {
    const { configVersion } = await api.recordOf('acme');
    const created = await create(openid()).expect(201);
    const { id } = created.body;
    expect(created.body).toMatchObject({
      kind: 'openid',
      hasSecret: true,
      callbackUrl: expect.stringMatching(new RegExp(`/acme/federation/${id}/callback$`)),
    });
    expect((await api.recordOf('acme')).configVersion).toBe(configVersion + 1);
    const read = await api.get(`${path}/${id}`, token).expect(200);
    expect(read.headers.etag).toBe(created.headers.etag);
    const etag = String(read.headers.etag);
    const changed = await change(id, { name: 'Corp', enabled: false }, etag).expect(200);
    expect(changed.body).toMatchObject({ name: 'Corp', enabled: false, hasSecret: true });
    await change(id, { name: 'Late' }, etag).expect(412);
    const list = await api.get(path, token).expect(200);
    expect(list.body.signInSources).toMatchObject([{ id, name: 'Corp' }]);
    await remove(id).expect(200);
    await api.get(`${path}/${id}`, token).expect(404);
    const audit = await api.get('/api/tenants/acme/audit', token);
    const events = audit.body.events.filter(({ event }: { event: string }) =>
      event.startsWith('sign-in-source.'),
    );
    expect(events.map(({ event }: { event: string }) => event).sort()).toEqual([
      'sign-in-source.changed',
      'sign-in-source.created',
      'sign-in-source.removed',
    ]);
    const shown = [created, read, changed, list, audit].map(({ text }) => text).join();
    expect(shown).not.toMatch(/pa55|sealed/);
  });

  it('names everything that is wrong at once', async () => {
    const response = await create({
      kind: 'openid',
      name: '',
      domains: ['Corp.Example', 'corp'],
      linkDomains: ['*'],
      openid: { issuer: 'https://10.0.0.1/x?y', clientId: 'c', scopes: ['email'] },
      ldap: { url: 'ldap://x/y', baseDn: 'dc=corp', loginAttributes: ['mail)(uid=*'] },
      extra: true,
    }).expect(400);
    expect(fieldsOf(response)).toEqual([
      'domains.0',
      'domains.1',
      'extra',
      'ldap.loginAttributes.0',
      'ldap.url',
      'linkDomains.0',
      'name',
      'openid.issuer',
      'openid.scopes',
    ]);
  });

  it('has the settings of its kind, and of no other', async () => {
    const { ldap: settings, ...rest } = ldap;
    expect(fieldsOf(await create(rest).expect(400))).toEqual(['ldap']);
    expect(fieldsOf(await create({ ...openid(), ldap: settings }).expect(400))).toEqual(['ldap']);
    expect(fieldsOf(await create({ ...ldap, domains: [] }).expect(400))).toEqual(['domains']);
  });

  it.each([
    'http://login.example.com',
    'https://169.254.169.254',
    'https://[::1]',
    'https://printer.local',
    'https://user:pa55@login.example.com',
    'https://login.example.com/#x',
    'javascript:alert(1)',
    'https://localhost',
  ])('is not at %s', async (issuer) => {
    const response = await create({ ...openid(), openid: { issuer, clientId: 'c' } }).expect(400);
    expect(fieldsOf(response)).toEqual(['openid.issuer']);
  });

  it.each(['ldaps://10.0.0.1', 'ldap://169.254.169.254', 'ldaps://dc.corp.local', 'http://127.0.0.1'])(
    'is no directory at %s',
    async (url) => {
      const response = await create({ ...ldap, ldap: { ...ldap.ldap, url } }).expect(400);
      expect(fieldsOf(response)).toEqual(['ldap.url']);
    },
  );

  it('gives roles and application tenants that the tenant has', async () => {
    const response = await create({
      ...openid(),
      applicationTenantIds: ['apt_nowhere'],
      defaultRoles: ['Member', 'Emperor'],
      roleMapping: [{ group: 'g', roles: ['Viewer', 'King'] }],
    }).expect(400);
    expect(fieldsOf(response)).toEqual(['applicationTenantIds.0', 'defaultRoles.1', 'roleMapping.0.roles.1']);
  });

  it('stays what it is and where its people are known', async () => {
    const { body } = await create(openid()).expect(201);
    const moved = await change(body.id, { openid: { issuer: 'https://evil.example' } }).expect(400);
    expect(fieldsOf(moved)).toEqual(['openid.issuer']);
    const turned = await change(body.id, { openid: null, ...ldap }).expect(400);
    expect(fieldsOf(turned)).toContain('kind');
  });

  it('tells its secret to no other place: whoever moves it has to know it', async () => {
    const { body } = await create(ldap).expect(201);
    for (const place of [
      { url: 'ldaps://127.0.0.1:2' },
      { certificateAuthority: '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----' },
    ]) {
      expect(fieldsOf(await change(body.id, { ldap: place }).expect(400))).toEqual(['secret']);
      await change(body.id, { ldap: place, secret: 'known' }).expect(200);
    }
  });

  it('of another tenant cannot be told from none', async () => {
    const { body } = await create(openid()).expect(201);
    const other = await api.robot('globex');
    const theirs = `/api/tenants/globex/sign-in-sources/${body.id}`;
    await api.get(theirs, other).expect(404);
    await api.get(`${theirs}/test`, other).expect(404);
    await api.http.patch(theirs).auth(other, { type: 'bearer' }).set('If-Match', '*').send({}).expect(404);
    await api.http.delete(theirs).auth(other, { type: 'bearer' }).send({}).expect(404);
    expect((await api.get(path, other)).status).toBeGreaterThanOrEqual(401);
  });
});

describe('a sign-in source gives nobody more than whoever manages it has (C1)', () => {
  const as = (clerk: string) => ({
    create: (body: object, at = path) => api.post(at, body, clerk),
    change: (id: string, body: object) =>
      api.http.patch(`${path}/${id}`).auth(clerk, { type: 'bearer' }).set('If-Match', '*').send(body),
    remove: (id: string) => api.http.delete(`${path}/${id}`).auth(clerk, { type: 'bearer' }).send({}),
  });
  const administrators = [
    { defaultRoles: ['Admin'] },
    { roleMapping: [{ group: 'everybody', roles: ['Member', 'Admin'] }] },
    { enabled: false, defaultRoles: ['Admin'] },
  ];
  let clerk: ReturnType<typeof as>;
  beforeAll(async () => {
    clerk = as(await api.robot('acme', ['sign-in-sources:read', 'sign-in-sources:write']));
  });

  it.each(administrators)('when it is made or changed: %j', async (settings) => {
    const refused = await clerk.create({ ...openid(), ...settings }).expect(403);
    expect(refused.body.code).toBe('insufficient_scope');
    const { body } = await clerk.create({ ...openid(), defaultRoles: ['Member'] }).expect(201);
    await clerk.change(body.id, settings).expect(403);
    await clerk.change(body.id, { name: 'Mine', defaultRoles: ['Viewer'] }).expect(200);
    await clerk.remove(body.id).expect(200);
  });

  it.each(administrators)('nor has a hand in one that gives more: %j', async (settings) => {
    const { body } = await create({ ...openid(), ...settings }).expect(201);
    await clerk.change(body.id, { enabled: true }).expect(403);
    await clerk.change(body.id, { defaultRoles: [], roleMapping: [] }).expect(403);
    await clerk.remove(body.id).expect(403);
    await change(body.id, { enabled: true }).expect(200);
  });

  it('nor when it is for application tenants, whose administrators have power of their own', async () => {
    const { applicationTenants } = await api.partsOf('acme');
    const { id } = await applicationTenants.create({ slug: 'sourced', name: 'Sourced' });
    const source = { ...openid(), applicationTenantIds: [id], defaultRoles: ['Admin'] };
    await clerk.create(source).expect(403);
    const manager = as(await api.robot('acme', ['sign-in-sources:write', ...applicationTenantScopes]));
    const { body } = await manager.create(source).expect(201);
    await manager.change(body.id, { applicationTenantIds: ['default'] }).expect(403);
    await manager.change(body.id, { applicationTenantIds: null }).expect(403);
  });

  it('nor by deciding who somebody is: linked domains, and another directory', async () => {
    await clerk.create({ ...openid(), linkDomains: ['corp.example'] }).expect(403);
    const believed = await create({ ...openid(), linkDomains: ['corp.example'] }).expect(201);
    await clerk.change(believed.body.id, { linkDomains: [] }).expect(403);
    const { body } = await clerk.create(ldap).expect(201);
    await clerk.change(body.id, { linkDomains: ['corp.example'] }).expect(403);
    await clerk.change(body.id, { ldap: { url: 'ldaps://127.0.0.1:2' }, secret: 'mine' }).expect(403);
    await clerk.change(body.id, { ldap: { loginAttributes: ['description'] } }).expect(403);
    await clerk.change(body.id, { name: 'Renamed' }).expect(200);
    await change(body.id, { ldap: { loginAttributes: ['uid'] } }).expect(200);
  });

  it('so that a platform admin makes nobody a decider', async () => {
    const { token: platformAdmin } = await api.person('platform', 'idp@operators.example', [
      'Platform Admin',
    ]);
    const operator = as(platformAdmin);
    const at = '/api/tenants/platform/sign-in-sources';
    for (const role of ['Security Admin', 'OAuth Team', 'Compliance Officer']) {
      await operator.create({ ...openid(), defaultRoles: [role] }, at).expect(403);
      await operator.create({ ...openid(), roleMapping: [{ group: 'mine', roles: [role] }] }, at).expect(403);
    }
    await operator.create({ ...openid(), linkDomains: ['operators.example'] }, at).expect(403);
    await operator.create({ ...openid(), defaultRoles: ['Platform Admin'] }, at).expect(201);
  });
});

describe('the test of a sign-in source', () => {
  it('says that it works, or why not', async () => {
    const { body } = await create(openid()).expect(201);
    const test = () => api.get(`${path}/${body.id}/test`, token).expect(200);
    expect((await test()).body).toEqual({ works: true });
    upstream.misbehave({ discovery: { issuer: 'https://evil.example' } });
    expect((await test()).body).toMatchObject({ works: false, reason: 'untrusted' });
    upstream.close();
    expect((await test()).body).toMatchObject({ works: false, reason: 'unavailable' });
  });

  it('explains what is wrong with a directory, and keeps its secret', async () => {
    const { body } = await create(ldap).expect(201);
    const { body: answer, text } = await api.get(`${path}/${body.id}/test`, token).expect(200);
    expect(answer).toMatchObject({ works: false, reason: 'unavailable' });
    expect(text).not.toContain('pa55');
  });
});
