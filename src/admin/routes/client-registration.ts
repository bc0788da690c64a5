import { Type } from 'typebox';
import {
  auditInitialAccessTokenCreated,
  auditInitialAccessTokenRevoked,
  auditRegistrationPolicyChanged,
} from '../../audit/events.ts';
import { createInitialAccessTokens, type InitialAccessTokens } from '../../clients/initial-access-tokens.ts';
import {
  createRegistrationPolicies,
  type RegistrationPolicy,
  registrationPolicySchema,
} from '../../clients/registration-policy.ts';
import { adminScopes } from '../../identity/admin-scopes.ts';
import { AppError, type FieldError } from '../../kernel/errors.ts';
import type { Slug } from '../../kernel/ids.ts';
import type { TenantRecord } from '../../kernel/tenant.ts';
import type { Directory } from '../../tenancy/directory.ts';
import type { AccessRules } from '../access.ts';
import { json, removedSchema } from '../answer-schema.ts';
import {
  createdInitialAccessTokenSchema,
  initialAccessTokenPageSchema,
  initialAccessTokenSchema,
  registrationPolicyViewSchema,
} from '../answers/client-registration.ts';
import { changedFields } from '../changed-fields.ts';
import { assertMatch, showMember } from '../etag.ts';
import { type OpenTenantDependencies, openTenant } from '../open-tenant.ts';
import { defaultPageSize, noQuery, pageFields, querySchema } from '../queries.ts';
import type { Route, RouteKinds } from '../route.ts';

export interface ClientRegistrationRoutesDependencies extends OpenTenantDependencies {
  directory: Pick<Directory, 'get' | 'touch'>;
  publicUrl: URL;
  /** Tells this process at once what other processes find out by the directory entry's version. */
  onTenantChanged?: (slug: Slug) => void;
}

const day = 86_400;

const tokenInputSchema = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 100 }),
    uses: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Default 1' })),
    expiresInSeconds: Type.Optional(
      Type.Integer({ minimum: 60, maximum: 365 * day, description: 'Default: one day' }),
    ),
  },
  { additionalProperties: false },
);

/** Whether and how clients register themselves at a tenant (RFC 7591), and the tokens with which they may. */
export function clientRegistrationRoutes(
  { read, write, change }: RouteKinds,
  access: AccessRules,
  dependencies: ClientRegistrationRoutesDependencies,
): Route[] {
  const { clock, random, tables, directory, publicUrl } = dependencies;
  const policyPath = '/api/tenants/{slug}/client-registration';
  const tokensPath = '/api/tenants/{slug}/initial-access-tokens';

  async function open(slug: Slug): Promise<{
    record: TenantRecord;
    tokens: InitialAccessTokens;
    policies: ReturnType<typeof createRegistrationPolicies>;
  }> {
    const { record } = await openTenant(dependencies, slug);
    const table = tables.open(record.tableName);
    return {
      record,
      tokens: createInitialAccessTokens({ table, clock, random }),
      policies: createRegistrationPolicies({ table }),
    };
  }

  const view = (policy: RegistrationPolicy, { slug }: TenantRecord) => ({
    ...policy,
    registrationEndpoint: `${publicUrl.origin}/${slug}/reg`,
  });

  return [
    read({
      path: policyPath,
      operation: 'getClientRegistration',
      summary: 'Read whether clients may register themselves',
      answers: { 200: json(registrationPolicyViewSchema, 'ETag') },
      access: access.tenant('clients:read'),
      query: noQuery,
      async handle({ caller }) {
        const { record, policies } = await open(caller.slug);
        return showMember(view(await policies.get(), record));
      },
    }),
    change({
      path: policyPath,
      operation: 'changeClientRegistration',
      summary: 'Let clients register themselves, or no longer',
      answers: { 200: json(registrationPolicyViewSchema, 'ETag') },
      access: access.tenant('clients:write'),
      document: registrationPolicySchema,
      problems: adminScopeProblems,
      async handle({ caller, transaction, ifMatch, merge }) {
        const { record, policies } = await open(caller.slug);
        let before: RegistrationPolicy | undefined;
        const policy = await policies.change((present) => {
          assertMatch(ifMatch, view(present, record));
          before = present;
          return merge(present);
        });
        await directory.touch(record.slug);
        await auditRegistrationPolicyChanged(transaction, clock, {
          tenantId: record.id,
          actor: caller.actor,
          ...changedFields(before, policy),
        });
        return {
          ...showMember(view(policy, record)),
          afterCommit: () => dependencies.onTenantChanged?.(record.slug),
        };
      },
    }),
    write({
      path: tokensPath,
      operation: 'createInitialAccessToken',
      summary: 'Create an initial access token',
      answers: { 201: json(createdInitialAccessTokenSchema, 'ETag') },
      access: access.tenant('clients:write'),
      body: tokenInputSchema,
      async handle({ caller, body, transaction }) {
        const { record, tokens } = await open(caller.slug);
        const { name, uses = 1, expiresInSeconds = day } = body;
        const made = await tokens.create({ name, uses, expiresInSeconds });
        await auditInitialAccessTokenCreated(transaction, clock, {
          tenantId: record.id,
          actor: caller.actor,
          initialAccessTokenId: made.record.id,
          name,
          uses,
        });
        return showMember(made.record, { status: 201, once: { token: made.token } });
      },
    }),
    read({
      path: tokensPath,
      operation: 'listInitialAccessTokens',
      summary: 'List initial access tokens',
      answers: { 200: json(initialAccessTokenPageSchema) },
      access: access.tenant('clients:read'),
      query: querySchema(pageFields),
      async handle({ caller, query: { limit = defaultPageSize, cursor } }) {
        const { tokens } = await open(caller.slug);
        const page = await tokens.list({ limit, ...(cursor === undefined ? {} : { cursor }) });
        return {
          status: 200,
          body: {
            initialAccessTokens: page.tokens,
            ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
          },
        };
      },
    }),
    read({
      path: `${tokensPath}/{tokenId}`,
      operation: 'getInitialAccessToken',
      summary: 'Read an initial access token',
      answers: { 200: json(initialAccessTokenSchema, 'ETag') },
      access: access.tenant('clients:read'),
      query: noQuery,
      async handle({ caller, params }) {
        const { tokens } = await open(caller.slug);
        return showMember((await tokens.get(params.tokenId ?? '')) ?? noSuchToken());
      },
    }),
    write({
      method: 'DELETE',
      path: `${tokensPath}/{tokenId}`,
      operation: 'revokeInitialAccessToken',
      summary: 'Revoke an initial access token',
      answers: { 200: json(removedSchema) },
      access: access.tenant('clients:write'),
      body: noQuery,
      async handle({ caller, params, transaction, ifMatch }) {
        const { record, tokens } = await open(caller.slug);
        const token = (await tokens.get(params.tokenId ?? '')) ?? noSuchToken();
        assertMatch(ifMatch, token);
        await tokens.remove(token.id);
        await auditInitialAccessTokenRevoked(transaction, clock, {
          tenantId: record.id,
          actor: caller.actor,
          initialAccessTokenId: token.id,
        });
        return { status: 200, body: { id: token.id, removed: true } };
      },
    }),
  ];
}

/** Who registers itself has no creator whose rights would bound its own, so it gets none of the admin API. */
function adminScopeProblems({ scopes = [] }: Partial<RegistrationPolicy>): FieldError[] {
  const guarded: readonly string[] = adminScopes;
  return scopes.flatMap((scope, index) =>
    guarded.includes(scope)
      ? [
          {
            field: `scopes.${index}`,
            message: 'is a scope of the admin API; no client registers itself for it',
          },
        ]
      : [],
  );
}

function noSuchToken(): never {
  throw new AppError('not_found', 'There is no such initial access token.');
}
