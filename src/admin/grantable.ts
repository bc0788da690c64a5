import { adminScopes, tenantScopes } from '../identity/admin-scopes.ts';
import { AppError } from '../kernel/errors.ts';
import type { TenantRecord } from '../kernel/tenant.ts';
import type { Caller } from './authenticate.ts';

/**
 * Nobody gives a client or a key more of the admin API than they have themselves: otherwise it would be a way around roles and separation of
 * duties (C1). Scopes of the tenant's own resources are not the admin API's business.
 */
export function assertGrantable(
  scopes: readonly string[],
  caller: Pick<Caller, 'scopes'>,
  { kind }: Pick<TenantRecord, 'kind'>,
): void {
  const guarded: readonly string[] = kind === 'platform' ? adminScopes : tenantScopes;
  const refused = scopes.flatMap((scope, index) =>
    guarded.includes(scope) && !caller.scopes.includes(scope)
      ? [{ field: `scopes.${index}`, message: `only a caller who has ${scope} may give it` }]
      : [],
  );
  if (refused.length > 0) {
    throw new AppError('insufficient_scope', 'It would be allowed more than its creator.', {
      fields: refused,
    });
  }
}
