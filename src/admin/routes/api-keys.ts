import { Type } from 'typebox';
import { auditApiKeyCreated, auditApiKeyRevoked } from '../../audit/events.ts';
import { adminScopes, applicationTenantScopes, tenantScopes } from '../../identity/admin-scopes.ts';
import { type ApiKey, createApiKeys } from '../../identity/api-keys.ts';
import { defaultApplicationTenantId } from '../../identity/application-tenant.ts';
import { actorName } from '../../kernel/actor.ts';
import { AppError } from '../../kernel/errors.ts';
import type { TenantRecord } from '../../kernel/tenant.ts';
import type { AccessRules, TenantCaller } from '../access.ts';
import { json, removedSchema } from '../answer-schema.ts';
import { apiKeyPageSchema, apiKeySchema, createdApiKeySchema } from '../answers/api-keys.ts';
import { assertMatch, showMember } from '../etag.ts';
import { assertGrantable } from '../grantable.ts';
import { type OpenPeopleDependencies, openVisiblePeople } from '../people/open-people.ts';
import { applicationTenantField } from '../people/schemas.ts';
import { defaultPageSize, noQuery, pageFields, querySchema } from '../queries.ts';
import type { Route, RouteKinds } from '../route.ts';

const day = 86_400;
const defaultLifeDays = 90;

const apiKeyInputSchema = Type.Object(
  {
    ...applicationTenantField,
    name: Type.String({ minLength: 1, maxLength: 100 }),
    scopes: Type.Array(Type.Enum([...adminScopes]), { minItems: 1, maxItems: 50, uniqueItems: true }),
    expiresInDays: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 366, description: `Default ${defaultLifeDays}` }),
    ),
  },
  { additionalProperties: false },
);

/**
 * A tenant's API keys (B13): for its own part of the admin API, or for one application tenant's (E2), with no more rights than whoever creates them.
 * Whoever is held to an application tenant has to do with its keys alone.
 */
export function apiKeyRoutes(
  { read, write }: RouteKinds,
  access: AccessRules,
  dependencies: OpenPeopleDependencies,
): Route[] {
  const { clock } = dependencies;
  const memberPath = '/api/tenants/{slug}/api-keys/{keyId}';

  async function open(caller: TenantCaller) {
    const people = await openVisiblePeople(dependencies, caller);
    const apiKeys = createApiKeys(people.stores);
    return {
      record: people.record,
      apiKeys,

      /** The application tenant that a new key is to be bound to, if it is to one. */
      async bindTo(named: string | undefined): Promise<string | undefined> {
        if (named === undefined && caller.applicationTenantId === undefined) {
          return undefined;
        }
        const { id } = await people.chooseToChange(named);
        if (id === defaultApplicationTenantId) {
          throw new AppError('validation_failed', 'Some fields are not valid.', {
            fields: [
              {
                field: 'applicationTenant',
                message: 'leave it out: keys of the tenant reach its own people',
              },
            ],
          });
        }
        return id;
      },

      async find(id = ''): Promise<ApiKey> {
        const own = caller.applicationTenantId;
        const apiKey = await apiKeys.get(id);
        if (apiKey === undefined || (own !== undefined && apiKey.applicationTenantId !== own)) {
          throw new AppError('not_found', 'There is no such API key.');
        }
        return apiKey;
      },
    };
  }

  return [
    write({
      path: '/api/tenants/{slug}/api-keys',
      operation: 'createApiKey',
      summary: 'Create an API key',
      answers: { 201: json(createdApiKeySchema, 'ETag') },
      access: access.applicationTenant('api-keys:write'),
      body: apiKeyInputSchema,
      async handle({ caller, body, transaction }) {
        const { record, apiKeys, bindTo } = await open(caller);
        const { name, scopes, applicationTenant, expiresInDays = defaultLifeDays } = body;
        const applicationTenantId = await bindTo(applicationTenant);
        assertOffered(scopes, record, applicationTenantId);
        assertGrantable(scopes, caller, record);
        const { apiKey, secret } = await apiKeys.create({
          name,
          scopes,
          applicationTenantId,
          createdBy: actorName(caller.actor),
          expiresInSeconds: expiresInDays * day,
        });
        await auditApiKeyCreated(transaction, clock, {
          tenantId: record.id,
          actor: caller.actor,
          apiKeyId: apiKey.id,
          name,
          scopes,
          ...(applicationTenantId === undefined ? {} : { applicationTenantId }),
          expiresAt: apiKey.expiresAt,
        });
        return showMember(apiKey, { status: 201, once: { secret } });
      },
    }),
    read({
      path: '/api/tenants/{slug}/api-keys',
      operation: 'listApiKeys',
      summary: 'List API keys',
      answers: { 200: json(apiKeyPageSchema) },
      access: access.applicationTenant('api-keys:read'),
      query: querySchema(pageFields),
      async handle({ caller, query: { limit = defaultPageSize, cursor } }) {
        const { apiKeys } = await open(caller);
        const { applicationTenantId } = caller;
        return { status: 200, body: await apiKeys.list({ applicationTenantId, limit, cursor }) };
      },
    }),
    read({
      path: memberPath,
      operation: 'getApiKey',
      summary: 'Read an API key',
      answers: { 200: json(apiKeySchema, 'ETag') },
      access: access.applicationTenant('api-keys:read'),
      query: noQuery,
      async handle({ caller, params }) {
        const { find } = await open(caller);
        return showMember(await find(params.keyId));
      },
    }),
    write({
      method: 'DELETE',
      path: memberPath,
      operation: 'revokeApiKey',
      summary: 'Revoke an API key',
      answers: { 200: json(removedSchema) },
      access: access.applicationTenant('api-keys:write'),
      body: noQuery,
      async handle({ caller, params, transaction, ifMatch }) {
        const { record, apiKeys, find } = await open(caller);
        const apiKey = await find(params.keyId);
        assertMatch(ifMatch, apiKey);
        await apiKeys.revoke(apiKey.id);
        await auditApiKeyRevoked(transaction, clock, {
          tenantId: record.id,
          actor: caller.actor,
          apiKeyId: apiKey.id,
        });
        return { status: 200, body: { id: apiKey.id, removed: true } };
      },
    }),
  ];
}

/** Scopes of the platform mean nothing at any other tenant, nor those of a tenant in an application tenant; a key that had them would only look powerful. */
function assertOffered(
  scopes: readonly string[],
  { kind }: TenantRecord,
  applicationTenantId: string | undefined,
): void {
  const ofTenant: readonly string[] = kind === 'platform' ? adminScopes : tenantScopes;
  const there: readonly string[] = applicationTenantId === undefined ? ofTenant : applicationTenantScopes;
  const fields = scopes.flatMap((scope, index) => {
    const message = ofTenant.includes(scope)
      ? 'is not for keys of an application tenant'
      : 'is for the platform alone';
    return there.includes(scope) ? [] : [{ field: `scopes.${index}`, message }];
  });
  if (fields.length > 0) {
    throw new AppError('validation_failed', 'Some fields are not valid.', { fields });
  }
}
