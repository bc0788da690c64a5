import type { Clock } from '../kernel/clock.ts';
import type { RunId, TenantId } from '../kernel/ids.ts';
import { type Random, randomId } from '../kernel/random.ts';
import type { ProvisioningState } from '../kernel/tenant.ts';
import type { Postgres, Queryable } from '../platform/postgres.ts';
import type { Announce } from './run-audit.ts';
import type { Lease } from './run-lease.ts';
import { lockOpenRun, lockTenant, readSteps, type StoredStep, type StoredTenant } from './run-rows.ts';
import type { RunKind, StepOutput } from './step.ts';

export interface OpenRun {
  id: RunId;
  kind: RunKind;
  state: 'running' | 'undoing';
  /** Set while undoing. */
  failedStep: string | undefined;
  error: string | undefined;
  steps: StoredStep[];
}

export type TakenRun =
  | { outcome: 'taken'; lease: Lease; run: OpenRun; tenant: StoredTenant }
  /** Another worker holds the run for so many milliseconds unless it renews its lease. */
  | { outcome: 'busy'; remainingMs: number }
  /** Nothing is left to do: the run ended, or it needs an operator. */
  | { outcome: 'settled' }
  | { outcome: 'unknown-tenant' };

/** A run in any other state has ended. */
const unfinishedStates: ReadonlySet<ProvisioningState> = new Set([
  'queued',
  'running',
  'awaiting-validation',
  'awaiting-compliance',
  'deprovisioning',
]);

export interface TakeRunOptions {
  postgres: Postgres;
  clock: Clock;
  random: Random;
  leaseMs: number;
  /** Of the tenant's directory entry; 0 without one. Greater than the record's only after that was restored from a backup. */
  fenceInDirectory(tenant: StoredTenant): Promise<number>;
  planFor(tenant: StoredTenant): readonly string[];
  announceStart(run: { tenantId: TenantId; runId: RunId; kind: RunKind }, steps: readonly string[]): Announce;
}

/**
 * Opens the tenant's run if none is open, and takes it unless another worker's lease lives. Holding the tenant's row keeps everybody else
 * from doing the same; the greater fence makes the former holder's writes void.
 */
export function takeRun(options: TakeRunOptions, tenantId: TenantId): Promise<TakenRun> {
  return options.postgres.transaction(async (transaction) => {
    const tenant = await lockTenant(transaction, tenantId);
    if (!tenant) {
      return { outcome: 'unknown-tenant' };
    }
    if (!unfinishedStates.has(tenant.provisioningState)) {
      return { outcome: 'settled' };
    }
    if (!(await lockOpenRun(transaction, tenantId))) {
      await openRun(transaction, options, tenant);
    }
    const open = await lockOpenRun(transaction, tenantId);
    if (!open) {
      throw new Error('the run that was just opened is missing');
    }
    if (open.remaining > 0) {
      return { outcome: 'busy', remainingMs: open.remaining };
    }
    const { rows } = await transaction.query<{ fence: string }>(
      `update provisioning_runs
          set fence = greatest(fence, $3::bigint) + 1, lease_until = clock_timestamp() + $2 * interval '1 millisecond'
        where id = $1 returning fence`,
      [open.id, options.leaseMs, await options.fenceInDirectory(tenant)],
    );
    return {
      outcome: 'taken',
      lease: { tenantId, runId: open.id, fence: rows[0]?.fence ?? '' },
      tenant,
      run: {
        id: open.id,
        kind: open.kind,
        state: open.state,
        failedStep: open.failed_step ?? undefined,
        error: open.error ?? undefined,
        steps: await readSteps(transaction, open.id),
      },
    };
  });
}

async function openRun(
  transaction: Queryable,
  { clock, random, planFor, announceStart }: TakeRunOptions,
  tenant: StoredTenant,
): Promise<void> {
  const kind: RunKind = tenant.provisioningState === 'deprovisioning' ? 'deprovision' : 'provision';
  const runId = `run_${randomId(random)}` as RunId;
  const now = new Date(clock.now());
  // Fences grow from run to run: outside PostgreSQL a tenant's runs write to the same things.
  await transaction.query(
    `insert into provisioning_runs (id, tenant_id, kind, state, turned_back, created_at, fence)
     select $1, $2, $3, $4, $5, $6, coalesce(max(fence), 0) from provisioning_runs where tenant_id = $2`,
    [runId, tenant.id, kind, kind === 'provision' ? 'running' : 'undoing', kind === 'deprovision', now],
  );
  const steps =
    kind === 'provision'
      ? planFor(tenant).map((name) => ({ name, status: 'pending', output: null }))
      : await builtSteps(transaction, tenant.id);
  await transaction.query(
    `insert into provisioning_steps (run_id, position, name, status, output)
     select $1, position, step ->> 'name', step ->> 'status', nullif(step -> 'output', 'null')
       from jsonb_array_elements($2::jsonb) with ordinality as plan (step, position)`,
    [runId, JSON.stringify(steps)],
  );
  await transaction.query(
    `update tenants set updated_at = $2,
            provisioning_state = case when $3 = 'provision' then 'running' else provisioning_state end
      where id = $1`,
    [tenant.id, now, kind],
  );
  await announceStart(
    { tenantId: tenant.id, runId, kind },
    steps.map(({ name }) => name),
  )(transaction);
}

/**
 * What the run that built the tenant has begun, with what came of it: that, and nothing else, has to be removed. Gates made nothing, and the
 * receipt is evidence, which stays.
 */
async function builtSteps(transaction: Queryable, tenantId: TenantId) {
  const { rows } = await transaction.query<{ name: string; output: StepOutput | null }>(
    `select name, output from provisioning_steps
      where status <> 'pending' and name not in ('validation', 'compliance', 'receipt')
        and run_id = (select id from provisioning_runs
                       where tenant_id = $1 and kind = 'provision' order by created_at desc, id limit 1)
      order by position`,
    [tenantId],
  );
  return rows.map((step) => ({ ...step, status: 'done' }));
}
