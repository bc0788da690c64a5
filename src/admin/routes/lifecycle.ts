import { Readable } from 'node:stream';
import { Type } from 'typebox';
import { auditTenantExported } from '../../audit/events.ts';
import { AppError } from '../../kernel/errors.ts';
import type { Slug } from '../../kernel/ids.ts';
import type { TenantRecord, TenantStatus } from '../../kernel/tenant.ts';
import { remarkSchema } from '../../onboarding/registration-input.ts';
import type { Postgres } from '../../platform/postgres.ts';
import type { GovernedTenant } from '../../provisioning/find-tenant.ts';
import type { Lifecycle } from '../../provisioning/lifecycle.ts';
import type { Standing } from '../../provisioning/standing.ts';
import { type AccessRules, noSuchTenant } from '../access.ts';
import type { Answer } from '../answer.ts';
import { json, ndjson } from '../answer-schema.ts';
import { deletedTenantSchema, exportLineSchema, governedTenantSchema } from '../answers/tenants.ts';
import { exportTenant } from '../export-tenant.ts';
import type { OpenTenantDependencies } from '../open-tenant.ts';
import { noQuery } from '../queries.ts';
import type { Route, RouteKinds } from '../route.ts';
import { answerStanding } from '../view-governed.ts';

export interface LifecycleRoutesDependencies extends OpenTenantDependencies {
  postgres: Postgres;
  lifecycle: Lifecycle;
  standing: Pick<Standing, 'applyNow'>;
  publicUrl: URL;
}

const reasonSchema = Type.Object({ reason: remarkSchema }, { additionalProperties: false });
const optionalReasonSchema = Type.Object(
  { reason: Type.Optional(remarkSchema) },
  { additionalProperties: false },
);

/** As long as the tenant has its data. */
const exportable: ReadonlySet<TenantStatus> = new Set(['active', 'suspended', 'blocked', 'deleting']);

/** Suspension, deletion with its grace period, and the export that goes before it. */
export function lifecycleRoutes(
  { read, write }: RouteKinds,
  access: AccessRules,
  dependencies: LifecycleRoutesDependencies,
): Route[] {
  const { postgres, lifecycle, standing, directory, tables, publicUrl, clock } = dependencies;

  const answers = { 200: json(governedTenantSchema), 202: json(governedTenantSchema) };
  const answer = (tenant: GovernedTenant): Answer => answerStanding(standing, tenant);

  async function findExportable(slug: Slug): Promise<TenantRecord> {
    const record = await directory.get(slug);
    if (record === undefined || record.status === 'deleted') {
      throw noSuchTenant();
    }
    if (!exportable.has(record.status)) {
      throw new AppError('not_ready', 'The tenant is not set up.');
    }
    return record;
  }

  return [
    write({
      path: '/api/tenants/{slug}/suspend',
      operation: 'suspendTenant',
      summary: 'Suspend a tenant',
      answers,
      access: access.overTenant('admin'),
      body: reasonSchema,
      handle: async ({ caller: { slug, actor }, body: { reason }, transaction }) =>
        answer(await lifecycle.suspend(transaction, { slug, actor, reason })),
    }),
    write({
      path: '/api/tenants/{slug}/resume',
      operation: 'resumeTenant',
      summary: 'Lift the suspension of a tenant',
      answers,
      access: access.overTenant('admin'),
      body: noQuery,
      handle: async ({ caller: { slug, actor }, transaction }) =>
        answer(await lifecycle.resume(transaction, { slug, actor })),
    }),
    write({
      method: 'DELETE',
      path: '/api/tenants/{slug}',
      operation: 'deleteTenant',
      summary: 'Delete a tenant when its grace period has ended',
      answers: { 202: json(deletedTenantSchema) },
      access: access.overTenant('admin'),
      body: optionalReasonSchema,
      async handle({ caller: { slug, actor }, body, transaction }) {
        const tenant = await lifecycle.requestDeletion(transaction, { slug, actor, ...body });
        const base = `${publicUrl.origin}/api/tenants/${slug}`;
        const links = { exportUrl: `${base}/export`, restoreUrl: `${base}/restore` };
        return answerStanding(standing, tenant, { status: 202, links });
      },
    }),
    write({
      path: '/api/tenants/{slug}/restore',
      operation: 'restoreTenant',
      summary: 'Take the deletion of a tenant back',
      answers,
      access: access.overTenant('admin'),
      body: noQuery,
      handle: async ({ caller: { slug, actor }, transaction }) =>
        answer(await lifecycle.restore(transaction, { slug, actor })),
    }),
    read({
      path: '/api/tenants/{slug}/export',
      operation: 'exportTenant',
      summary: 'Export what a tenant holds as NDJSON, without credentials',
      answers: { 200: ndjson(exportLineSchema) },
      access: access.tenant('tenants:export'),
      query: noQuery,
      async handle({ caller: { slug, actor } }) {
        const record = await findExportable(slug);
        await postgres.transaction((transaction) =>
          auditTenantExported(transaction, clock, { tenantId: record.id, slug, actor }),
        );
        const lines = exportTenant({
          ...dependencies,
          record,
          issuer: `${publicUrl.origin}/${slug}`,
          table: tables.open(record.tableName),
        });
        return {
          status: 200,
          headers: {
            'Content-Type': 'application/x-ndjson; charset=utf-8',
            'Content-Disposition': `attachment; filename="tenant-${slug}.ndjson"`,
          },
          body: Readable.from(lines, { highWaterMark: 1 }),
        };
      },
    }),
  ];
}
