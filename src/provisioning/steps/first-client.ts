import type { ClientType } from '../../clients/client-type.ts';
import { type ClientRecord, type Clients, createClients } from '../../clients/clients.ts';
import { commandLineClient, commandLineClientId } from '../../clients/command-line-client.ts';
import type { Tables } from '../../cloud/tables/port.ts';
import { tenantScopes } from '../../identity/admin-scopes.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Slug } from '../../kernel/ids.ts';
import type { Random } from '../../kernel/random.ts';
import { type ProvisionedTenant, type Step, type StepOutput, UnusableResult } from '../step.ts';

/**
 * Registers the tenant's first client (B13), and the one of the command line beside it. The secret that a confidential client is born with is shown to
 * nobody: accepting the invitation sets and shows a new one. Both may ask for the admin API's tenant scopes (E1): the tenant's admins sign in
 * through either, and their roles decide; where the request names no redirect URI, the first client may do it all by itself. Through the command line
 * an admin gets in also when nobody holds the first client's secret.
 */
export function firstClient({
  tables,
  clock,
  random,
}: {
  tables: Tables;
  clock: Clock;
  random: Random;
}): Step {
  const open = ({ tableName }: ProvisionedTenant): Clients =>
    createClients({ table: tables.open(tableName), clock, random });

  return {
    name: 'first-client',

    async check({ tenant }) {
      const clients = open(tenant);
      const [client, commandLine] = await Promise.all([
        clients.get(firstClientId(tenant)),
        clients.get(commandLineClientId),
      ]);
      return client && commandLine && toOutput(client);
    },

    async act({ tenant }) {
      const clients = open(tenant);
      if (!(await clients.get(commandLineClientId))) {
        await clients.create(commandLineClient(tenantScopes));
      }
      const clientId = firstClientId(tenant);
      const client =
        (await clients.get(clientId)) ??
        (
          await clients.create({
            clientId,
            name: tenant.name,
            type: firstClientType(tenant),
            redirectUris: [...(tenant.request.redirectUris ?? [])],
            scopes: [...tenantScopes],
          })
        ).client;
      return toOutput(client);
    },

    async confirm({ tenant }, { clientId }) {
      const clients = open(tenant);
      const client = await clients.get(String(clientId));
      if (client?.type !== firstClientType(tenant)) {
        throw new UnusableResult('The first client is not registered as requested.');
      }
      if (!(await clients.get(commandLineClientId))) {
        throw new UnusableResult("The command line's client is not registered.");
      }
    },

    /** The table goes with everything in it. */
    async undo() {},
  };
}

function toOutput({ clientId, type }: ClientRecord): StepOutput {
  return { clientId, type };
}

/** Fixed by the tenant, so that a second try finds the first one's client and the invitation can name it. */
export function firstClientId(tenant: ProvisionedTenant): string {
  return firstClientIdOf(tenant.slug, firstClientType(tenant));
}

export function firstClientIdOf(slug: Slug, type: ClientType): string {
  return `${slug}-${type}`;
}

/** The platform's own clients come from the bootstrap. */
export function wantsFirstClient({ kind }: Pick<ProvisionedTenant, 'kind'>): boolean {
  return kind === 'tenant';
}

/** Without a place to return to nobody can sign in: the tenant begins with a machine client that can register the others. */
export function firstClientType({ request }: ProvisionedTenant): ClientType {
  return (request.redirectUris ?? []).length === 0 ? 'm2m' : (request.clientType ?? 'web');
}
