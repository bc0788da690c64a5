import { AppError } from '../kernel/errors.ts';
import type { Slug, TenantId } from '../kernel/ids.ts';
import type { ProvisioningState, TenantStatus } from '../kernel/tenant.ts';
import type { TenantRequest } from '../onboarding/tenant-request.ts';
import type { Queryable } from '../platform/postgres.ts';

/** A tenant as the control plane knows it, from its approval on. */
export interface TenantRow {
  id: TenantId;
  slug: Slug;
  name: string;
  kind: 'platform' | 'tenant';
  status: TenantStatus;
  onboardingStatus: ProvisioningState;
  request: TenantRequest;
  createdBy: string;
  /** What keeps the tenant from answering: `{at, by, reason}` each. */
  suspension: StandingNote | null;
  blocking: StandingNote | null;
  deletion: StandingNote | null;
  /** When a deletion can be taken back no more. */
  deletionDueAt: Date | null;
  /** What was decided last is not in force yet. */
  pending: boolean;
  createdAt: Date;
  updatedAt: Date;
}

export interface StandingNote {
  /** ISO 8601. */
  at: string;
  by: string;
  reason: string;
}

const columns = `id, slug, name, kind, status, provisioning_state as "onboardingStatus", request,
  created_by as "createdBy", suspension, blocking, deletion, deletion_due_at as "deletionDueAt", standing > standing_applied as pending,
  created_at as "createdAt", updated_at as "updatedAt"`;

/** The newest tenant with this slug: earlier ones were never finished. */
export async function readTenantBySlug(db: Queryable, slug: Slug): Promise<TenantRow | undefined> {
  const { rows } = await db.query<TenantRow>(
    `select ${columns} from tenants where slug = $1 order by created_at desc, id desc limit 1`,
    [slug],
  );
  return rows[0];
}

/** Newest first. A cursor that is none of ours: `AppError('invalid_request')`. */
export async function listTenants(
  db: Queryable,
  { limit, cursor }: { limit: number; cursor?: string },
): Promise<{ tenants: TenantRow[]; cursor?: string }> {
  const after = cursor === undefined ? undefined : parseCursor(cursor);
  const { rows } = await db.query<TenantRow>(
    `select ${columns} from tenants
      where $1::timestamptz is null or (created_at, id) < ($1, $2::text)
      order by created_at desc, id desc limit $3`,
    [after?.createdAt ?? null, after?.id ?? null, limit + 1],
  );
  const tenants = rows.slice(0, limit);
  const last = tenants.at(-1);
  return {
    tenants,
    ...(rows.length > limit && last !== undefined
      ? { cursor: `${last.createdAt.getTime()}.${last.id}` }
      : {}),
  };
}

function parseCursor(cursor: string): { createdAt: Date; id: string } {
  const [, milliseconds, id] = /^([0-9]{1,14})\.(ten_[A-Za-z0-9_-]{22})$/.exec(cursor) ?? [];
  if (milliseconds === undefined || id === undefined) {
    throw new AppError('invalid_request', 'The cursor is not valid.');
  }
  return { createdAt: new Date(Number(milliseconds)), id };
}
