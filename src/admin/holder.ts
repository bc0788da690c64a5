import { scopesAt } from '../clients/client-item.ts';
import { type ClientRecord, createClients } from '../clients/clients.ts';
import type { Tables } from '../cloud/tables/port.ts';
import { defaultApplicationTenantId } from '../identity/accounts.ts';
import { adminScopesOfRoles, applicationTenantScopes } from '../identity/admin-scopes.ts';
import { type ApiKey, createApiKeys } from '../identity/api-keys.ts';
import { openPeople } from '../identity/people.ts';
import type { Actor } from '../kernel/actor.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import type { TenantRecord } from '../kernel/tenant.ts';

/** Whoever may act at the admin API, as their record is at this moment. */
export interface Holder {
  actor: Actor;
  /** Display name of a person. */
  personName?: string;
  /** The one application tenant that the holder belongs to (E2); absent: the whole tenant. */
  applicationTenantId?: string;
  scopes: readonly string[];
}

export interface HolderStores {
  publicUrl: URL;
  tables: Pick<Tables, 'open'>;
  clock: Clock;
  random: Random;
}

/** The holder behind an actor that acted before; `undefined`: they are gone, disabled, suspended, or never were one. */
export async function findHolder(
  stores: HolderStores,
  issuer: TenantRecord,
  { kind, id }: Actor,
): Promise<Holder | undefined> {
  const table = stores.tables.open(issuer.tableName);
  switch (kind) {
    case 'client': {
      const client = await createClients({ ...stores, table }).get(id);
      return client && findClientHolder(stores, issuer, client);
    }
    case 'api-key': {
      const apiKey = await createApiKeys({ ...stores, table }).get(id);
      return apiKey && findKeyHolder(stores, issuer, apiKey);
    }
    case 'operator':
    case 'tenant-admin':
      return findPerson(stores, issuer, id);
    default:
      return undefined;
  }
}

/** A client that acts for itself: enabled, and its application tenant, if it is bound to one, is not suspended. */
export async function findClientHolder(
  { tables, clock, random, publicUrl }: HolderStores,
  issuer: TenantRecord,
  client: ClientRecord,
): Promise<Holder | undefined> {
  const { clientId, enabled, type, applicationTenantId: bound } = client;
  // Users never sign in through an m2m client, so its id as subject can only be the client itself (RFC 9068 §5).
  if (!enabled || type !== 'm2m') {
    return undefined;
  }
  const { applicationTenants } = openPeople({ table: tables.open(issuer.tableName), clock, random });
  if (bound !== undefined && (await applicationTenants.get(bound))?.status !== 'active') {
    return undefined;
  }
  const scopes = scopesAt(client, `${publicUrl.origin}/api`);
  return { actor: { kind: 'client', id: clientId }, scopes, ...heldTo(bound) };
}

/** A key, unless the application tenant that it is bound to is gone or suspended. */
export async function findKeyHolder(
  { tables, clock, random }: HolderStores,
  issuer: TenantRecord,
  { id, scopes, applicationTenantId: bound }: ApiKey,
): Promise<Holder | undefined> {
  const actor: Actor = { kind: 'api-key', id };
  if (bound === undefined) {
    return { actor, scopes };
  }
  const { applicationTenants } = openPeople({ table: tables.open(issuer.tableName), clock, random });
  if ((await applicationTenants.get(bound))?.status !== 'active') {
    return undefined;
  }
  const there: readonly string[] = applicationTenantScopes;
  return { actor, scopes: scopes.filter((scope) => there.includes(scope)), ...heldTo(bound) };
}

export async function findPerson(
  { tables, clock, random }: HolderStores,
  issuer: TenantRecord,
  accountId: string,
): Promise<Holder | undefined> {
  const people = openPeople({ table: tables.open(issuer.tableName), clock, random });
  const account = await people.findActive(accountId);
  if (account === undefined) {
    return undefined;
  }
  const { id, email, name, applicationTenantId } = account;
  const roleScopes = await people.roleScopesOf(account);
  return {
    actor: { kind: issuer.kind === 'platform' ? 'operator' : 'tenant-admin', id, email },
    personName: name,
    scopes: adminScopesOfRoles(issuer.kind, roleScopes, applicationTenantId),
    ...heldTo(applicationTenantId),
  };
}

function heldTo(applicationTenantId: string | undefined): Pick<Holder, 'applicationTenantId'> {
  return applicationTenantId === undefined || applicationTenantId === defaultApplicationTenantId
    ? {}
    : { applicationTenantId };
}
