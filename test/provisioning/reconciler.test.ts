import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listAudit } from '../../src/audit/list-audit.ts';
import { ownerDigest } from '../../src/cloud/resource-owner.ts';
import { AppError } from '../../src/kernel/errors.ts';
import type { Slug, TenantId } from '../../src/kernel/ids.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { type Queue, startQueue } from '../../src/platform/queue.ts';
import type { Infrastructure } from '../../src/provisioning/infrastructure.ts';
import { createRunOperations } from '../../src/provisioning/operate-run.ts';
import { createReconciler } from '../../src/provisioning/reconcile/reconciler.ts';
import { createRecordedTenants } from '../../src/provisioning/reconcile/recorded-tenants.ts';
import { repairTenant } from '../../src/provisioning/reconcile/repair.ts';
import type { Report } from '../../src/provisioning/reconcile/reports.ts';
import { createStanding } from '../../src/provisioning/standing.ts';
import { type Step, UnusableResult } from '../../src/provisioning/step.ts';
import { freshOwner } from '../conformance/owners.ts';
import { silentLog } from '../support/services.ts';
import { openTestInfrastructure } from '../support/test-infrastructure.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

const request = { features: { storage: ['postgresql', 's3'] } };
const actor = { kind: 'operator', id: 'acc_4', email: 'pat@operators.example' } as const;
const signal = AbortSignal.timeout(600_000);

let plane: ControlPlane;
let directory: string;
let infrastructure: Infrastructure;
let queue: Queue;
let sent: { name: string; payload: unknown }[] = [];

beforeAll(async () => {
  plane = await startControlPlane();
  directory = await mkdtemp(join(tmpdir(), 'tenantry-reconciler-'));
  const env = { DATA_DIR: directory, TENANT_DATABASE: 'schema', OBJECTS: 'disk' };
  infrastructure = openTestInfrastructure({ ...plane, env });
  // For the queue's tables: jobs are kept by the fixture.
  queue = await startQueue({ connectionString: new Secret(plane.connectionString), log: silentLog });
});
afterAll(async () => {
  await queue.stop();
  const name = new URL(plane.connectionString).pathname.slice(1);
  await plane.postgres.query(`drop database if exists ${name}_tenants with (force)`);
  await plane.close();
  await rm(directory, { recursive: true });
});
beforeEach(() => {
  sent = [];
});

const keptQueue: Pick<Queue, 'send' | 'wake'> = {
  send: async (_transaction, name, payload) => void sent.push({ name, payload }),
  wake: () => {},
};

function parts(change: (steps: ReadonlyMap<string, Step>) => ReadonlyMap<string, Step> = (steps) => steps) {
  const { steps } = plane.provisioning({ infrastructure });
  const standing = createStanding({ ...plane, queue: keptQueue, onStatusChanged: () => {}, log: silentLog });
  return {
    ...plane.options,
    queue: keptQueue,
    steps: change(steps),
    applyStanding: standing.apply,
  };
}

async function reconcile(
  repair = false,
  change?: (steps: ReadonlyMap<string, Step>) => ReadonlyMap<string, Step>,
): Promise<Report> {
  const { reports, job } = createReconciler(parts(change));
  const id = await plane.postgres.transaction((transaction) =>
    reports.request(transaction, { actor, repair }),
  );
  await job.run({ id }, signal);
  const report = await reports.get(id);
  if (report?.state !== 'done') {
    throw new Error('the report was not made');
  }
  return report;
}

const about = ({ discrepancies }: Report, tenantId: TenantId) =>
  discrepancies.filter((each) => each.tenantId === tenantId);
const inShort = (report: Report, tenantId: TenantId) =>
  about(report, tenantId).map(({ kind, what, repair }) => `${kind} ${what} ${repair ?? '-'}`);

async function active() {
  const ordered = await plane.order(request);
  await plane.provisioning({ infrastructure }).run(ordered.tenantId);
  return ordered;
}

async function rolledBack() {
  const ordered = await plane.order(request);
  const provisioning = plane.provisioning({
    infrastructure,
    async onPoint({ step, phase }) {
      if (step === 'defaults' && phase === 'before-act') {
        throw new UnusableResult('No.');
      }
    },
  });
  await provisioning.run(ordered.tenantId);
  expect((await provisioning.readProgress(ordered.tenantId))?.state).toBe('rolled-back');
  return ordered;
}

/** What a tenant has, made once more behind the product's back. */
async function makeAll(tenantId: TenantId, slug: Slug): Promise<void> {
  const owner = { tenantId, slug };
  await plane.tables.create(tableOf(tenantId));
  await plane.keyStore.forTenant(tenantId).create('kid-1', 'ES256');
  await infrastructure.databases?.create(owner, 'a-password');
  await infrastructure.objects?.create(owner);
}

const tableOf = (tenantId: TenantId) => `${plane.tablePrefix}-tenant-${tenantId}`;

async function exists(tenantId: TenantId, slug: Slug) {
  const owner = { tenantId, slug };
  return {
    table: (await plane.tables.describe(tableOf(tenantId))) !== undefined,
    keys: (await plane.keyStore.forTenant(tenantId).list()).length,
    database: (await infrastructure.databases?.find(owner)) !== undefined,
    objects: (await infrastructure.objects?.find(owner)) !== undefined,
  };
}
const everything = { table: true, keys: 1, database: true, objects: true };
const nothing = { table: false, keys: 0, database: false, objects: false };

describe('the reconciler finds nothing', () => {
  it('where tenants are as they are recorded: built, rolled back, or half built', async () => {
    const built = await active();
    const undone = await rolledBack();
    const half = await plane.order(request);
    const stop = new AbortController();
    const interrupted = plane.provisioning({
      infrastructure,
      onPoint: async ({ step, phase }) => {
        if (step === 'objects' && phase === 'after-act') {
          stop.abort(new Error('stopping'));
        }
      },
    });
    await expect(interrupted.run(half.tenantId, stop.signal)).rejects.toThrow();
    expect(await exists(half.tenantId, half.slug)).toEqual(everything);

    const report = await reconcile(true);
    for (const { tenantId } of [built, undone, half]) {
      expect(inShort(report, tenantId)).toEqual([]);
    }
    expect(report.unchecked).toEqual([]);
    expect(report.tenants).toBeGreaterThan(0);
    expect(await exists(half.tenantId, half.slug)).toEqual(everything);
    await plane.provisioning({ infrastructure }).run(half.tenantId);
  });

  it('that is not this deployment’s, and lets it be', async () => {
    const stranger = freshOwner();
    const otherPrefix = `${plane.tablePrefix}-tenant-x-tenant-${stranger.tenantId}`;
    await plane.tables.create(otherPrefix);
    await mkdir(join(directory, 'objects', `other-${ownerDigest(stranger)}`), { recursive: true });
    const role = `tenant_${ownerDigest(stranger, 24)}`;
    await plane.postgres.query(`create role ${role}`);
    const report = await reconcile(true);
    expect(about(report, stranger.tenantId)).toEqual([]);
    expect(JSON.stringify(report)).not.toContain(role);
    expect(await plane.tables.describe(otherPrefix)).toBeDefined();
    expect(await readdir(join(directory, 'objects'))).toContain(`other-${ownerDigest(stranger)}`);
    const { rowCount } = await plane.postgres.query('select 1 from pg_roles where rolname = $1', [role]);
    expect(rowCount).toBe(1);
    await plane.postgres.query(`drop role ${role}`);
    await plane.tables.delete(otherPrefix);
  });
});

describe('what a tenant left behind that was rolled back', () => {
  it('is found, left alone, and removed when a repair is asked for', async () => {
    const { tenantId, slug } = await rolledBack();
    const neighbour = await active();
    await makeAll(tenantId, slug);

    const found = await reconcile();
    expect(inShort(found, tenantId).sort()).toEqual([
      'orphan database possible',
      'orphan objects possible',
      'orphan signing-keys possible',
      'orphan tenant-table possible',
    ]);
    expect(await exists(tenantId, slug)).toEqual(everything);

    plane.clock.advance(60_000);
    const repaired = await reconcile(true);
    expect(about(repaired, tenantId).map(({ repair }) => repair)).toEqual(['done', 'done', 'done', 'done']);
    // The age of a discrepancy is that of the first report that had it.
    expect(about(repaired, tenantId)[0]?.since).toBe(found.requestedAt.toISOString());
    expect(await exists(tenantId, slug)).toEqual(nothing);
    expect(await exists(neighbour.tenantId, neighbour.slug)).toEqual(everything);
    expect(inShort(await reconcile(), tenantId)).toEqual([]);

    const { events } = await listAudit(plane.postgres, { limit: 100 });
    const [event] = events.filter(({ details }) => details.reconciliationId === repaired.id);
    expect(event).toMatchObject({ event: 'platform.reconciled', actor, details: { repair: true } });
    expect(event?.details.repaired).toContain(`orphan tenant-table: ${tableOf(tenantId)}`);
  });

  it('is left alone when the tenant was asked for anew since the look', async () => {
    const { tenantId, slug } = await rolledBack();
    await makeAll(tenantId, slug);
    const discrepancies = about(await reconcile(), tenantId).map((each) => ({ ...each, sinceMs: 0 }));
    const operations = createRunOperations({ ...plane, queue: keptQueue });
    await plane.postgres.transaction((transaction) => operations.retry(transaction, { slug, actor }));
    const outcomes = await repairTenant(
      { ...parts(), tenants: createRecordedTenants(plane) },
      tenantId,
      discrepancies,
      { now: plane.clock.now(), signal },
    );
    expect([...outcomes.values()]).toEqual(['refused', 'refused', 'refused', 'refused']);
    expect(await exists(tenantId, slug)).toEqual(everything);
  });
});

describe('what belongs to a tenant that no record knows', () => {
  it('is removed no sooner than a quarter of an hour after it was found', async () => {
    const { tenantId, slug } = freshOwner();
    await plane.tables.create(tableOf(tenantId));
    await infrastructure.objects?.create({ tenantId, slug });
    expect(inShort(await reconcile(true), tenantId).sort()).toEqual([
      'orphan objects refused',
      'orphan tenant-table refused',
    ]);
    plane.clock.advance(15 * 60_000 - 1);
    expect(inShort(await reconcile(true), tenantId)).toContain('orphan tenant-table refused');
    plane.clock.advance(1);
    expect(inShort(await reconcile(true), tenantId).sort()).toEqual([
      'orphan objects done',
      'orphan tenant-table done',
    ]);
    expect(await exists(tenantId, slug)).toEqual(nothing);
  });

  it('is never removed while the directory says that the tenant answers', async () => {
    const { tenantId, slug } = await active();
    // The control plane's database, restored from before the tenant's time.
    const record = await plane.directory.get(slug);
    const lost = freshOwner();
    if (record === undefined) {
      throw new Error('no entry');
    }
    await plane.directory.reserve({ ...record, id: lost.tenantId, slug: lost.slug });
    await plane.tables.create(tableOf(lost.tenantId));
    await reconcile();
    plane.clock.advance(86_400_000);
    expect(inShort(await reconcile(true), lost.tenantId).sort()).toEqual([
      'drift directory -',
      'drift tenant-table -',
    ]);
    expect((await exists(lost.tenantId, lost.slug)).table).toBe(true);
    expect(await exists(tenantId, slug)).toEqual(everything);
    await plane.directory.remove(lost.slug, lost.tenantId);
    await plane.tables.delete(tableOf(lost.tenantId));
  });
});

describe('a tenant that has not what is recorded', () => {
  it('that held data: is told of, and nothing empty is put in its place', async () => {
    const { tenantId, slug } = await active();
    await plane.tables.delete(tableOf(tenantId));
    await infrastructure.objects?.remove({ tenantId, slug });
    for (const key of await plane.keyStore.forTenant(tenantId).list()) {
      await plane.keyStore.forTenant(tenantId).destroy(key);
    }
    const expected = ['missing signing-keys -', 'missing tenant-table -', 'missing objects -'];
    expect(inShort(await reconcile(true), tenantId)).toEqual(expected);
    expect(inShort(await reconcile(true), tenantId)).toEqual(expected);
    await plane.tables.create(tableOf(tenantId));
  });

  it('gets its rights back', async () => {
    const { tenantId, slug } = await active();
    const role = `tenant_${ownerDigest({ tenantId, slug }, 24)}`;
    await plane.postgres.query(`alter role ${role} nologin`);
    expect(inShort(await reconcile(), tenantId)).toEqual(['drift database possible']);
    expect(inShort(await reconcile(true), tenantId)).toEqual(['drift database done']);
    expect(inShort(await reconcile(), tenantId)).toEqual([]);
  });

  it('is not called done when removing it did not help', async () => {
    const { tenantId } = await rolledBack();
    await plane.tables.create(`${plane.tablePrefix}-tenant-${tenantId}`);
    const idle = (steps: ReadonlyMap<string, Step>) =>
      new Map([...steps].map(([name, step]) => [name, { ...step, undo: async () => {} }]));
    expect(inShort(await reconcile(true, idle), tenantId)).toEqual(['orphan tenant-table failed']);
    expect(inShort(await reconcile(true), tenantId)).toEqual(['orphan tenant-table done']);
  });

  it('is told of again when acting did not help', async () => {
    const { tenantId, slug } = await active();
    const role = `tenant_${ownerDigest({ tenantId, slug }, 24)}`;
    await plane.postgres.query(`grant pg_read_all_data to ${role}`);
    expect(inShort(await reconcile(true), tenantId)).toEqual(['drift database failed']);
    await plane.postgres.query(`revoke pg_read_all_data from ${role}`);
  });

  it('whose entry says another status: gets the one on record', async () => {
    const { tenantId, slug } = await active();
    await plane.directory.update(slug, tenantId, (record) => ({ ...record, status: 'suspended' }));
    // A blocked tenant may answer: nobody has to ask for the repair.
    expect(inShort(await reconcile(), tenantId)).toEqual(['drift directory done']);
    expect((await plane.directory.get(slug))?.status).toBe('active');
    expect(inShort(await reconcile(), tenantId)).toEqual([]);
  });

  it('has an entry though it was rolled back: loses it', async () => {
    const { tenantId, slug } = await rolledBack();
    const other = await active();
    const record = await plane.directory.get(other.slug);
    if (record === undefined) {
      throw new Error('no entry');
    }
    await plane.directory.reserve({ ...record, id: tenantId, slug });
    expect(inShort(await reconcile(true), tenantId)).toEqual(['orphan directory done']);
    expect(await plane.directory.get(slug)).toBeUndefined();
    expect(await plane.directory.get(other.slug)).toBeDefined();
  });
});

describe('a run that nobody carries on', () => {
  it('gets its job again', async () => {
    const { tenantId } = await plane.order();
    expect(inShort(await reconcile(), tenantId)).toEqual([]);
    plane.clock.advance(86_400_000);
    expect(inShort(await reconcile(), tenantId)).toEqual(['missing run possible']);
    expect(inShort(await reconcile(true), tenantId)).toEqual(['missing run done']);
    expect(sent).toContainEqual({ name: 'tenant-provisioning', payload: { tenantId } });
    await plane.provisioning().run(tenantId);
    expect(inShort(await reconcile(), tenantId)).toEqual([]);
  });

  it('because an operator must: is told of', async () => {
    const { tenantId } = await plane.order();
    const provisioning = plane.provisioning({
      onPoint: async ({ step, phase }) => {
        if (step === 'activate' && phase === 'before-act') throw new UnusableResult('No.');
        if (step === 'tenant-table' && phase === 'before-undo') throw new Error('no reply');
      },
    });
    await provisioning.run(tenantId);
    const report = await reconcile(true);
    expect(about(report, tenantId)).toMatchObject([
      { kind: 'drift', what: 'run', problem: 'the run stopped for an operator in step activate' },
    ]);
    expect(inShort(report, tenantId)).toEqual(['drift run -']);
  });
});

it('says what it could not look at, and goes on', async () => {
  const { tenantId } = await active();
  await plane.tables.delete(tableOf(tenantId));
  const deaf = (steps: ReadonlyMap<string, Step>) => {
    const objects = steps.get('objects');
    const fails = async () => {
      throw new AppError('temporarily_unavailable', 'The storage for files cannot answer at the moment.');
    };
    return objects === undefined
      ? steps
      : new Map([...steps, ['objects', { ...objects, list: fails, inspect: fails }]]);
  };
  const report = await reconcile(false, deaf);
  expect(report.unchecked).toContainEqual({
    what: 'objects',
    reason: 'The storage for files cannot answer at the moment.',
  });
  expect(inShort(report, tenantId)).toEqual(['missing tenant-table -']);
  await plane.tables.create(tableOf(tenantId));
});
