import type { Account } from '../../identity/accounts.ts';
import { type AdminScope, adminScopes, adminScopesOfRoles } from '../../identity/admin-scopes.ts';
import { AppError } from '../../kernel/errors.ts';
import type { Caller } from '../authenticate.ts';
import type { VisiblePeople } from './open-people.ts';

export interface Power {
  /** Over what these roles give in the application tenant. */
  overRoles(names: readonly string[], applicationTenantId: string): Promise<void>;
  /** Over what these words give as scopes of a role. */
  overScopes(scopes: readonly string[], applicationTenantId: string): void;
  /** Over everything that the account may do, by its groups, too. */
  overAccount(account: Account): Promise<void>;
  /** Over everything that any account of the application tenant may ever do. */
  overAnybody(applicationTenantId: string): void;
}

/**
 * Nobody gives others, or has a hand in the account of others who have, more of the admin API than they have themselves: otherwise the
 * management of users would be a way around roles and separation of duties (C1). Each check throws `AppError('insufficient_scope')`.
 */
export function powerOf(
  caller: Pick<Caller, 'scopes'>,
  { record, roles, roleScopesOf }: Pick<VisiblePeople, 'record' | 'roles' | 'roleScopesOf'>,
): Power {
  function assertHeld(power: readonly AdminScope[]): void {
    const beyond = power.filter((scope) => !caller.scopes.includes(scope));
    if (beyond.length > 0) {
      throw new AppError(
        'insufficient_scope',
        `Only a caller who has all that these roles give may do this. Missing: ${beyond.join(', ')}.`,
      );
    }
  }

  function overScopes(scopes: readonly string[], applicationTenantId: string): void {
    assertHeld(adminScopesOfRoles(record.kind, scopes, applicationTenantId));
  }

  return {
    overScopes,
    async overRoles(names, applicationTenantId) {
      overScopes(await roles.scopesOf(names, applicationTenantId), applicationTenantId);
    },
    async overAccount(account) {
      overScopes(await roleScopesOf(account), account.applicationTenantId);
    },
    overAnybody: (applicationTenantId) => overScopes(adminScopes, applicationTenantId),
  };
}
