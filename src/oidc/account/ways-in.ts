import type { Account } from '../../identity/accounts.ts';
import type { ApplicationRules } from '../../identity/application-rules.ts';
import type { Factors } from '../../identity/factors.ts';
import type { LinkedSources } from '../interactions/federation/linked-sources.ts';

/** Something that leads into an account by itself; a second factor alone does not. */
export type WayIn = { password: true } | { passkeyId: string } | { linkId: string };

/** Every one that leads into the account today: what the application tenant takes from its people, and sources that they may use. */
export type WaysInOf = (account: Account) => Promise<WayIn[]>;

export function createWaysInOf({
  factors,
  linkedSources,
  admitsOwnCredentials,
}: {
  factors: Pick<Factors, 'of'>;
  linkedSources: Pick<LinkedSources, 'listOf'>;
  admitsOwnCredentials: ApplicationRules['admitsOwnCredentials'];
}): WaysInOf {
  return async (account) => {
    const [admitsOwn, { passkeys }, links] = await Promise.all([
      admitsOwnCredentials(account.applicationTenantId),
      factors.of(account.id),
      linkedSources.listOf(account),
    ]);
    const own: WayIn[] = [
      ...(account.passwordSetAt === undefined ? [] : [{ password: true } as const]),
      ...passkeys.map(({ id }) => ({ passkeyId: id })),
    ];
    const usable = links.filter(({ isUsable }) => isUsable).map(({ id }) => ({ linkId: id }));
    return [...(admitsOwn ? own : []), ...usable];
  };
}

/** Whether nobody would get in any more without it. */
export function isLastWayIn(ways: readonly WayIn[], way: WayIn): boolean {
  const isIt = (other: WayIn) => JSON.stringify(other) === JSON.stringify(way);
  return ways.some(isIt) && ways.every(isIt);
}
