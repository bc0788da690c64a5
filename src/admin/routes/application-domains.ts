import { Type } from 'typebox';
import { auditDomainAdded, auditDomainRemoved, auditDomainVerified } from '../../audit/people-events.ts';
import { createApplicationDomains, type LookUpTxt } from '../../identity/application-domains.ts';
import { type ApplicationTenant, parseDomain } from '../../identity/application-tenant.ts';
import type { AccessRules, TenantCaller } from '../access.ts';
import { json } from '../answer-schema.ts';
import { applicationTenantSchema } from '../answers/application-tenants.ts';
import { assertMatch, showMember } from '../etag.ts';
import { viewApplicationTenant } from '../people/application-tenants.ts';
import { type OpenPeopleDependencies, openVisiblePeople } from '../people/open-people.ts';
import { noQuery } from '../queries.ts';
import type { Route, RouteKinds } from '../route.ts';

export interface ApplicationDomainRoutesDependencies extends OpenPeopleDependencies {
  lookUpTxt: LookUpTxt;
}

const domainSchema = Type.Object(
  { domain: Type.String({ maxLength: 254, examples: ['example.com'] }) },
  { additionalProperties: false },
);

const path = '/api/tenants/{slug}/application-tenants/{applicationTenantId}/domains';

/** Domains of an application tenant: people with an address there are its people, once the DNS proves whose the domain is (E2). */
export function applicationDomainRoutes(
  { write }: RouteKinds,
  access: AccessRules,
  dependencies: ApplicationDomainRoutesDependencies,
): Route[] {
  const { clock, lookUpTxt } = dependencies;

  async function open(caller: TenantCaller, named: string | undefined) {
    const people = await openVisiblePeople(dependencies, caller);
    const { applicationTenants, stores } = people;
    return {
      applicationTenant: await people.chooseToChange(named),
      domains: createApplicationDomains({ ...stores, applicationTenants, lookUpTxt }),
      event: ({ id }: ApplicationTenant, domain: string) => ({
        tenantId: people.record.id,
        actor: caller.actor,
        applicationTenantId: id,
        domain,
      }),
    };
  }

  return [
    write({
      path,
      summary: 'Add a domain, which the DNS has to prove',
      operation: 'addApplicationDomain',
      answers: { 201: json(applicationTenantSchema, 'ETag') },
      access: access.applicationTenant('application-tenants:write'),
      body: domainSchema,
      problems: ({ domain }) =>
        domain === undefined || parseDomain(domain) !== undefined
          ? []
          : [{ field: 'domain', message: 'must be a domain name such as example.com' }],
      async handle({ caller, params, body, transaction }) {
        const { applicationTenant, domains, event } = await open(caller, params.applicationTenantId);
        const changed = await domains.add(applicationTenant, body.domain);
        await auditDomainAdded(transaction, clock, event(changed, parseDomain(body.domain) ?? ''));
        return showMember(viewApplicationTenant(changed), { status: 201 });
      },
    }),
    write({
      path: `${path}/{domain}/verify`,
      summary: 'Look for the proof of a domain in the DNS',
      operation: 'verifyApplicationDomain',
      answers: { 200: json(applicationTenantSchema, 'ETag') },
      access: access.applicationTenant('application-tenants:write'),
      body: noQuery,
      async prepare({ caller, params: { applicationTenantId, domain = '' } }) {
        const { applicationTenant, domains } = await open(caller, applicationTenantId);
        return domains.prove(applicationTenant, domain);
      },
      async handle({
        caller,
        params: { applicationTenantId, domain = '' },
        prepared: metChallenge,
        transaction,
      }) {
        const { applicationTenant, domains, event } = await open(caller, applicationTenantId);
        const changed = await domains.verify(applicationTenant, domain, metChallenge);
        if (changed !== applicationTenant) {
          await auditDomainVerified(transaction, clock, event(changed, domain));
        }
        return showMember(viewApplicationTenant(changed));
      },
    }),
    write({
      method: 'DELETE',
      path: `${path}/{domain}`,
      summary: 'Give a domain up',
      operation: 'removeApplicationDomain',
      answers: { 200: json(applicationTenantSchema, 'ETag') },
      access: access.applicationTenant('application-tenants:write'),
      body: noQuery,
      async handle({ caller, params: { applicationTenantId, domain = '' }, ifMatch, transaction }) {
        const { applicationTenant, domains, event } = await open(caller, applicationTenantId);
        assertMatch(ifMatch, viewApplicationTenant(applicationTenant));
        const changed = await domains.remove(applicationTenant, domain);
        await auditDomainRemoved(transaction, clock, event(changed, domain));
        return showMember(viewApplicationTenant(changed));
      },
    }),
  ];
}
