import type { Table } from '../cloud/tables/port.ts';
import { succeeds } from '../cloud/tables/unless-refused.ts';
import { AppError } from '../kernel/errors.ts';
import { type Account, accountPartition } from './account.ts';
import type { Accounts } from './accounts.ts';
import type { Group, Groups } from './groups.ts';

export interface Memberships {
  /** `AppError('conflict')` when the two are of different application tenants (E2). Idempotent, as is `remove`. */
  add(account: Account, group: Group): Promise<void>;
  remove(accountId: string, groupId: string): Promise<void>;
  /** Strongly consistent. */
  isMember(accountId: string, groupId: string): Promise<boolean>;
  /** Of an account that is being removed. */
  leaveAll(accountId: string): Promise<void>;
  /** Strongly consistent, by name. */
  groupsOf(account: Account): Promise<Group[]>;
  /** From an index, so one may be a moment old; a page may hold less than its limit and still not be the last. */
  membersOf(
    group: Group,
    page?: { limit?: number; cursor?: string },
  ): Promise<{ accounts: Account[]; cursor?: string }>;
  /** The same, by id alone. */
  memberIdsOf(
    group: Group,
    page?: { limit?: number; cursor?: string },
  ): Promise<{ accountIds: string[]; cursor?: string }>;
  /** Names of the account's own roles and of those that its groups give. */
  rolesOf(account: Account): Promise<string[]>;
  /** Of a group that is gone. */
  removeAll(groupId: string): Promise<void>;
}

/**
 * Who is in which group. One item in the account's partition is the whole truth of a membership: tokens read it by key, the group lists its
 * members from the index, and it goes with the account.
 */
export function createMemberships({
  table,
  accounts,
  groups,
}: {
  table: Table;
  accounts: Pick<Accounts, 'get'>;
  groups: Pick<Groups, 'get' | 'noteMember'>;
}): Memberships {
  const keyOf = (accountId: string, groupId: string) => ({
    pk: accountPartition(accountId),
    sk: `${skPrefix}${groupId}`,
  });

  async function groupIdsOf(accountId: string): Promise<string[]> {
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await table.query({
        pk: accountPartition(accountId),
        skPrefix,
        ...(cursor === undefined ? {} : { cursor }),
      });
      ids.push(...page.items.map(({ sk }) => sk.slice(skPrefix.length)));
      cursor = page.cursor;
    } while (cursor !== undefined);
    return ids;
  }

  async function groupsOf({ id, applicationTenantId }: Account): Promise<Group[]> {
    const ids = await groupIdsOf(id);
    const found = await Promise.all(ids.map((groupId) => groups.get(groupId)));
    return found
      .filter((group) => group !== undefined)
      .filter((group) => group.applicationTenantId === applicationTenantId)
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  const memberIdsOf: Memberships['memberIdsOf'] = async (group, { limit, cursor } = {}) => {
    const page = await table.query({
      index: 'gsi1',
      pk: indexKey(group.id),
      ...(limit === undefined ? {} : { limit }),
      ...(cursor === undefined ? {} : { cursor }),
    });
    return {
      accountIds: page.items.map(({ gsi1sk }) => String(gsi1sk)),
      ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
    };
  };

  async function remove(accountId: string, groupId: string): Promise<void> {
    if (await succeeds(table.delete(keyOf(accountId, groupId), [{ exists: true }]))) {
      await groups.noteMember(groupId, -1);
    }
  }

  return {
    groupsOf,

    async add(account, group) {
      if (account.applicationTenantId !== group.applicationTenantId) {
        throw new AppError('conflict', 'A group has members of its own application tenant only.');
      }
      const item = { ...keyOf(account.id, group.id), gsi1pk: indexKey(group.id), gsi1sk: account.id };
      if (await succeeds(table.put(item, [{ exists: false }]))) {
        await groups.noteMember(group.id, 1);
      }
    },

    remove,

    isMember: async (accountId, groupId) => (await table.get(keyOf(accountId, groupId))) !== undefined,

    async leaveAll(accountId) {
      for (const groupId of await groupIdsOf(accountId)) {
        await remove(accountId, groupId);
      }
    },

    memberIdsOf,

    async membersOf(group, page) {
      const { accountIds, cursor } = await memberIdsOf(group, page);
      const found = await Promise.all(accountIds.map((id) => accounts.get(id)));
      return {
        accounts: found.filter((account) => account !== undefined),
        ...(cursor === undefined ? {} : { cursor }),
      };
    },

    async rolesOf(account) {
      const shared = (await groupsOf(account)).flatMap(({ roles }) => roles);
      return [...new Set([...account.roles, ...shared])];
    },

    async removeAll(groupId) {
      let cursor: string | undefined;
      do {
        const page = await table.query({
          index: 'gsi1',
          pk: indexKey(groupId),
          ...(cursor === undefined ? {} : { cursor }),
        });
        await table.batchWrite(page.items.map(({ pk, sk }) => ({ delete: { pk, sk } })));
        cursor = page.cursor;
      } while (cursor !== undefined);
    },
  };
}

const skPrefix = 'group#';

function indexKey(groupId: string): string {
  return `GroupMembers#${groupId}`;
}
