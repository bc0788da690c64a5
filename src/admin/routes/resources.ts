import { auditResourceChanged, auditResourceCreated, auditResourceRemoved } from '../../audit/events.ts';
import {
  type ApiResource,
  apiResourceSchema,
  indicatorTaken,
  validateApiResource,
} from '../../clients/api-resources.ts';
import { AppError } from '../../kernel/errors.ts';
import type { Slug } from '../../kernel/ids.ts';
import type { TenantRecord } from '../../kernel/tenant.ts';
import type { Directory } from '../../tenancy/directory.ts';
import { isActive } from '../../tenancy/key-lifecycle.ts';
import type { AccessRules } from '../access.ts';
import type { Answer } from '../answer.ts';
import { json } from '../answer-schema.ts';
import { removedResourceSchema, resourcePageSchema, resourceSchema } from '../answers/resources.ts';
import { changedFields } from '../changed-fields.ts';
import { assertMatch, showMember } from '../etag.ts';
import { type OpenTenantDependencies, openTenant } from '../open-tenant.ts';
import { defaultPageSize, noQuery, pageFields, querySchema } from '../queries.ts';
import type { Route, RouteKinds } from '../route.ts';

export interface ResourceRoutesDependencies extends OpenTenantDependencies {
  directory: Pick<Directory, 'get' | 'touch'>;
  publicUrl: URL;
  /** Tells this process at once what other processes find out by the directory entry's version. */
  onTenantChanged?: (slug: Slug) => void;
}

/** A tenant's API resources (E1, RFC 8707). */
export function resourceRoutes(
  { read, write, change }: RouteKinds,
  access: AccessRules,
  dependencies: ResourceRoutesDependencies,
): Route[] {
  const { clock, directory, publicUrl } = dependencies;
  const builtIn = `${publicUrl.origin}/api`;
  const memberPath = '/api/tenants/{slug}/resources/{indicator}';

  /** Running tenants keep their resources in memory until the directory entry changes. */
  async function changed({ slug }: TenantRecord, answer: Answer): Promise<Answer> {
    await directory.touch(slug);
    return { ...answer, afterCommit: () => dependencies.onTenantChanged?.(slug) };
  }

  return [
    write({
      path: '/api/tenants/{slug}/resources',
      operation: 'createResource',
      summary: 'Create an API resource',
      answers: { 201: json(resourceSchema, 'ETag') },
      access: access.tenant('resources:write'),
      body: apiResourceSchema,
      problems: validateApiResource,
      async handle({ body, caller, transaction }) {
        const { record, resources } = await openTenant(dependencies, caller.slug);
        if (body.indicator === builtIn) {
          throw indicatorTaken();
        }
        assertSignable(body, record);
        await resources.create(body);
        await auditResourceCreated(transaction, clock, {
          tenantId: record.id,
          actor: caller.actor,
          indicator: body.indicator,
          name: body.name,
        });
        const created = (await resources.get(body.indicator)) ?? body;
        return changed(record, showMember(created, { status: 201 }));
      },
    }),
    read({
      path: '/api/tenants/{slug}/resources',
      operation: 'listResources',
      summary: 'List API resources',
      answers: { 200: json(resourcePageSchema) },
      access: access.tenant('resources:read'),
      query: querySchema(pageFields),
      async handle({ caller, query: { limit = defaultPageSize, cursor } }) {
        const { resources } = await openTenant(dependencies, caller.slug);
        return {
          status: 200,
          body: await resources.page({ limit, ...(cursor === undefined ? {} : { cursor }) }),
        };
      },
    }),
    read({
      path: memberPath,
      operation: 'getResource',
      summary: 'Read an API resource',
      answers: { 200: json(resourceSchema, 'ETag') },
      access: access.tenant('resources:read'),
      query: noQuery,
      async handle({ caller, params }) {
        const { resources } = await openTenant(dependencies, caller.slug);
        const resource = await resources.get(params.indicator ?? '');
        if (resource === undefined) {
          throw new AppError('not_found', 'There is no such resource.');
        }
        return showMember(resource);
      },
    }),
    change({
      path: memberPath,
      operation: 'changeResource',
      summary: 'Change an API resource',
      answers: { 200: json(resourceSchema, 'ETag') },
      access: access.tenant('resources:write'),
      document: apiResourceSchema,
      problems: validateApiResource,
      async handle({ caller, params, transaction, ifMatch, merge }) {
        const { record, resources } = await openTenant(dependencies, caller.slug);
        let before: ApiResource | undefined;
        const resource = await resources.change(params.indicator ?? '', (present) => {
          assertMatch(ifMatch, present);
          const next = merge(present);
          assertSameIndicator(present, next);
          assertSignable(next, record);
          before = present;
          return next;
        });
        const { indicator } = resource;
        await auditResourceChanged(transaction, clock, {
          tenantId: record.id,
          actor: caller.actor,
          indicator,
          ...changedFields(before, resource),
        });
        return changed(record, showMember((await resources.get(indicator)) ?? resource));
      },
    }),
    write({
      method: 'DELETE',
      path: memberPath,
      operation: 'deleteResource',
      summary: 'Delete an API resource',
      answers: { 200: json(removedResourceSchema) },
      access: access.tenant('resources:write'),
      body: noQuery,
      async handle({ caller, params, transaction, ifMatch }) {
        const { record, resources } = await openTenant(dependencies, caller.slug);
        const indicator = params.indicator ?? '';
        await resources.remove(indicator, (present) => assertMatch(ifMatch, present));
        await auditResourceRemoved(transaction, clock, {
          tenantId: record.id,
          actor: caller.actor,
          indicator,
        });
        return changed(record, { status: 200, body: { indicator, removed: true } });
      },
    }),
  ];
}

function assertSignable({ signingAlgorithm: alg }: ApiResource, { signingKeys }: TenantRecord): void {
  if (alg !== undefined && !signingKeys.some((key) => isActive(key) && key.alg === alg)) {
    throw invalid('signingAlgorithm', 'is none that the tenant has an active key of');
  }
}

function assertSameIndicator(before: ApiResource, after: ApiResource): void {
  if (before.indicator !== after.indicator) {
    throw invalid('indicator', 'cannot be changed; create another resource');
  }
}

function invalid(field: string, message: string): AppError {
  return new AppError('validation_failed', 'Some fields are not valid.', { fields: [{ field, message }] });
}
