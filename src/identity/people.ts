import type { Table } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import { type Account, type Accounts, createAccounts, defaultApplicationTenantId } from './accounts.ts';
import { type ApplicationTenants, createApplicationTenants } from './application-tenants.ts';
import { createGroups, type Groups } from './groups.ts';
import { keepRemovedEmpty } from './keep-removed-empty.ts';
import { type AccountRoom, limitAccounts } from './limit-accounts.ts';
import { createMemberships, type Memberships } from './memberships.ts';
import { createRoles, type Roles } from './roles.ts';

/** The people of one tenant, where they belong and what they may do. */
export interface People {
  accounts: Accounts;
  applicationTenants: ApplicationTenants;
  groups: Groups;
  memberships: Memberships;
  roles: Roles;
  /** The account when it may be used: it is enabled, and its application tenant is not suspended. */
  findActive(id: string): Promise<Account | undefined>;
  /** `Accounts.verifyPassword`, of an account that may be used. */
  verifyPassword: Accounts['verifyPassword'];
  /** Every scope that the account's roles give it, those of its groups included. */
  roleScopesOf(account: Account): Promise<string[]>;
}

export function openPeople({
  room,
  ...stores
}: {
  table: Table;
  clock: Clock;
  random: Random;
  /** For accounts that are made; absent where none are. */
  room?: AccountRoom;
}): People {
  const applicationTenants = createApplicationTenants(stores);
  const unlimited = keepRemovedEmpty(createAccounts(stores), applicationTenants);
  const limited = room === undefined ? unlimited : limitAccounts(unlimited, room);
  const groups = createGroups(stores);
  const memberships = createMemberships({ ...stores, accounts: limited, groups });
  const accounts: Accounts = {
    ...limited,
    async remove(id) {
      await memberships.leaveAll(id);
      return limited.remove(id);
    },
  };
  const roles = createRoles(stores);

  async function isSuspended(applicationTenantId: string): Promise<boolean> {
    // The default one never is, so that its people cost no second read.
    return (
      applicationTenantId !== defaultApplicationTenantId &&
      (await applicationTenants.get(applicationTenantId))?.status !== 'active'
    );
  }

  return {
    accounts,
    applicationTenants,
    groups,
    memberships,
    roles,
    async findActive(id) {
      const account = await accounts.get(id);
      return account && !account.disabled && !(await isSuspended(account.applicationTenantId))
        ? account
        : undefined;
    },
    async verifyPassword(...credentials) {
      const account = await accounts.verifyPassword(...credentials);
      return account && !(await isSuspended(account.applicationTenantId)) ? account : undefined;
    },
    roleScopesOf: async (account) =>
      roles.scopesOf(await memberships.rolesOf(account), account.applicationTenantId),
  };
}
