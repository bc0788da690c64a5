import { rulesMemoryMs } from '../../identity/application-rules.ts';
import type { ApplicationTenants } from '../../identity/application-tenants.ts';
import type { Clock } from '../../kernel/clock.ts';
import { organizationParameter } from './application-tenant-choice.ts';
import type { UsableSources } from './federation/usable-sources.ts';
import type { OpenInteraction } from './interaction-pages.ts';

/**
 * Whether the sign-in page asks for the address before anything else: where the address decides who takes the password. That is so when an OpenID provider
 * is there for some domains, and when an application tenant has proved a domain, unless the request names one. A directory's password is typed in here
 * anyway.
 */
export type AsksAddressFirst = (open: OpenInteraction) => Promise<boolean>;

export function createAsksAddressFirst({
  usable,
  applicationTenants,
  clock,
}: {
  usable: UsableSources;
  applicationTenants: Pick<ApplicationTenants, 'haveDomains'>;
  clock: Clock;
}): AsksAddressFirst {
  let known: { haveDomains: boolean; untilMs: number } | undefined;

  async function haveDomains(): Promise<boolean> {
    if (known === undefined || clock.now() >= known.untilMs) {
      known = {
        haveDomains: await applicationTenants.haveDomains(),
        untilMs: clock.now() + rulesMemoryMs,
      };
    }
    return known.haveDomains;
  }

  return async ({ interaction }) => {
    const asked = interaction.params[organizationParameter];
    return typeof asked === 'string'
      ? (await usable.list(asked, 'openid')).some(isForSomeDomains)
      : usable.all('openid').some(isForSomeDomains) || haveDomains();
  };
}

export function isForSomeDomains({ domains = [] }: { domains?: readonly string[] }): boolean {
  return domains.length > 0;
}
