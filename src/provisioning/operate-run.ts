import { auditProvisioningRetried, auditProvisioningRollback } from '../audit/events.ts';
import type { Actor } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { Slug } from '../kernel/ids.ts';
import type { Queryable } from '../platform/postgres.ts';
import type { Queue } from '../platform/queue.ts';
import type { Directory } from '../tenancy/directory.ts';
import { type GovernedTenant, type LatestRun, lockGovernedTenant, readLatestRun } from './find-tenant.ts';
import { settleStatus } from './standing.ts';

interface Order {
  slug: Slug;
  actor: Actor;
  comment?: string;
}

/** Lets a run that failed go on, or turn back, in the caller's transaction; the caller wakes the queue after its commit. */
export interface RunOperations {
  /**
   * A run that stopped for an operator goes on where it stopped, in its direction; one that was rolled back begins anew, if its slug is still
   * free (`AppError('slug_unavailable')`). Otherwise `AppError('conflict')`.
   */
  retry(transaction: Queryable, order: Order): Promise<GovernedTenant>;
  /** Removes what a run left behind that stopped for an operator. `AppError('conflict')` when there is nothing to remove. */
  rollback(transaction: Queryable, order: Order): Promise<GovernedTenant>;
}

export function createRunOperations({
  queue,
  directory,
  clock,
}: {
  queue: Pick<Queue, 'send'>;
  directory: Pick<Directory, 'get'>;
  clock: Clock;
}): RunOperations {
  /** `undoing`: the direction that the run takes from now on. */
  async function reopen(
    transaction: Queryable,
    tenant: GovernedTenant,
    run: LatestRun,
    undoing: boolean,
  ): Promise<GovernedTenant> {
    await transaction.query(
      `update provisioning_runs
          set state = $2, turned_back = $2 = 'undoing', finished_at = null, lease_until = null,
              failed_step = case when $2 = 'undoing' then failed_step end,
              error = case when $2 = 'undoing' then error end
        where id = $1`,
      [run.id, undoing ? 'undoing' : 'running'],
    );
    // Whoever lets it go on gives it as much time as at first.
    await transaction.query('update provisioning_steps set failing_since = null where run_id = $1', [run.id]);
    const state = run.kind === 'deprovision' ? 'deprovisioning' : 'running';
    return goOn(transaction, tenant, state);
  }

  async function goOn(
    transaction: Queryable,
    tenant: GovernedTenant,
    provisioningState: 'queued' | 'running' | 'deprovisioning',
  ): Promise<GovernedTenant> {
    const now = new Date(clock.now());
    await transaction.query('update tenants set provisioning_state = $2, updated_at = $3 where id = $1', [
      tenant.id,
      provisioningState,
      now,
    ]);
    await transaction.query('update orders set attention = null, updated_at = $2 where tenant_id = $1', [
      tenant.id,
      now,
    ]);
    const status = await settleStatus(transaction, tenant.id);
    await queue.send(transaction, 'tenant-provisioning', { tenantId: tenant.id });
    return { ...tenant, status, provisioningState };
  }

  /** The slug was given back when the run was undone; somebody else may have it by now, and a retired one is gone for good. */
  async function holdAgain(transaction: Queryable, { slug }: GovernedTenant): Promise<void> {
    const { rowCount } = await transaction.query(
      `insert into slugs (slug, state) values ($1, 'held') on conflict (slug) do nothing`,
      [slug],
    );
    if (rowCount === 0 || (await directory.get(slug)) !== undefined) {
      throw new AppError('slug_unavailable', "The tenant's slug is not available any more.");
    }
  }

  return {
    async retry(transaction, { slug, actor, comment }) {
      const tenant = await lockGovernedTenant(transaction, slug);
      const run = await readLatestRun(transaction, tenant.id);
      if (run?.state !== 'needs-operator' && run?.state !== 'undone') {
        throw nothingFailed(tenant);
      }
      if (run.state === 'undone' && run.kind === 'deprovision') {
        throw new AppError('conflict', 'The tenant has been removed.');
      }
      let changed: GovernedTenant;
      if (run.state === 'undone') {
        await holdAgain(transaction, tenant);
        changed = await goOn(transaction, tenant, 'queued');
      } else {
        changed = await reopen(transaction, tenant, run, run.turnedBack);
      }
      const about = { tenantId: tenant.id, runId: run.id, actor };
      await auditProvisioningRetried(transaction, clock, {
        ...about,
        ...(comment === undefined ? {} : { comment }),
      });
      return changed;
    },

    async rollback(transaction, { slug, actor, comment }) {
      const tenant = await lockGovernedTenant(transaction, slug);
      const run = await readLatestRun(transaction, tenant.id);
      if (tenant.isBuilt) {
        throw new AppError(
          'conflict',
          tenant.deletion === null
            ? 'The tenant has been active. Delete it instead.'
            : 'The tenant is being deleted, which cannot be rolled back. Retry it, or restore the tenant.',
        );
      }
      if (run?.state === 'undone') {
        throw new AppError('conflict', 'The provisioning has been rolled back already.');
      }
      if (run?.state !== 'needs-operator') {
        throw nothingFailed(tenant);
      }
      const changed = await reopen(transaction, tenant, run, true);
      const about = { tenantId: tenant.id, runId: run.id, actor };
      await auditProvisioningRollback(transaction, clock, {
        ...about,
        ...(comment === undefined ? {} : { comment }),
      });
      return changed;
    },
  };
}

function nothingFailed({ provisioningState }: GovernedTenant): AppError {
  switch (provisioningState) {
    case 'awaiting-validation':
    case 'awaiting-compliance':
    case 'blocked':
      return new AppError('conflict', `The provisioning waits for a decision; it is ${provisioningState}.`);
    case 'queued':
    case 'running':
    case 'deprovisioning':
      return new AppError('conflict', `The provisioning is at work; it is ${provisioningState}.`);
    default:
      return new AppError('conflict', `The provisioning has not failed; it is ${provisioningState}.`);
  }
}
