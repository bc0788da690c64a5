import { auditTenantBlocked } from '../audit/events.ts';
import { type Actor, actorName } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { Slug, TenantId } from '../kernel/ids.ts';
import type { TenantRecord, TenantStatus } from '../kernel/tenant.ts';
import type { Log } from '../platform/log.ts';
import type { Postgres, Queryable } from '../platform/postgres.ts';
import { type JobHandler, JobLater, type Queue } from '../platform/queue.ts';
import type { Directory } from '../tenancy/directory.ts';

/** What keeps a tenant that is built from answering. Each stands by itself; lifting one leaves the others. */
export type Obstacle = 'suspension' | 'blocking' | 'deletion';

export interface ObstacleNote {
  /** ISO 8601. */
  at: string;
  by: string;
  reason: string;
}

export function noteOf(clock: Clock, actor: Actor, reason: string): ObstacleNote {
  return { at: new Date(clock.now()).toISOString(), by: actorName(actor), reason };
}

/** The status that follows from what the row says; see 0005_governance.sql. */
const followingStatus = `case
  when deletion is not null then 'deleting'
  when blocking is not null then 'blocked'
  when suspension is not null then 'suspended'
  when activated_at is not null then 'active'
  else 'provisioning' end`;

/**
 * Puts an obstacle in the tenant's way, or lifts it, and gives the tenant the status that follows. The caller holds the tenant's row and sends
 * the job `tenant-standing` in the same transaction.
 */
export async function setObstacle(
  transaction: Queryable,
  clock: Clock,
  tenantId: TenantId,
  obstacle: Obstacle,
  note: ObstacleNote | undefined,
  { dueAt }: { dueAt?: Date } = {},
): Promise<TenantStatus> {
  const now = new Date(clock.now());
  await transaction.query(
    `update tenants
        set ${obstacle} = $2, updated_at = $3, standing = standing + 1, standing_changed_at = $3
            ${obstacle === 'deletion' ? ', deletion_due_at = $4' : ''}
      where id = $1`,
    [
      tenantId,
      note === undefined ? null : JSON.stringify(note),
      now,
      ...(obstacle === 'deletion' ? [dueAt ?? null] : []),
    ],
  );
  return settleStatus(transaction, tenantId);
}

/** Gives the tenant the status that follows from its row, whatever it was; the caller knows that it is built or being built. */
export async function settleStatus(transaction: Queryable, tenantId: TenantId): Promise<TenantStatus> {
  const { rows } = await transaction.query<{ status: TenantStatus }>(
    `update tenants set status = ${followingStatus} where id = $1 returning status`,
    [tenantId],
  );
  return rows[0]?.status ?? 'deleted';
}

/** Blocks the tenant after a failed compliance review (C4), and returns why. The caller holds the tenant's row. */
export async function blockTenant(
  transaction: Queryable,
  { clock, queue }: { clock: Clock; queue: Pick<Queue, 'send'> },
  { tenantId, actor, reason }: { tenantId: TenantId; actor: Actor; reason: string },
): Promise<ObstacleNote> {
  const blocking = noteOf(clock, actor, reason);
  const { rows } = await transaction.query<{ slug: Slug; is_blocked: boolean }>(
    `select slug, blocking is not null as is_blocked from tenants where id = $1`,
    [tenantId],
  );
  await setObstacle(transaction, clock, tenantId, 'blocking', blocking);
  await transaction.query(`update tenants set provisioning_state = 'blocked' where id = $1`, [tenantId]);
  await queue.send(transaction, 'tenant-standing', { tenantId });
  for (const { slug } of rows.filter(({ is_blocked }) => !is_blocked)) {
    await auditTenantBlocked(transaction, clock, { tenantId, actor, slug, reason });
  }
  return blocking;
}

export interface Standing {
  /**
   * Brings the directory entry in line with the tenant's status, which is what every process goes by, and makes them notice. Safe to call at any
   * time: the row is held while the entry is written, and the entry keeps the number of the decision, so of two changes the later one stays.
   */
  apply(tenantId: TenantId): Promise<void>;
  /**
   * The same after a commit, for an answer that should not wait for the job. False when it failed: what was decided is then not in force before
   * the job, which comes again until it has succeeded, has done it.
   */
  applyNow(tenantId: TenantId): Promise<boolean>;
  readonly job: JobHandler<'tenant-standing'>;
}

/** Waits before the job comes again, in seconds; the last one for good. */
const againSeconds = [5, 15, 30, 60];

export function createStanding({
  postgres,
  queue,
  directory,
  onStatusChanged,
  log,
}: {
  postgres: Postgres;
  queue: Pick<Queue, 'send'>;
  directory: Pick<Directory, 'get' | 'update'>;
  onStatusChanged: (slug: Slug) => void;
  log: Log;
}): Standing {
  async function apply(tenantId: TenantId): Promise<void> {
    const changed = await postgres.transaction(async (transaction) => {
      const { rows } = await transaction.query<{ slug: Slug; status: TenantStatus; standing: string }>(
        'select slug, status, standing from tenants where id = $1 for update',
        [tenantId],
      );
      const [tenant] = rows;
      if (tenant === undefined) {
        return undefined;
      }
      const record = await directory.get(tenant.slug);
      const exists = record?.id === tenantId;
      // Behind the entry is only a database that was restored from a backup; one whose transaction was lost meanwhile refuses the statement.
      const standing = Math.max(Number(tenant.standing), exists ? (record.standing ?? 0) : 0);
      await transaction.query(
        'update tenants set standing = $2, standing_applied = $2 where id = $1 and standing_applied < $2',
        [tenantId, standing],
      );
      if (!exists) {
        return undefined;
      }
      await directory.update(tenant.slug, tenantId, (current) => follow(current, tenant.status, standing));
      return tenant.slug;
    });
    if (changed !== undefined) {
      onStatusChanged(changed);
    }
  }

  return {
    apply,
    async applyNow(tenantId) {
      try {
        await apply(tenantId);
        return true;
      } catch (error) {
        log.error({ err: error, tenantId }, "the tenant's directory entry could not be changed at once");
        return false;
      }
    },
    job: {
      async run({ tenantId, tries = 0 }) {
        try {
          await apply(tenantId);
        } catch (cause) {
          const seconds = againSeconds[Math.min(tries, againSeconds.length - 1)] ?? 0;
          log.error({ err: cause, tenantId, tries }, "the tenant's directory entry does not show its status");
          throw new JobLater<'tenant-standing'>("the tenant's directory entry could not be changed", {
            afterMs: seconds * 1_000,
            payload: { tenantId, tries: tries + 1 },
            cause,
          });
        }
      },
      /** What was decided is never given up, also when processes keep ending over it. */
      async dead({ tenantId }, reason) {
        log.error({ tenantId, reason }, "the tenant's directory entry does not show its status");
        await postgres.transaction((transaction) => queue.send(transaction, 'tenant-standing', { tenantId }));
      },
    },
  };
}

/** The entry as it follows from the row. A worker that lost its transaction while it stalled would write over a later decision. */
function follow(current: TenantRecord, tenant: TenantStatus, standing: number): TenantRecord {
  if ((current.standing ?? 0) > standing) {
    throw new AppError('conflict', 'The standing of the tenant has been decided anew.');
  }
  const status = entryStatus(current.status, tenant);
  const isInLine = status === current.status && (current.standing ?? 0) === standing;
  return isInLine ? current : { ...current, status, standing };
}

/** Runs write the entry of a tenant that they build or take down; only a block can meet a tenant that is not built. */
function entryStatus(now: TenantStatus, tenant: TenantStatus): TenantStatus {
  switch (tenant) {
    case 'active':
    case 'suspended':
    case 'blocked':
    case 'deleting':
      return tenant;
    case 'provisioning':
      return now === 'blocked' ? 'provisioning' : now;
    default:
      return now;
  }
}
