import type { ClientRecord } from '../../clients/clients.ts';
import {
  apiScopesProperty,
  applicationTenantProperty,
  requireMfaProperty,
  resourceScopesProperty,
  toClientMetadata,
} from '../client-metadata.ts';

/** A client's registered metadata as it is told of them (RFC 7591 §3.2.1); nothing that is the administrators' alone. */
export function showClient(client: ClientRecord, issuer: string): Record<string, unknown> {
  const {
    client_secret: _,
    [apiScopesProperty]: __,
    [applicationTenantProperty]: ___,
    [requireMfaProperty]: ____,
    [resourceScopesProperty]: _____,
    ...metadata
  } = toClientMetadata(client, ['']) ?? { client_id: client.clientId };
  return {
    ...metadata,
    client_id_issued_at: Math.floor(Date.parse(client.createdAt) / 1000),
    ...(client.scopes.length === 0 ? {} : { scope: client.scopes.join(' ') }),
    registration_client_uri: `${issuer}/reg/${client.clientId}`,
  };
}
