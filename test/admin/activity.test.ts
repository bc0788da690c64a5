import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Activity } from '../../src/identity/activity.ts';
import type { AccountId } from '../../src/kernel/ids.ts';
import { type Api, createApi } from './api-fixture.ts';

const path = '/api/tenants/acme/activity';
const ada = { id: 'acc_ada' as AccountId, applicationTenantId: 'default' };

let api: Api;
let reader: string;
/** Of an application tenant of acme. */
let branch: string;
let branchAdmin: string;

beforeAll(async () => {
  api = await createApi();
  reader = await api.robot('acme', ['activity:read']);
  const { applicationTenants } = await api.partsOf('acme');
  const made = await applicationTenants.create({ slug: 'branch', name: 'Branch' });
  branch = made.id;
  ({ token: branchAdmin } = await api.person('acme', 'boss@branch.example', ['Admin'], branch));
  await api.noteActivity('acme', { kind: 'signed-in', account: ada, clientId: 'web', methods: ['pwd'] });
  await api.noteActivity('acme', { kind: 'client-registered', clientId: 'robot' });
  await api.noteActivity('acme', {
    kind: 'sign-in-failed',
    applicationTenantId: branch,
    reason: 'password',
  });
  await api.noteActivity('globex', { kind: 'signed-up', account: ada });
});
afterAll(() => api.close());

async function kindsOf(token: string, query: Record<string, string> = {}, at = path): Promise<string[]> {
  const answer = await api.get(`${at}?${new URLSearchParams(query)}`, token);
  expect(answer.status).toBe(200);
  return (answer.body.activities as Activity[]).map(({ kind }) => kind);
}

describe('the activity of a tenant', () => {
  it('is the tenant’s own', async () => {
    expect((await kindsOf(reader)).sort()).toEqual(['client-registered', 'signed-in']);
    const other = await api.robot('globex', ['activity:read']);
    expect(await kindsOf(other, {}, '/api/tenants/globex/activity')).toEqual(['signed-up']);
    for (const at of [path, `${path}/export`]) {
      expect((await api.get(at, other)).status).toBe(404);
    }
  });

  it('is of the application tenant that is named, for whoever may see that one', async () => {
    expect(await kindsOf(reader, { applicationTenant: 'branch' })).toEqual(['sign-in-failed']);
    expect(await kindsOf(branchAdmin)).toEqual(['sign-in-failed']);
    expect(await kindsOf(branchAdmin, { applicationTenant: branch })).toEqual(['sign-in-failed']);
    for (const at of [path, `${path}/export`]) {
      expect((await api.get(`${at}?applicationTenant=default`, branchAdmin)).status).toBe(404);
    }
    expect(await kindsOf(branchAdmin, { userId: ada.id })).toEqual([]);
  });

  it('needs the scope of its own', async () => {
    const blind = await api.robot('acme', ['audit:read', 'users:read']);
    expect((await api.get(path, blind)).status).toBe(403);
    expect((await api.get(path)).status).toBe(401);
  });

  it('is picked by kind, person and time, and read page by page', async () => {
    expect(await kindsOf(reader, { kind: 'signed-in' })).toEqual(['signed-in']);
    expect(await kindsOf(reader, { userId: ada.id })).toEqual(['signed-in']);
    expect(await kindsOf(reader, { from: '2999-01-01T00:00:00Z' })).toEqual([]);
    expect(await kindsOf(reader, { to: '2000-01-01T00:00:00Z' })).toEqual([]);
    const first = await api.get(`${path}?limit=1`, reader);
    const next = await api.get(`${path}?limit=1&cursor=${first.body.cursor}`, reader);
    const both = [...first.body.activities, ...next.body.activities] as Activity[];
    expect(both.map(({ kind }) => kind).sort()).toEqual(['client-registered', 'signed-in']);
  });

  it('takes a cursor of another list for what it shows nothing more of', async () => {
    const { body } = await api.get(`${path}?limit=1`, reader);
    expect(await kindsOf(branchAdmin, { cursor: body.cursor })).not.toContain('signed-in');
    for (const query of ['cursor=nonsense', 'kind=everything', 'from=yesterday', 'more=1']) {
      expect((await api.get(`${path}?${query}`, reader)).status).toBe(400);
    }
  });

  it('is exported line by line', async () => {
    const answer = await api.get(`${path}/export?kind=signed-in`, reader);
    expect(answer.headers['content-type']).toContain('application/x-ndjson');
    expect(answer.headers['content-disposition']).toContain('activity-acme.ndjson');
    const lines = answer.text.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { kind: 'signed-in', userId: ada.id, clientId: 'web', methods: ['pwd'] },
    ]);
  });
});
