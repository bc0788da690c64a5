import { setTimeout as delay } from 'node:timers/promises';
import type { Account } from '../../identity/accounts.ts';
import type { Group } from '../../identity/groups.ts';
import type { VisiblePeople } from '../people/open-people.ts';
import { ScimError } from './scim-error.ts';

type People = Pick<VisiblePeople, 'groups' | 'memberships'>;

/** The index lags behind the table; how often it is looked at again before the count of members is taken for wrong. */
const looks = 5;
const lookAgainMs = 200;

/** Everybody in the group, for people to read; `tooMany` for more than `most`. */
export async function membersOf(
  { memberships }: Pick<People, 'memberships'>,
  group: Group,
  most: number,
): Promise<Account[]> {
  const members: Account[] = [];
  let cursor: string | undefined;
  do {
    if (Math.max(group.memberCount ?? 0, members.length) > most) {
      throw new ScimError(
        'tooMany',
        'There are too many members to show: use excludedAttributes=members, or a smaller count.',
      );
    }
    const page = await memberships.membersOf(group, cursor === undefined ? {} : { cursor });
    members.push(...page.accounts);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return members;
}

/** Ids of all members, those included who joined a moment ago. */
export async function memberIdsOf({ groups, memberships }: People, group: Group): Promise<Set<string>> {
  for (let look = 1; ; look += 1) {
    const ids = new Set<string>();
    let cursor: string | undefined;
    do {
      const page = await memberships.memberIdsOf(group, cursor === undefined ? {} : { cursor });
      for (const id of page.accountIds) ids.add(id);
      cursor = page.cursor;
    } while (cursor !== undefined);
    const counted = (await groups.get(group.id))?.memberCount ?? 0;
    if (ids.size >= counted || look === looks) {
      return ids;
    }
    await delay(lookAgainMs);
  }
}

/** Those of the accounts that are no members, by the table itself. */
export async function withoutMembers(
  { memberships }: Pick<People, 'memberships'>,
  { id }: Group,
  accountIds: Iterable<string>,
): Promise<string[]> {
  const all = [...accountIds];
  const isMember = await Promise.all(all.map((accountId) => memberships.isMember(accountId, id)));
  return all.filter((_, index) => isMember[index] === false);
}
