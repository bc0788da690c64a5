import type { Slug, TenantId } from '../../src/kernel/ids.ts';
import type { TenantRecord } from '../../src/kernel/tenant.ts';

/** An active tenant's record with nothing in it that these tests do not look at. */
export function tenantRecord(slug: string, changes: Partial<TenantRecord> = {}): TenantRecord {
  return {
    id: `ten_${slug}` as TenantId,
    slug: slug as Slug,
    name: slug,
    kind: 'tenant',
    status: 'active',
    configVersion: 1,
    tableName: `table-${slug}`,
    signingKeys: [],
    sealedCookieKeys: 'sealed',
    provisioning: { state: 'active', steps: [] },
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-01T00:00:00.000Z',
    ...changes,
  };
}
