import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { RunId, TenantId } from '../kernel/ids.ts';
import type { Postgres, Queryable } from '../platform/postgres.ts';
import type { Announce, StepFailure } from './run-audit.ts';
import { lockOpenRun, lockTenant, readSteps, type StepStatus, type StoredTenant } from './run-rows.ts';
import type { RunKind } from './step.ts';

export type RunResult = 'succeeded' | 'undone' | 'needs-operator';

/**
 * What the end of a run makes of the tenant's row. A tenant that has been active keeps the status that follows from its row until it is
 * taken down: what fails afterwards is the platform's trouble, not that of its users.
 */
const endStates: Record<RunKind, Record<RunResult, string>> = {
  provision: {
    succeeded: `provisioning_state = case when blocking is null then 'active' else 'blocked' end`,
    undone: `status = 'failed', provisioning_state = 'rolled-back', activated_at = null`,
    'needs-operator': `status = case when activated_at is null then 'failed' else status end, provisioning_state = 'failed'`,
  },
  deprovision: {
    succeeded: `provisioning_state = provisioning_state`,
    undone: `status = 'deleted', provisioning_state = 'deprovisioned'`,
    'needs-operator': `provisioning_state = 'failed'`,
  },
};

/** Ends the run and gives the tenant the status that follows. `attention` goes to the tenant's order. The caller holds the tenant's row. */
export async function closeRun(
  transaction: Queryable,
  clock: Clock,
  { tenantId, runId }: { tenantId: TenantId; runId: RunId },
  { result, failure, attention }: { result: RunResult; failure?: StepFailure; attention?: string },
): Promise<void> {
  const now = new Date(clock.now());
  const { rows } = await transaction.query<{ kind: RunKind }>(
    `update provisioning_runs
        set state = $2, finished_at = $3, lease_until = null, fence = fence + 1,
            failed_step = coalesce(failed_step, $4), error = coalesce(error, $5)
      where id = $1 returning kind`,
    [runId, result, now, failure?.step ?? null, failure?.error ?? null],
  );
  const kind = rows[0]?.kind ?? 'provision';
  const end = endStates[kind][result];
  await transaction.query(`update tenants set ${end}, updated_at = $2 where id = $1`, [tenantId, now]);
  if (kind === 'deprovision' && result === 'undone') {
    // They hold secrets of the tenant, and there is nothing left to tell of.
    await transaction.query('delete from webhooks where tenant_id = $1', [tenantId]);
  }
  if (attention !== undefined) {
    await transaction.query('update orders set attention = $2, updated_at = $3 where tenant_id = $1', [
      tenantId,
      attention,
      now,
    ]);
  }
}

/** Begun, and neither done nor undone. */
const unsettled: ReadonlySet<StepStatus> = new Set(['intended', 'undoing', 'undo-failed']);

/**
 * Ends the tenant's open run, if there is one, because its job will not come again; what was created stays for an operator to look at.
 * False when there is none; `AppError('temporarily_unavailable')` while a worker holds it.
 */
export async function abandonRun(
  { postgres, clock }: { postgres: Postgres; clock: Clock },
  tenantId: TenantId,
  reason: string,
  announce: (
    run: { tenantId: TenantId; runId: RunId },
    tenant: StoredTenant,
    failure: StepFailure,
  ) => Announce,
): Promise<boolean> {
  return await postgres.transaction(async (transaction) => {
    const tenant = await lockTenant(transaction, tenantId);
    const open = tenant && (await lockOpenRun(transaction, tenantId));
    if (!tenant || !open) {
      return false;
    }
    if (open.remaining > 0) {
      throw new AppError('temporarily_unavailable', 'Another worker is provisioning this tenant.');
    }
    const run = { tenantId, runId: open.id };
    const begun = (await readSteps(transaction, open.id)).find(({ status }) => unsettled.has(status));
    const failure = { step: open.failed_step ?? begun?.name ?? 'start', error: reason };
    await closeRun(transaction, clock, run, { result: 'needs-operator', failure, attention: reason });
    await announce(run, tenant, failure)(transaction);
    return true;
  });
}
