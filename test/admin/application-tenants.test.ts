import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApplicationTenantRemoval } from '../../src/admin/people/application-tenant-removal.ts';
import { createAccounts } from '../../src/identity/accounts.ts';
import type { Slug } from '../../src/kernel/ids.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { silentLog } from '../support/services.ts';
import { type Api, createApi } from './api-fixture.ts';

let api: Api;
let admin: { token: string };

const path = '/api/tenants/acme/application-tenants';
const patch = (at: string, body: object, token: string, etag = '*') =>
  api.http.patch(at).auth(token, { type: 'bearer' }).set('If-Match', etag).send(body);
const remove = (at: string, token: string) => api.http.delete(at).auth(token, { type: 'bearer' });
const never = new AbortController().signal;

beforeAll(async () => {
  api = await createApi();
  admin = await api.person('acme', 'admin@acme.example', ['Admin']);
});
afterAll(() => api.close());

describe('application tenants (E2)', () => {
  it('are created, with a slug from the name, and changed', async () => {
    const created = await api.post(path, { name: 'North Wind Ltd.' }, admin.token).expect(201);
    expect(created.body).toMatchObject({
      id: expect.stringMatching(/^apt_/),
      slug: 'north-wind-ltd',
      status: 'active',
      signUp: 'invitation',
      domains: [],
    });
    const at = `${path}/${created.body.id}`;
    const changed = await patch(
      at,
      { name: 'North', signUp: 'domain', securityPolicy: { sessionTimeout: 600 } },
      admin.token,
      created.headers.etag,
    ).expect(200);
    expect(changed.body).toMatchObject({
      name: 'North',
      signUp: 'domain',
      securityPolicy: { sessionTimeout: 600 },
    });
    expect((await api.get(`${path}/north-wind-ltd`, admin.token).expect(200)).body).toEqual(changed.body);
    await patch(at, { name: 'Late' }, admin.token, created.headers.etag).expect(412);
    await api.post(path, { name: 'North Wind Ltd.' }, admin.token).expect(409);
    await api.post(path, { name: '!!', slug: 'default' }, admin.token).expect(400);
    await api.post(path, { name: '!!' }, admin.token).expect(400);
    const { body: list } = await api.get(path, admin.token).expect(200);
    expect(list.applicationTenants.map(({ id }: { id: string }) => id)).toContain(created.body.id);
  });

  it('have running tenants rebuilt when the default one, which they read once, is changed', async () => {
    const { configVersion } = await api.recordOf('acme');
    await patch(`${path}/default`, { securityPolicy: { maxConcurrentSessions: 2 } }, admin.token).expect(200);
    expect((await api.recordOf('acme')).configVersion).toBe(configVersion + 1);
    const other = await api.post(path, { name: 'Read often' }, admin.token).expect(201);
    await patch(`${path}/${other.body.id}`, { name: 'Read' }, admin.token).expect(200);
    expect((await api.recordOf('acme')).configVersion).toBe(configVersion + 1);
  });

  it('have no policy weaker than the tenant’s', async () => {
    const refused = await api
      .post(
        path,
        { name: 'Weak', securityPolicy: { sessionTimeout: 7200, maxConcurrentSessions: 2 } },
        admin.token,
      )
      .expect(400);
    expect(refused.body.errors).toEqual([
      { field: 'securityPolicy.sessionTimeout', message: 'must be at most 3600, as in the tenant' },
    ]);
    const { body } = await api.post(path, { name: 'Strong' }, admin.token).expect(201);
    await patch(
      `${path}/${body.id}`,
      { securityPolicy: { passwordPolicy: { minLength: 8 } } },
      admin.token,
    ).expect(400);
    await patch(
      `${path}/${body.id}`,
      { securityPolicy: { ipRestrictions: ['nonsense'] } },
      admin.token,
    ).expect(400);
    await patch(
      `${path}/${body.id}`,
      { securityPolicy: { passwordPolicy: { minLength: 16 } } },
      admin.token,
    ).expect(200);
  });

  it('prove their domains by DNS', async () => {
    const { body: one } = await api.post(path, { name: 'Domain One' }, admin.token).expect(201);
    const at = `${path}/${one.id}/domains`;
    const added = await api.post(at, { domain: 'One.Example' }, admin.token).expect(201);
    const { proof } = added.body.domains[0];
    expect(proof).toEqual({
      type: 'TXT',
      name: '_tenantry-challenge.one.example',
      value: expect.stringMatching(/^tenantry-domain-verification=/),
    });
    await api.post(`${at}/one.example/verify`, {}, admin.token).expect(409);
    api.dns.set(proof.name, [proof.value]);
    const verified = await api.post(`${at}/one.example/verify`, {}, admin.token).expect(200);
    expect(verified.body.domains).toEqual([
      { domain: 'one.example', addedAt: expect.any(String), verifiedAt: expect.any(String) },
    ]);
    await api.post(at, { domain: 'localhost' }, admin.token).expect(400);
    const { body: two } = await api.post(path, { name: 'Domain Two' }, admin.token).expect(201);
    const second = await api
      .post(`${path}/${two.id}/domains`, { domain: 'one.example' }, admin.token)
      .expect(201);
    api.dns.set(proof.name, [second.body.domains[0].proof.value]);
    await api.post(`${path}/${two.id}/domains/one.example/verify`, {}, admin.token).expect(409);
    await remove(`${at}/one.example`, admin.token).expect(200);
    await remove(`${at}/one.example`, admin.token).expect(404);
    await api.post(`${path}/${two.id}/domains/one.example/verify`, {}, admin.token).expect(200);
  });

  it('wait for silent name servers without holding anybody else up', async () => {
    const { body } = await api.post(path, { name: 'Silent' }, admin.token).expect(201);
    const at = `${path}/${body.id}/domains`;
    await api.post(at, { domain: 'silent.example' }, admin.token).expect(201);
    const answer = Promise.withResolvers<void>();
    api.holdDns(answer.promise);
    let answered = 0;
    // Far more than the pool of the database has connections.
    const verifications = Array.from({ length: 30 }, () =>
      api.post(`${at}/silent.example/verify`, {}, admin.token).then(({ status }) => {
        answered += 1;
        return status;
      }),
    );
    const others = await Promise.all(
      Array.from({ length: 5 }, (_, index) => api.post(path, { name: `Meanwhile ${index}` }, admin.token)),
    );
    expect(others.map(({ status }) => status)).toEqual(Array(5).fill(201));
    expect(answered).toBe(0);
    answer.resolve();
    expect(await Promise.all(verifications)).toEqual(Array(30).fill(409));
  });

  it('prove a domain by the challenge that the DNS was asked for, and by no later one', async () => {
    const { body } = await api.post(path, { name: 'Swapped' }, admin.token).expect(201);
    const at = `${path}/${body.id}/domains`;
    const add = () => api.post(at, { domain: 'swapped.example' }, admin.token).expect(201);
    const { proof } = (await add()).body.domains[0];
    api.dns.set(proof.name, [proof.value]);
    const answer = Promise.withResolvers<void>();
    api.holdDns(answer.promise);
    const verification = api.post(`${at}/swapped.example/verify`, {}, admin.token).then((each) => each);
    await remove(`${at}/swapped.example`, admin.token).expect(200);
    await add();
    answer.resolve();
    // Whichever of the two was read first: the new challenge is in no DNS.
    expect([404, 409]).toContain((await verification).status);
    const after = await api.get(`${path}/${body.id}`, admin.token).expect(200);
    expect(after.body.domains[0]).not.toHaveProperty('verifiedAt');
  });

  it('are suspended and resumed, but not the default one', async () => {
    const { body } = await api.post(path, { name: 'Standing' }, admin.token).expect(201);
    const at = `${path}/${body.id}`;
    expect((await api.post(`${at}/suspend`, {}, admin.token).expect(200)).body.status).toBe('suspended');
    await api.post(`${at}/suspend`, {}, admin.token).expect(409);
    expect((await api.post(`${at}/resume`, {}, admin.token).expect(200)).body.status).toBe('active');
    await api.post(`${path}/default/suspend`, {}, admin.token).expect(409);
    await remove(`${path}/default`, admin.token).expect(409);
    expect((await patch(`${path}/default`, { name: 'Staff' }, admin.token).expect(200)).body.name).toBe(
      'Staff',
    );
  });

  it('go with everybody in them', async () => {
    const { body } = await api.post(path, { name: 'Gone', slug: 'gone' }, admin.token).expect(201);
    const { accounts, groups, roles, memberships } = await api.partsOf('acme');
    const group = await groups.create({
      name: 'G',
      description: '',
      roles: [],
      applicationTenantId: body.id,
    });
    await roles.create({ name: 'Own', description: '', scopes: ['x'] }, body.id);
    const people = await Promise.all(
      Array.from({ length: 7 }, (_, index) => api.person('acme', `p${index}@gone.example`, [], body.id)),
    );
    for (const { account } of people) await memberships.add(account, group);
    const bystander = await api.person('acme', 'bystander@gone.example', []);
    const removed = await remove(`${path}/${body.id}`, admin.token).expect(202);
    expect(removed.body.status).toBe('removing');
    const [job] = await api.jobs('application-tenant-removal');
    expect(job).toEqual({ slug: 'acme', applicationTenantId: body.id });
    const run = () =>
      api.peopleJobs['application-tenant-removal'].run(
        { slug: 'acme' as never, applicationTenantId: body.id },
        never,
      );
    await run();
    await run();
    await api.get(`${path}/${body.id}`, admin.token).expect(404);
    expect((await accounts.list({ applicationTenantId: body.id })).accounts).toEqual([]);
    expect((await groups.list(body.id)).groups).toEqual([]);
    expect(await roles.list(body.id)).toEqual([]);
    expect(await accounts.get(bystander.account.id)).toBeDefined();
    const again = await api.post(path, { name: 'Gone', slug: 'gone' }, admin.token).expect(201);
    expect(again.body.id).not.toBe(body.id);
  });

  it('that are being removed take nothing in any more, whoever brings it', async () => {
    const { body: leaving } = await api.post(path, { name: 'Leaving' }, admin.token).expect(201);
    const at = `${path}/${leaving.id}`;
    const own = await api.person('acme', 'admin@leaving.example', ['Admin'], leaving.id);
    const where = { applicationTenant: leaving.id };
    const upload = (email: string) =>
      api.http
        .post(`/api/tenants/acme/user-imports?applicationTenant=${leaving.id}`)
        .auth(admin.token, { type: 'bearer' })
        .set('Content-Type', 'application/x-ndjson')
        .send(JSON.stringify({ email }));
    const waiting = await upload('waiting@leaving.example');
    expect(waiting.status).toBe(202);
    await remove(at, admin.token).expect(202);
    const someone = { email: 'late@leaving.example', name: 'Late', ...where };
    const scim = `/api/tenants/acme/scim/${leaving.id}/v2`;
    const refused = await Promise.all([
      api.post('/api/tenants/acme/users', someone, admin.token),
      api.post('/api/tenants/acme/invitations', someone, admin.token),
      api.post('/api/tenants/acme/groups', { name: 'Late', ...where }, admin.token),
      api.post(`${at}/roles`, { name: 'Late', scopes: [] }, admin.token),
      api.post(`${at}/domains`, { domain: 'late.example' }, admin.token),
      patch(at, { name: 'Late' }, admin.token),
      upload('late@leaving.example'),
      api.post(`${scim}/Users`, { userName: 'late@leaving.example' }, admin.token),
      api.post(`${scim}/Groups`, { displayName: 'Late' }, admin.token),
    ]);
    expect(refused.map(({ status, body }) => [status, body.detail])).toEqual(
      Array(9).fill([409, 'The application tenant is being removed.']),
    );
    // What was begun before, and whoever asked just before: the account is taken back.
    await api.runImport(waiting.body);
    const imported = await api.get(`/api/tenants/acme/user-imports/${waiting.body.id}`, admin.token);
    expect(imported.body).toMatchObject({ state: 'failed', created: 0 });
    const { accounts } = await api.partsOf('acme');
    await expect(
      accounts.create({
        email: 'late@leaving.example',
        name: 'Late',
        roles: [],
        applicationTenantId: leaving.id,
      }),
    ).rejects.toMatchObject({ code: 'conflict' });
    expect((await accounts.list({ applicationTenantId: leaving.id })).accounts.map(({ id }) => id)).toEqual([
      own.account.id,
    ]);
    await api.get(`${at}/roles`, admin.token).expect(200);
  });

  it('go with whoever comes while they go', async () => {
    const { body } = await api.post(path, { name: 'Busy' }, admin.token).expect(201);
    const { accounts, groups, table } = await api.partsOf('acme');
    await api.person('acme', 'zoe@busy.example', [], body.id);
    await remove(`${path}/${body.id}`, admin.token).expect(202);
    // As somebody makes it who looked before the removal began: the first page is behind the removal then.
    const unguarded = createAccounts({ table, clock: api.clock, random: systemRandom });
    let late = 0;
    const removal = createApplicationTenantRemoval({
      ...api,
      random: systemRandom,
      log: silentLog,
      accountAccess: () => ({
        end: async () => {
          late += 1;
          const name = `a${late}`;
          if (late <= 3) {
            const where = { applicationTenantId: body.id };
            await unguarded.create({ email: `${name}@busy.example`, name, roles: [], ...where });
            await groups.create({ name, description: '', roles: [], ...where });
          }
        },
        removeCredentials: async () => {},
        resetFactors: async () => {},
      }),
    });
    await removal.run({ slug: 'acme' as Slug, applicationTenantId: body.id }, never);
    expect(late).toBe(4);
    await api.get(`${path}/${body.id}`, admin.token).expect(404);
    expect((await accounts.list({ applicationTenantId: body.id })).accounts).toEqual([]);
    expect((await groups.list(body.id)).groups).toEqual([]);
  });

  it('are managed by their own administrators as far as they are their own', async () => {
    const { body: own } = await api.post(path, { name: 'Own' }, admin.token).expect(201);
    const { body: other } = await api.post(path, { name: 'Other' }, admin.token).expect(201);
    const { token } = await api.person('acme', 'admin@own.example', ['Admin'], own.id);
    const listed = await api.get(path, token).expect(200);
    expect(listed.body.applicationTenants.map(({ id }: { id: string }) => id)).toEqual([own.id]);
    await patch(`${path}/${own.id}`, { name: 'Renamed' }, token).expect(200);
    await api.post(`${path}/${own.id}/domains`, { domain: 'own.example' }, token).expect(201);
    await api.post(`${path}/${own.id}/roles`, { name: 'Buyer', scopes: ['buy'] }, token).expect(201);
    for (const id of [other.id, 'default', 'other']) {
      await api.get(`${path}/${id}`, token).expect(404);
      await patch(`${path}/${id}`, { name: 'Mine' }, token).expect(404);
      await api.post(`${path}/${id}/domains`, { domain: 'own.example' }, token).expect(404);
    }
    await api.get(`${path}/${other.id}/roles`, token).expect(404);
    await api.post(path, { name: 'New' }, token).expect(403);
    await api.post(`${path}/${own.id}/suspend`, {}, token).expect(403);
    await remove(`${path}/${own.id}`, token).expect(403);
    await api.get('/api/tenants/globex/application-tenants', admin.token).expect(404);
    const member = await api.person('acme', 'member@own.example', ['Member'], own.id);
    await api.get(path, member.token).expect(403);
  });
});
