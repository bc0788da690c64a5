import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listAudit } from '../../src/audit/list-audit.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { createUsageStore } from '../../src/tenancy/usage-store.ts';
import { createTestTables } from '../support/services.ts';
import { type Api, createApi } from './api-fixture.ts';

let api: Api;
let admin: string;
let operator: string;
beforeAll(async () => {
  api = await createApi();
  admin = await api.robot('acme');
  operator = await api.robot('platform');
});
afterAll(() => api.close());

const path = '/api/tenants/acme';
const patch = (change: object, token = operator) =>
  api.http.patch(`${path}/quotas`).auth(token, { type: 'bearer' }).set('If-Match', '*').send(change);

describe('usage', () => {
  it('is read by day and by month, of the tenant alone', async () => {
    const table = createTestTables().open((await api.recordOf('acme')).tableName);
    const store = createUsageStore({ table, clock: api.clock });
    await store.add('day', '2025-12-31', { requests: 7 });
    await store.add('day', '2026-01-01', { requests: 5, tokens: 2 });
    await store.add('month', '2026-01', { requests: 5, tokens: 2 });
    const read = async (query: string, token = admin) =>
      (await api.get(`${path}/usage?${query}`, token)).body;

    const second = { period: '2026-01-01', requests: 5, signIns: 0, tokens: 2, activeUsers: 0 };
    expect(await read('from=2026-01-01&to=2026-01-31')).toEqual({
      granularity: 'day',
      from: '2026-01-01',
      to: '2026-01-31',
      usage: [second],
    });
    expect((await read('from=2025-12-01&to=2026-01-31')).usage).toHaveLength(2);
    expect((await read('from=2026-01-15&to=2026-01-31&granularity=month')).usage).toEqual([
      { ...second, period: '2026-01' },
    ]);
    expect((await api.get(`${path}/usage`, await api.robot('globex'))).status).toBe(404);
  });

  it.each(['from=yesterday', 'to=2026-13-01', 'granularity=hour', 'from=2026-02-01&to=2026-01-01'])(
    'is not read by ?%s',
    async (query) => {
      expect((await api.get(`${path}/usage?${query}`, admin)).status).toBe(400);
    },
  );
});

async function warningsOf(quota: string) {
  const { events } = await listAudit(api.postgres, { limit: 200 });
  return events
    .filter(({ event, details }) => event === 'quota.warning' && details.quota === quota)
    .map(({ details }) => details);
}

describe('quotas', () => {
  it('are read by the tenant and set by the platform', async () => {
    const { body, headers } = await api.get(`${path}/quotas`, admin).expect(200);
    expect(body).toEqual({});
    expect(headers.etag).toBeTruthy();
    await patch({ clients: 1000 }, admin).expect(403);
    expect((await patch({ clients: 1000, requestsPerSecond: 50 })).body).toEqual({
      clients: 1000,
      requestsPerSecond: 50,
    });
    expect((await patch({ clients: null, requestsPerSecond: null })).body).toEqual({});
    await patch({ clients: -1 }).expect(400);
    await patch({ surprise: 1 }).expect(400);
  });

  it('of users are kept by whatever way they come', async () => {
    const user = (number: number) => ({ email: `user-${number}@acme.example`, name: 'User' });
    const create = (number: number) => api.post(`${path}/users`, user(number), admin);
    const { accounts } = await api.partsOf('acme');
    const present = (await accounts.list({ limit: 1000 })).accounts.length;
    await patch({ users: present + 1 });
    const { body } = await create(1).expect(201);
    expect((await create(2)).body.code).toBe('quota_exceeded');
    const invited = await api.post(`${path}/invitations`, user(3), admin);
    expect([invited.status, invited.body.code]).toEqual([409, 'quota_exceeded']);
    const gone = await api.http.delete(`${path}/users/${body.id}`).auth(admin, { type: 'bearer' });
    expect(gone.status).toBe(200);
    await create(2).expect(201);
    await patch({ users: null });
    await create(4).expect(201);
  });

  it('of users are told of before they are reached, by whatever way users come', async () => {
    const { accounts } = await api.partsOf('acme');
    const present = (await accounts.list({ limit: 1000 })).accounts.length;
    await patch({ users: present + 3 });
    const lines = [1, 2, 3].map((number) => JSON.stringify({ email: `bulk-${number}@acme.example` }));
    const { body } = await api.http
      .post(`${path}/user-imports`)
      .auth(admin, { type: 'bearer' })
      .set('Content-Type', 'application/x-ndjson')
      .send(lines.join('\n'));
    await api.runImport(body);
    await api.usage.flush();
    expect(await warningsOf('users')).toEqual([
      expect.objectContaining({ limit: present + 3, used: present + 3 }),
    ]);
    await patch({ users: null });
  });

  it('have one place more after one removal, however often it is asked for at once', async () => {
    const { accounts, clients } = await api.partsOf('acme');
    const users = (await accounts.list({ limit: 1000 })).accounts.length;
    await patch({ users: users + 1, clients: (await clients.count()) + 1 });
    const createUser = () =>
      api.post(
        `${path}/users`,
        { email: `once-${systemRandom.bytes(4).toString('hex')}@acme.example`, name: 'X' },
        admin,
      );
    const createClient = () => api.post(`${path}/clients`, { name: 'Once', type: 'm2m' }, admin);
    const user = (await createUser().expect(201)).body.id;
    const client = (await createClient().expect(201)).body.clientId;
    for (const at of [`${path}/users/${user}`, `${path}/clients/${client}`]) {
      const answers = await Promise.all(
        [1, 2, 3, 4].map(() => api.http.delete(at).auth(admin, { type: 'bearer' })),
      );
      expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(1);
      expect(answers.every(({ status }) => status === 200 || status === 404)).toBe(true);
    }
    await createUser().expect(201);
    await createUser().expect(409);
    await createClient().expect(201);
    await createClient().expect(409);
    await patch({ users: null, clients: null });
  });

  it('that a counter has wrong are set right every day', async () => {
    const { clients, table } = await api.partsOf('acme');
    await patch({ clients: await clients.count() });
    await api.post(`${path}/clients`, { name: 'Over', type: 'm2m' }, admin).expect(409);
    await table.update({ pk: 'Quota', sk: 'count#clients' }, { add: { taken: -1 } });
    const recount = () => api.peopleJobs['tenant-recount'].run({}, new AbortController().signal);
    await recount();
    api.clock.advance(86_400_000);
    await recount();
    admin = await api.robot('acme');
    operator = await api.robot('platform');
    await api.post(`${path}/clients`, { name: 'Over', type: 'm2m' }, admin).expect(409);
    await patch({ clients: null });
  });

  it('of clients are kept, told of before, and freed by a deletion', async () => {
    const { clients } = await api.partsOf('acme');
    const present = await clients.count();
    await patch({ clients: present + 2 });
    const create = () => api.post(`${path}/clients`, { name: 'Job', type: 'm2m' }, admin);
    const { body: first } = await create().expect(201);
    await create().expect(201);
    const refused = await create();
    expect([refused.status, refused.body.code]).toEqual([409, 'quota_exceeded']);

    await api.http.delete(`${path}/clients/${first.clientId}`).auth(admin, { type: 'bearer' }).expect(200);
    await create().expect(201);
    await create().expect(409);
    await api.usage.flush();
    await create().expect(409);
    await api.usage.flush();
    expect(await warningsOf('clients')).toEqual([
      expect.objectContaining({ limit: present + 2, used: present + 2 }),
    ]);

    // A refused request takes no place.
    await patch({ clients: present + 3 });
    await api.post(`${path}/clients`, { name: 'X', type: 'm2m', clientId: 'console' }, admin).expect(409);
    await create().expect(201);
    await patch({ clients: null });
    await create().expect(201);
  });
});
