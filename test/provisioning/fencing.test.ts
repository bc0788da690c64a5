import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPolicyStore } from '../../src/identity/security-policy.ts';
import type { Slug, TenantId } from '../../src/kernel/ids.ts';
import { LeaseLost } from '../../src/provisioning/run-lease.ts';
import type { OnSagaPoint } from '../../src/provisioning/saga.ts';
import { UnusableResult } from '../../src/provisioning/step.ts';
import { slugState } from './control-plane.ts';
import { type GovernedPlane, people, startGovernedPlane } from './governed-plane.ts';
import { expireLease, type Stall, startHeldWorker } from './held-worker.ts';

/** A worker that stalled until its lease was over, and wakes up when others have gone on without it: nothing changes. */
let plane: GovernedPlane;
beforeAll(async () => {
  plane = await startGovernedPlane();
});
afterAll(() => plane.close());

const automatic = { validation: 'automatic', compliance: 'automatic' } as const;
const nothing = { directory: false, tables: [], keys: [] };

/** Steps that write outside PostgreSQL before the tenant is active. */
const building = [
  'reserve-directory',
  'signing-keys',
  'tenant-table',
  'defaults',
  'first-client',
  'initial-admin',
] as const;
const stalls = (steps: readonly string[]): Stall[] =>
  steps.flatMap((step) => [
    { step, at: 'before-act' as const },
    { step, at: 'inside-act' as const },
  ]);

const failing =
  (step: string): OnSagaPoint =>
  async (point) => {
    if (point.step === step && point.phase === 'before-act') {
      throw new UnusableResult('It cannot be done.');
    }
  };

/** Everything of the tenant outside PostgreSQL, and what PostgreSQL says of its runs. */
async function everything(tenantId: TenantId, slug: Slug) {
  const record = await plane.directory.get(slug);
  const { tables, keys } = await plane.traces(tenantId, slug);
  const items = [];
  for (const name of tables) {
    for await (const item of plane.tables.open(name).scan()) {
      items.push(item);
    }
  }
  const { rows } = await plane.postgres.query(
    `select (select json_agg(run order by run.id) from provisioning_runs as run where tenant_id = $1) as runs,
            (select json_agg(step order by step.run_id, position) from provisioning_steps as step
              where run_id in (select id from provisioning_runs where tenant_id = $1)) as steps`,
    [tenantId],
  );
  const byKey = items.toSorted((a, b) => `${a.pk} ${a.sk}`.localeCompare(`${b.pk} ${b.sk}`));
  return { record, tables, keys, items: byKey, ...rows[0] };
}

async function stalled(stall: Stall, overrides: { onPoint?: OnSagaPoint } = {}) {
  const order = await plane.order();
  const old = startHeldWorker(plane, order.tenantId, stall, { ...automatic, ...overrides });
  await old.arrived;
  await expireLease(plane, order.tenantId);
  return { ...order, old };
}

async function wake(old: { letGo(): void; ended: Promise<unknown> }): Promise<void> {
  old.letGo();
  expect(await old.ended).toBeInstanceOf(LeaseLost);
}

describe('a worker that wakes up', () => {
  it.each(stalls(building))(
    '$at of $step, after the run was undone: leaves nothing behind',
    async (stall) => {
      const { tenantId, slug, old } = await stalled(stall);
      await plane.provisioning({ ...automatic, onPoint: failing('initial-admin') }).run(tenantId);
      expect(await plane.traces(tenantId, slug)).toEqual(nothing);
      const before = await everything(tenantId, slug);

      await wake(old);
      expect(await everything(tenantId, slug)).toEqual(before);
      expect(await plane.traces(tenantId, slug)).toEqual(nothing);
      expect(await slugState(plane.postgres, slug)).toBeUndefined();
    },
  );

  it.each(stalls([...building, 'activate']))(
    '$at of $step, after the tenant became active and was blocked: leaves it as it is',
    async (stall) => {
      const { tenantId, slug, old } = await stalled(stall);
      await plane.provisioning(automatic).run(tenantId);
      const policy = createPolicyStore({
        table: plane.tables.open(`${plane.tablePrefix}-tenant-${tenantId}`),
      });
      await policy.change((current) => ({
        ...current,
        session: { ...current.session, timeoutSeconds: 600 },
      }));
      await plane.request((transaction) =>
        plane.decisions.review(transaction, { slug, decision: 'fail', actor: people.cora }),
      );
      const before = await everything(tenantId, slug);
      expect(before.record?.status).toBe('blocked');

      await wake(old);
      expect(await everything(tenantId, slug)).toEqual(before);
      expect((await policy.get()).session.timeoutSeconds).toBe(600);
    },
  );

  it.each(building.toReversed())(
    'before it undoes %s, after the run was retried: takes nothing from the tenant that was built anew',
    async (step) => {
      const { tenantId, slug, old } = await stalled(
        { step, at: 'before-undo' },
        { onPoint: failing('activate') },
      );
      await plane.provisioning(automatic).run(tenantId);
      // The activation had begun, so the slug is retired; as an operator may who knows that nobody saw the issuer.
      await plane.postgres.query('delete from slugs where slug = $1', [slug]);
      await plane.request(
        (transaction) => plane.operations.retry(transaction, { slug, actor: people.pat }),
        automatic,
      );
      const before = await everything(tenantId, slug);
      expect(before.record?.status).toBe('active');

      await wake(old);
      expect(await everything(tenantId, slug)).toEqual(before);
    },
  );
});

describe('fences', () => {
  it('grow from one run of a tenant to the next, and the directory entry keeps the last', async () => {
    const { tenantId, slug } = await plane.order();
    await plane.provisioning({ ...automatic, onPoint: failing('defaults') }).run(tenantId);
    await plane.request(
      (transaction) => plane.operations.retry(transaction, { slug, actor: people.pat }),
      automatic,
    );
    const { rows } = await plane.postgres.query<{ fence: string }>(
      'select fence from provisioning_runs where tenant_id = $1 order by created_at, fence',
      [tenantId],
    );
    // Each: taken, closed.
    expect(rows.map(({ fence }) => Number(fence))).toEqual([2, 4]);
    expect((await plane.directory.get(slug))?.provisioning.fence).toBe(3);
  });

  it('go on from the directory where the record was restored from a backup and lags behind', async () => {
    const { tenantId, slug } = await plane.built();
    await plane.directory.update(slug, tenantId, (record) => ({
      ...record,
      provisioning: { ...record.provisioning, fence: 70 },
    }));
    await plane.request(
      (transaction) =>
        plane.decisions.validate(transaction, { slug, decision: 'approve', actor: people.sam }),
      automatic,
    );
    expect((await plane.directory.get(slug))?.status).toBe('active');
    expect((await plane.directory.get(slug))?.provisioning.fence).toBe(71);
  });
});
