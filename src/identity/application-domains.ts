import { ConditionFailed } from '../cloud/tables/port.ts';
import { AppError } from '../kernel/errors.ts';
import { randomId } from '../kernel/random.ts';
import { type ApplicationDomain, type ApplicationTenant, parseDomain } from './application-tenant.ts';
import {
  type ApplicationTenants,
  type ApplicationTenantsDependencies,
  domainKey,
  domainPointer,
  releaseName,
} from './application-tenants.ts';

/** All texts of the TXT records at a name; none when there is no such name. */
export type LookUpTxt = (name: string) => Promise<string[]>;

export interface ApplicationDomains {
  /** Notes a domain that is to be proved; one that is noted already stays as it is. */
  add(tenant: ApplicationTenant, domain: string): Promise<ApplicationTenant>;
  /** Looks for the proof in the DNS, and answers the challenge that it meets. `AppError('not_ready')` when it is not there (yet). */
  prove(tenant: ApplicationTenant, domain: string): Promise<string>;
  /**
   * Gives the domain to the application tenant whose challenge was met. `AppError('not_ready')` when that is another one by now,
   * `AppError('conflict')` when the domain belongs to another application tenant of this tenant.
   */
  verify(tenant: ApplicationTenant, domain: string, metChallenge: string): Promise<ApplicationTenant>;
  remove(tenant: ApplicationTenant, domain: string): Promise<ApplicationTenant>;
}

/** More than any customer has; the record with all of them stays small. */
export const maxDomains = 50;

/** Where the proof of a domain is put, and what it says. */
export function domainProof({ domain, challenge }: ApplicationDomain): { name: string; value: string } {
  return { name: `_tenantry-challenge.${domain}`, value: `tenantry-domain-verification=${challenge}` };
}

/** Domains of application tenants, proved by a TXT record (E2). Of all application tenants of a tenant one at most holds a domain. */
export function createApplicationDomains({
  applicationTenants,
  lookUpTxt,
  table,
  clock,
  random,
}: ApplicationTenantsDependencies & {
  applicationTenants: ApplicationTenants;
  lookUpTxt: LookUpTxt;
}): ApplicationDomains {
  const isoNow = () => new Date(clock.now()).toISOString();

  function findOrRefuse({ domains }: ApplicationTenant, domain: string): ApplicationDomain {
    const found = domains.find((known) => known.domain === domain);
    if (!found) {
      throw new AppError('not_found', 'There is no such domain here.');
    }
    return found;
  }

  /** The pointer goes first, so that two never hold one domain. One whose record does not name the domain any more is free. */
  async function claim(domain: string, id: string): Promise<void> {
    const key = domainKey(domain);
    const holderId = (await table.get(key))?.applicationTenantId;
    if (holderId === id) {
      return;
    }
    const holder = holderId === undefined ? undefined : await applicationTenants.get(String(holderId));
    if (holder?.domains.some((known) => known.domain === domain)) {
      throw domainTaken();
    }
    try {
      await table.put(
        domainPointer(domain, id),
        holderId === undefined
          ? [{ exists: false }]
          : [{ attribute: 'applicationTenantId', equals: holderId }],
      );
    } catch (error) {
      throw error instanceof ConditionFailed ? domainTaken() : error;
    }
  }

  return {
    async add(tenant, text) {
      const domain = parseDomain(text);
      if (domain === undefined) {
        throw new AppError('validation_failed', 'The domain is not valid.', {
          fields: [{ field: 'domain', message: 'must be a domain name such as example.com' }],
        });
      }
      if (tenant.domains.some((known) => known.domain === domain)) {
        return tenant;
      }
      if (tenant.domains.length >= maxDomains) {
        throw new AppError('quota_exceeded', `An application tenant has at most ${maxDomains} domains.`);
      }
      const added = { domain, challenge: randomId(random), addedAt: isoNow() };
      return applicationTenants.update(tenant.id, tenant.version, { domains: [...tenant.domains, added] });
    },

    async prove(tenant, domain) {
      const found = findOrRefuse(tenant, domain);
      const { name, value } = domainProof(found);
      if (found.verifiedAt === undefined && !(await lookUpTxt(name)).includes(value)) {
        throw notProved(found);
      }
      return found.challenge;
    },

    async verify(tenant, domain, metChallenge) {
      const found = findOrRefuse(tenant, domain);
      if (found.challenge !== metChallenge) {
        throw notProved(found);
      }
      if (found.verifiedAt !== undefined) {
        return tenant;
      }
      await claim(domain, tenant.id);
      const verified = { ...found, verifiedAt: isoNow() };
      return applicationTenants.update(tenant.id, tenant.version, {
        domains: tenant.domains.map((known) => (known === found ? verified : known)),
      });
    },

    async remove(tenant, domain) {
      const found = findOrRefuse(tenant, domain);
      const changed = await applicationTenants.update(tenant.id, tenant.version, {
        domains: tenant.domains.filter((known) => known !== found),
      });
      await releaseName(table, domainKey(domain), tenant.id);
      return changed;
    },
  };
}

function notProved(domain: ApplicationDomain): AppError {
  const { name, value } = domainProof(domain);
  return new AppError('not_ready', `The DNS has no TXT record ${name} with the value ${value} yet.`);
}

function domainTaken(): AppError {
  return new AppError('conflict', 'This domain belongs to another application tenant.', {
    fields: [{ field: 'domain', message: 'is taken' }],
  });
}
