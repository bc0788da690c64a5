import type { Table } from '../cloud/tables/port.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import type { Account } from './account.ts';
import { createFactors } from './factors.ts';
import { createFederatedIdentities } from './federated-identities.ts';

/** Removes everything that leads to an account from outside of its own partition. To be called before the account is removed. Idempotent. */
export type RemoveCredentials = (accountId: string) => Promise<void>;

/** Whether somebody has made the account theirs: by a password, a passkey, or a sign-in source. */
export type IsTakenUp = (account: Pick<Account, 'id' | 'passwordSetAt'>) => Promise<boolean>;

export function createIsTakenUp(stores: { table: Table; clock: Clock; random: Random }): IsTakenUp {
  const factors = createFactors(stores);
  const identities = createFederatedIdentities(stores);
  return async ({ id, passwordSetAt }) =>
    passwordSetAt !== undefined ||
    (await factors.of(id)).passkeys.length > 0 ||
    (await identities.listOf(id)).length > 0;
}

/** Second factors and passkeys with the names by which passkeys find their account, and the links of sign-in sources. */
export function createRemoveCredentials(stores: {
  table: Table;
  clock: Clock;
  random: Random;
}): RemoveCredentials {
  const factors = createFactors(stores);
  const identities = createFederatedIdentities(stores);
  return async (accountId) => {
    await factors.reset(accountId);
    for (const identity of await identities.listOf(accountId)) {
      await identities.unlink(identity, accountId);
    }
  };
}
