import { LRUCache } from 'lru-cache';
import type { Clock } from '../kernel/clock.ts';
import { applicationPolicy } from './application-policy.ts';
import {
  type ApplicationSettings,
  admitsOwnCredentials,
  defaultApplicationTenantId,
  newSettings,
} from './application-tenant.ts';
import type { ApplicationTenants } from './application-tenants.ts';
import type { SecurityPolicy } from './security-policy.ts';

/**
 * The security policy that holds for the people of an application tenant (E2, B4): its own where that is stricter, its tenant's otherwise. Without
 * an id: the tenant's, for requests of whom nobody knows yet where they belong.
 */
export type PolicyOf = (applicationTenantId?: string) => Promise<SecurityPolicy>;

/** What application tenants ask of their people, as far as every sign-in depends on it. */
export interface ApplicationRules {
  policyOf: PolicyOf;
  /** `admitsOwnCredentials` of the application tenant. */
  admitsOwnCredentials(applicationTenantId: string): Promise<boolean>;
}

/** How long a change of an application tenant's settings may go unnoticed by a process that has just read them. */
export const rulesMemoryMs = 5_000;

const maxRemembered = 1_000;

/**
 * Reads the settings of the default application tenant once, so that its people cost no read later; whoever changes them has the tenant's
 * runtime rebuilt, as after a change of the tenant's policy. An application tenant that is gone has nothing of its own.
 */
export async function openApplicationRules({
  policy: tenants,
  applicationTenants,
  clock,
}: {
  policy: SecurityPolicy;
  applicationTenants: Pick<ApplicationTenants, 'get'>;
  clock: Clock;
}): Promise<ApplicationRules> {
  const read = async (id: string) => (await applicationTenants.get(id))?.settings ?? newSettings;
  const ofDefault = await read(defaultApplicationTenantId);
  const remembered = new LRUCache<string, { settings: ApplicationSettings; untilMs: number }>({
    max: maxRemembered,
  });

  async function settingsOf(id: string): Promise<ApplicationSettings> {
    if (id === defaultApplicationTenantId) {
      return ofDefault;
    }
    const known = remembered.get(id);
    if (known && clock.now() < known.untilMs) {
      return known.settings;
    }
    const settings = await read(id);
    remembered.set(id, { settings, untilMs: clock.now() + rulesMemoryMs });
    return settings;
  }

  return {
    policyOf: async (id) =>
      id === undefined ? tenants : applicationPolicy(tenants, (await settingsOf(id)).securityPolicy),
    admitsOwnCredentials: async (id) => admitsOwnCredentials({ settings: await settingsOf(id) }),
  };
}
