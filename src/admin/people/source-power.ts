import { isDeepStrictEqual } from 'node:util';
import { defaultApplicationTenantId } from '../../identity/application-tenant.ts';
import type { SignInSourceSettings } from '../../identity/sign-in-source.ts';
import type { Power } from './power.ts';

/**
 * Over everybody who signs in by the source, before and after a change: it gives them roles, and where it is believed about addresses
 * (`linkDomains`), or leads elsewhere than before, it decides who they are, so that takes power over whoever there may be. Absent `before`: it is
 * made; absent `after`: it is removed. A disabled source counts as well: enabling it is a change, too. `AppError('insufficient_scope')`.
 */
export async function assertPowerOverSource(
  power: Power,
  { before, after }: { before?: SignInSourceSettings; after?: SignInSourceSettings },
): Promise<void> {
  const decidesWhoTheyAre = before !== undefined && after !== undefined && leadsElsewhere(before, after);
  for (const source of [before, after].filter((each) => each !== undefined)) {
    for (const applicationTenantId of source.applicationTenantIds ?? [defaultApplicationTenantId]) {
      await power.overRoles(rolesGivenBy(source), applicationTenantId);
      if (decidesWhoTheyAre || (source.linkDomains ?? []).length > 0) {
        power.overAnybody(applicationTenantId);
      }
    }
  }
}

function rolesGivenBy({ defaultRoles = [], roleMapping = [] }: SignInSourceSettings): string[] {
  return [...defaultRoles, ...roleMapping.flatMap(({ roles }) => roles)];
}

/** A directory is whatever its address, certificates and attributes say; an issuer cannot change, but who vouches for its name can. */
function leadsElsewhere(before: SignInSourceSettings, after: SignInSourceSettings): boolean {
  return (
    !isDeepStrictEqual(before.ldap, after.ldap) ||
    before.openid?.certificateAuthority !== after.openid?.certificateAuthority
  );
}
