import type { Slug, TenantId } from '../../kernel/ids.ts';
import type { Queryable } from '../../platform/postgres.ts';
import { queueSchema } from '../../platform/queue-order.ts';
import type { Discrepancy } from './discrepancy.ts';

/** A job is sent in the transaction that asks for a run, and kept until the run has ended; so much time is for reading both. */
const patience = '10 minutes';

/** Runs that nobody carries on: stopped for an operator, or neither held by a worker nor waited for by a job. */
export async function findLeftoverRuns(db: Queryable, now: Date): Promise<Discrepancy[]> {
  const { rows } = await db.query<{
    tenantId: TenantId;
    slug: Slug;
    state: string;
    failedStep: string | null;
  }>(
    `select tenants.id as "tenantId", tenants.slug, tenants.provisioning_state as state, run.failed_step as "failedStep"
       from tenants left join lateral (
         select failed_step, lease_until from provisioning_runs
          where tenant_id = tenants.id order by created_at desc, id limit 1) as run on true
      where tenants.provisioning_state = 'failed'
         or (tenants.provisioning_state in ('queued', 'running', 'deprovisioning')
             and tenants.updated_at < $1::timestamptz - interval '${patience}'
             and coalesce(run.lease_until, '-infinity') < clock_timestamp()
             and not exists (
               select 1 from ${queueSchema}.job
                where name = 'tenant-provisioning' and state < 'completed' and data ->> 'tenantId' = tenants.id))
      order by tenants.created_at, tenants.id`,
    [now],
  );
  return rows.map(({ tenantId, slug, state, failedStep }) => {
    const about = { what: 'run', name: slug, tenantId, slug };
    return state === 'failed'
      ? { kind: 'drift', ...about, problem: `the run stopped for an operator in step ${failedStep ?? '?'}` }
      : {
          kind: 'missing',
          ...about,
          problem: `the run is ${state}, and no job carries it on`,
          repair: 'possible',
        };
  });
}
