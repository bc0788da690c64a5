import { AppError } from '../kernel/errors.ts';
import type { RunId, Slug, TenantId } from '../kernel/ids.ts';
import type { ProvisioningState, TenantStatus } from '../kernel/tenant.ts';
import type { Queryable } from '../platform/postgres.ts';
import type { ObstacleNote } from './standing.ts';
import type { RunKind } from './step.ts';

/** A tenant's row as far as operators change it. */
export interface GovernedTenant {
  id: TenantId;
  slug: Slug;
  name: string;
  status: TenantStatus;
  provisioningState: ProvisioningState;
  /** It has been made active. */
  isBuilt: boolean;
  suspension: ObstacleNote | null;
  blocking: ObstacleNote | null;
  deletion: ObstacleNote | null;
  deletionDueAt: Date | null;
}

/**
 * Locks the tenant's row until the transaction ends, as every run does before it writes. The newest tenant with the slug counts: earlier ones
 * were never finished. `AppError('not_found')`; `AppError('conflict')` for the platform tenant, which stands above all of this.
 */
export async function lockGovernedTenant(transaction: Queryable, slug: Slug): Promise<GovernedTenant> {
  const { rows } = await transaction.query<GovernedTenant & { kind: 'platform' | 'tenant' }>(
    `select id, slug, name, kind, status, provisioning_state as "provisioningState",
            activated_at is not null as "isBuilt", suspension, blocking, deletion, deletion_due_at as "deletionDueAt"
       from tenants where slug = $1 order by created_at desc, id desc limit 1 for update`,
    [slug],
  );
  const [tenant] = rows;
  if (tenant === undefined) {
    throw new AppError('not_found', 'There is no such tenant.');
  }
  if (tenant.kind === 'platform') {
    throw new AppError('conflict', 'This cannot be done to the platform tenant.');
  }
  return tenant;
}

export interface LatestRun {
  id: RunId;
  kind: RunKind;
  state: 'running' | 'undoing' | 'succeeded' | 'undone' | 'needs-operator' | 'superseded';
  /** It removes what it made, and does nothing else any more. */
  turnedBack: boolean;
}

/** The caller holds the tenant's row. */
export async function readLatestRun(
  transaction: Queryable,
  tenantId: TenantId,
): Promise<LatestRun | undefined> {
  const { rows } = await transaction.query<LatestRun>(
    `select id, kind, state, turned_back as "turnedBack"
       from provisioning_runs where tenant_id = $1 order by created_at desc, id limit 1`,
    [tenantId],
  );
  return rows[0];
}
