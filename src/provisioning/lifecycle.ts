import {
  auditTenantDeletionRequested,
  auditTenantRestored,
  auditTenantResumed,
  auditTenantSuspended,
} from '../audit/events.ts';
import type { Actor } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { Slug } from '../kernel/ids.ts';
import type { TenantStatus } from '../kernel/tenant.ts';
import type { Queryable } from '../platform/postgres.ts';
import type { Queue } from '../platform/queue.ts';
import { type GovernedTenant, lockGovernedTenant } from './find-tenant.ts';
import { noteOf, type Obstacle, type ObstacleNote, setObstacle } from './standing.ts';

interface Order {
  slug: Slug;
  actor: Actor;
}

/**
 * What an operator does with a tenant that is built, in the caller's transaction; after its commit the caller calls `Standing.applyNow`. Each
 * returns the tenant as it is then. What cannot be done is `AppError('conflict')`, before the tenant is built `AppError('not_ready')`.
 */
export interface Lifecycle {
  suspend(transaction: Queryable, order: Order & { reason: string }): Promise<GovernedTenant>;
  resume(transaction: Queryable, order: Order): Promise<GovernedTenant>;
  /** The tenant answers no more; when the grace period has ended everything of it is removed (`start-deletions.ts`). */
  requestDeletion(transaction: Queryable, order: Order & { reason?: string }): Promise<GovernedTenant>;
  /** Takes the deletion back: the tenant stands as it did before. */
  restore(transaction: Queryable, order: Order): Promise<GovernedTenant>;
}

export function createLifecycle({
  queue,
  clock,
  deletionGraceDays,
}: {
  queue: Pick<Queue, 'send'>;
  clock: Clock;
  deletionGraceDays: number;
}): Lifecycle {
  async function change(
    transaction: Queryable,
    tenant: GovernedTenant,
    obstacle: Obstacle,
    note: ObstacleNote | undefined,
    dueAt?: Date,
  ): Promise<GovernedTenant> {
    const due = dueAt === undefined ? {} : { dueAt };
    const status = await setObstacle(transaction, clock, tenant.id, obstacle, note, due);
    await queue.send(transaction, 'tenant-standing', { tenantId: tenant.id });
    return {
      ...tenant,
      status,
      [obstacle]: note ?? null,
      ...(obstacle === 'deletion' ? { deletionDueAt: dueAt ?? null } : {}),
    };
  }

  return {
    async suspend(transaction, { slug, actor, reason }) {
      const tenant = await lockBuilt(transaction, slug);
      if (tenant.suspension !== null) {
        throw new AppError('conflict', 'The tenant is suspended already.');
      }
      const changed = await change(transaction, tenant, 'suspension', noteOf(clock, actor, reason));
      await auditTenantSuspended(transaction, clock, { tenantId: tenant.id, slug, actor, reason });
      return changed;
    },

    async resume(transaction, { slug, actor }) {
      const tenant = await lockBuilt(transaction, slug);
      if (tenant.suspension === null) {
        throw new AppError(
          'conflict',
          tenant.blocking === null
            ? 'The tenant is not suspended.'
            : 'The tenant is not suspended but blocked; only a compliance review that it passes lifts that.',
        );
      }
      const changed = await change(transaction, tenant, 'suspension', undefined);
      await auditTenantResumed(transaction, clock, { tenantId: tenant.id, slug, actor });
      return changed;
    },

    async requestDeletion(transaction, { slug, actor, reason }) {
      const tenant = await lockBuilt(transaction, slug);
      const dueAt = new Date(clock.now() + deletionGraceDays * 86_400_000);
      const note = noteOf(clock, actor, reason ?? '');
      const changed = await change(transaction, tenant, 'deletion', note, dueAt);
      await auditTenantDeletionRequested(transaction, clock, {
        tenantId: tenant.id,
        slug,
        actor,
        dueAt: dueAt.toISOString(),
        ...(reason === undefined ? {} : { reason }),
      });
      return changed;
    },

    async restore(transaction, { slug, actor }) {
      const tenant = await lockGovernedTenant(transaction, slug);
      if (tenant.status !== 'deleting') {
        throw new AppError(
          'conflict',
          tenant.status === 'deleted' ? 'The tenant has been removed.' : 'The tenant is not being deleted.',
        );
      }
      if (await removalHasBegun(transaction, tenant)) {
        throw new AppError('conflict', 'The grace period has ended; the tenant is being removed.');
      }
      const changed = await change(transaction, tenant, 'deletion', undefined);
      await auditTenantRestored(transaction, clock, { tenantId: tenant.id, slug, actor });
      return changed;
    },
  };
}

const unbuilt: Partial<Record<TenantStatus, string>> = {
  provisioning: 'The tenant is still being set up. Reject its validation, or roll its provisioning back.',
  failed: 'The tenant was never set up.',
  deleted: 'The tenant has been removed.',
};

async function lockBuilt(transaction: Queryable, slug: Slug): Promise<GovernedTenant> {
  const tenant = await lockGovernedTenant(transaction, slug);
  if (tenant.status === 'deleting') {
    throw new AppError('conflict', 'The tenant is being deleted. Restore it first.');
  }
  const problem = tenant.isBuilt ? unbuilt[tenant.status] : (unbuilt[tenant.status] ?? unbuilt.provisioning);
  if (problem !== undefined) {
    throw new AppError(tenant.status === 'provisioning' ? 'not_ready' : 'conflict', problem);
  }
  return tenant;
}

async function removalHasBegun(
  transaction: Queryable,
  { id, provisioningState }: GovernedTenant,
): Promise<boolean> {
  const { rowCount } = await transaction.query(
    `select 1 from provisioning_runs where tenant_id = $1 and kind = 'deprovision' limit 1`,
    [id],
  );
  return rowCount > 0 || provisioningState === 'deprovisioning';
}
