import { type BootstrapFile, moveBootstrapFile, writeBootstrapFile } from './bootstrap-file.ts';
import { createClients } from './clients/clients.ts';
import { commandLineClient, commandLineClientId } from './clients/command-line-client.ts';
import type { Table, Tables } from './cloud/tables/port.ts';
import { createAccounts, defaultApplicationTenantId } from './identity/accounts.ts';
import { adminScopes, operatorRoles } from './identity/admin-scopes.ts';
import { passwordProblems } from './identity/password-rules.ts';
import { defaultSecurityPolicy } from './identity/security-policy.ts';
import type { Clock } from './kernel/clock.ts';
import { AppError } from './kernel/errors.ts';
import type { TenantId } from './kernel/ids.ts';
import { type Random, randomId } from './kernel/random.ts';
import { platformSlug } from './kernel/slug.ts';
import { type ApprovedTenantDependencies, createApprovedTenant } from './onboarding/approved-tenant.ts';
import type { TenantRequest } from './onboarding/tenant-request.ts';
import { machineClientId, rememberScopes, updateOperatorAccess } from './operator-access.ts';
import type { Postgres } from './platform/postgres.ts';
import type { Provisioning } from './provisioning/provision-tenant.ts';
import type { Directory } from './tenancy/directory.ts';

/** `.example` never resolves (RFC 2606): nothing can be mailed to these accounts until an operator changes them. */
const operatorDomain = 'operators.tenantry.example';

const platformRequest: TenantRequest = {
  name: 'Platform',
  features: {},
  securityPolicy: {},
  redirectUris: [],
  clientType: 'web',
};

/** In the platform tenant's table: the file was written once. An operator who deleted it since meant to. */
const completedKey = { pk: 'Bootstrap', sk: 'completed' };

export interface BootstrapOptions extends ApprovedTenantDependencies {
  postgres: Postgres;
  tables: Tables;
  directory: Pick<Directory, 'get' | 'touch' | 'list'>;
  provisioning: Pick<Provisioning, 'run' | 'readProgress'>;
  clock: Clock;
  random: Random;
  publicUrl: URL;
  dataDirectory: string;
}

/**
 * Provisions the platform tenant like any other, then makes one operator per role and two clients: `tenantry-bootstrap` for machines and
 * `tenantry-cli` for people. Their secrets go into `<dataDirectory>/bootstrap.json` and nowhere else. Any number of processes may call it
 * at once; after a crash the next call makes new secrets, until one has been written. Throws when the platform tenant cannot be built.
 */
export async function bootstrapPlatform(options: BootstrapOptions): Promise<void> {
  const { postgres, tables, directory, publicUrl, dataDirectory, clock, random } = options;
  await postgres.transaction(async (lock) => {
    // On AWS the first comer needs a minute for the tables; those who come second wait for as long as it takes.
    await lock.query('set local statement_timeout = 0');
    await lock.query('set local idle_in_transaction_session_timeout = 0');
    await lock.query(`select pg_advisory_xact_lock(hashtextextended('tenantry:bootstrap', 0))`);
    await provisionPlatform(options);
    const platform = await directory.get(platformSlug);
    if (!platform) {
      throw new AppError('server_error', 'The platform tenant is missing from the directory.');
    }
    const table = tables.open(platform.tableName);
    const addresses = addressesOf(publicUrl);
    if (await table.get(completedKey)) {
      if (await updateOperatorAccess({ table, directory, tables, clock, random })) {
        await directory.touch(platformSlug);
      }
      await moveBootstrapFile(dataDirectory, addresses);
      return;
    }
    const secrets = await makeAccess(options, table);
    await writeBootstrapFile(dataDirectory, { ...addresses, ...secrets });
    await table.put({ ...completedKey, at: new Date(clock.now()).toISOString() });
  });
}

function addressesOf({ origin }: URL): Pick<BootstrapFile, 'issuer' | 'adminApi' | 'resource'> {
  return { issuer: `${origin}/${platformSlug}`, adminApi: `${origin}/api`, resource: `${origin}/api` };
}

async function provisionPlatform(options: BootstrapOptions): Promise<void> {
  const { postgres, provisioning } = options;
  const tenantId = (await findPlatform(postgres)) ?? (await orderPlatform(options));
  await provisioning.run(tenantId);
  const progress = await provisioning.readProgress(tenantId);
  if (progress?.state !== 'active') {
    throw new AppError(
      'server_error',
      `The platform tenant is ${progress?.state}: step ${progress?.failedStep} failed. ${progress?.error}`,
    );
  }
}

async function findPlatform(postgres: Postgres): Promise<TenantId | undefined> {
  // A run that needs an operator keeps the slug, and no second platform may begin beside it.
  const { rows } = await postgres.query<{ id: TenantId }>(
    `select id from tenants where kind = 'platform' and provisioning_state <> 'rolled-back'`,
  );
  return rows[0]?.id;
}

async function orderPlatform({ postgres, ...dependencies }: BootstrapOptions): Promise<TenantId> {
  const { tenantId } = await postgres.transaction((transaction) =>
    createApprovedTenant(transaction, dependencies, {
      source: 'bootstrap',
      request: platformRequest,
      actor: { kind: 'system', id: 'bootstrap' },
    }),
  );
  return tenantId;
}

async function makeAccess(
  { clock, random }: Pick<BootstrapOptions, 'clock' | 'random'>,
  table: Table,
): Promise<Pick<BootstrapFile, 'client' | 'operators'>> {
  const clients = createClients({ table, clock, random });
  const accounts = createAccounts({ table, clock, random });

  const clientSecret = randomId(random, 32);
  const machine = await clients.createWithSecret(
    { clientId: machineClientId, name: 'Bootstrap', type: 'm2m', scopes: [...adminScopes] },
    clientSecret,
  );
  if (!(await clients.get(commandLineClientId))) {
    await clients.create(commandLineClient(adminScopes));
  }

  await rememberScopes(table);

  const operators: BootstrapFile['operators'] = [];
  for (const { name: role } of operatorRoles) {
    const email = `${role.toLowerCase().replaceAll(' ', '-')}@${operatorDomain}`;
    const account =
      (await accounts.findByEmail(defaultApplicationTenantId, email)) ??
      (await accounts.create({ email, name: role, roles: [role], emailVerified: true }));
    const password = generatePassword(random);
    await accounts.setPassword(account.id, password);
    operators.push({ email, password, roles: [role] });
  }
  return {
    client: { client_id: machine.clientId, client_secret: clientSecret, scopes: [...machine.scopes] },
    operators,
  };
}

/** 125 random bits in five groups that are easy to type, without letters and digits that look alike. Satisfies the default policy. */
function generatePassword(random: Random): string {
  const alphabet = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
  for (;;) {
    const groups = Array.from({ length: 5 }, () =>
      [...random.bytes(5)].map((byte) => alphabet[byte % 32]).join(''),
    );
    const password = groups.join('-');
    if (passwordProblems(defaultSecurityPolicy.password, password).length === 0) {
      return password;
    }
  }
}
