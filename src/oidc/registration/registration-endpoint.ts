/**
 * Dynamic client registration (RFC 7591) and its management (RFC 7592) at `/<slug>/reg`, for tenants that allow it. Owns the protocol; clients and
 * initial access tokens are `clients/`. The provider's own endpoints are off: they would store secrets as they are, and show the hash that
 * stands in their place.
 */
import type { Context } from 'koa';
import type { ClientInput } from '../../clients/client-input.ts';
import { describedBy, toClientDocument } from '../../clients/client-item.ts';
import { isOneOfClientSecrets } from '../../clients/client-secret.ts';
import type { ClientRecord, Clients } from '../../clients/clients.ts';
import type { InitialAccessTokens } from '../../clients/initial-access-tokens.ts';
import type { RegistrationPolicy } from '../../clients/registration-policy.ts';
import type { Outbound } from '../../cloud/http/outbound.ts';
import type { ActivityKind } from '../../identity/activity.ts';
import type { ActivityLog } from '../../identity/activity-log.ts';
import { AppError, type FieldError } from '../../kernel/errors.ts';
import type { TenantRecord } from '../../kernel/tenant.ts';
import { type CountGate, inRoom } from '../../tenancy/count-quota.ts';
import { readJsonBody } from '../../web/body.ts';
import { clientProblems } from '../client-problems.ts';
import { readSector, type Sector } from '../client-sector.ts';
import type { PageHandler } from '../tenant-pages.ts';
import { type Metadata, readMetadata } from './read-metadata.ts';
import { showClient } from './show-client.ts';

export interface RegistrationEndpointDependencies {
  record: TenantRecord;
  /** `<origin>/<slug>`. */
  issuer: string;
  policy: RegistrationPolicy;
  clients: Clients;
  initialAccessTokens: Pick<InitialAccessTokens, 'isValid' | 'take'>;
  outbound: Pick<Outbound, 'problemOf' | 'request'>;
  /** How many clients the tenant may have. */
  clientGate: CountGate;
  activity: Pick<ActivityLog, 'note'>;
}

const clientPath = /^\/reg\/([A-Za-z0-9._-]{1,64})$/;

/** Not in a request to change a client (RFC 7592 §2.2). */
const serverOnly = [
  'registration_access_token',
  'registration_client_uri',
  'client_secret_expires_at',
  'client_id_issued_at',
];

export function createRegistrationEndpoint({
  record,
  issuer,
  policy,
  clients,
  initialAccessTokens,
  outbound,
  clientGate,
  activity,
}: RegistrationEndpointDependencies): PageHandler {
  function refuse(client: ClientRecord, sector: Sector | undefined): void {
    const problems = clientProblems(record, client, outbound, sector);
    if (problems.length > 0) {
      throw new AppError('validation_failed', 'The client cannot be registered.', { fields: problems });
    }
  }

  function noteOf(
    context: Context,
    kind: ActivityKind,
    { clientId, applicationTenantId }: ClientRecord,
  ): void {
    activity.note({ kind, clientId, applicationTenantId }, context);
  }

  async function register(context: Context): Promise<void> {
    const token = bearerOf(context);
    if (!(await initialAccessTokens.isValid(token))) {
      throw invalidToken();
    }
    const input = readMetadata(await readJsonBody(context), policy);
    const wanted = describedBy(input, { clientId: 'new-client', createdAt: '', updatedAt: '' });
    refuse(wanted, undefined);
    refuse(wanted, await readSector(wanted, outbound));
    const { client, clientSecret, registrationToken } = await inRoom(clientGate, async () => {
      if (!(await initialAccessTokens.take(token))) {
        throw invalidToken();
      }
      return clients.register(input);
    });
    noteOf(context, 'client-registered', client);
    send(context, 201, client, registrationToken, clientSecret);
  }

  /** Whoever holds the token of a client that is disabled or gone learns no more than whoever holds none. */
  async function authorize(context: Context, clientId: string): Promise<ClientRecord> {
    const client = await clients.getByRegistrationToken(clientId, bearerOf(context));
    if (client?.enabled !== true) {
      throw invalidToken();
    }
    return client;
  }

  async function change(context: Context, clientId: string): Promise<void> {
    const present = await authorize(context, clientId);
    const metadata = await readJsonBody(context);
    await assertOwn(present, metadata);
    // What administrators have given beyond the policy stays the client's.
    const input = readMetadata(metadata, {
      ...policy,
      types: [present.type],
      scopes: [...policy.scopes, ...present.scopes],
    });
    const wanted = describedBy(keepAdministrators(present, input), present);
    refuse(wanted, undefined);
    const sector = await readSector(wanted, outbound, present);
    const { client, clientSecret } = await clients.change(clientId, (before) => {
      const document = keepAdministrators(before, input);
      refuse(describedBy(document, before), sector);
      return document;
    });
    noteOf(context, 'client-changed', client);
    send(context, 200, client, await clients.setNewRegistrationToken(clientId), clientSecret);
  }

  async function assertOwn({ clientId }: ClientRecord, metadata: Metadata): Promise<void> {
    const forbidden = serverOnly.find((name) => metadata[name] !== undefined);
    const { client_id: id, client_secret: secret } = metadata;
    const hashes = (await clients.getWithSecretHashes(clientId))?.hashes ?? [];
    const problem =
      forbidden !== undefined
        ? `${forbidden} is not the client's to set`
        : id !== clientId
          ? 'client_id is not that of the client'
          : secret !== undefined && !(typeof secret === 'string' && isOneOfClientSecrets(secret, hashes))
            ? 'client_secret is not that of the client'
            : undefined;
    if (problem !== undefined) {
      throw new AppError('invalid_request', problem);
    }
  }

  function send(
    context: Context,
    status: number,
    client: ClientRecord,
    token: string,
    clientSecret?: string,
  ): void {
    context.status = status;
    context.body = {
      ...showClient(client, issuer),
      ...(clientSecret === undefined ? {} : { client_secret: clientSecret, client_secret_expires_at: 0 }),
      registration_access_token: token,
    };
  }

  async function answer(context: Context, clientId: string | undefined): Promise<void> {
    const { method } = context;
    if (clientId === undefined && method === 'POST') {
      await register(context);
    } else if (clientId !== undefined && method === 'GET') {
      const client = await authorize(context, clientId);
      send(context, 200, client, bearerOf(context));
    } else if (clientId !== undefined && method === 'PUT') {
      await change(context, clientId);
    } else if (clientId !== undefined && method === 'DELETE') {
      const client = await authorize(context, clientId);
      if (await clients.remove(clientId)) {
        await clientGate.release();
        noteOf(context, 'client-removed', client);
      }
      context.status = 204;
    } else {
      throw new AppError('method_not_allowed', 'This address does not take this method.', {
        headers: { Allow: clientId === undefined ? 'POST' : 'GET, PUT, DELETE' },
      });
    }
  }

  return async (context, path) => {
    const clientId = clientPath.exec(path)?.[1];
    if (!policy.enabled || (path !== '/reg' && clientId === undefined)) {
      return false;
    }
    context.set('Cache-Control', 'no-store');
    try {
      await answer(context, clientId);
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) {
        throw error;
      }
      context.status = error.status;
      context.set(error.headers);
      context.body = oauthError(error);
    }
    return true;
  };
}

function keepAdministrators(before: ClientRecord, input: ClientInput) {
  const { applicationTenantId, requireMfa, resourceScopes, enabled } = toClientDocument(before);
  const { clientId: _, ...document } = input;
  const isLeft = (scope: string) => document.scopes?.includes(scope) === true;
  return {
    ...document,
    enabled: enabled ?? true,
    ...(applicationTenantId === undefined ? {} : { applicationTenantId }),
    ...(requireMfa === undefined ? {} : { requireMfa }),
    ...(resourceScopes === undefined
      ? {}
      : {
          resourceScopes: resourceScopes.map(({ resource, scopes }) => ({
            resource,
            scopes: scopes.filter(isLeft),
          })),
        }),
  };
}

function bearerOf(context: Context): string {
  return /^bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(context.get('Authorization'))?.[1] ?? '';
}

function invalidToken(): AppError {
  return new AppError('invalid_token', 'The token is not valid here.', {
    headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' },
  });
}

/** RFC 7591 §3.2.2. */
function oauthError({ code, message, fields }: AppError): { error: string; error_description: string } {
  const description = fields.map(({ field, message: text }: FieldError) => `${field} ${text}`).join('; ');
  const error =
    code === 'invalid_token'
      ? 'invalid_token'
      : fields.some(({ field }) => field.startsWith('redirectUris'))
        ? 'invalid_redirect_uri'
        : code === 'validation_failed'
          ? 'invalid_client_metadata'
          : 'invalid_request';
  return { error, error_description: description === '' ? message : description };
}
