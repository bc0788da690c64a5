import { createLocalKeyStore } from '../../src/cloud/keys/local.ts';
import type { KeyStore } from '../../src/cloud/keys/port.ts';
import type { Mail, Mailer } from '../../src/cloud/mail/port.ts';
import type { Tables } from '../../src/cloud/tables/port.ts';
import type { Actor } from '../../src/kernel/actor.ts';
import type { Slug, TenantId } from '../../src/kernel/ids.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { createApprovedTenant } from '../../src/onboarding/approved-tenant.ts';
import type { TenantRequest } from '../../src/onboarding/tenant-request.ts';
import { createMailMessages } from '../../src/outbox/mail-channel.ts';
import type { Postgres } from '../../src/platform/postgres.ts';
import type { AttemptPolicy } from '../../src/provisioning/attempts.ts';
import {
  createProvisioning,
  type Provisioning,
  type ProvisioningOptions,
} from '../../src/provisioning/provision-tenant.ts';
import { createDirectory, type Directory } from '../../src/tenancy/directory.ts';
import { type TestClock, testClock } from '../support/clock.ts';
import { governedParts } from '../support/governed.ts';
import { createTestPostgres, createTestTables, silentLog, testTablePrefix } from '../support/services.ts';
import { createTestPlatform } from '../support/test-statements.ts';

/** Tries as often as the real policy, without its waits; waits for a lease are real. */
export const impatient: AttemptPolicy = {
  maxAttempts: 5,
  delayMs: () => 0,
  wait: (ms, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      setTimeout(() => (signal.aborted ? reject(signal.reason) : resolve()), ms);
    }),
};

export interface ControlPlane {
  postgres: Postgres;
  connectionString: string;
  tables: Tables;
  tablePrefix: string;
  masterKey: Buffer;
  directory: Directory;
  keyStore: KeyStore;
  clock: TestClock;
  mails: Mail[];
  options: ProvisioningOptions;
  provisioning(overrides?: Partial<ProvisioningOptions>): Provisioning;
  /** An approved order, as onboarding leaves it. */
  order(request?: Partial<TenantRequest>): Promise<{ tenantId: TenantId; slug: Slug }>;
  /** Everything of a tenant that exists outside PostgreSQL. */
  traces(tenantId: TenantId, slug: Slug): Promise<{ directory: boolean; tables: string[]; keys: string[] }>;
  close(): Promise<void>;
}

export const publicUrl = new URL('http://localhost:3000');

const operator: Actor = { kind: 'operator', id: 'acc_1', email: 'olga@operators.example' };

export async function startControlPlane(): Promise<ControlPlane> {
  const { postgres, connectionString, close } = await createTestPostgres();
  const tables = createTestTables();
  const tablePrefix = testTablePrefix();
  const clock = testClock();
  const random = systemRandom;
  const masterKey = random.bytes(32);
  await tables.create(`${tablePrefix}-directory`);
  await tables.create(`${tablePrefix}-keys`);
  const directory = createDirectory({ table: tables.open(`${tablePrefix}-directory`), clock });
  const keyStore = createLocalKeyStore({
    table: tables.open(`${tablePrefix}-keys`),
    masterKey,
    random,
    clock,
  });
  const { statements } = await createTestPlatform({ tables, keyStore, tablePrefix, clock, publicUrl });
  /** Those of the steps, and those that were written to the outbox. */
  const mails: Mail[] = [];
  const mailer: Mailer = { send: async (mail) => void mails.push(mail) };
  const sealer = keyStore.forTenant('deployment' as TenantId);
  const messages = createMailMessages({ postgres, sealer, clock, random });
  const options: ProvisioningOptions = {
    postgres,
    directory,
    tables,
    tablePrefix,
    keyStore,
    mailer,
    postMail: async (transaction, topic, mail) => {
      await messages.post(transaction, topic, mail);
      mails.push(mail);
    },
    statements,
    oauthTeamEmail: 'oauth-team@operators.example',
    infrastructure: { quotas: [] },
    publicUrl,
    signingAlgorithm: 'ES256',
    validation: 'automatic',
    compliance: 'automatic',
    clock,
    random,
    log: silentLog,
    // Longer than any machine stands still; tests about leases that run out give their own.
    leaseMs: 30_000,
    attempts: impatient,
    ...governedParts({ tables, keyStore, publicUrl, clock }),
  };
  let count = 0;

  return {
    postgres,
    connectionString: connectionString.reveal(),
    tables,
    tablePrefix,
    masterKey,
    directory,
    keyStore,
    clock,
    mails,
    options,
    provisioning: (overrides = {}) => createProvisioning({ ...options, ...overrides }),

    async order(request = {}) {
      count += 1;
      const slug = `acme-${count}` as Slug;
      const { tenantId } = await postgres.transaction((transaction) =>
        createApprovedTenant(
          transaction,
          { queue: { send: async () => {} }, directory, clock, random },
          {
            source: 'operator',
            slug,
            actor: operator,
            request: {
              name: 'Acme',
              features: {},
              securityPolicy: { sessionTimeout: 1800 },
              redirectUris: ['https://app.acme.example/callback'],
              clientType: 'web',
              admin: { name: 'Ada', email: 'ada@acme.example' },
              ...request,
            },
          },
        ),
      );
      return { tenantId, slug };
    },

    async traces(tenantId, slug) {
      return {
        directory: (await directory.get(slug)) !== undefined,
        tables: await tables.list(`${tablePrefix}-tenant-${tenantId}`),
        keys: await keyStore.forTenant(tenantId).list(),
      };
    },

    close,
  };
}

export async function tenantRow(postgres: Postgres, tenantId: TenantId) {
  const { rows } = await postgres.query<{ status: string; provisioning_state: string }>(
    'select status, provisioning_state from tenants where id = $1',
    [tenantId],
  );
  return rows[0];
}

export async function slugState(postgres: Postgres, slug: Slug): Promise<string | undefined> {
  const { rows } = await postgres.query<{ state: string }>('select state from slugs where slug = $1', [slug]);
  return rows[0]?.state;
}

export async function auditedEvents(postgres: Postgres, tenantId: TenantId): Promise<string[]> {
  const { rows } = await postgres.query<{ event: string }>(
    `select event from audit_events where tenant_id = $1 and actor ->> 'id' = 'provisioning' order by sequence`,
    [tenantId],
  );
  return rows.map(({ event }) => event);
}
