import { Type } from 'typebox';
import {
  auditClientChanged,
  auditClientCreated,
  auditClientFormerSecretEnded,
  auditClientRemoved,
  auditClientSecretRotated,
} from '../../audit/events.ts';
import {
  type ClientDocument,
  type ClientInput,
  clientDocumentSchema,
  clientInputSchema,
  validateClientInput,
} from '../../clients/client-input.ts';
import { describedBy, toClientDocument } from '../../clients/client-item.ts';
import type { ClientRecord } from '../../clients/clients.ts';
import type { Outbound } from '../../cloud/http/outbound.ts';
import { openPeople } from '../../identity/people.ts';
import { AppError } from '../../kernel/errors.ts';
import type { TenantRecord } from '../../kernel/tenant.ts';
import { createClientRoom } from '../../oidc/client-room.ts';
import { readSector, type Sector } from '../../oidc/client-sector.ts';
import { type CountGate, inRoom } from '../../tenancy/count-quota.ts';
import type { UsageMeter } from '../../tenancy/usage-meter.ts';
import type { AccessRules } from '../access.ts';
import { json } from '../answer-schema.ts';
import {
  clientPageSchema,
  clientSchema,
  clientWithSecretSchema,
  removedClientSchema,
} from '../answers/clients.ts';
import { changedFields } from '../changed-fields.ts';
import { assertMatch, showMember } from '../etag.ts';
import { assertGrantable } from '../grantable.ts';
import { type OpenTenantDependencies, openTenant } from '../open-tenant.ts';
import { defaultPageSize, noQuery, pageFields, querySchema } from '../queries.ts';
import { refuseClient } from '../refuse-client.ts';
import type { Route, RouteKinds } from '../route.ts';

export interface ClientRoutesDependencies extends OpenTenantDependencies {
  publicUrl: URL;
  /** For addresses that tenants give. */
  tenantOutbound: Pick<Outbound, 'problemOf' | 'request'>;
  usage: Pick<UsageMeter, 'of'>;
}

/** How long two secrets may count at once. */
const maxGraceSeconds = 30 * 86_400;
const defaultGraceSeconds = 86_400;

const rotateSchema = Type.Object(
  {
    graceSeconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: maxGraceSeconds,
        description: 'How long the former secret counts beside the new one',
      }),
    ),
  },
  { additionalProperties: false },
);
const nothingSchema = Type.Object({}, { additionalProperties: false });

/** A tenant's OAuth clients (E1, B13). */
export function clientRoutes(
  { read, write, change }: RouteKinds,
  access: AccessRules,
  dependencies: ClientRoutesDependencies,
): Route[] {
  const { clock, publicUrl, tenantOutbound } = dependencies;
  const view = (client: ClientRecord, { slug }: Pick<TenantRecord, 'slug'>) => ({
    ...client,
    issuer: `${publicUrl.origin}/${slug}`,
  });
  function roomOf(record: TenantRecord): CountGate {
    const table = dependencies.tables.open(record.tableName);
    return createClientRoom({ ...dependencies, table }, dependencies.usage.of(record, table));
  }

  const refuse = (record: TenantRecord, client: ClientRecord, sector?: Sector) =>
    refuseClient(record, client, tenantOutbound, sector);
  const asNew = (body: ClientInput) =>
    describedBy(body, { clientId: 'new-client', createdAt: '', updatedAt: '' });

  /** `before`: the client as it was; whom it is bound to already it may stay bound to. */
  async function refuseStrangers(
    { tableName }: TenantRecord,
    { applicationTenantId: bound }: ClientDocument,
    before?: ClientRecord,
  ): Promise<void> {
    if (bound === undefined || bound === before?.applicationTenantId) {
      return;
    }
    const { applicationTenants } = openPeople({
      ...dependencies,
      table: dependencies.tables.open(tableName),
    });
    const found = await applicationTenants.get(bound);
    if (found === undefined || found.status === 'removing') {
      throw new AppError('validation_failed', 'Some fields are not valid.', {
        fields: [{ field: 'applicationTenantId', message: 'is no application tenant' }],
      });
    }
  }

  return [
    write({
      path: '/api/tenants/{slug}/clients',
      operation: 'createClient',
      summary: 'Create a client',
      answers: { 201: json(clientWithSecretSchema, 'ETag', 'Location') },
      access: access.tenant('clients:write'),
      body: clientInputSchema,
      problems: validateClientInput,
      prepare: ({ body }) => readSector(asNew(body), tenantOutbound),
      async handle({ body, caller, prepared: sector, transaction }) {
        const { record, clients } = await openTenant(dependencies, caller.slug);
        assertGrantable(body.scopes ?? [], caller, record);
        refuse(record, asNew(body), sector);
        await refuseStrangers(record, body);
        const { client, clientSecret } = await inRoom(roomOf(record), () => clients.create(body));
        await auditClientCreated(transaction, clock, {
          tenantId: record.id,
          actor: caller.actor,
          clientId: client.clientId,
          name: client.name,
          type: client.type,
        });
        return showMember(view(client, record), {
          status: 201,
          headers: { Location: `${publicUrl.origin}/api/tenants/${record.slug}/clients/${client.clientId}` },
          ...(clientSecret === undefined ? {} : { once: { clientSecret } }),
        });
      },
    }),
    read({
      path: '/api/tenants/{slug}/clients',
      operation: 'listClients',
      summary: 'List clients',
      answers: { 200: json(clientPageSchema) },
      access: access.tenant('clients:read'),
      query: querySchema(pageFields),
      async handle({ caller, query }) {
        const { record, clients } = await openTenant(dependencies, caller.slug);
        const page = await clients.list({ ...query, limit: query.limit ?? defaultPageSize });
        return {
          status: 200,
          body: { ...page, clients: page.clients.map((client) => view(client, record)) },
        };
      },
    }),
    read({
      path: '/api/tenants/{slug}/clients/{clientId}',
      operation: 'getClient',
      summary: 'Read a client',
      answers: { 200: json(clientSchema, 'ETag') },
      access: access.tenant('clients:read'),
      query: noQuery,
      async handle({ caller, params }) {
        const { record, clients } = await openTenant(dependencies, caller.slug);
        const client = await clients.get(params.clientId ?? '');
        if (client === undefined) {
          throw new AppError('not_found', 'There is no such client.');
        }
        return showMember(view(client, record));
      },
    }),
    change({
      path: '/api/tenants/{slug}/clients/{clientId}',
      operation: 'changeClient',
      summary: 'Change a client',
      answers: { 200: json(clientWithSecretSchema, 'ETag') },
      access: access.tenant('clients:write'),
      document: clientDocumentSchema,
      problems: validateClientInput,
      async prepare({ caller, params, merge }) {
        const { record, clients } = await openTenant(dependencies, caller.slug);
        const present = await clients.get(params.clientId ?? '');
        if (present === undefined) {
          return undefined;
        }
        const document = merge(toClientDocument(present));
        await refuseStrangers(record, document, present);
        return readSector(describedBy(document, present), tenantOutbound, present);
      },
      async handle({ caller, params, prepared: sector, transaction, ifMatch, merge }) {
        const { record, clients } = await openTenant(dependencies, caller.slug);
        let before: ClientRecord | undefined;
        const { client, clientSecret } = await clients.change(params.clientId ?? '', (present) => {
          assertMatch(ifMatch, view(present, record));
          const document = merge(toClientDocument(present));
          assertSameType(present, document);
          // Whoever sets a client's keys or addresses can act as the client.
          assertGrantable([...new Set([...present.scopes, ...(document.scopes ?? [])])], caller, record);
          refuse(record, describedBy(document, present), sector);
          before = present;
          return document;
        });
        await auditClientChanged(transaction, clock, {
          tenantId: record.id,
          actor: caller.actor,
          clientId: client.clientId,
          name: client.name,
          ...changedFields(before && toClientDocument(before), toClientDocument(client)),
        });
        return showMember(view(client, record), clientSecret === undefined ? {} : { once: { clientSecret } });
      },
    }),
    write({
      method: 'DELETE',
      path: '/api/tenants/{slug}/clients/{clientId}',
      operation: 'deleteClient',
      summary: 'Delete a client',
      answers: { 200: json(removedClientSchema) },
      access: access.tenant('clients:write'),
      body: nothingSchema,
      async handle({ caller, params, transaction, ifMatch }) {
        const { record, clients } = await openTenant(dependencies, caller.slug);
        const clientId = params.clientId ?? '';
        if (await clients.remove(clientId, (client) => assertMatch(ifMatch, view(client, record)))) {
          await roomOf(record).release();
        }
        const { id: tenantId } = record;
        await auditClientRemoved(transaction, clock, { tenantId, actor: caller.actor, clientId });
        return { status: 200, body: { clientId, removed: true } };
      },
    }),
    write({
      path: '/api/tenants/{slug}/clients/{clientId}/secret/rotate',
      operation: 'rotateClientSecret',
      summary: "Replace a client's secret; the former one counts for a while",
      answers: { 200: json(clientWithSecretSchema, 'ETag') },
      access: access.tenant('clients:write'),
      body: rotateSchema,
      async handle({ caller, params, body, transaction, ifMatch }) {
        const { record, clients } = await openTenant(dependencies, caller.slug);
        const { graceSeconds = defaultGraceSeconds } = body;
        const { client, clientSecret } = await clients.setNewSecret(params.clientId ?? '', {
          graceSeconds,
          check(present) {
            assertMatch(ifMatch, view(present, record));
            assertGrantable(present.scopes, caller, record);
          },
        });
        await auditClientSecretRotated(transaction, clock, {
          tenantId: record.id,
          actor: caller.actor,
          clientId: client.clientId,
          graceSeconds,
        });
        return showMember(view(client, record), { once: { clientSecret } });
      },
    }),
    write({
      path: '/api/tenants/{slug}/clients/{clientId}/secret/end-former',
      operation: 'endFormerClientSecret',
      summary: "End a client's former secret at once",
      answers: { 200: json(clientSchema, 'ETag') },
      access: access.tenant('clients:write'),
      body: nothingSchema,
      async handle({ caller, params, transaction }) {
        const { record, clients } = await openTenant(dependencies, caller.slug);
        const client = await clients.endFormerSecret(params.clientId ?? '');
        await auditClientFormerSecretEnded(transaction, clock, {
          tenantId: record.id,
          actor: caller.actor,
          clientId: client.clientId,
        });
        return showMember(view(client, record));
      },
    }),
  ];
}

/** A client of another type has other redirect URIs, credentials and users: it is another client. */
function assertSameType(client: Pick<ClientRecord, 'type'>, document: Pick<ClientRecord, 'type'>): void {
  if (client.type !== document.type) {
    throw new AppError('validation_failed', 'Some fields are not valid.', {
      fields: [{ field: 'type', message: 'cannot be changed; create another client' }],
    });
  }
}
