import { Type } from 'typebox';
import { auditQuotasChanged } from '../../audit/events.ts';
import { AppError } from '../../kernel/errors.ts';
import type { Slug } from '../../kernel/ids.ts';
import { forgetCounter } from '../../tenancy/count-quota.ts';
import type { Directory } from '../../tenancy/directory.ts';
import { createQuotaStore, type Quotas, quotasSchema } from '../../tenancy/quotas.ts';
import { createUsageStore, type Granularity, periodsOf } from '../../tenancy/usage-store.ts';
import type { AccessRules } from '../access.ts';
import { json } from '../answer-schema.ts';
import { quotasViewSchema, usageSchema } from '../answers/usage.ts';
import { changedFields } from '../changed-fields.ts';
import { assertMatch, showMember } from '../etag.ts';
import { type OpenTenantDependencies, openTenant } from '../open-tenant.ts';
import { noQuery, querySchema } from '../queries.ts';
import type { Route, RouteKinds } from '../route.ts';

export interface UsageRoutesDependencies extends OpenTenantDependencies {
  directory: Pick<Directory, 'get' | 'touch'>;
  /** Tells this process at once what other processes find out by the directory entry's version. */
  onTenantChanged?: (slug: Slug) => void;
}

const dayMs = 86_400_000;
const date = Type.Optional(
  Type.String({
    pattern: '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$',
    description: 'a date such as 2026-01-31',
  }),
);

/** What a tenant uses, and how much of it it may (B14). */
export function usageRoutes(
  { read, change }: RouteKinds,
  access: AccessRules,
  dependencies: UsageRoutesDependencies,
): Route[] {
  const { clock, tables, directory } = dependencies;
  const quotasPath = '/api/tenants/{slug}/quotas';

  async function open(slug: Slug) {
    const { record } = await openTenant(dependencies, slug);
    const table = tables.open(record.tableName);
    return { record, table, quotas: createQuotaStore({ table, clock }) };
  }

  return [
    read({
      path: '/api/tenants/{slug}/usage',
      operation: 'getUsage',
      summary: 'Read what the tenant has used',
      answers: { 200: json(usageSchema) },
      access: access.tenant('usage:read'),
      query: querySchema({
        from: date,
        to: date,
        granularity: Type.Optional(Type.Enum(['day', 'month'], { description: 'Default day' })),
      }),
      async handle({ caller, query }) {
        const { table } = await open(caller.slug);
        const granularity: Granularity = query.granularity ?? 'day';
        const to = query.to ?? periodsOf(clock.now()).day;
        const from = query.from ?? periodsOf(Date.parse(to) - 30 * dayMs).day;
        if (from > to) {
          throw new AppError('validation_failed', 'Some fields are not valid.', {
            fields: [{ field: 'from', message: 'must not be after to' }],
          });
        }
        const cut = (day: string) => (granularity === 'day' ? day : day.slice(0, 7));
        const usage = await createUsageStore({ table, clock }).read(granularity, cut(from), cut(to));
        return { status: 200, body: { granularity, from: cut(from), to: cut(to), usage } };
      },
    }),
    read({
      path: quotasPath,
      operation: 'getQuotas',
      summary: 'Read how much the tenant may use',
      answers: { 200: json(quotasViewSchema, 'ETag') },
      access: access.tenant('usage:read'),
      query: noQuery,
      handle: async ({ caller }) => showMember(await (await open(caller.slug)).quotas.get()),
    }),
    change({
      path: quotasPath,
      operation: 'changeQuotas',
      summary: 'Change how much the tenant may use',
      answers: { 200: json(quotasViewSchema, 'ETag') },
      access: access.overTenant('admin'),
      document: quotasSchema,
      async handle({ caller, transaction, ifMatch, merge }) {
        const { record, table, quotas } = await open(caller.slug);
        let before: Quotas | undefined;
        const changed = await quotas.change((present) => {
          assertMatch(ifMatch, present);
          before = present;
          return merge(present);
        });
        await Promise.all([forgetCounter(table, 'users'), forgetCounter(table, 'clients')]);
        await directory.touch(record.slug);
        await auditQuotasChanged(transaction, clock, {
          tenantId: record.id,
          actor: caller.actor,
          ...changedFields(before, changed),
        });
        return {
          ...showMember(changed),
          afterCommit: () => dependencies.onTenantChanged?.(record.slug),
        };
      },
    }),
  ];
}
