import { setTimeout as delay } from 'node:timers/promises';
import type { Tables } from '../../cloud/tables/port.ts';
import { createAccountLinks } from '../../identity/account-links.ts';
import { createApiKeys } from '../../identity/api-keys.ts';
import { createInvitations } from '../../identity/invitations.ts';
import { createLinks } from '../../identity/links.ts';
import { openPeople } from '../../identity/people.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Random } from '../../kernel/random.ts';
import type { AccountAccessOf } from '../../oidc/account-access.ts';
import { createUserRoom } from '../../oidc/user-room.ts';
import type { Log } from '../../platform/log.ts';
import type { JobHandler } from '../../platform/queue.ts';
import type { Directory } from '../../tenancy/directory.ts';
import { removeUser } from './remove-user.ts';

export interface ApplicationTenantRemovalDependencies {
  directory: Pick<Directory, 'get'>;
  tables: Pick<Tables, 'open'>;
  accountAccess: AccountAccessOf;
  clock: Clock;
  random: Random;
  log: Log;
}

/** Lists come from an index, which lags; a count that does not is looked at so often before it is taken for wrong. */
const looksAtCount = 10;
const lookAgainMs = 200;

/**
 * Removes what an application tenant holds, people first, and at last its record (E2). Everything is read anew from the beginning until nothing
 * is left: whoever began to make something before the removal may have finished while it went on. What begins later is refused
 * (`keep-removed-empty.ts`).
 */
export function createApplicationTenantRemoval({
  directory,
  tables,
  accountAccess,
  clock,
  random,
  log,
}: ApplicationTenantRemovalDependencies): JobHandler<'application-tenant-removal'> {
  return {
    async run({ slug, applicationTenantId }, signal) {
      const record = await directory.get(slug);
      if (!record) {
        return;
      }
      const stores = { table: tables.open(record.tableName), clock, random };
      const people = openPeople({ ...stores, room: createUserRoom(stores) });
      const { accounts, groups, memberships, roles, applicationTenants } = people;
      if ((await applicationTenants.get(applicationTenantId))?.status !== 'removing') {
        return;
      }
      const access = accountAccess(record);
      const invitations = createInvitations({
        ...stores,
        accounts,
        accountLinks: createAccountLinks({ ...people, links: createLinks(stores) }),
      });

      const removeAccounts = () =>
        untilNoneIsLeft(signal, async (cursor) => {
          const page = await accounts.list({ applicationTenantId, ...cursor });
          const removed = await Promise.all(page.accounts.map(({ id }) => removeUserIfThere(id)));
          return { ...page, removed: removed.filter(Boolean).length };
        });
      await removeAccounts();
      for (let looks = 0; looks < looksAtCount; looks += 1) {
        if ((await accounts.count(applicationTenantId)) === 0) break;
        await delay(lookAgainMs, undefined, { signal });
        await removeAccounts();
      }
      await untilNoneIsLeft(signal, async (cursor) => {
        const page = await invitations.list(applicationTenantId, cursor);
        await Promise.all(page.invitations.map((invitation) => invitations.remove(invitation)));
        return { ...page, removed: page.invitations.length };
      });
      await untilNoneIsLeft(signal, async (cursor) => {
        const page = await groups.list(applicationTenantId, cursor);
        for (const group of page.groups) {
          await groups.remove(group);
          await memberships.removeAll(group.id);
        }
        return { ...page, removed: page.groups.length };
      });
      await untilNoneIsLeft(signal, async () => {
        const own = await roles.list(applicationTenantId);
        for (const { name } of own) await roles.remove(name, applicationTenantId);
        return { removed: own.length };
      });
      const apiKeys = createApiKeys(stores);
      await untilNoneIsLeft(signal, async (cursor) => {
        const page = await apiKeys.list({ applicationTenantId, limit: 100, ...cursor });
        for (const { id } of page.apiKeys) await apiKeys.revoke(id);
        return { ...page, removed: page.apiKeys.length };
      });
      await applicationTenants.remove(applicationTenantId);

      async function removeUserIfThere(id: string): Promise<boolean> {
        const account = await accounts.get(id);
        if (account) {
          await removeUser({ accounts, access }, account);
        }
        return account !== undefined;
      }
    },

    async dead({ slug, applicationTenantId }, reason) {
      log.error(
        { slug, applicationTenantId, reason },
        'an application tenant could not be removed; delete it again',
      );
    },
  };
}

/** Goes through all pages, and again from the first one until there was nothing to remove on any. */
async function untilNoneIsLeft(
  signal: AbortSignal,
  work: (page: { cursor?: string }) => Promise<{ cursor?: string; removed: number }>,
): Promise<void> {
  let removed: number;
  do {
    removed = 0;
    let cursor: string | undefined;
    do {
      signal.throwIfAborted();
      const page = await work(cursor === undefined ? {} : { cursor });
      removed += page.removed;
      cursor = page.cursor;
    } while (cursor !== undefined);
  } while (removed > 0);
}
