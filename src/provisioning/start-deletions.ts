import type { Clock } from '../kernel/clock.ts';
import type { TenantId } from '../kernel/ids.ts';
import type { Log } from '../platform/log.ts';
import type { Postgres, Queryable } from '../platform/postgres.ts';
import type { JobHandler, Queue } from '../platform/queue.ts';
import { lockOpenRun } from './run-rows.ts';

/** How often it is looked whether a grace period has ended. */
export const deletionSchedule = '* * * * *';

/** Deleted with a run of its own, which resumes by itself, or needs an operator: nothing to start any more. */
const due = `status = 'deleting' and deletion_due_at <= $1 and provisioning_state <> 'deprovisioning'
  and not exists (select 1 from provisioning_runs where tenant_id = tenants.id and kind = 'deprovision')`;

/**
 * The job `tenant-deletions`: hands every tenant whose grace period has ended to the provisioning job, which takes it down. A run that still
 * waits at a gate ends with that; one that a worker holds is left to the next round.
 */
export function createDeletionJob({
  postgres,
  queue,
  clock,
  log,
}: {
  postgres: Postgres;
  queue: Pick<Queue, 'send' | 'wake'>;
  clock: Clock;
  log: Log;
}): JobHandler<'tenant-deletions'> {
  async function start(transaction: Queryable, tenantId: TenantId, now: Date): Promise<boolean> {
    const { rowCount } = await transaction.query(
      `select 1 from tenants where ${due} and id = $2 for update`,
      [now, tenantId],
    );
    const open = rowCount === 1 ? await lockOpenRun(transaction, tenantId) : undefined;
    if (rowCount === 0 || (open !== undefined && open.remaining > 0)) {
      return false;
    }
    if (open !== undefined) {
      await transaction.query(
        `update provisioning_runs set state = 'superseded', finished_at = $2, fence = fence + 1, lease_until = null
          where id = $1`,
        [open.id, now],
      );
    }
    await transaction.query(
      `update tenants set provisioning_state = 'deprovisioning', updated_at = $2 where id = $1`,
      [tenantId, now],
    );
    await queue.send(transaction, 'tenant-provisioning', { tenantId });
    return true;
  }

  return {
    async run(_payload, signal) {
      const now = new Date(clock.now());
      const { rows } = await postgres.query<{ id: TenantId }>(
        `select id from tenants where ${due} order by deletion_due_at limit 100`,
        [now],
      );
      for (const { id } of rows) {
        signal.throwIfAborted();
        if (await postgres.transaction((transaction) => start(transaction, id, now))) {
          log.info({ tenantId: id }, 'the grace period of a deletion has ended');
          queue.wake('tenant-provisioning');
        }
      }
    },
    async dead(_payload, reason) {
      log.error({ reason }, 'due deletions could not be started; the next round by the schedule tries again');
    },
  };
}
