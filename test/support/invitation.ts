import type { Table } from '../../src/cloud/tables/port.ts';
import { createAccountLinks } from '../../src/identity/account-links.ts';
import type { Account } from '../../src/identity/accounts.ts';
import { createLinks, type LinkPurpose } from '../../src/identity/links.ts';
import { openPeople } from '../../src/identity/people.ts';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';

interface Stores {
  table: Table;
  clock?: Clock;
}

/** The token of a link that is mailed to the owner of the account as it stands. */
export function issueAccountLink(
  { table, clock = systemClock }: Stores,
  account: Account,
  link: { purpose: LinkPurpose; data?: Record<string, string>; ttlSeconds?: number },
): Promise<string> {
  const stores = { table, clock, random: systemRandom };
  const { findActive } = openPeople(stores);
  return createAccountLinks({ links: createLinks(stores), findActive }).issue(account, {
    ttlSeconds: 600,
    ...link,
  });
}

/** The token of the link by which somebody is invited. */
export function issueInvitation(
  stores: Stores,
  account: Account,
  more: { data?: Record<string, string>; ttlSeconds?: number } = {},
): Promise<string> {
  return issueAccountLink(stores, account, { purpose: 'invitation', ...more });
}
