import type { PolicyFloor } from '../../identity/policy-floor.ts';
import { actorName } from '../../kernel/actor.ts';
import { parseSlug } from '../../kernel/slug.ts';
import type { KeyMode } from '../../kernel/tenant.ts';
import { readOrderHistory, readOrderOfTenant } from '../../onboarding/read-orders.ts';
import {
  type OfferedFeatures,
  type TenantBody,
  tenantFieldProblems,
  tenantSchema,
  toPerson,
  toTenantRequest,
} from '../../onboarding/registration-input.ts';
import type { Registrations } from '../../onboarding/registrations.ts';
import type { Postgres } from '../../platform/postgres.ts';
import type { Queue } from '../../platform/queue.ts';
import { readProgress } from '../../provisioning/progress.ts';
import { type AccessRules, noSuchTenant } from '../access.ts';
import { json } from '../answer-schema.ts';
import { createdTenantSchema, tenantPageSchema, tenantViewSchema } from '../answers/tenants.ts';
import type { Caller } from '../authenticate.ts';
import { defaultPageSize, noQuery, pageFields, querySchema } from '../queries.ts';
import { listTenants, readTenantBySlug, type TenantRow } from '../read-tenants.ts';
import type { Route, RouteKinds } from '../route.ts';

export interface TenantRoutesDependencies {
  postgres: Postgres;
  queue: Pick<Queue, 'wake'>;
  registrations: Registrations;
  /** In which this deployment can make keys. */
  keyModes: readonly KeyMode[];
  policyFloor: PolicyFloor;
  offers: OfferedFeatures;
  publicUrl: URL;
}

/** Tenants (B1): created by a platform admin, read by the platform and each by itself. */
export function tenantRoutes(
  { read, write }: RouteKinds,
  access: AccessRules,
  { postgres, queue, registrations, keyModes, policyFloor, offers, publicUrl }: TenantRoutesDependencies,
): Route[] {
  const view = ({ request: _, createdAt, updatedAt, ...row }: TenantRow) => {
    const { suspension, blocking, deletion, deletionDueAt, pending, ...tenant } = row;
    return {
      ...tenant,
      ...(tenant.status === 'active' ? { issuer: `${publicUrl.origin}/${tenant.slug}` } : {}),
      ...(suspension === null ? {} : { suspension }),
      ...(blocking === null ? {} : { blocking }),
      ...(deletion === null ? {} : { deletion: { ...deletion, dueAt: deletionDueAt?.toISOString() } }),
      ...(pending ? { pending } : {}),
      createdAt: createdAt.toISOString(),
      updatedAt: updatedAt.toISOString(),
    };
  };

  return [
    write({
      path: '/api/tenants',
      operation: 'createTenant',
      summary: 'Create an approved tenant',
      answers: { 201: json(createdTenantSchema, 'Location') },
      access: access.platform('admin'),
      body: tenantSchema,
      problems: (body) => [
        ...tenantFieldProblems(body, { policyFloor, offers }),
        ...(body.keyMode === undefined || keyModes.includes(body.keyMode)
          ? []
          : [{ field: 'keyMode', message: `must be ${keyModes.join(' or ')} in this deployment` }]),
      ],
      async handle({ body, caller, transaction }) {
        const slug = body.slug === undefined ? undefined : parseSlug(body.slug);
        const admin = initialAdmin(body, caller);
        const created = await registrations.createTenant(transaction, {
          source: 'operator',
          request: { ...toTenantRequest(body), ...(admin === undefined ? {} : { admin }) },
          actor: caller.actor,
          ...(slug === undefined ? {} : { slug }),
          ...(body.purpose === undefined ? {} : { purpose: body.purpose }),
        });
        return {
          status: 201,
          headers: { Location: `${publicUrl.origin}/api/tenants/${created.slug}` },
          body: {
            id: created.tenantId,
            name: body.name,
            slug: created.slug,
            status: 'provisioning',
            onboardingStatus: 'queued',
          },
          afterCommit: () => queue.wake('tenant-provisioning'),
        };
      },
    }),
    read({
      path: '/api/tenants',
      operation: 'listTenants',
      summary: 'List tenants',
      answers: { 200: json(tenantPageSchema) },
      access: access.platform('tenants:read'),
      query: querySchema(pageFields),
      async handle({ query: { limit = defaultPageSize, cursor: after } }) {
        const { tenants, cursor } = await listTenants(
          postgres,
          after === undefined ? { limit } : { limit, cursor: after },
        );
        return {
          status: 200,
          body: { tenants: tenants.map(view), ...(cursor === undefined ? {} : { cursor }) },
        };
      },
    }),
    read({
      path: '/api/tenants/{slug}',
      operation: 'getTenant',
      summary: 'Read a tenant',
      answers: { 200: json(tenantViewSchema) },
      access: access.tenant('tenants:read'),
      query: noQuery,
      async handle({ caller }) {
        const tenant = await readTenantBySlug(postgres, caller.slug);
        if (tenant === undefined) {
          throw noSuchTenant();
        }
        const order = await readOrderOfTenant(postgres, tenant.id);
        const history = order === undefined ? [] : await readOrderHistory(postgres, order.id);
        const { features, securityPolicy, keyMode } = tenant.request;
        return {
          status: 200,
          body: {
            ...view(tenant),
            requested: { features, securityPolicy, keyMode },
            registration: { orderId: order?.id, status: order?.status, history },
            provisioning: await readProgress(postgres, tenant.id),
          },
        };
      },
    }),
  ];
}

/** Whom the body names; otherwise the person who creates the tenant (B7). A client is nobody to invite. */
function initialAdmin({ admin }: TenantBody, { actor, personName }: Caller) {
  if (admin !== undefined) {
    return toPerson(admin);
  }
  return actor.email === undefined ? undefined : { name: personName ?? actorName(actor), email: actor.email };
}
