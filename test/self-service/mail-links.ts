import { createApplicationDomains, domainProof } from '../../src/identity/application-domains.ts';
import type { ApplicationTenant } from '../../src/identity/application-tenant.ts';
import { createApplicationTenants } from '../../src/identity/application-tenants.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import type { ServedTenant, TenantServer } from '../interactions/tenant-server.ts';

export async function mailsTo(server: TenantServer, email: string) {
  return (await server.mails()).filter(({ to }) => to === email);
}

/** The address in the latest mail to somebody. */
export async function latestLink(server: TenantServer, email: string): Promise<string> {
  const mail = (await mailsTo(server, email)).at(-1);
  const link = mail?.text.match(/https?:\/\/\S+/)?.[0];
  if (link === undefined) throw new Error(`no link for ${email} in ${mail?.text}`);
  return link;
}

export function applicationTenantsOf({ table }: Pick<ServedTenant, 'table'>) {
  return createApplicationTenants({ table, clock: systemClock, random: systemRandom });
}

/** Says who may sign up to an application tenant. */
export async function setSignUp(
  tenant: ServedTenant,
  signUp: 'open' | 'domain' | 'invitation',
  id = 'default',
) {
  const applicationTenants = applicationTenantsOf(tenant);
  const present = await applicationTenants.get(id);
  if (!present) throw new Error(`no application tenant ${id}`);
  return applicationTenants.update(id, present.version, { settings: { ...present.settings, signUp } });
}

/** Gives an application tenant a domain, as its DNS would prove it. */
export async function withDomain(
  tenant: Pick<ServedTenant, 'table'>,
  applicationTenant: ApplicationTenant,
  name: string,
): Promise<ApplicationTenant> {
  let proof = '';
  const domains = createApplicationDomains({
    applicationTenants: applicationTenantsOf(tenant),
    lookUpTxt: async () => [proof],
    table: tenant.table,
    clock: systemClock,
    random: systemRandom,
  });
  const noted = await domains.add(applicationTenant, name);
  for (const domain of noted.domains) {
    proof = domainProof(domain).value;
  }
  return domains.verify(noted, name, await domains.prove(noted, name));
}
