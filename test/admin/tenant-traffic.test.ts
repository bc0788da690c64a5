import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Api, createApi } from './api-fixture.ts';

let api: Api;
let operator: string;
let script: string;
beforeAll(async () => {
  api = await createApi();
  operator = await api.robot('platform');
  const admin = await api.robot('acme');
  const scopes = ['clients:read', 'usage:read', 'scim'];
  script = (await api.post('/api/tenants/acme/api-keys', { name: 'Script', scopes }, admin)).body.secret;
});
afterAll(() => api.close());

const limit = (slug: string, requestsPerSecond: number | null) =>
  api.http
    .patch(`/api/tenants/${slug}/quotas`)
    .auth(operator, { type: 'bearer' })
    .set('If-Match', '*')
    .send({ requestsPerSecond })
    .expect(200);
const look = (token = script, slug = 'acme') => api.get(`/api/tenants/${slug}/clients`, token);
const statuses = async (count: number, ...question: Parameters<typeof look>) =>
  (await Promise.all(Array.from({ length: count }, () => look(...question)))).map(({ status }) => status);

it('has a share of its own of what the tenant may ask for, and says when to come back', async () => {
  await limit('acme', 16);
  const answers = await Promise.all(Array.from({ length: 6 }, () => look()));
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused).toHaveLength(2);
  expect(refused[0]?.body.code).toBe('rate_limited');
  expect(refused[0]?.headers['retry-after']).toBe('1');
  const scim = await api.get('/api/tenants/acme/scim/default/v2/Users', script);
  expect([scim.status, scim.headers['retry-after'], scim.body.status]).toEqual([429, '1', '429']);
  api.clock.advance(250);
  expect(await statuses(2)).toEqual(expect.arrayContaining([200, 429]));
});

it('takes nothing from another tenant, and keeps no operator out', async () => {
  await limit('acme', 4);
  api.clock.advance(10_000);
  expect((await statuses(3)).filter((status) => status === 200)).toHaveLength(1);
  expect(await statuses(5, await api.robot('globex'), 'globex')).toEqual(Array(5).fill(200));
  expect(await statuses(5, operator)).toEqual(Array(5).fill(200));
  await limit('acme', null);
  expect(await statuses(5)).toEqual(Array(5).fill(200));
});

it('is counted among the requests of the tenant, and of no other', async () => {
  const requests = async (slug: string) => {
    const { body } = await api.get(`/api/tenants/${slug}/usage`, operator).expect(200);
    return body.usage.reduce((sum: number, day: { requests: number }) => sum + day.requests, 0);
  };
  await api.usage.flush();
  const before = [await requests('acme'), await requests('globex')];
  await statuses(3);
  await statuses(2, operator);
  await statuses(2, await api.robot('globex'), 'acme');
  await api.get('/api/tenants/acme/clients', 'garbage').expect(401);
  await api.usage.flush();
  expect([await requests('acme'), await requests('globex')]).toEqual([(before[0] ?? 0) + 3, before[1]]);
});

it('is warned of when little is left', async () => {
  await limit('acme', 20);
  api.clock.advance(10_000);
  await statuses(5);
  await api.usage.flush();
  const { body } = await api.get('/api/tenants/acme/audit?event=quota.warning', operator).expect(200);
  expect(body.events[0].details).toMatchObject({ quota: 'requestsPerSecond', limit: 20 });
});
