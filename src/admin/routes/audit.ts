import { Readable } from 'node:stream';
import { type Static, Type } from 'typebox';
import type { Checkpoints } from '../../audit/checkpoints.ts';
import { type ExportFilter, exportAudit } from '../../audit/export-audit.ts';
import { listAudit } from '../../audit/list-audit.ts';
import { reportChain, verifyAllChains } from '../../audit/verify-all.ts';
import type { Slug, TenantId } from '../../kernel/ids.ts';
import type { Postgres } from '../../platform/postgres.ts';
import { type AccessRules, noSuchTenant } from '../access.ts';
import type { Answer } from '../answer.ts';
import { json, ndjson } from '../answer-schema.ts';
import { auditLineSchema, auditPageSchema, chainReportSchema, verificationSchema } from '../answers/audit.ts';
import { defaultPageSize, noQuery, pageFields, querySchema, tokenSchema } from '../queries.ts';
import { readTenantBySlug } from '../read-tenants.ts';
import type { Route, RouteKinds } from '../route.ts';

const picks = {
  event: Type.Optional(tokenSchema),
  actor: Type.Optional(tokenSchema),
  from: Type.Optional(Type.String({ format: 'date-time' })),
  to: Type.Optional(Type.String({ format: 'date-time' })),
};
const tenantId = Type.Optional(tokenSchema);
const tenantAuditSchema = querySchema({ ...pageFields, ...picks });
const auditSchema = querySchema({ ...pageFields, ...picks, tenantId });
const tenantExportSchema = querySchema(picks);
const exportSchema = querySchema({ ...picks, tenantId, chain: Type.Optional(tokenSchema) });
const verifySchema = querySchema({ tenantId, chain: Type.Optional(tokenSchema) });

export interface AuditRoutesDependencies {
  postgres: Postgres;
  checkpoints: Checkpoints;
}

/** The audit log (A5): all of it for the platform, its own part for each tenant; read, verified and exported. */
export function auditRoutes(
  { read }: RouteKinds,
  access: AccessRules,
  { postgres, checkpoints }: AuditRoutesDependencies,
): Route[] {
  async function show({ from, to, ...query }: Static<typeof auditSchema>): Promise<Answer> {
    const body = await listAudit(postgres, {
      ...query,
      limit: query.limit ?? defaultPageSize,
      ...(from === undefined ? {} : { from: new Date(from) }),
      ...(to === undefined ? {} : { to: new Date(to) }),
    });
    return { status: 200, body };
  }

  function send(name: string, { from, to, ...picked }: Static<typeof exportSchema>): Answer {
    const filter: ExportFilter = {
      event: picked.event,
      actor: picked.actor,
      // A tenant's chain bears its id.
      chain: picked.chain ?? picked.tenantId,
      from: from === undefined ? undefined : new Date(from),
      to: to === undefined ? undefined : new Date(to),
    };
    return {
      status: 200,
      headers: {
        'Content-Type': 'application/x-ndjson; charset=utf-8',
        'Content-Disposition': `attachment; filename="${name}.ndjson"`,
      },
      // One line ahead of what the client has taken.
      body: Readable.from(exportAudit({ db: postgres, checkpoints }, filter), { highWaterMark: 1 }),
    };
  }

  async function chainOf(slug: Slug): Promise<TenantId> {
    const tenant = await readTenantBySlug(postgres, slug);
    if (tenant === undefined) {
      throw noSuchTenant();
    }
    return tenant.id;
  }

  return [
    read({
      path: '/api/audit',
      operation: 'listAudit',
      summary: 'Read the audit log',
      answers: { 200: json(auditPageSchema) },
      access: access.platform('audit:read'),
      query: auditSchema,
      handle: ({ query }) => show(query),
    }),
    read({
      path: '/api/audit/verify',
      operation: 'verifyAudit',
      summary: 'Verify the audit log, or one of its chains',
      answers: { 200: json(verificationSchema) },
      access: access.platform('audit:read'),
      query: verifySchema,
      async handle({ query }) {
        const chain = query.chain ?? query.tenantId;
        const body =
          chain === undefined
            ? await verifyAllChains(postgres, checkpoints)
            : await reportChain(checkpoints, chain);
        return { status: 200, body };
      },
    }),
    read({
      path: '/api/audit/export',
      operation: 'exportAudit',
      summary: 'Export the audit log as NDJSON',
      answers: { 200: ndjson(auditLineSchema) },
      access: access.platform('audit:read'),
      query: exportSchema,
      handle: async ({ query }) => send('audit', query),
    }),
    read({
      path: '/api/tenants/{slug}/audit',
      operation: 'listTenantAudit',
      summary: "Read a tenant's audit log",
      answers: { 200: json(auditPageSchema) },
      access: access.tenant('audit:read'),
      query: tenantAuditSchema,
      handle: async ({ caller, query }) => show({ ...query, tenantId: await chainOf(caller.slug) }),
    }),
    read({
      path: '/api/tenants/{slug}/audit/verify',
      operation: 'verifyTenantAudit',
      summary: "Verify a tenant's audit log",
      answers: { 200: json(chainReportSchema) },
      access: access.tenant('audit:read'),
      query: noQuery,
      handle: async ({ caller }) => ({
        status: 200,
        body: await reportChain(checkpoints, await chainOf(caller.slug)),
      }),
    }),
    read({
      path: '/api/tenants/{slug}/audit/export',
      operation: 'exportTenantAudit',
      summary: "Export a tenant's audit log as NDJSON",
      answers: { 200: ndjson(auditLineSchema) },
      access: access.tenant('audit:read'),
      query: tenantExportSchema,
      handle: async ({ caller, query }) =>
        send(`audit-${caller.slug}`, { ...query, chain: await chainOf(caller.slug) }),
    }),
  ];
}
