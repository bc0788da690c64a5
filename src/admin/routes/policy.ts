import { auditPolicyChanged } from '../../audit/events.ts';
import { type PolicyDocument, policyDocument } from '../../identity/policy-document.ts';
import { type PolicyFloor, policyFloorProblems } from '../../identity/policy-floor.ts';
import {
  applySecurityPolicyInput,
  createPolicyStore,
  type SecurityPolicyInput,
  securityPolicyInputSchema,
  securityPolicyProblems,
} from '../../identity/security-policy.ts';
import type { Slug } from '../../kernel/ids.ts';
import type { Directory } from '../../tenancy/directory.ts';
import type { AccessRules } from '../access.ts';
import { json } from '../answer-schema.ts';
import { policySchema } from '../answers/policy.ts';
import { changedFields } from '../changed-fields.ts';
import { assertMatch, showMember } from '../etag.ts';
import { type OpenTenantDependencies, openTenant } from '../open-tenant.ts';
import { noQuery } from '../queries.ts';
import type { Route, RouteKinds } from '../route.ts';

export interface PolicyRoutesDependencies extends OpenTenantDependencies {
  directory: Pick<Directory, 'get' | 'touch'>;
  /** The weakest policy that this deployment takes. */
  policyFloor: PolicyFloor;
  /** Tells this process at once what other processes find out by the directory entry's version. */
  onTenantChanged?: (slug: Slug) => void;
}

/** A tenant's security policy (B4). A value that is taken away is the default again. */
export function policyRoutes(
  { read, change }: RouteKinds,
  access: AccessRules,
  dependencies: PolicyRoutesDependencies,
): Route[] {
  const { clock, tables, directory, policyFloor } = dependencies;
  const path = '/api/tenants/{slug}/policy';
  const open = async (slug: Slug) => {
    const { record } = await openTenant(dependencies, slug);
    return { record, policies: createPolicyStore({ table: tables.open(record.tableName) }) };
  };

  return [
    read({
      path,
      operation: 'getPolicy',
      summary: 'Read the security policy',
      answers: { 200: json(policySchema, 'ETag') },
      access: access.tenant('policy:read'),
      query: noQuery,
      async handle({ caller }) {
        const { policies } = await open(caller.slug);
        return showMember(policyDocument(await policies.get()));
      },
    }),
    change({
      path,
      operation: 'changePolicy',
      summary: 'Change the security policy',
      answers: { 200: json(policySchema, 'ETag') },
      access: access.tenant('policy:write'),
      document: securityPolicyInputSchema,
      problems: (document: SecurityPolicyInput) => [
        ...securityPolicyProblems(document),
        ...policyFloorProblems(applySecurityPolicyInput(document), policyFloor),
      ],
      async handle({ caller, transaction, ifMatch, merge }) {
        const { record, policies } = await open(caller.slug);
        let before: PolicyDocument | undefined;
        const policy = await policies.change((present) => {
          before = policyDocument(present);
          assertMatch(ifMatch, before);
          return applySecurityPolicyInput(merge(before));
        });
        await directory.touch(record.slug);
        const document = policyDocument(policy);
        await auditPolicyChanged(transaction, clock, {
          tenantId: record.id,
          actor: caller.actor,
          ...changedFields(before, document),
        });
        return {
          ...showMember(document),
          afterCommit: () => dependencies.onTenantChanged?.(record.slug),
        };
      },
    }),
  ];
}
