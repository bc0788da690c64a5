import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../platform/log.ts';
import type { Postgres } from '../platform/postgres.ts';
import { holdTenant } from './reconcile/hold-tenant.ts';
import { contextOf, type RecordedTenants } from './reconcile/recorded-tenants.ts';
import type { Lease } from './run-lease.ts';
import type { Step, StepContext } from './step.ts';

/** Its successor removes a tenant in less; whatever takes longer is found by the reconciler. */
const patienceMs = 60_000;
const lookEveryMs = 500;

/**
 * For a worker whose step has acted and that ends without having recorded it. Stores such as DynamoDB, KMS or ECS know no fence: if the worker
 * was replaced, what the step made may have come after its successor removed everything. When the tenant is gone the step's undo is done once
 * more, while nobody can begin to build it anew; what a living tenant has is left alone, because both workers make the very same things.
 */
export type RemoveLateEffects = (step: Step, lease: Lease, context: StepContext) => Promise<void>;

export function createRemoveLateEffects({
  postgres,
  tenants,
  log,
}: {
  postgres: Postgres;
  tenants: RecordedTenants;
  log: Log;
}): RemoveLateEffects {
  async function isReplaced({ runId, fence }: Lease): Promise<boolean> {
    const { rowCount } = await postgres.query(
      'select 1 from provisioning_runs where id = $1 and fence = $2',
      [runId, fence],
    );
    return rowCount === 0;
  }

  /** False while a worker has the tenant. */
  async function removeIfGone(step: Step, { tenant: { id } }: StepContext): Promise<boolean> {
    const looked = await holdTenant(
      { postgres, tenants },
      id,
      async (tenant, _transaction, signal) => {
        if (tenant.standing === 'gone') {
          await step.undo(contextOf(tenant, signal), undefined);
        }
        return true;
      },
      AbortSignal.timeout(patienceMs),
    );
    return looked === true;
  }

  return async (step, lease, context) => {
    const about = { runId: lease.runId, step: step.name };
    try {
      if (!(await isReplaced(lease))) {
        return;
      }
      for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += lookEveryMs) {
        if (await removeIfGone(step, context)) {
          return;
        }
        await sleep(lookEveryMs, undefined, { ref: false });
      }
      log.warn(about, 'a worker that was replaced could not look whether it left something behind');
    } catch (error) {
      log.error({ err: error, ...about }, 'what a worker made after it was replaced could not be removed');
    }
  };
}
