import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Table, Tables } from '../../src/cloud/tables/port.ts';
import { AppError } from '../../src/kernel/errors.ts';
import type { Slug, TenantId } from '../../src/kernel/ids.ts';
import { createHealthJob, readTenantHealth } from '../../src/provisioning/tenant-health.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane.close());

async function active(): Promise<{ tenantId: TenantId; slug: Slug }> {
  const ordered = await plane.order();
  await plane.provisioning().run(ordered.tenantId);
  return ordered;
}

async function look(tables: Tables = plane.tables): Promise<void> {
  const job = createHealthJob({ ...plane.options, tables });
  await job.run({}, AbortSignal.timeout(60_000));
}

async function changesOf(tenantId: TenantId) {
  const { rows } = await plane.postgres.query<{ details: { status: string; problems: string[] } }>(
    `select details from audit_events where tenant_id = $1 and event = 'tenant.health-changed' order by sequence`,
    [tenantId],
  );
  return rows.map(({ details }) => details);
}

/** The store fails for one table, so many times. */
function failingFor(name: string, times: number): Tables {
  let left = times;
  const open = (opened: string): Table => {
    const table = plane.tables.open(opened);
    return opened !== name
      ? table
      : {
          ...table,
          query: async (query) => {
            left -= 1;
            if (left >= 0) {
              throw new AppError('temporarily_unavailable', 'The storage cannot answer at the moment.');
            }
            return table.query(query);
          },
        };
  };
  return { ...plane.tables, open };
}

it('an active tenant that works is healthy, and nobody is told', async () => {
  const { tenantId } = await active();
  expect(await readTenantHealth(plane.postgres, tenantId)).toBeUndefined();
  await look();
  expect(await readTenantHealth(plane.postgres, tenantId)).toMatchObject({
    status: 'healthy',
    checkedAt: new Date(plane.clock.now()),
    checks: [
      { name: 'signing-keys', passed: true },
      { name: 'tenant-table', passed: true },
    ],
  });
  expect(await changesOf(tenantId)).toEqual([]);
});

it('a tenant whose key is gone is told of once, when it is found, and once when it is well again', async () => {
  const { tenantId, slug } = await active();
  const neighbour = await active();
  await look();
  const before = await plane.directory.get(slug);
  if (before === undefined) {
    throw new Error('no entry');
  }
  const since = plane.clock.now() + 300_000;
  await plane.directory.update(slug, tenantId, (record) => ({ ...record, signingKeys: [] }));
  for (let round = 0; round < 2; round += 1) {
    plane.clock.advance(300_000);
    await look();
  }
  expect(await readTenantHealth(plane.postgres, tenantId)).toMatchObject({
    status: 'unhealthy',
    since: new Date(since),
    checkedAt: new Date(since + 300_000),
  });
  expect((await readTenantHealth(plane.postgres, neighbour.tenantId))?.status).toBe('healthy');
  expect(await changesOf(tenantId)).toEqual([
    { slug, status: 'unhealthy', problems: ['FAILED signing-keys: there is no active key'] },
  ]);

  await plane.directory.update(slug, tenantId, (record) => ({
    ...record,
    signingKeys: before.signingKeys,
  }));
  await look();
  expect(await changesOf(tenantId)).toMatchObject([
    { status: 'unhealthy' },
    { status: 'healthy', problems: [] },
  ]);
  expect(await changesOf(neighbour.tenantId)).toEqual([]);
});

it('one failure to look alarms nobody, two in a row do', async () => {
  const { tenantId } = await active();
  const name = `${plane.tablePrefix}-tenant-${tenantId}`;
  await look(failingFor(name, 1));
  expect((await readTenantHealth(plane.postgres, tenantId))?.status).toBe('healthy');
  await look(failingFor(name, 2));
  expect(await readTenantHealth(plane.postgres, tenantId)).toMatchObject({
    status: 'unhealthy',
    checks: [
      { name: 'signing-keys', passed: true },
      { name: 'tenant-table', passed: false, detail: 'The storage cannot answer at the moment.' },
    ],
  });
});

it('a tenant that was suspended is looked at no more', async () => {
  const { tenantId } = await active();
  await look();
  await plane.postgres.query(`update tenants set status = 'suspended' where id = $1`, [tenantId]);
  await look();
  const { rowCount } = await plane.postgres.query('select 1 from tenant_health where tenant_id = $1', [
    tenantId,
  ]);
  expect(rowCount).toBe(0);
});
