import { ConditionFailed, type Table, type Tables } from '../../cloud/tables/port.ts';
import { defaultTenantRoles, operatorRoles, type Role } from '../../identity/admin-scopes.ts';
import { createGroups, defaultTenantGroups } from '../../identity/groups.ts';
import { createRoles } from '../../identity/roles.ts';
import { applySecurityPolicyInput, createPolicyStore } from '../../identity/security-policy.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Random } from '../../kernel/random.ts';
import { type ProvisionedTenant, type Step, UnusableResult } from '../step.ts';

/** Writes what every tenant begins with: roles, groups (B3) and the security policy (B4). */
export function defaults({ tables, clock, random }: { tables: Tables; clock: Clock; random: Random }): Step {
  const open = (tenant: ProvisionedTenant) => {
    const table = addingOnly(tables.open(tenant.tableName));
    return {
      roles: createRoles({ table }),
      groups: createGroups({ table, clock, random }),
      policy: createPolicyStore({ table }),
    };
  };

  return {
    name: 'defaults',

    /** Writing again is as cheap as looking. */
    async check() {
      return undefined;
    },

    async act({ tenant }) {
      const stores = open(tenant);
      const { roles, groups } = startingPoint(tenant);
      await Promise.all([
        ...roles.map((role) => stores.roles.put(role)),
        ...groups.map((group) => stores.groups.put(group)),
        stores.policy.put(applySecurityPolicyInput(tenant.request.securityPolicy)),
      ]);
      return { roles: roles.map(({ name }) => name), groups: groups.map(({ name }) => name) };
    },

    async confirm({ tenant }) {
      const stores = open(tenant);
      const { roles } = startingPoint(tenant);
      const found = await Promise.all(roles.map(({ name }) => stores.roles.get(name)));
      if (found.includes(undefined)) {
        throw new UnusableResult('The default roles are not complete.');
      }
    },

    /** The table goes with everything in it. */
    async undo() {},
  };
}

/** What is there stays as it is: a worker that was replaced may wake up when the tenant has made it its own. */
function addingOnly(table: Table): Table {
  return {
    ...table,
    async put(item, condition = []) {
      try {
        await table.put(item, [...condition, { exists: false }]);
      } catch (error) {
        if (!(error instanceof ConditionFailed)) {
          throw error;
        }
      }
    },
  };
}

function startingPoint({ kind }: ProvisionedTenant): {
  roles: readonly Role[];
  groups: typeof defaultTenantGroups;
} {
  return kind === 'platform'
    ? { roles: operatorRoles, groups: [] }
    : { roles: defaultTenantRoles, groups: defaultTenantGroups };
}
