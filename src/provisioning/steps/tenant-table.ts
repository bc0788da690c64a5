import { tagsOf } from '../../cloud/resource-owner.ts';
import type { Tables } from '../../cloud/tables/port.ts';
import { isTenantId, type Slug, type TenantId } from '../../kernel/ids.ts';
import { driftOf, lost, type Step, UnusableResult } from '../step.ts';

/** Creates the table that holds the tenant's data and nobody else's (A6, E4). Undoing it removes all that later steps put there. */
export function tenantTable({ tables, tablePrefix }: { tables: Tables; tablePrefix: string }): Step {
  const prefix = `${tablePrefix}-tenant-`;

  return {
    name: 'tenant-table',
    exclusive: ['tableName'],

    async check({ tenant }) {
      const description = await tables.describe(tenant.tableName);
      return description?.status === 'active' ? { tableName: tenant.tableName } : undefined;
    },

    async act({ tenant }) {
      await tables.create(tenant.tableName, tagsOf(tablePrefix, { tenantId: tenant.id, slug: tenant.slug }));
      return { tableName: tenant.tableName };
    },

    async confirm({ tenant }) {
      const description = await tables.describe(tenant.tableName);
      if (description?.status !== 'active') {
        throw new UnusableResult('The tenant table is not active.');
      }
    },

    async inspect({ tenant }) {
      const description = await tables.describe(tenant.tableName);
      return description?.status === 'active'
        ? driftOf(await tables.inspect(tenant.tableName))
        : [lost(`there is no active table ${tenant.tableName}`)];
    },

    async list(known) {
      const slugs = new Map(known.map(({ tenantId, slug }) => [tenantId, slug]));
      return (await tables.list(prefix)).flatMap((name) => {
        const tenantId = name.slice(prefix.length) as TenantId;
        // Another deployment's prefix may begin with this one's.
        return isTenantId(tenantId)
          ? [{ name, owner: { tenantId, slug: slugs.get(tenantId) ?? ('' as Slug) } }]
          : [];
      });
    },

    async undo({ tenant }) {
      await tables.delete(tenant.tableName);
    },
  };
}
