import { toClientDocument } from './clients/client-item.ts';
import { type Clients, createClients } from './clients/clients.ts';
import { commandLineClientId } from './clients/command-line-client.ts';
import type { Table } from './cloud/tables/port.ts';
import { type FirstClientStores, grantNewTenantScopes } from './first-client-scopes.ts';
import { adminScopes, operatorRoles } from './identity/admin-scopes.ts';
import { createRoles } from './identity/roles.ts';

export const machineClientId = 'tenantry-bootstrap';

/** In the platform tenant's table: the scopes of the admin API when the platform was last started. */
const knownScopesKey = { pk: 'Bootstrap', sk: 'scopes' };

/**
 * Brings a platform that an earlier version made up to date: the operators' roles get the scopes that they have now, and scopes that are new
 * go to the two clients of the first start, unless somebody has taken scopes from them since, and to the first clients of tenants. True when a
 * role has changed.
 */
export async function updateOperatorAccess(stores: FirstClientStores & { table: Table }): Promise<boolean> {
  const { table } = stores;
  const changed = await updateRoles(table);
  const clients = createClients(stores);
  const noted = await readKnownScopes(table);
  // Platforms of the first versions have no note; the client that people use has what was known then.
  const known = noted ?? (await clients.get(commandLineClientId))?.scopes ?? adminScopes;
  const fresh = adminScopes.filter((scope) => !known.includes(scope));
  for (const clientId of fresh.length === 0 ? [] : [machineClientId, commandLineClientId]) {
    const client = await clients.get(clientId);
    if (client !== undefined && known.every((scope) => client.scopes.includes(scope))) {
      await clients.change(clientId, (before) => ({
        ...toClientDocument(before),
        scopes: [...new Set([...before.scopes, ...fresh])],
      }));
    }
  }
  if (fresh.length > 0) {
    if (noted !== undefined) {
      await grantNewTenantScopes(stores, noted);
    }
    await rememberScopes(table);
  }
  await allowDeviceFlow(clients);
  return changed;
}

/** Versions without the command line had its client without this; whoever turned it off has said `false`. */
async function allowDeviceFlow(clients: Clients): Promise<void> {
  const client = await clients.get(commandLineClientId);
  if (client?.type === 'native' && client.deviceFlow === undefined) {
    await clients.change(commandLineClientId, (before) => ({
      ...toClientDocument(before),
      deviceFlow: true,
    }));
  }
}

/** Written with the clients, which have them all. */
export async function rememberScopes(table: Table): Promise<void> {
  await table.put({ ...knownScopesKey, scopes: JSON.stringify(adminScopes) });
}

async function updateRoles(table: Table): Promise<boolean> {
  const roles = createRoles({ table });
  let changed = false;
  for (const role of operatorRoles) {
    const present = await roles.get(role.name);
    const isCurrent =
      present?.description === role.description &&
      JSON.stringify(present.scopes) === JSON.stringify(role.scopes);
    if (!isCurrent) {
      await roles.put(role);
      changed = true;
    }
  }
  return changed;
}

async function readKnownScopes(table: Table): Promise<readonly string[] | undefined> {
  const item = await table.get(knownScopesKey);
  return item && (JSON.parse(String(item.scopes)) as string[]);
}
