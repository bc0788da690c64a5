import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownerDigest } from '../../src/cloud/resource-owner.ts';
import type { Slug, TenantId } from '../../src/kernel/ids.ts';
import type { Infrastructure } from '../../src/provisioning/infrastructure.ts';
import { createLifecycle } from '../../src/provisioning/lifecycle.ts';
import { createStanding } from '../../src/provisioning/standing.ts';
import { createDeletionJob } from '../../src/provisioning/start-deletions.ts';
import { printTable } from '../process/crash-lane.ts';
import { silentLog } from '../support/services.ts';
import { openTestInfrastructure } from '../support/test-infrastructure.ts';
import { type ControlPlane, slugState, startControlPlane, tenantRow } from './control-plane.ts';
import { killRunAt } from './killed-worker.ts';

const request = { features: { storage: ['postgresql', 's3'] } };
const actor = { kind: 'operator', id: 'acc_4', email: 'pat@operators.example' } as const;

/** Every step that a building run begins and a deletion undoes, in the order of their undoing. */
const steps = [
  'activate',
  'initial-admin',
  'first-client',
  'defaults',
  'objects',
  'database',
  'tenant-table',
  'signing-keys',
  'reserve-directory',
  'preconditions',
];

let plane: ControlPlane;
let directory: string;
let env: Record<string, string>;
let infrastructure: Infrastructure;
let neighbour: { tenantId: TenantId; slug: Slug };
const outcomes: string[][] = [
  ['killed at', 'the next worker', 'tables', 'keys', 'database', 'files', 'the slug'],
];

beforeAll(async () => {
  plane = await startControlPlane();
  directory = await mkdtemp(join(tmpdir(), 'tenantry-deprovision-'));
  env = { DATA_DIR: directory, TENANT_DATABASE: 'schema', OBJECTS: 'disk' };
  infrastructure = openTestInfrastructure({ ...plane, env });
  neighbour = await built();
});
afterAll(async () => {
  printTable('SIGKILL of a worker while it takes a tenant down', outcomes);
  const name = new URL(plane.connectionString).pathname.slice(1);
  await plane.postgres.query(`drop database if exists ${name}_tenants with (force)`);
  await plane.close();
  await rm(directory, { recursive: true });
});

async function built() {
  const ordered = await plane.order(request);
  await plane.provisioning({ infrastructure }).run(ordered.tenantId);
  expect((await tenantRow(plane.postgres, ordered.tenantId))?.status).toBe('active');
  return ordered;
}

/** Ready to be taken down: its grace period has ended. */
async function doomed() {
  const ordered = await built();
  const queue = { send: async () => {}, wake: () => {} };
  const lifecycle = createLifecycle({ queue, clock: plane.clock, deletionGraceDays: 0 });
  await plane.postgres.transaction((transaction) =>
    lifecycle.requestDeletion(transaction, { slug: ordered.slug, actor }),
  );
  await createStanding({ ...plane, queue, onStatusChanged: () => {}, log: silentLog }).apply(
    ordered.tenantId,
  );
  await createDeletionJob({ ...plane, queue, log: silentLog }).run({}, AbortSignal.timeout(60_000));
  expect((await tenantRow(plane.postgres, ordered.tenantId))?.provisioning_state).toBe('deprovisioning');
  return ordered;
}

async function traces({ tenantId, slug }: { tenantId: TenantId; slug: Slug }) {
  const owner = { tenantId, slug };
  const { rowCount } = await plane.postgres.query('select 1 from pg_roles where rolname = $1', [
    `tenant_${ownerDigest(owner, 24)}`,
  ]);
  const folders = await readdir(join(directory, 'objects'));
  const { tables, keys } = await plane.traces(tenantId, slug);
  return {
    tables: tables.length,
    keys: keys.length,
    database: (await infrastructure.databases?.find(owner)) !== undefined,
    roles: rowCount,
    folders: folders.filter((name) => name.startsWith(`${slug}-`)).length,
    secrets: Object.keys((await plane.directory.get(slug))?.sealedSecrets ?? {}).sort(),
  };
}

const nothing = { tables: 0, keys: 0, database: false, roles: 0, folders: 0, secrets: [] };
const everything = { tables: 1, keys: 1, database: true, roles: 1, folders: 1, secrets: ['database'] };

describe('a worker killed while it takes a tenant down', () => {
  it.each(steps.flatMap((step) => ['before-undo', 'after-undo'].map((phase) => `${step}/${phase}`)))(
    'at %s: the next one removes the rest',
    async (point) => {
      const tenant = await doomed();
      const { resume } = await killRunAt(point, {
        ...tenant,
        plane,
        env,
        infrastructure,
        outbox: join(directory, 'outbox'),
      });
      expect((await tenantRow(plane.postgres, tenant.tenantId))?.provisioning_state).toBe('deprovisioning');
      // However far it came, nobody is let in any more.
      expect((await plane.directory.get(tenant.slug))?.status).not.toBe('active');
      await resume();

      expect(await tenantRow(plane.postgres, tenant.tenantId)).toEqual({
        status: 'deleted',
        provisioning_state: 'deprovisioned',
      });
      const left = await traces(tenant);
      expect(left).toEqual(nothing);
      // Neither store alone could give the slug away again.
      const entry = await plane.directory.get(tenant.slug);
      expect(entry).toMatchObject({ id: tenant.tenantId, status: 'deleted', signingKeys: [] });
      expect(await slugState(plane.postgres, tenant.slug)).toBe('retired');
      const { rows } = await plane.postgres.query<{ event: string; count: number }>(
        `select event, count(*)::integer as count from audit_events
          where tenant_id = $1 and event in ('tenant.deprovisioning.started', 'tenant.deleted') group by event order by event`,
        [tenant.tenantId],
      );
      expect(rows).toEqual([
        { event: 'tenant.deleted', count: 1 },
        { event: 'tenant.deprovisioning.started', count: 1 },
      ]);
      outcomes.push([
        point,
        'deprovisioned',
        String(left.tables),
        String(left.keys),
        String(left.database),
        String(left.folders),
        'is retired',
      ]);
    },
  );

  it('leaves its neighbour everything', async () => {
    expect(await traces(neighbour)).toEqual(everything);
    expect((await plane.directory.get(neighbour.slug))?.status).toBe('active');
  });
});
