import type { RunId, Slug, TenantId } from '../kernel/ids.ts';
import type { ProvisioningState } from '../kernel/tenant.ts';
import type { Queryable } from '../platform/postgres.ts';
import type { RunKind, StepOutput, TenantRequest } from './step.ts';

export type StepStatus = 'pending' | 'intended' | 'done' | 'undoing' | 'undone' | 'undo-failed';

export interface StoredStep {
  position: number;
  name: string;
  status: StepStatus;
  output: StepOutput | undefined;
  /** It has been failing since then, for reasons that may pass. */
  failingSince: Date | undefined;
}

export interface StoredTenant {
  id: TenantId;
  slug: Slug;
  name: string;
  kind: 'platform' | 'tenant';
  provisioningState: ProvisioningState;
  request: TenantRequest;
  /** Who asked for the tenant. */
  createdBy: string;
}

export async function lockTenant(
  transaction: Queryable,
  tenantId: TenantId,
): Promise<StoredTenant | undefined> {
  const { rows } = await transaction.query<{
    slug: Slug;
    name: string;
    kind: StoredTenant['kind'];
    provisioning_state: ProvisioningState;
    request: TenantRequest;
    created_by: string;
  }>(
    'select slug, name, kind, provisioning_state, request, created_by from tenants where id = $1 for update',
    [tenantId],
  );
  const [row] = rows;
  return (
    row && {
      id: tenantId,
      slug: row.slug,
      name: row.name,
      kind: row.kind,
      provisioningState: row.provisioning_state,
      request: row.request,
      createdBy: row.created_by,
    }
  );
}

export interface OpenRunRow {
  id: RunId;
  kind: RunKind;
  state: 'running' | 'undoing';
  failed_step: string | null;
  error: string | null;
  /** Milliseconds that the present holder's lease still lives; 0 without one. */
  remaining: number;
}

export async function lockOpenRun(
  transaction: Queryable,
  tenantId: TenantId,
): Promise<OpenRunRow | undefined> {
  const { rows } = await transaction.query<OpenRunRow>(
    `select id, kind, state, failed_step, error,
            greatest(0, coalesce(extract(epoch from lease_until - clock_timestamp()), 0) * 1000)::float8 as remaining
       from provisioning_runs where tenant_id = $1 and state in ('running', 'undoing') for update`,
    [tenantId],
  );
  return rows[0];
}

export async function readSteps(db: Queryable, runId: RunId): Promise<StoredStep[]> {
  const { rows } = await db.query<
    Omit<StoredStep, 'output' | 'failingSince'> & { output: StepOutput | null; failingSince: Date | null }
  >(
    `select position, name, status, output, failing_since as "failingSince"
       from provisioning_steps where run_id = $1 order by position`,
    [runId],
  );
  return rows.map(({ output, failingSince, ...row }) => ({
    ...row,
    output: output ?? undefined,
    failingSince: failingSince ?? undefined,
  }));
}
