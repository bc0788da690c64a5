import { shownAccount } from '../../identity/account.ts';
import type { Account } from '../../identity/accounts.ts';
import type { ActivityLog } from '../../identity/activity-log.ts';
import type { Factors } from '../../identity/factors.ts';
import type { People } from '../../identity/people.ts';
import type { LinkedSources } from '../interactions/federation/linked-sources.ts';
import type { AccountSessions } from '../sessions/account-sessions.ts';
import type { AccountGrants } from './account-grants.ts';

/**
 * Everything that is kept about a person, for the person to take away; nothing of it would let anybody in. Browsers on which the account is known
 * are not among it: each browser itself keeps that.
 */
export type ReadAccountData = (account: Account) => Promise<object>;

export function createReadAccountData({
  memberships,
  factors,
  linkedSources,
  sessions,
  grants,
  activity,
}: {
  memberships: Pick<People['memberships'], 'rolesOf' | 'groupsOf'>;
  factors: Pick<Factors, 'of'>;
  linkedSources: Pick<LinkedSources, 'listOf'>;
  sessions: Pick<AccountSessions, 'list'>;
  grants: Pick<AccountGrants, 'list'>;
  activity: Pick<ActivityLog, 'all'>;
}): ReadAccountData {
  return async (account) => {
    const { id: userId, applicationTenantId } = account;
    const [roles, groups, owned, links, living, granted, done] = await Promise.all([
      memberships.rolesOf(account),
      memberships.groupsOf(account),
      factors.of(account.id),
      linkedSources.listOf(account),
      sessions.list(account.id),
      grants.list(account.id),
      Array.fromAsync(activity.all({ applicationTenantId, userId })),
    ]);
    const { roles: _, ...person } = shownAccount(account);
    const { totpSince, passkeys, recoveryCodesLeft } = owned;
    return {
      account: person,
      roles,
      groups: groups.map(({ name, description }) => ({ name, description })),
      secondFactors: {
        ...(totpSince === undefined ? {} : { authenticatorApp: { addedAt: totpSince } }),
        passkeys: passkeys.map(({ name, synced, backedUp, transports, createdAt, lastUsedAt }) => ({
          name,
          synced,
          backedUp,
          transports,
          addedAt: createdAt,
          ...(lastUsedAt === undefined ? {} : { lastUsedAt }),
        })),
        recoveryCodesLeft,
      },
      linkedAccounts: links.map(({ sourceName, label, linkedAt }) => ({
        ...(sourceName === undefined ? {} : { source: sourceName }),
        label,
        linkedAt,
      })),
      sessions: living,
      grants: granted,
      activity: done.map(({ applicationTenantId: _, userId: __, ...shown }) => shown),
    };
  };
}
