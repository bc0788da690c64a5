import { access, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRoutedKeyStore } from '../../src/cloud/keys/routed.ts';
import type { Slug, TenantId } from '../../src/kernel/ids.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { type Queue, startQueue } from '../../src/platform/queue.ts';
import { createReconciler } from '../../src/provisioning/reconcile/reconciler.ts';
import { silentLog } from '../support/services.ts';
import { openTestInfrastructure } from '../support/test-infrastructure.ts';
import { type GovernedPlane, people, startGovernedPlane } from './governed-plane.ts';

/** Settings of the deployment change while tenants are there that were built under the former ones. */
let plane: GovernedPlane;
let queue: Queue;
let directory: string;
let former: Record<string, string>;
beforeAll(async () => {
  plane = await startGovernedPlane();
  // For the queue's tables, into which the reconciler looks.
  queue = await startQueue({ connectionString: new Secret(plane.connectionString), log: silentLog });
});
afterAll(async () => {
  await queue.stop();
  const name = new URL(plane.connectionString).pathname.slice(1);
  await plane.postgres.query(`drop database if exists ${name}_tenants with (force)`);
  await plane.close();
});
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenantry-moved-'));
  former = { DATA_DIR: join(directory, 'former'), TENANT_DATABASE: 'schema', OBJECTS: 'disk' };
  return () => rm(directory, { recursive: true });
});

const open = (env: Record<string, string>) => openTestInfrastructure({ ...plane, env });
const automatic = { validation: 'automatic', compliance: 'automatic' } as const;

async function built() {
  const order = await plane.order({ features: { storage: ['postgresql', 's3'] } });
  await plane.provisioning({ ...automatic, infrastructure: open(former) }).run(order.tenantId);
  expect(await plane.status(order.tenantId, order.slug)).toMatchObject({ status: 'active' });
  return order;
}

/** Deletes the tenant under other settings. */
async function removeUnder(slug: Slug, env: Record<string, string>): Promise<void> {
  await plane.request((transaction) =>
    plane.lifecycle.requestDeletion(transaction, { slug, actor: people.pat }),
  );
  plane.clock.advance(31 * 86_400_000);
  await plane.startDeletions({ infrastructure: open(env) });
}

const retryUnder = (slug: Slug, env: Record<string, string>) =>
  plane.request((transaction) => plane.operations.retry(transaction, { slug, actor: people.pat }), {
    infrastructure: open(env),
  });

async function attention(tenantId: TenantId): Promise<string> {
  const { rows } = await plane.postgres.query<{ attention: string }>(
    'select attention from orders where tenant_id = $1',
    [tenantId],
  );
  return rows[0]?.attention ?? '';
}

async function output(tenantId: TenantId, step: string): Promise<Record<string, string>> {
  const { rows } = await plane.postgres.query<{ output: Record<string, string> }>(
    `select output from provisioning_steps
      where name = $2 and run_id = (select id from provisioning_runs where tenant_id = $1 and kind = 'provision')`,
    [tenantId, step],
  );
  return rows[0]?.output ?? {};
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
async function roleExists(role: string | undefined): Promise<boolean> {
  return (await plane.postgres.query('select 1 from pg_roles where rolname = $1', [role])).rowCount === 1;
}

describe('a tenant that is removed under other settings', () => {
  it.each([
    ['files are looked for on another disk', 'objects', { DATA_DIR: 'elsewhere' }],
    ['files are not made on a disk any more', 'objects', { OBJECTS: 'prefix', S3_BUCKET: 'shared' }],
    ['no files are made any more', 'objects', { OBJECTS: 'none' }],
    ['no databases are made any more', 'database', { TENANT_DATABASE: 'none' }],
    ['databases are made on another server', 'database', { TENANT_DATABASE_URL: 'another' }],
  ])(
    'stops for an operator when %s, names what is left, and goes on with the former ones',
    async (_how, step, change) => {
      const { tenantId, slug } = await built();
      const made = await output(tenantId, step);
      const other = new URL(plane.connectionString);
      other.hostname = other.hostname === '127.0.0.1' ? 'localhost' : '127.0.0.1';
      const env = Object.fromEntries(
        Object.entries({ ...former, ...change }).map(([name, value]) => [
          name,
          value === 'another' ? other.href : value === 'elsewhere' ? join(directory, value) : value,
        ]),
      );
      await removeUnder(slug, env);
      expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'deleting', state: 'failed' });
      expect(await attention(tenantId)).toContain(
        `step ${step} could not be undone: Out of this deployment's reach`,
      );
      expect(await attention(tenantId)).toContain(made.location ?? made.schema);
      const mail = plane.mails.findLast(({ subject }) => subject.includes(`${slug} needs an operator`));
      expect(mail?.text).toContain(made.location ?? made.schema);
      expect(await exists((await output(tenantId, 'objects')).location ?? '')).toBe(step === 'objects');
      // Whoever retries without having changed anything is told the same.
      await retryUnder(slug, env);
      expect(await plane.status(tenantId, slug)).toMatchObject({ state: 'failed' });

      await retryUnder(slug, former);
      expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'deleted', state: 'deprovisioned' });
      expect(await readdir(join(directory, 'former', 'objects'))).toEqual([]);
      expect(await roleExists((await output(tenantId, 'database')).role)).toBe(false);
    },
  );

  it('loses a database of the other kind on the same server', async () => {
    const { tenantId, slug } = await built();
    const { role, schema, database } = await output(tenantId, 'database');
    await removeUnder(slug, { ...former, TENANT_DATABASE: 'database' });
    expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'deleted', state: 'deprovisioned' });
    expect(await roleExists(role)).toBe(false);
    const shared = new URL(plane.connectionString);
    shared.pathname = `/${database}`;
    const inShared = open({ ...former, TENANT_DATABASE: 'schema' }).databases;
    expect((await inShared?.list([]))?.map(({ name }) => name)).not.toContain(schema);
  });

  it('loses files that were moved with the data directory', async () => {
    const { tenantId, slug } = await built();
    const moved = join(directory, 'moved');
    await rename(join(directory, 'former'), moved);
    await removeUnder(slug, { ...former, DATA_DIR: moved });
    expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'deleted', state: 'deprovisioned' });
    expect(await readdir(join(moved, 'objects'))).toEqual([]);
  });

  it('is not called undone while a key is left in a store that the deployment does not have any more', async () => {
    const { tenantId, slug } = await built();
    const keyStore = createRoutedKeyStore({ mode: 'local', local: plane.keyStore, kms: undefined });
    await plane.directory.update(slug, tenantId, (record) => ({
      ...record,
      signingKeys: record.signingKeys.flatMap((key) => [
        key,
        { ...key, kid: 'in-kms', state: 'retiring', reference: `kms/${tenantId}/in-kms/ES256/1` },
      ]),
    }));
    await plane.request((transaction) =>
      plane.lifecycle.requestDeletion(transaction, { slug, actor: people.pat }),
    );
    plane.clock.advance(31 * 86_400_000);
    await plane.startDeletions({ infrastructure: open(former), keyStore });
    expect(await plane.status(tenantId, slug)).toMatchObject({ status: 'deleting', state: 'failed' });
    expect(await attention(tenantId)).toContain(
      `lead elsewhere by now: the key kms/${tenantId}/in-kms/ES256/1`,
    );
    expect(await plane.keyStore.forTenant(tenantId).list()).toHaveLength(1);
  });
});

describe('the reconciler, under other settings', () => {
  async function reportOn(tenantId: TenantId, env: Record<string, string>, repair = false) {
    const { reports, job } = createReconciler({
      ...plane,
      random: plane.options.random,
      queue: { send: async () => {}, wake: () => {} },
      steps: plane.provisioning({ infrastructure: open(env) }).steps,
      applyStanding: plane.standing.apply,
      log: silentLog,
    });
    const id = await plane.postgres.transaction((transaction) =>
      reports.request(transaction, { actor: people.pat, repair }),
    );
    await job.run({ id }, AbortSignal.timeout(600_000));
    const report = await reports.get(id);
    return {
      found: report?.discrepancies.filter((each) => each.tenantId === tenantId) ?? [],
      unchecked: report?.unchecked ?? [],
    };
  }

  it('says that things are recorded elsewhere, and makes no second ones', async () => {
    const { tenantId } = await built();
    const env = { ...former, DATA_DIR: join(directory, 'elsewhere'), TENANT_DATABASE: 'database' };
    const { found } = await reportOn(tenantId, env, true);
    expect(found.map(({ kind, what, repair }) => `${kind} ${what} ${repair ?? '-'}`).toSorted()).toEqual([
      'drift database -',
      'drift objects -',
    ]);
    const { location } = await output(tenantId, 'objects');
    expect(found.map(({ problem }) => problem).join()).toContain(`location ${location} is recorded`);
    expect(await exists(join(directory, 'elsewhere', 'objects'))).toBe(false);
    expect((await reportOn(tenantId, former)).found).toEqual([]);
  });

  it('says that it cannot look at what the deployment has no settings for', async () => {
    const { tenantId, slug } = await built();
    const { found, unchecked } = await reportOn(tenantId, {
      ...former,
      OBJECTS: 'none',
      TENANT_DATABASE: 'none',
    });
    expect(found).toEqual([]);
    for (const what of ['database', 'objects']) {
      expect(unchecked).toContainEqual({
        what,
        slug,
        reason: 'The deployment has no settings for it any more.',
      });
    }
  });
});
