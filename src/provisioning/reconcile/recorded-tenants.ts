import type { RunId, Slug, TenantId } from '../../kernel/ids.ts';
import type { ProvisioningState, TenantStatus } from '../../kernel/tenant.ts';
import type { Queryable } from '../../platform/postgres.ts';
import type { ProvisionedTenant, StepContext, StepOutput, TenantRequest } from '../step.ts';

/** `built`: has what its run made. `gone`: has nothing any more. `unsettled`: a run is at work, waits, or has left it to an operator. */
export type Standing = 'built' | 'gone' | 'unsettled';

/** A tenant as PostgreSQL has it, with what its latest building run made. */
export interface RecordedTenant extends ProvisionedTenant {
  status: TenantStatus;
  standing: Standing;
  /** Of the run that built it, or began to. */
  runId: RunId | undefined;
  /** Steps of that run that are done, with what they recorded. */
  made: ReadonlyMap<string, StepOutput>;
  /** Of whoever had a run of the tenant last. */
  fence: number;
}

interface Row {
  id: TenantId;
  slug: Slug;
  name: string;
  kind: 'platform' | 'tenant';
  status: TenantStatus;
  state: ProvisioningState;
  request: TenantRequest;
  createdBy: string;
  runId: RunId | null;
  made: Record<string, StepOutput> | null;
  fence: number;
}

const query = `
  select tenants.id, slug, name, kind, status, provisioning_state as state, request, created_by as "createdBy",
         run.id as "runId",
         (select json_object_agg(step.name, coalesce(step.output, '{}')) from provisioning_steps as step
           where step.run_id = run.id and step.status = 'done') as made,
         (select coalesce(max(fence), 0)::float8 from provisioning_runs where tenant_id = tenants.id) as fence
    from tenants left join lateral (
      select id from provisioning_runs
       where tenant_id = tenants.id and kind = 'provision' order by created_at desc, id limit 1) as run on true`;

const builtStatus: ReadonlySet<TenantStatus> = new Set(['active', 'suspended', 'blocked', 'deleting']);

export function createRecordedTenants({ tablePrefix }: { tablePrefix: string }) {
  function recordOf({ state, made, runId, ...row }: Row): RecordedTenant {
    const isGone = state === 'rolled-back' || state === 'deprovisioned';
    const isBuilt = builtStatus.has(row.status) && state !== 'deprovisioning';
    return {
      ...row,
      standing: isGone ? 'gone' : isBuilt ? 'built' : 'unsettled',
      runId: runId ?? undefined,
      made: new Map(Object.entries(made ?? {})),
      tableName: tableNameOf(row.id),
    };
  }

  const tableNameOf = (id: TenantId) => `${tablePrefix}-tenant-${id}`;

  return {
    /** Every tenant that was ever recorded: rows are never removed. */
    async all(db: Queryable): Promise<RecordedTenant[]> {
      const { rows } = await db.query<Row>(`${query} order by tenants.created_at, tenants.id`);
      return rows.map(recordOf);
    },

    async get(db: Queryable, id: TenantId): Promise<RecordedTenant | undefined> {
      const { rows } = await db.query<Row>(`${query} where tenants.id = $1`, [id]);
      return rows[0] && recordOf(rows[0]);
    },

    /** For a tenant that no record knows: as much as its resources say. */
    stranger: (id: TenantId, slug: Slug): RecordedTenant => ({
      id,
      slug,
      name: slug,
      kind: 'tenant',
      status: 'deleted',
      standing: 'gone',
      request: {},
      createdBy: '',
      runId: undefined,
      made: new Map(),
      fence: Number.MAX_SAFE_INTEGER,
      tableName: tableNameOf(id),
    }),
  };
}

export type RecordedTenants = ReturnType<typeof createRecordedTenants>;

/** As its steps see it, for whoever keeps workers from the tenant: see `hold-tenant.ts`. */
export function contextOf(tenant: RecordedTenant, signal: AbortSignal): StepContext {
  return {
    runId: tenant.runId ?? ('run_none' as RunId),
    // A tenant that has been active leaves an empty entry in the directory.
    kind: tenant.status === 'deleted' ? 'deprovision' : 'provision',
    tenant,
    fence: tenant.fence,
    stillHeld: async () => signal.throwIfAborted(),
    signal,
  };
}
