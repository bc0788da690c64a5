import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Account } from '../../src/identity/accounts.ts';
import { createFederatedIdentities } from '../../src/identity/federated-identities.ts';
import { createFederatedSignIn } from '../../src/identity/federated-sign-in.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { type Api, createApi } from './api-fixture.ts';

const users = '/api/tenants/acme/users';

let api: Api;
let admin: string;
let federated: Account;

/** Somebody whom a sign-in source has made an account for. */
async function arrive(subject: string, applicationTenantId = 'default'): Promise<Account> {
  const { table, accounts, applicationTenants } = await api.partsOf('acme');
  const identities = createFederatedIdentities({ table, clock: api.clock });
  const { enter } = createFederatedSignIn({ accounts, identities, applicationTenants, random: systemRandom });
  const now = new Date(api.clock.now()).toISOString();
  const outcome = await enter({
    source: {
      id: 'src_QxLf2q8jTkmJ0o5lXr3xBg',
      kind: 'openid',
      name: 'Corp',
      openid: { issuer: 'https://corp.example', clientId: 'tenantry' },
      defaultRoles: ['Member'],
      hasSecret: false,
      applicationTenantIds: [applicationTenantId],
      version: '1',
      createdAt: now,
      updatedAt: now,
    },
    applicationTenantId,
    person: {
      subject,
      email: `${subject}@corp.example`,
      emailVerified: true,
      name: 'Frida Federated',
      groups: [],
      methods: ['fed'],
      provedAt: undefined,
    },
  });
  if (outcome.kind !== 'account') throw new Error(`no account but ${outcome.kind}`);
  return outcome.account;
}

beforeAll(async () => {
  api = await createApi();
  admin = await api.robot('acme');
  federated = await arrive('frida');
  expect(federated.madeFor).toBeDefined();
});
afterAll(() => api.close());

const send = (method: 'post' | 'patch' | 'put' | 'delete', path: string, body: object = {}) =>
  api.http[method](path).auth(admin, { type: 'bearer' }).set('If-Match', '*').send(body);

/** The lines of an export. */
async function exported(query = ''): Promise<string> {
  const { body } = await api
    .get(`/api/tenants/acme/user-export${query}`, admin)
    .expect(200)
    .buffer(true)
    .parse((response, done) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => done(null, Buffer.concat(parts).toString()));
    });
  return body as string;
}

describe('an account that a sign-in source has made', () => {
  it('is shown and changed by every route of users like any other, and shows nothing more', async () => {
    const path = `${users}/${federated.id}`;
    const one = await api.get(path, admin).expect(200);
    const { groups: _, ...shown } = one.body;
    const list = await api.get(users, admin).expect(200);
    expect(list.body.users).toContainEqual(shown);
    const found = await api.get(`${users}?search=frida`, admin).expect(200);
    expect(found.body.users).toEqual([shown]);
    const changed = await send('patch', path, { givenName: 'Frida' }).expect(200);
    await send('post', `${path}/end-sessions`).expect(200);
    await send('post', `${path}/reset-factors`).expect(200);
    await send('post', '/api/tenants/acme/groups', { name: 'Everybody' }).expect(201);
    const { groups } = await api.partsOf('acme');
    const group = await groups.findByName('default', 'Everybody');
    await send('post', `/api/tenants/acme/groups/${group?.id}/members`, { userId: federated.id }).expect(201);
    const members = await api.get(`/api/tenants/acme/groups/${group?.id}/members`, admin).expect(200);
    expect(members.body.members).toMatchObject([{ userId: federated.id }]);
    for (const { text } of [one, list, found, changed, members]) {
      expect(text).not.toMatch(new RegExp(`madeFor|${federated.madeFor}`));
    }
  });

  it('is exported, and what was exported can be imported', async () => {
    const { applicationTenants, accounts } = await api.partsOf('acme');
    const from = await applicationTenants.create({ slug: 'from', name: 'From' });
    const into = await applicationTenants.create({ slug: 'into', name: 'Into' });
    await arrive('ferdinand', from.id);
    const lines = await exported('?applicationTenant=from');
    expect(lines).toContain('ferdinand@corp.example');
    const { body } = await api.http
      .post('/api/tenants/acme/user-imports?applicationTenant=into')
      .auth(admin, { type: 'bearer' })
      .set('Content-Type', 'application/x-ndjson')
      .send(lines)
      .expect(202);
    await api.runImport(body);
    const report = await api.get(`/api/tenants/acme/user-imports/${body.id}`, admin).expect(200);
    expect(report.body).toMatchObject({ created: 1, failed: 0 });
    const copy = await accounts.findByEmail(into.id, 'ferdinand@corp.example');
    expect(copy).toMatchObject({ name: 'Frida Federated', roles: ['Member'] });
    // It belongs to whoever proves it, not to the identity that the other was made for.
    expect(copy).not.toHaveProperty('madeFor');
  });

  it('is read, replaced and removed by SCIM, and nothing of the source with it', async () => {
    const base = '/api/tenants/acme/scim/default/v2/Users';
    const { body, text } = await api.get(`${base}/${federated.id}`, admin).expect(200);
    expect(body).toMatchObject({ userName: 'frida@corp.example', active: true });
    expect(text).not.toContain(federated.madeFor);
    await send('put', `${base}/${federated.id}`, { ...body, displayName: 'Frida' }).expect(200);
    const operations = [{ op: 'replace', path: 'externalId', value: 'hr-1' }];
    await send('patch', `${base}/${federated.id}`, { Operations: operations }).expect(200);
    const { accounts } = await api.partsOf('acme');
    expect(await accounts.get(federated.id)).toMatchObject({ name: 'Frida', madeFor: federated.madeFor });
    await api.http.delete(`${base}/${federated.id}`).auth(admin, { type: 'bearer' }).expect(204);
    const again = await arrive('frida');
    expect(again.id).not.toBe(federated.id);
    await send('delete', `${users}/${again.id}`).expect(200);
  });
});
