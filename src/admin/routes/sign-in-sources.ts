import { Type } from 'typebox';
import { auditSourceChanged, auditSourceCreated, auditSourceRemoved } from '../../audit/events.ts';
import type { KeyStore } from '../../cloud/keys/port.ts';
import { UpstreamFailure } from '../../cloud/upstream-failure.ts';
import { openPeople } from '../../identity/people.ts';
import {
  type SignInSource,
  type SignInSourceSettings,
  signInSourceProblems,
  signInSourceSchema,
} from '../../identity/sign-in-source.ts';
import { createSignInSources, type SignInSources } from '../../identity/sign-in-sources.ts';
import { type ConnectUpstreams, createUpstreamConnections } from '../../identity/upstream-connections.ts';
import { AppError, type FieldError } from '../../kernel/errors.ts';
import type { Slug } from '../../kernel/ids.ts';
import { Secret } from '../../kernel/secret.ts';
import type { TenantRecord } from '../../kernel/tenant.ts';
import type { Directory } from '../../tenancy/directory.ts';
import type { AccessRules, TenantCaller } from '../access.ts';
import { json, removedSchema } from '../answer-schema.ts';
import {
  signInSourcePageSchema,
  signInSourceTestSchema,
  signInSourceViewSchema,
} from '../answers/sign-in-sources.ts';
import { changedFields } from '../changed-fields.ts';
import { assertMatch, showMember } from '../etag.ts';
import { type OpenTenantDependencies, openTenant } from '../open-tenant.ts';
import { type Power, powerOf } from '../people/power.ts';
import { assertPowerOverSource } from '../people/source-power.ts';
import { defaultPageSize, noQuery, pageFields, querySchema } from '../queries.ts';
import type { Route, RouteKinds } from '../route.ts';

export interface SignInSourceRoutesDependencies extends OpenTenantDependencies {
  directory: Pick<Directory, 'get' | 'touch'>;
  keyStore: KeyStore;
  upstreams: ConnectUpstreams & {
    /** Why a URL is refused whatever its name resolves to. */
    addressProblem(url: URL): string | undefined;
  };
  publicUrl: URL;
  /** Tells this process at once what other processes find out by the directory entry's version. */
  onTenantChanged?: (slug: Slug) => void;
}

const documentSchema = Type.Object(
  {
    ...signInSourceSchema.properties,
    secret: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1_024,
        description: 'Client secret, or password of the reader; never shown',
      }),
    ),
  },
  { additionalProperties: false },
);

/** A tenant's sign-in sources (D10). */
export function signInSourceRoutes(
  { read, write, change }: RouteKinds,
  access: AccessRules,
  dependencies: SignInSourceRoutesDependencies,
): Route[] {
  const { clock, random, directory, tables, keyStore, upstreams, publicUrl } = dependencies;
  const collection = '/api/tenants/{slug}/sign-in-sources' as const;
  const member = '/api/tenants/{slug}/sign-in-sources/{sourceId}' as const;
  const problems = (document: Partial<SignInSourceSettings>) =>
    signInSourceProblems(document, upstreams.addressProblem);

  async function open(caller: TenantCaller) {
    const { record } = await openTenant(dependencies, caller.slug);
    const table = tables.open(record.tableName);
    const sources = createSignInSources({ table, keys: keyStore.forTenant(record.id), clock, random });
    const people = openPeople({ table, clock, random });
    const power: Power = powerOf(caller, { ...people, record });
    return { record, sources, people, power };
  }

  async function find(sources: SignInSources, id: string | undefined): Promise<SignInSource> {
    const source = await sources.get(id ?? '');
    if (source === undefined) {
      throw new AppError('not_found', 'There is no such sign-in source.');
    }
    return source;
  }

  /** `version` is the record's own matter: callers have the ETag. */
  function view({ version: _, ...source }: SignInSource, { slug }: TenantRecord): object {
    const callback = `${publicUrl.origin}/${slug}/federation/${source.id}/callback`;
    return source.kind === 'openid' ? { ...source, callbackUrl: callback } : source;
  }

  /** What names other records of the tenant. */
  async function refuseUnknown(
    { people: { roles, applicationTenants } }: Awaited<ReturnType<typeof open>>,
    { applicationTenantIds = [], defaultRoles = [], roleMapping = [] }: SignInSourceSettings,
  ): Promise<void> {
    const fields: FieldError[] = [];
    const named = [
      ...defaultRoles.map((role, index) => ({ role, field: `defaultRoles.${index}` })),
      ...roleMapping.flatMap((entry, index) =>
        entry.roles.map((role, place) => ({ role, field: `roleMapping.${index}.roles.${place}` })),
      ),
    ];
    for (const { role, field } of named) {
      if ((await roles.get(role)) === undefined) {
        fields.push({ field, message: 'is no role of the tenant' });
      }
    }
    for (const [index, id] of applicationTenantIds.entries()) {
      if ((await applicationTenants.get(id)) === undefined) {
        fields.push({ field: `applicationTenantIds.${index}`, message: 'is no application tenant' });
      }
    }
    if (fields.length > 0) {
      throw new AppError('validation_failed', 'Some fields are not valid.', { fields });
    }
  }

  return [
    write({
      path: collection,
      operation: 'createSignInSource',
      summary: 'Create a sign-in source',
      answers: { 201: json(signInSourceViewSchema, 'ETag', 'Location') },
      access: access.tenant('sign-in-sources:write'),
      body: documentSchema,
      problems,
      async handle({ body: { secret, ...settings }, caller, transaction }) {
        const opened = await open(caller);
        const { record, sources, power } = opened;
        await refuseUnknown(opened, settings);
        await assertPowerOverSource(power, { after: settings });
        const source = await sources.create(settings, secret === undefined ? undefined : new Secret(secret));
        await directory.touch(record.slug);
        await auditSourceCreated(transaction, clock, {
          tenantId: record.id,
          actor: caller.actor,
          sourceId: source.id,
          name: source.name,
          kind: source.kind,
          place: settings.openid?.issuer ?? settings.ldap?.url ?? '',
        });
        const path = `${publicUrl.origin}/api/tenants/${record.slug}/sign-in-sources/${source.id}`;
        return {
          ...showMember(view(source, record), { status: 201, headers: { Location: path } }),
          afterCommit: () => dependencies.onTenantChanged?.(record.slug),
        };
      },
    }),
    read({
      path: collection,
      operation: 'listSignInSources',
      summary: 'List sign-in sources',
      answers: { 200: json(signInSourcePageSchema) },
      access: access.tenant('sign-in-sources:read'),
      query: querySchema(pageFields),
      async handle({ caller, query: { limit = defaultPageSize, cursor } }) {
        const { record, sources } = await open(caller);
        const page = await sources.page({ limit, cursor });
        const signInSources = page.signInSources.map((source) => view(source, record));
        return { status: 200, body: { ...page, signInSources } };
      },
    }),
    read({
      path: member,
      operation: 'getSignInSource',
      summary: 'Read a sign-in source',
      answers: { 200: json(signInSourceViewSchema, 'ETag') },
      access: access.tenant('sign-in-sources:read'),
      query: noQuery,
      async handle({ caller, params }) {
        const { record, sources } = await open(caller);
        return showMember(view(await find(sources, params.sourceId), record));
      },
    }),
    change({
      path: member,
      operation: 'changeSignInSource',
      summary: 'Change a sign-in source',
      answers: { 200: json(signInSourceViewSchema, 'ETag') },
      access: access.tenant('sign-in-sources:write'),
      document: documentSchema,
      problems,
      async handle({ caller, params, transaction, ifMatch, merge }) {
        const opened = await open(caller);
        const { record, sources, power } = opened;
        const present = await find(sources, params.sourceId);
        assertMatch(ifMatch, view(present, record));
        const { secret, ...settings } = merge(settingsOf(present));
        await refuseUnknown(opened, settings);
        await assertPowerOverSource(power, { before: settingsOf(present), after: settings });
        const next = secret === undefined ? 'keep' : new Secret(secret);
        const source = await sources.update(present.id, present.version, settings, next);
        await directory.touch(record.slug);
        await auditSourceChanged(transaction, clock, {
          tenantId: record.id,
          actor: caller.actor,
          sourceId: source.id,
          name: source.name,
          ...changedFields(settingsOf(present), settings),
          secretReplaced: secret !== undefined,
        });
        return {
          ...showMember(view(source, record)),
          afterCommit: () => dependencies.onTenantChanged?.(record.slug),
        };
      },
    }),
    write({
      method: 'DELETE',
      path: member,
      operation: 'removeSignInSource',
      summary: 'Remove a sign-in source',
      answers: { 200: json(removedSchema) },
      access: access.tenant('sign-in-sources:write'),
      body: Type.Object({}, { additionalProperties: false }),
      async handle({ caller, params, transaction, ifMatch }) {
        const { record, sources, power } = await open(caller);
        const source = await find(sources, params.sourceId);
        assertMatch(ifMatch, view(source, record));
        await assertPowerOverSource(power, { before: settingsOf(source) });
        await sources.remove(source.id);
        await directory.touch(record.slug);
        await auditSourceRemoved(transaction, clock, {
          tenantId: record.id,
          actor: caller.actor,
          sourceId: source.id,
          name: source.name,
        });
        return {
          status: 200,
          body: { id: source.id, removed: true },
          afterCommit: () => dependencies.onTenantChanged?.(record.slug),
        };
      },
    }),
    read({
      path: `${member}/test`,
      operation: 'testSignInSource',
      summary: 'Try whether a sign-in source answers',
      answers: { 200: json(signInSourceTestSchema) },
      // Reads nothing of the tenant but makes calls in its name.
      access: access.tenant('sign-in-sources:write'),
      query: noQuery,
      async handle({ caller, params }) {
        const { sources } = await open(caller);
        const source = await find(sources, params.sourceId);
        try {
          await createUpstreamConnections({ ...upstreams, sources }).probe(source);
          return { status: 200, body: { works: true } };
        } catch (error) {
          if (!(error instanceof UpstreamFailure)) {
            throw error;
          }
          return { status: 200, body: { works: false, reason: error.kind, explanation: error.message } };
        }
      },
    }),
  ];
}

function settingsOf({
  id: _id,
  hasSecret: _hasSecret,
  version: _version,
  createdAt: _createdAt,
  updatedAt: _updatedAt,
  ...settings
}: SignInSource): SignInSourceSettings {
  return settings;
}
