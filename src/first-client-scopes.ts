import { toClientDocument } from './clients/client-item.ts';
import { type ClientType, clientTypes } from './clients/client-type.ts';
import { createClients } from './clients/clients.ts';
import { commandLineClientId } from './clients/command-line-client.ts';
import type { Tables } from './cloud/tables/port.ts';
import { tenantScopes } from './identity/admin-scopes.ts';
import type { Clock } from './kernel/clock.ts';
import type { Random } from './kernel/random.ts';
import type { TenantRecord } from './kernel/tenant.ts';
import { firstClientIdOf } from './provisioning/steps/first-client.ts';
import type { Directory } from './tenancy/directory.ts';

export interface FirstClientStores {
  directory: Pick<Directory, 'list'>;
  tables: Pick<Tables, 'open'>;
  clock: Clock;
  random: Random;
}

/**
 * Gives the tenant scopes that this version adds to the first client of every tenant and to that of its command line (B13, E1): a tenant is managed
 * with these, so a new part of the API is of use to tenants that are there already. A client that lacks one of the scopes `known` before is left
 * alone: somebody has taken it away, and decides about new ones as well. Repeating it changes nothing.
 */
export async function grantNewTenantScopes(
  stores: FirstClientStores,
  known: readonly string[],
): Promise<void> {
  const former = tenantScopes.filter((scope) => known.includes(scope));
  const fresh = tenantScopes.filter((scope) => !known.includes(scope));
  if (fresh.length === 0) {
    return;
  }
  let cursor: string | undefined;
  do {
    const page = await stores.directory.list(cursor === undefined ? {} : { cursor });
    for (const tenant of page.tenants.filter(
      ({ kind, status }) => kind === 'tenant' && hasTable.has(status),
    )) {
      await grant(stores, tenant, { former, fresh });
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
}

const hasTable: ReadonlySet<TenantRecord['status']> = new Set(['active', 'suspended', 'blocked', 'deleting']);

async function grant(
  { tables, clock, random }: FirstClientStores,
  { slug, tableName }: TenantRecord,
  { former, fresh }: { former: readonly string[]; fresh: readonly string[] },
): Promise<void> {
  const clients = createClients({ table: tables.open(tableName), clock, random });
  const lacks = (scopes: readonly string[], wanted: readonly string[]) =>
    wanted.some((scope) => !scopes.includes(scope));
  const candidates: readonly { clientId: string; type: ClientType }[] = [
    ...clientTypes.map((type) => ({ clientId: firstClientIdOf(slug, type), type })),
    { clientId: commandLineClientId, type: 'native' },
  ];
  for (const { clientId, type } of candidates) {
    const client = await clients.get(clientId);
    if (client?.type === type && !lacks(client.scopes, former) && lacks(client.scopes, fresh)) {
      await clients.change(clientId, (before) => ({
        ...toClientDocument(before),
        // Whoever takes a scope away meanwhile has decided.
        scopes: [...new Set([...before.scopes, ...(lacks(before.scopes, former) ? [] : fresh)])],
      }));
    }
  }
}
