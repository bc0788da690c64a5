import type { Item } from '../cloud/tables/port.ts';
import type { ClientDocument } from './client-input.ts';
import { type ClientSettings, pickClientSettings } from './client-settings.ts';
import type { ClientType } from './client-type.ts';

/** A client as everyone but client authentication sees it: without hashes of its secrets. */
export interface ClientRecord extends ClientSettings {
  clientId: string;
  name: string;
  type: ClientType;
  enabled: boolean;
  redirectUris: readonly string[];
  postLogoutRedirectUris: readonly string[];
  /** API scopes that the client may ask for; the scopes of OpenID Connect itself need no entry. */
  scopes: readonly string[];
  /** Present when the client registered itself (RFC 7591). */
  registered?: true;
  /** Until then the secret before the present one counts, too. ISO 8601. */
  formerSecretUntil?: string;
  /** ISO 8601. */
  createdAt: string;
  updatedAt: string;
}

/** What is stored of a client beside its record. */
export interface ClientCredentials {
  /** SHA-256 of the secret, base64url. Absent where there is none. */
  secretHash?: string;
  /** The same of the secret before it, for as long as `formerSecretUntil` says. */
  formerSecretHash?: string;
  /** SHA-256 of the registration access token (RFC 7592). */
  registrationTokenHash?: string;
}

/** Changes with every write; a condition on it finds out whether somebody else wrote meanwhile. */
type Revision = string | undefined;

export interface StoredClient {
  client: ClientRecord;
  credentials: ClientCredentials;
  revision: Revision;
}

export function clientKey(clientId: string) {
  return { pk: 'Client', sk: clientId };
}

export function toClientItem({ client, credentials, revision }: StoredClient): Item {
  return {
    ...clientKey(client.clientId),
    name: client.name,
    type: client.type,
    enabled: client.enabled,
    redirectUris: JSON.stringify(client.redirectUris),
    postLogoutRedirectUris: JSON.stringify(client.postLogoutRedirectUris),
    scopes: JSON.stringify(client.scopes),
    settings: JSON.stringify(pickClientSettings(client)),
    registered: client.registered,
    formerSecretUntil: client.formerSecretUntil,
    createdAt: client.createdAt,
    updatedAt: client.updatedAt,
    clientSecretHash: credentials.secretHash,
    formerSecretHash: credentials.formerSecretHash,
    registrationTokenHash: credentials.registrationTokenHash,
    revision,
  };
}

/** `nowMs` decides whether there still is a former secret. */
export function fromClientItem(item: Item, nowMs: number): StoredClient {
  const until = text(item.formerSecretUntil);
  const hasFormer = until !== undefined && Date.parse(until) > nowMs;
  const { clientSecretHash, formerSecretHash, registrationTokenHash } = item;
  return {
    client: {
      clientId: item.sk,
      name: String(item.name),
      type: item.type as ClientType,
      enabled: item.enabled !== false,
      redirectUris: JSON.parse(String(item.redirectUris)),
      postLogoutRedirectUris: JSON.parse(String(item.postLogoutRedirectUris)),
      scopes: JSON.parse(String(item.scopes)),
      ...(item.settings === undefined ? {} : (JSON.parse(String(item.settings)) as ClientSettings)),
      ...(item.registered === true ? { registered: true } : {}),
      ...(hasFormer ? { formerSecretUntil: until } : {}),
      createdAt: String(item.createdAt),
      updatedAt: String(item.updatedAt),
    },
    credentials: {
      ...(typeof clientSecretHash === 'string' ? { secretHash: clientSecretHash } : {}),
      ...(hasFormer && typeof formerSecretHash === 'string' ? { formerSecretHash } : {}),
      ...(typeof registrationTokenHash === 'string' ? { registrationTokenHash } : {}),
    },
    revision: text(item.revision),
  };
}

/** The part of a client that its administrators change. */
export function toClientDocument(client: ClientRecord): ClientDocument {
  const { name, type, enabled } = client;
  return {
    name,
    type,
    enabled,
    redirectUris: [...client.redirectUris],
    postLogoutRedirectUris: [...client.postLogoutRedirectUris],
    scopes: [...client.scopes],
    ...pickClientSettings(client),
  };
}

/** The client that the document describes; it keeps what no administrator changes. */
export function describedBy(
  document: ClientDocument,
  kept: Pick<ClientRecord, 'clientId' | 'createdAt' | 'updatedAt' | 'registered' | 'formerSecretUntil'>,
): ClientRecord {
  const { clientId, createdAt, updatedAt, registered, formerSecretUntil } = kept;
  return {
    clientId,
    name: document.name,
    type: document.type,
    enabled: document.enabled ?? true,
    redirectUris: document.redirectUris ?? [],
    postLogoutRedirectUris: document.postLogoutRedirectUris ?? [],
    scopes: document.scopes ?? [],
    ...pickClientSettings(document),
    ...(registered === undefined ? {} : { registered }),
    ...(formerSecretUntil === undefined ? {} : { formerSecretUntil }),
    createdAt,
    updatedAt,
  };
}

/** The scopes that the client may ask for at an API. */
export function scopesAt(
  {
    scopes,
    resourceScopes,
  }: { scopes: readonly string[]; resourceScopes?: ClientSettings['resourceScopes'] | undefined },
  indicator: string,
): readonly string[] {
  const there = resourceScopes?.find(({ resource }) => resource === indicator)?.scopes ?? [];
  return resourceScopes === undefined ? scopes : scopes.filter((scope) => there.includes(scope));
}

function text(value: Item[string]): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
