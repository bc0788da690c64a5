import { AppError } from '../kernel/errors.ts';
import type { Accounts } from './accounts.ts';
import { defaultApplicationTenantId } from './application-tenant.ts';
import type { ApplicationTenants } from './application-tenants.ts';

/** What is being removed takes nothing in (E2). */
export function beingRemoved(): AppError {
  return new AppError('conflict', 'The application tenant is being removed.');
}

/**
 * Accounts that no application tenant gets once its removal has begun. It is looked at after the account is there: whoever removes notes the
 * removal first and looks for accounts afterwards, so either they see the account, or its maker sees the removal and takes it back.
 */
export function keepRemovedEmpty<Kept extends Pick<Accounts, 'create' | 'remove'>>(
  accounts: Kept,
  applicationTenants: Pick<ApplicationTenants, 'get'>,
): Kept {
  return {
    ...accounts,
    async create(account) {
      const made = await accounts.create(account);
      const { applicationTenantId } = made;
      if (applicationTenantId !== defaultApplicationTenantId) {
        const owner = await applicationTenants.get(applicationTenantId);
        if (owner === undefined || owner.status === 'removing') {
          await accounts.remove(made.id);
          throw beingRemoved();
        }
      }
      return made;
    },
  };
}
