import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantId } from '../../src/kernel/ids.ts';
import { type Api, createApi } from './api-fixture.ts';

let api: Api;
let admin: string;
beforeAll(async () => {
  api = await createApi();
  admin = await api.robot('platform', ['admin', 'tenants:read']);
});
afterAll(() => api.close());

const signal = AbortSignal.timeout(600_000);

describe('/api/reconciliation', () => {
  it('has no report before there was a round', async () => {
    expect((await api.get('/api/reconciliation', admin)).status).toBe(404);
    expect((await api.get('/api/reconciliation/rec_none', admin)).status).toBe(404);
  });

  it('takes an order for one, which is read by its id and then as the last one', async () => {
    const ordered = await api.post('/api/reconciliation', { repair: false }, admin);
    expect(ordered.status).toBe(202);
    expect(ordered.body).toEqual({ id: expect.stringMatching(/^rec_/), state: 'queued', repair: false });
    const path = `/api/reconciliation/${ordered.body.id}`;
    expect((await api.get(path, admin)).body).toMatchObject({ state: 'queued', discrepancies: [] });
    // An order is no report yet.
    expect((await api.get('/api/reconciliation', admin)).status).toBe(404);

    await api.handlers.reconciliation.run({ id: ordered.body.id }, signal);
    const { body } = await api.get('/api/reconciliation', admin);
    expect(body).toMatchObject({
      id: ordered.body.id,
      state: 'done',
      repair: false,
      requestedBy: { kind: 'client' },
      found: { orphan: 0, missing: 0, drift: expect.any(Number) },
      finishedAt: new Date(api.clock.now()).toISOString(),
    });
    expect((await api.get(path, admin)).body).toEqual(body);
  });

  it('says so when the job was given up', async () => {
    const { body } = await api.post('/api/reconciliation', {}, admin);
    await api.handlers.reconciliation.dead({ id: body.id }, 'the process ended');
    expect((await api.get(`/api/reconciliation/${body.id}`, admin)).body).toMatchObject({
      state: 'failed',
      error: 'The job failed again and again.',
    });
  });

  it('is read by operators and ordered by platform admins; to tenants it is nothing', async () => {
    const team = await api.person('platform', 'olga@operators.example.com', ['OAuth Team']);
    const tenant = await api.robot('acme');
    expect((await api.get('/api/reconciliation', team.token)).status).toBe(200);
    expect((await api.post('/api/reconciliation', {}, team.token)).status).toBe(403);
    expect((await api.get('/api/reconciliation', tenant)).status).toBe(403);
    expect((await api.post('/api/reconciliation', {}, tenant)).status).toBe(403);
    expect((await api.get('/api/reconciliation')).status).toBe(401);
    expect((await api.post('/api/reconciliation', { all: true }, admin)).body.errors).toEqual([
      { field: 'all', message: 'is not a known field' },
    ]);
  });
});

describe('GET /api/tenants/{slug}/health', () => {
  const at = new Date('2026-01-01T00:00:00Z');

  async function found(slug: string): Promise<void> {
    const { id } = await api.recordOf(slug);
    const checks = [
      { name: 'signing-keys', passed: false, detail: 'there is no active key' },
      { name: 'tenant-table', passed: true, detail: 'reachable, encrypted by arn:aws:kms:key' },
    ];
    await api.postgres.query(
      `insert into tenants (id, slug, name, kind, status, provisioning_state, request, created_by)
       values ($1, $2, 'A tenant', 'tenant', 'active', 'active', '{}', 'test') on conflict (id) do nothing`,
      [id, slug],
    );
    await api.postgres.query(
      `insert into tenant_health (tenant_id, status, checks, checked_at, since) values ($1, 'unhealthy', $2, $3, $3)`,
      [id, JSON.stringify(checks), at],
    );
  }

  it('says how the tenant was found, to the platform and to the tenant, and names none of the platform’s resources', async () => {
    await found('acme');
    for (const token of [admin, await api.robot('acme', ['tenants:read'])]) {
      const { status, body } = await api.get('/api/tenants/acme/health', token);
      expect(status).toBe(200);
      expect(body).toEqual({
        status: 'unhealthy',
        since: at.toISOString(),
        checkedAt: at.toISOString(),
        checks: [
          { name: 'signing-keys', passed: false, detail: 'there is no active key' },
          { name: 'tenant-table', passed: true },
        ],
      });
    }
  });

  it('is nothing to another tenant, and to one without the scope', async () => {
    expect((await api.get('/api/tenants/acme/health', await api.robot('globex'))).status).toBe(404);
    expect(
      (await api.get('/api/tenants/acme/health', await api.robot('acme', ['clients:read']))).status,
    ).toBe(403);
    expect((await api.get('/api/tenants/nobody/health', admin)).status).toBe(404);
  });

  it('is told of active tenants only', async () => {
    const { id } = await api.recordOf('acme');
    const setStatus = (status: string) =>
      api.postgres.query('update tenants set status = $2 where id = $1', [id as TenantId, status]);
    await setStatus('suspended');
    expect((await api.get('/api/tenants/acme/health', admin)).body.code).toBe('not_ready');
    await setStatus('active');
  });
});
