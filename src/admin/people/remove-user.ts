import type { Account, Accounts } from '../../identity/accounts.ts';
import type { AccountAccess } from '../../oidc/account-access.ts';

/**
 * Removes a person with everything that belongs to it: factors, links of sign-in sources, sessions and grants, memberships, names. Refused everywhere from the first
 * write on, and safe to repeat after a crash.
 */
export async function removeUser(
  { accounts, access }: { accounts: Pick<Accounts, 'setDisabled' | 'remove'>; access: AccountAccess },
  { id }: Account,
): Promise<void> {
  await accounts.setDisabled(id, true);
  await access.removeCredentials(id);
  await access.end(id);
  await accounts.remove(id);
}
