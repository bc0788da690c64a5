import { Type } from 'typebox';
import {
  auditApplicationTenantChanged,
  auditApplicationTenantCreated,
  auditApplicationTenantRemoved,
  auditApplicationTenantResumed,
  auditApplicationTenantSuspended,
} from '../../audit/people-events.ts';
import { defaultApplicationTenantId } from '../../identity/accounts.ts';
import { applicationPolicyProblems } from '../../identity/application-policy.ts';
import { type ApplicationTenant, parseApplicationSlug } from '../../identity/application-tenant.ts';
import { createPolicyStore, type SecurityPolicyInput } from '../../identity/security-policy.ts';
import { AppError } from '../../kernel/errors.ts';
import type { Slug } from '../../kernel/ids.ts';
import { slugFromName, slugRule } from '../../kernel/slug.ts';
import type { Queue } from '../../platform/queue.ts';
import type { Directory } from '../../tenancy/directory.ts';
import type { AccessRules } from '../access.ts';
import { json } from '../answer-schema.ts';
import { applicationTenantPageSchema, applicationTenantSchema } from '../answers/application-tenants.ts';
import { assertMatch, showMember } from '../etag.ts';
import {
  applicationTenantDocument,
  applicationTenantProblems,
  documentOfApplicationTenant,
  settingsOf,
  viewApplicationTenant,
} from '../people/application-tenants.ts';
import { changedMembers } from '../people/changed-members.ts';
import { type OpenPeopleDependencies, openVisiblePeople, type VisiblePeople } from '../people/open-people.ts';
import { defaultPageSize, noQuery, pageFields, querySchema, tokenSchema } from '../queries.ts';
import type { Route, RouteKinds } from '../route.ts';

export interface ApplicationTenantRoutesDependencies extends OpenPeopleDependencies {
  queue: Pick<Queue, 'send' | 'wake'>;
  publicUrl: URL;
  directory: Pick<Directory, 'get' | 'touch'>;
  /** Tells this process at once what other processes find out by the directory entry's version. */
  onTenantChanged?: (slug: Slug) => void;
}

const { name, securityPolicy, signInSources, signUp } = applicationTenantDocument.properties;
const newSchema = Type.Object(
  { slug: Type.Optional(tokenSchema), name, securityPolicy, signInSources, signUp: Type.Optional(signUp) },
  { additionalProperties: false },
);

const path = '/api/tenants/{slug}/application-tenants';

/** A tenant's own customers (E2): made and ended by the tenant, looked after by the tenant and by themselves. */
export function applicationTenantRoutes(
  { read, write, change }: RouteKinds,
  access: AccessRules,
  dependencies: ApplicationTenantRoutesDependencies,
): Route[] {
  const { clock, directory, queue, publicUrl } = dependencies;

  const standing = (action: 'suspend' | 'resume') =>
    write({
      path: `${path}/{applicationTenantId}/${action}`,
      summary: action === 'suspend' ? 'Let nobody sign in to an application tenant' : 'Lift the suspension',
      operation: action === 'suspend' ? 'suspendApplicationTenant' : 'resumeApplicationTenant',
      answers: { 200: json(applicationTenantSchema, 'ETag') },
      access: access.tenant('application-tenants:write'),
      body: noQuery,
      async handle({ caller, params, transaction }) {
        const { record, choose, applicationTenants } = await openVisiblePeople(dependencies, caller);
        const present = await choose(params.applicationTenantId);
        assertNotDefault(present);
        const from = action === 'suspend' ? 'active' : 'suspended';
        if (present.status !== from) {
          throw new AppError('conflict', `The application tenant is ${present.status}.`);
        }
        const status = action === 'suspend' ? 'suspended' : 'active';
        const changed = await applicationTenants.update(present.id, present.version, { status });
        const audit = action === 'suspend' ? auditApplicationTenantSuspended : auditApplicationTenantResumed;
        await audit(transaction, clock, {
          tenantId: record.id,
          actor: caller.actor,
          applicationTenantId: present.id,
          slug: present.slug,
        });
        return showMember(viewApplicationTenant(changed));
      },
    });

  return [
    write({
      path,
      summary: 'Create an application tenant',
      operation: 'createApplicationTenant',
      answers: { 201: json(applicationTenantSchema, 'ETag', 'Location') },
      access: access.tenant('application-tenants:write'),
      body: newSchema,
      problems: ({ slug, ...body }) => [
        ...(slug === undefined || parseApplicationSlug(slug) !== undefined
          ? []
          : [{ field: 'slug', message: `must have ${slugRule}` }]),
        ...applicationTenantProblems(body),
      ],
      async handle({ body, caller, transaction }) {
        const people = await openVisiblePeople(dependencies, caller);
        const { slug: asked, signUp: mode = 'invitation', ...rest } = body;
        const slug = asked ?? slugFromName(body.name);
        if (slug === undefined) {
          throw new AppError('validation_failed', 'The name yields no slug.', {
            fields: [{ field: 'slug', message: 'is required with this name' }],
          });
        }
        await assertNotWeaker(people, body.securityPolicy);
        const created = await people.applicationTenants.create({
          slug,
          name: body.name,
          settings: settingsOf({ ...rest, signUp: mode }),
        });
        await auditApplicationTenantCreated(transaction, clock, {
          tenantId: people.record.id,
          actor: caller.actor,
          applicationTenantId: created.id,
          slug,
        });
        return showMember(viewApplicationTenant(created), {
          status: 201,
          headers: {
            Location: `${publicUrl.origin}/api/tenants/${caller.slug}/application-tenants/${created.id}`,
          },
        });
      },
    }),
    read({
      path,
      summary: 'List application tenants',
      operation: 'listApplicationTenants',
      answers: { 200: json(applicationTenantPageSchema) },
      access: access.applicationTenant('application-tenants:read'),
      query: querySchema(pageFields),
      async handle({ caller, query: { limit = defaultPageSize, cursor } }) {
        const { applicationTenants, choose } = await openVisiblePeople(dependencies, caller);
        const page =
          caller.applicationTenantId === undefined
            ? await applicationTenants.list({ limit, ...(cursor === undefined ? {} : { cursor }) })
            : { applicationTenants: [await choose()] };
        return {
          status: 200,
          body: { ...page, applicationTenants: page.applicationTenants.map(viewApplicationTenant) },
        };
      },
    }),
    read({
      path: `${path}/{applicationTenantId}`,
      summary: 'Read an application tenant',
      operation: 'getApplicationTenant',
      answers: { 200: json(applicationTenantSchema, 'ETag') },
      access: access.applicationTenant('application-tenants:read'),
      query: noQuery,
      async handle({ caller, params }) {
        const { choose } = await openVisiblePeople(dependencies, caller);
        return showMember(viewApplicationTenant(await choose(params.applicationTenantId)));
      },
    }),
    change({
      path: `${path}/{applicationTenantId}`,
      summary: 'Change an application tenant',
      operation: 'updateApplicationTenant',
      answers: { 200: json(applicationTenantSchema, 'ETag') },
      access: access.applicationTenant('application-tenants:write'),
      document: applicationTenantDocument,
      problems: applicationTenantProblems,
      async handle({ caller, params, ifMatch, merge, transaction }) {
        const people = await openVisiblePeople(dependencies, caller);
        const present = await people.chooseToChange(params.applicationTenantId);
        assertMatch(ifMatch, viewApplicationTenant(present));
        const before = documentOfApplicationTenant(present);
        const after = merge(before);
        await assertNotWeaker(people, after.securityPolicy);
        const changed = await people.applicationTenants.update(present.id, present.version, {
          name: after.name,
          settings: settingsOf(after),
        });
        if (present.id === defaultApplicationTenantId) {
          await directory.touch(people.record.slug);
        }
        await auditApplicationTenantChanged(transaction, clock, {
          tenantId: people.record.id,
          actor: caller.actor,
          applicationTenantId: present.id,
          slug: present.slug,
          changed: changedMembers(before, after),
        });
        return {
          ...showMember(viewApplicationTenant(changed)),
          afterCommit: () => {
            if (present.id === defaultApplicationTenantId) {
              dependencies.onTenantChanged?.(people.record.slug);
            }
          },
        };
      },
    }),
    standing('suspend'),
    standing('resume'),
    write({
      method: 'DELETE',
      path: `${path}/{applicationTenantId}`,
      summary: 'Delete an application tenant with everybody in it',
      operation: 'deleteApplicationTenant',
      answers: { 202: json(applicationTenantSchema) },
      access: access.tenant('application-tenants:write'),
      body: noQuery,
      async handle({ caller, params, ifMatch, transaction }) {
        const { record, choose, applicationTenants } = await openVisiblePeople(dependencies, caller);
        const present = await choose(params.applicationTenantId);
        assertNotDefault(present);
        assertMatch(ifMatch, viewApplicationTenant(present));
        const removing =
          present.status === 'removing'
            ? present
            : await applicationTenants.update(present.id, present.version, { status: 'removing' });
        await queue.send(transaction, 'application-tenant-removal', {
          slug: record.slug,
          applicationTenantId: present.id,
        });
        await auditApplicationTenantRemoved(transaction, clock, {
          tenantId: record.id,
          actor: caller.actor,
          applicationTenantId: present.id,
          slug: present.slug,
        });
        return {
          status: 202,
          body: viewApplicationTenant(removing),
          afterCommit: () => queue.wake('application-tenant-removal'),
        };
      },
    }),
  ];
}

/** The default one holds the tenant's own administrators. */
function assertNotDefault({ id }: ApplicationTenant): void {
  if (id === defaultApplicationTenantId) {
    throw new AppError('conflict', 'The default application tenant is always there.');
  }
}

async function assertNotWeaker(
  { stores }: VisiblePeople,
  input: SecurityPolicyInput | undefined,
): Promise<void> {
  const problems =
    input === undefined ? [] : applicationPolicyProblems(input, await createPolicyStore(stores).get());
  if (problems.length > 0) {
    throw new AppError('validation_failed', 'The security policy is weaker than the tenant’s.', {
      fields: problems.map(({ field, message }) => ({ field: `securityPolicy.${field}`, message })),
    });
  }
}
