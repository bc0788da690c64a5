import { createApiResources } from '../clients/api-resources.ts';
import { createClients } from '../clients/clients.ts';
import type { Table } from '../cloud/tables/port.ts';
import { createAccounts, defaultApplicationTenantId } from '../identity/accounts.ts';
import { createApplicationTenants } from '../identity/application-tenants.ts';
import { createGroups } from '../identity/groups.ts';
import { createRoles } from '../identity/roles.ts';
import { createPolicyStore } from '../identity/security-policy.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import type { TenantRecord } from '../kernel/tenant.ts';
import { viewGroup } from './people/groups.ts';
import { viewListedUser } from './people/users.ts';

export interface ExportOptions {
  record: TenantRecord;
  issuer: string;
  table: Table;
  clock: Clock;
  random: Random;
}

interface Page<Member> {
  members: readonly Member[];
  cursor?: string | undefined;
}

/**
 * Everything that a tenant's administrators and users put there, one JSON object per line, each with its `type`; the last line counts them, so that
 * a file that was cut off shows. Credentials stay: passwords, client secrets and keys are in none of it, not even as hashes.
 */
export async function* exportTenant({
  record,
  issuer,
  ...stores
}: ExportOptions): AsyncGenerator<string, void, undefined> {
  const { table, clock } = stores;
  const clients = createClients(stores);
  const accounts = createAccounts(stores);
  const groups = createGroups(stores);
  const counts: Record<string, number> = {};

  function line(type: string, member: object): string {
    counts[type] = (counts[type] ?? 0) + 1;
    return `${JSON.stringify({ type, ...member })}\n`;
  }

  async function* lines<Member extends object>(
    type: string,
    read: (cursor: string | undefined) => Promise<Page<Member>>,
  ): AsyncGenerator<string, void, undefined> {
    let cursor: string | undefined;
    do {
      const page = await read(cursor);
      yield* page.members.map((member) => line(type, member));
      cursor = page.cursor;
    } while (cursor !== undefined);
  }

  const groupLines = (applicationTenantId: string) =>
    lines('group', async (cursor) => {
      const page = await groups.list(applicationTenantId, cursor === undefined ? {} : { cursor });
      return { members: page.groups.map(viewGroup), cursor: page.cursor };
    });

  const { id, slug, name, status, createdAt } = record;
  const exportedAt = new Date(clock.now()).toISOString();
  yield line('tenant', { id, slug, name, status, issuer, createdAt, exportedAt });
  yield line('security-policy', await createPolicyStore(stores).get());
  yield* lines('role', async () => ({ members: await createRoles({ table }).list() }));
  yield* groupLines(defaultApplicationTenantId);
  const applicationTenants = createApplicationTenants(stores);
  let next: string | undefined;
  do {
    const page = await applicationTenants.list(next === undefined ? {} : { cursor: next });
    for (const applicationTenant of page.applicationTenants) {
      const { id: applicationTenantId } = applicationTenant;
      yield line('application-tenant', applicationTenant);
      if (applicationTenantId !== defaultApplicationTenantId) {
        const roles = await createRoles({ table }).list(applicationTenantId);
        yield* roles.map((role) => line('role', { ...role, applicationTenantId }));
        yield* groupLines(applicationTenantId);
      }
    }
    next = page.cursor;
  } while (next !== undefined);
  yield* lines('resource', async () => ({ members: await createApiResources({ table }).list() }));
  yield* lines('client', async (cursor) => {
    // The application's own type must not hide that of the line.
    const page = await clients.list(cursor === undefined ? {} : { cursor });
    const members = page.clients.map(({ type: clientType, ...client }) => ({ ...client, clientType }));
    return { members, cursor: page.cursor };
  });
  // An index may lag, and has none of the accounts that are older than itself.
  for await (const account of accounts.all()) {
    yield line('account', viewListedUser(account));
  }
  yield `${JSON.stringify({ type: 'end', counts })}\n`;
}
