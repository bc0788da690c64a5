import { Type } from 'typebox';
import { auditBrandingChanged } from '../../audit/events.ts';
import { type BrandingStore, brandingProblems, brandingSchema } from '../../identity/branding.ts';
import { readLogo } from '../../identity/logo.ts';
import type { Slug } from '../../kernel/ids.ts';
import type { TenantRecord } from '../../kernel/tenant.ts';
import type { Queryable } from '../../platform/postgres.ts';
import type { Directory } from '../../tenancy/directory.ts';
import type { AccessRules, TenantCaller } from '../access.ts';
import type { Answer } from '../answer.ts';
import { json } from '../answer-schema.ts';
import { brandingViewSchema } from '../answers/branding.ts';
import { assertMatch, showMember } from '../etag.ts';
import { type OpenTenantDependencies, openTenant } from '../open-tenant.ts';
import { noQuery } from '../queries.ts';
import type { Route, RouteKinds } from '../route.ts';

export interface BrandingRoutesDependencies extends OpenTenantDependencies {
  directory: Pick<Directory, 'get' | 'touch'>;
  publicUrl: URL;
  /** Tells this process at once what other processes find out by the directory entry's version. */
  onTenantChanged?: (slug: Slug) => void;
}

const logoSchema = Type.Object(
  { data: Type.String({ description: 'the picture in base64' }) },
  { additionalProperties: false },
);

/** How a tenant's pages look. */
export function brandingRoutes(
  { read, write, change }: RouteKinds,
  access: AccessRules,
  dependencies: BrandingRoutesDependencies,
): Route[] {
  const { clock, directory, publicUrl, onTenantChanged } = dependencies;
  const path = '/api/tenants/{slug}/branding' as const;

  async function view({ slug }: TenantRecord, branding: BrandingStore): Promise<object> {
    const [document, logo] = await Promise.all([branding.get(), branding.getLogo()]);
    if (logo === undefined) {
      return document;
    }
    const url = `${publicUrl.origin}/${slug}/branding/logo-${logo.hash}`;
    return { ...document, logo: { url, type: logo.type, bytes: logo.content.length } };
  }

  /** After a change: running tenants have read their looks once. */
  async function showChanged(
    transaction: Queryable,
    {
      caller,
      record,
      branding,
      changed,
    }: { caller: TenantCaller; record: TenantRecord; branding: BrandingStore; changed: string[] },
  ): Promise<Answer> {
    await directory.touch(record.slug);
    await auditBrandingChanged(transaction, clock, { tenantId: record.id, actor: caller.actor, changed });
    const answer = showMember(await view(record, branding));
    return { ...answer, afterCommit: () => onTenantChanged?.(record.slug) };
  }

  return [
    read({
      path,
      operation: 'getBranding',
      summary: 'Read how the pages look',
      answers: { 200: json(brandingViewSchema, 'ETag') },
      access: access.tenant('branding:read'),
      query: noQuery,
      async handle({ caller }) {
        const { record, branding } = await openTenant(dependencies, caller.slug);
        return showMember(await view(record, branding));
      },
    }),
    change({
      path,
      operation: 'changeBranding',
      summary: 'Change how the pages look',
      answers: { 200: json(brandingViewSchema, 'ETag') },
      access: access.tenant('branding:write'),
      document: brandingSchema,
      problems: brandingProblems,
      async handle({ caller, transaction, ifMatch, merge }) {
        const { record, branding } = await openTenant(dependencies, caller.slug);
        assertMatch(ifMatch, await view(record, branding));
        const before = await branding.get();
        const after = merge(before);
        await branding.put(after);
        const changed = (Object.keys(brandingSchema.properties) as (keyof typeof after)[]).filter(
          (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
        );
        return showChanged(transaction, { caller, record, branding, changed });
      },
    }),
    write({
      path: `${path}/logo`,
      operation: 'setLogo',
      summary: 'Set the logo',
      answers: { 200: json(brandingViewSchema, 'ETag') },
      access: access.tenant('branding:write'),
      body: logoSchema,
      async handle({ caller, body, transaction }) {
        const { record, branding } = await openTenant(dependencies, caller.slug);
        await branding.putLogo(readLogo(body.data));
        return showChanged(transaction, { caller, record, branding, changed: ['logo'] });
      },
    }),
    write({
      method: 'DELETE',
      path: `${path}/logo`,
      operation: 'removeLogo',
      summary: 'Remove the logo',
      answers: { 200: json(brandingViewSchema, 'ETag') },
      access: access.tenant('branding:write'),
      body: Type.Object({}, { additionalProperties: false }),
      async handle({ caller, ifMatch, transaction }) {
        const { record, branding } = await openTenant(dependencies, caller.slug);
        assertMatch(ifMatch, await view(record, branding));
        await branding.removeLogo();
        return showChanged(transaction, { caller, record, branding, changed: ['logo'] });
      },
    }),
  ];
}
